//! Holds the memory of duplicates against a plain map that never forgets and never hashes.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { keys: 1 << 12, streams: 64, seen: 1 << 12, window: 64 };

/// The original of each key, and what else was recorded under it.
#[derive(Debug, Default)]
struct Model {
    originals: BTreeMap<u8, (u8, ModelState)>,
    others: BTreeMap<(u8, u8), ModelState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModelState {
    InFlight(Ticket),
    Durable(Seq),
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    New,
    Duplicate,
    Conflict(Option<Seq>),
    Wait,
}

impl Model {
    fn decide(&mut self, key: u8, body: u8, ticket: Ticket, own: &[Ticket]) -> Verdict {
        let foreign =
            |state| matches!(state, ModelState::InFlight(holder) if holder != ticket && !own.contains(&holder));
        let Some(&(original, state)) = self.originals.get(&key) else {
            self.originals.insert(key, (body, ModelState::InFlight(ticket)));
            return Verdict::New;
        };
        if foreign(state) {
            return Verdict::Wait;
        }
        if original == body {
            return Verdict::Duplicate;
        }
        if let Some(&other) = self.others.get(&(key, body)) {
            return if foreign(other) { Verdict::Wait } else { Verdict::Duplicate };
        }
        self.others.insert((key, body), ModelState::InFlight(ticket));
        Verdict::Conflict(match state {
            ModelState::Durable(row) => Some(row),
            ModelState::InFlight(_) => None,
        })
    }

    fn settle(&mut self, first: Option<Seq>, entries: &[Entered]) {
        for (at, entry) in entries.iter().enumerate() {
            let state = first.map(|first| ModelState::Durable(first.skip(at as u64)));
            match (entry.conflict, state) {
                (true, Some(state)) => drop(self.others.insert((entry.key, entry.body), state)),
                (true, None) => drop(self.others.remove(&(entry.key, entry.body))),
                (false, Some(state)) => drop(self.originals.insert(entry.key, (entry.body, state))),
                (false, None) => drop(self.originals.remove(&entry.key)),
            }
        }
    }
}

/// An entry of a group.
#[derive(Debug)]
struct Entered {
    key: u8,
    body: u8,
    conflict: bool,
}

/// Two senders that fill groups, send them on and get answers in any order.
#[derive(Debug, Clone)]
enum Step {
    Record { sender: usize, key: u8, body: u8 },
    Send { sender: usize },
    Answer { sender: usize, durable: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..2, 0u8..12, 0u8..3).prop_map(|(sender, key, body)| Step::Record { sender, key, body }),
        2 => (0usize..2).prop_map(|sender| Step::Send { sender }),
        2 => (0usize..2, prop::bool::weighted(0.8)).prop_map(|(sender, durable)| Step::Answer { sender, durable }),
    ];
    prop::collection::vec(step, 1..120)
}

#[derive(Debug)]
struct Filling {
    ticket: Ticket,
    places: Vec<(Locator, u32)>,
    entries: Vec<Entered>,
}

fn key(ring: &Keyring, key: u8) -> Key {
    // Even keys are numbers of a stream, of which some are far apart; odd ones are ids.
    match key {
        10 => ring.counter("t", "s", "stream", 100_000),
        key if key % 2 == 0 => ring.counter("t", "s", "stream", u64::from(key)),
        key => ring.id("t", "s", &key.to_string()),
    }
}

proptest! {
    #[test]
    fn it_decides_as_a_plain_map(steps in steps()) {
        let ring = Keyring::new(&[7; 32]);
        let (mut dedup, mut model, mut next_row) = (Dedup::new(BOUNDS), Model::default(), Seq::new(1000));
        let mut filling: Vec<Filling> = Vec::new();
        for _ in 0..2 {
            filling.push(Filling { ticket: dedup.open(), places: Vec::new(), entries: Vec::new() });
        }
        let mut sent = [VecDeque::<Filling>::new(), VecDeque::new()];
        for step in steps {
            match step {
                Step::Record { sender, key: name, body } => {
                    let own: Vec<Ticket> = sent[sender].iter().map(|group| group.ticket).collect();
                    let group = &mut filling[sender];
                    let fingerprint = ring.body([(1, &[body][..])]);
                    let decision = dedup.decide(key(&ring, name), fingerprint, group.ticket, &own);
                    let entry = group.entries.len() as u32;
                    let verdict = match decision {
                        Decision::New(place) => { group.places.push((place, entry)); Verdict::New }
                        Decision::Conflict(place, row) => { group.places.push((place, entry)); Verdict::Conflict(row) }
                        Decision::Duplicate => Verdict::Duplicate,
                        Decision::Wait(_) => Verdict::Wait,
                    };
                    if matches!(verdict, Verdict::New | Verdict::Conflict(_)) {
                        group.entries.push(Entered { key: name, body, conflict: verdict != Verdict::New });
                    }
                    prop_assert_eq!(verdict, model.decide(name, body, group.ticket, &own));
                }
                Step::Send { sender } => {
                    let new = Filling { ticket: dedup.open(), places: Vec::new(), entries: Vec::new() };
                    sent[sender].push_back(std::mem::replace(&mut filling[sender], new));
                }
                Step::Answer { sender, durable } => {
                    let Some(group) = sent[sender].pop_front() else { continue };
                    let first = durable.then_some(next_row);
                    next_row = next_row.skip(if durable { group.entries.len() as u64 } else { 0 });
                    dedup.settle(group.ticket, first, &group.places);
                    model.settle(first, &group.entries);
                }
            }
        }
    }

    #[test]
    fn the_ring_remembers_exactly_the_last_keys(ids in prop::collection::vec(0u16..300, 1..600)) {
        let ring = Keyring::new(&[1; 32]);
        let capacity = 64;
        let mut dedup = Dedup::new(Bounds { keys: capacity, ..BOUNDS });
        let mut last: VecDeque<u16> = VecDeque::new();
        for (row, id) in ids.into_iter().enumerate() {
            let ticket = dedup.open();
            match dedup.decide(ring.id("t", "s", &id.to_string()), Body(1), ticket, &[]) {
                Decision::New(place) => {
                    prop_assert!(!last.contains(&id));
                    last.push_back(id);
                    if last.len() > capacity {
                        last.pop_front();
                    }
                    dedup.settle(ticket, Some(Seq::new(row as u64)), &[(place, 0)]);
                }
                Decision::Duplicate => prop_assert!(last.contains(&id)),
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert_eq!(dedup.keys(), last.len());
        }
    }

    #[test]
    fn a_window_never_takes_a_new_number_for_an_old_one(numbers in prop::collection::vec(0u64..2_000, 1..400)) {
        let ring = Keyring::new(&[1; 32]);
        let mut dedup = Dedup::new(BOUNDS);
        let mut seen = std::collections::BTreeSet::new();
        for (row, number) in numbers.into_iter().enumerate() {
            let ticket = dedup.open();
            match dedup.decide(ring.counter("t", "s", "x", number), Body(1), ticket, &[]) {
                Decision::New(place) => {
                    seen.insert(number);
                    dedup.settle(ticket, Some(Seq::new(row as u64)), &[(place, 0)]);
                }
                Decision::Duplicate => prop_assert!(seen.contains(&number)),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}

#[test]
fn a_stream_in_order_is_remembered_whole_within_its_window() {
    let ring = Keyring::new(&[1; 32]);
    let mut dedup = Dedup::new(BOUNDS);
    for number in 0..1_000 {
        let ticket = dedup.open();
        let Decision::New(place) = dedup.decide(ring.counter("t", "s", "x", number), Body(number + 1), ticket, &[])
        else {
            panic!("{number}")
        };
        dedup.settle(ticket, Some(Seq::new(number)), &[(place, 0)]);
    }
    let ticket = dedup.open();
    for number in 1_000 - BOUNDS.window as u64..1_000 {
        let decision = dedup.decide(ring.counter("t", "s", "x", number), Body(number + 1), ticket, &[]);
        assert!(matches!(decision, Decision::Duplicate), "{number}: {decision:?}");
    }
    let conflict = dedup.decide(ring.counter("t", "s", "x", 999), Body(5), ticket, &[]);
    assert!(matches!(conflict, Decision::Conflict(_, Some(row)) if row == Seq::new(999)), "{conflict:?}");
    assert_eq!(dedup.keys(), 1, "only the conflict needs a key");
}

#[test]
fn keys_of_different_scopes_differ() {
    let ring = Keyring::new(&[1; 32]);
    let keys = [
        ring.id("a", "b", "c"),
        ring.id("ab", "", "c"),
        ring.id("a", "bc", ""),
        ring.id("b", "a", "c"),
        ring.counter("a", "b", "c", 0),
        ring.counter("a", "b", "c", 1),
        Keyring::new(&[2; 32]).id("a", "b", "c"),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{at}");
    }
}

#[test]
fn an_unknown_body_contradicts_nothing() {
    let ring = Keyring::new(&[1; 32]);
    let mut dedup = Dedup::new(BOUNDS);
    let ticket = dedup.open();
    let bodies = [ring.body([(1, &b"a"[..])]), Body::UNKNOWN, ring.body([(2, &b"a"[..])])];
    let verdicts = bodies.map(|body| match dedup.decide(ring.id("t", "s", "1"), body, ticket, &[]) {
        Decision::New(_) => "new",
        Decision::Duplicate => "duplicate",
        Decision::Conflict(..) => "conflict",
        Decision::Wait(_) => "wait",
    });
    assert_eq!(verdicts, ["new", "duplicate", "conflict"]);
}

#[test]
fn who_waits_learns_of_the_end() {
    let ring = Keyring::new(&[1; 32]);
    let check = |first: Option<Seq>, duplicate: bool| {
        let mut dedup = Dedup::new(BOUNDS);
        let (one, two, key) = (dedup.open(), dedup.open(), ring.id("t", "s", "1"));
        let Decision::New(place) = dedup.decide(key, Body(1), one, &[]) else { panic!("it is new") };
        let Decision::Wait(wait) = dedup.decide(key, Body(1), two, &[]) else { panic!("it is on its way") };
        assert!(wait.has_changed().is_ok());
        dedup.settle(one, first, &[(place, 0)]);
        assert!(wait.has_changed().is_err(), "the sender is gone");
        assert_eq!(matches!(dedup.decide(key, Body(1), two, &[]), Decision::Duplicate), duplicate);
    };
    check(Some(Seq::new(9)), true);
    check(None, false);
}

#[test]
fn the_memory_grows_with_use_up_to_its_bound() {
    let ring = Keyring::new(&[1; 32]);
    let mut dedup = Dedup::new(Bounds::DEFAULT);
    assert!(dedup.size() < 64 << 10);
    for row in 0..100_000u64 {
        let key = ring.id("t", "s", &row.to_string());
        dedup.restore(Memory { key, body: Body(row), row: Seq::new(row), conflict: false });
    }
    assert!(dedup.size() < 4 << 20, "{}", dedup.size());
}
