//! The position of a partition in every order of records, holes, kills, new owners, retention and topics that are made anew.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn seen(offset: u64) -> Seen {
    Seen { offset, hash: offset * 31 + 7 }
}

#[test]
fn a_partition_is_taken_up_where_the_ledger_says() {
    let place = |next, last: Option<u64>| Some(Place { next, last: last.map(seen) });
    let check = |stored, low, high, origin, from, next, notice| {
        let resumed = resume(stored, low, high, origin);
        assert_eq!(
            (resumed.from, resumed.track.next(), resumed.notice),
            (from, next, notice),
            "{stored:?} {low}..{high}"
        );
    };
    check(None, 3, 9, Origin::Earliest, 3, 3, None);
    check(None, 3, 9, Origin::Latest, 9, 9, None);
    check(place(5, None), 3, 9, Origin::Latest, 5, 5, None);
    check(place(5, Some(4)), 3, 9, Origin::Earliest, 4, 5, None);
    check(place(5, Some(2)), 3, 9, Origin::Earliest, 5, 5, None);
    check(place(9, Some(8)), 9, 9, Origin::Earliest, 9, 9, None);
    check(place(5, Some(4)), 6, 9, Origin::Earliest, 6, 6, Some(Notice::Lost { from: 5, to: 6 }));
    check(place(10, Some(9)), 0, 9, Origin::Earliest, 0, 0, Some(Notice::Anew { next: 10 }));
}

#[test]
fn another_record_where_the_last_one_was_means_another_topic() {
    let resumed = || resume(Some(Place { next: 5, last: Some(seen(4)) }), 0, 9, Origin::Earliest).track;
    let check = |records: &[Seen], steps: &[Step]| {
        let mut track = resumed();
        assert_eq!(records.iter().map(|record| track.step(*record)).collect::<Vec<_>>(), steps, "{records:?}");
    };
    check(&[seen(4), seen(5)], &[Step::Known, Step::Take]);
    check(&[Seen { offset: 4, hash: 1 }], &[Step::Anew]);
    // It was compacted away: what comes is taken at its word.
    check(&[seen(7), seen(8)], &[Step::Take, Step::Take]);
    // Only the first record is looked at.
    check(&[seen(4), Seen { offset: 4, hash: 1 }], &[Step::Known, Step::Known]);
}

#[test]
fn the_stored_record_stands_before_the_position() {
    let mut latest = Latest::of(Some(seen(3)));
    assert_eq!(latest.place(5).last, Some(seen(3)));
    latest.note(seen(6));
    assert_eq!((latest.place(7).last, latest.place(6).last), (Some(seen(6)), Some(seen(3))));
    assert_eq!((latest.place(3).last, latest.place(90).last), (None, Some(seen(6))));
    let text = serde_json::to_string(&latest.place(7)).unwrap();
    assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), latest.place(7));
    assert_eq!(serde_json::from_str::<Place>("{\"next\":4}").unwrap(), Place { next: 4, last: None });
}

/// What stands at an offset of the broker's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Record,
    /// Of the broker's own, or of a transaction that was aborted: never delivered.
    Hidden,
}

/// What happens.
#[derive(Debug, Clone)]
enum Act {
    /// The broker gets these.
    Produce(Vec<Slot>),
    /// A record is compacted away, the first after this share of the log.
    Compact(u8),
    /// The broker deletes what is before this share of the log.
    Retain(u8),
    /// The owner reads so many records and tries to make them durable.
    Read(u8),
    /// The owner learns where the broker's own records end.
    Look,
    /// What the owner holds becomes durable.
    Sync,
    /// The owner dies: what is not durable is gone, unless its last commit reached the disk without being answered.
    Kill(bool),
    /// The partition is given up in order and taken by another.
    Revoke,
}

fn act() -> impl Strategy<Value = Act> {
    let slot = prop_oneof![4 => Just(Slot::Record), 1 => Just(Slot::Hidden)];
    prop_oneof![
        3 => prop::collection::vec(slot, 1..6).prop_map(Act::Produce),
        1 => any::<u8>().prop_map(Act::Compact),
        1 => any::<u8>().prop_map(Act::Retain),
        4 => (1_u8..6).prop_map(Act::Read),
        2 => Just(Act::Look),
        3 => Just(Act::Sync),
        2 => any::<bool>().prop_map(Act::Kill),
        1 => Just(Act::Revoke),
    ]
}

/// The broker's log.
#[derive(Debug, Default)]
struct Log {
    slots: Vec<Slot>,
    low: u64,
}

impl Log {
    fn high(&self) -> u64 {
        self.slots.len() as u64
    }

    fn at(&self, share: u8) -> u64 {
        self.low + (self.high() - self.low) * u64::from(share) / 256
    }

    /// The next record from an offset, or the end.
    fn next(&self, from: u64) -> Result<u64, u64> {
        let mut at = from.max(self.low)..self.high();
        at.find(|at| self.slots[*at as usize] == Slot::Record).ok_or(self.high())
    }
}

/// The ledger, with what was recorded by offset and the losses that were told.
#[derive(Debug, Default)]
struct Ledger {
    place: Option<Place>,
    recorded: BTreeMap<u64, u32>,
    lost: Vec<(u64, u64)>,
    /// Where reading began while no position stood here: what the broker deleted before it was never ours.
    begun: u64,
}

/// A group that is not durable yet: its records, its position, its loss.
#[derive(Debug, Default, Clone)]
struct Group {
    records: Vec<u64>,
    place: Option<Place>,
    lost: Option<(u64, u64)>,
}

struct Owner {
    track: Track,
    latest: Latest,
    fetch: u64,
    group: Group,
}

impl Owner {
    fn new(ledger: &mut Ledger, log: &Log) -> Self {
        if ledger.place.is_none() {
            ledger.begun = log.low;
        }
        let Resumed { track, from, notice } = resume(ledger.place, log.low, log.high(), Origin::Earliest);
        let latest = Latest::of(ledger.place.and_then(|place| place.last));
        let lost = match notice {
            Some(Notice::Lost { from, to }) => Some((from, to)),
            Some(Notice::Anew { .. }) => panic!("the topic was never made anew"),
            None => None,
        };
        let group = Group { records: Vec::new(), place: lost.map(|_| latest.place(track.next())), lost };
        Self { track, latest, fetch: from, group }
    }

    fn read(&mut self, log: &Log, records: u8) {
        for _ in 0..records {
            let Ok(offset) = log.next(self.fetch) else { return };
            self.fetch = offset + 1;
            match self.track.step(seen(offset)) {
                Step::Take => {
                    self.latest.note(seen(offset));
                    self.group.records.push(offset);
                    self.group.place = Some(self.latest.place(self.track.next()));
                }
                Step::Known => {}
                Step::Anew => panic!("the topic was never made anew"),
            }
        }
    }

    fn look(&mut self, log: &Log) {
        if let Err(end) = log.next(self.fetch)
            && self.track.pass(end)
        {
            self.fetch = end;
            self.group.place = Some(self.latest.place(self.track.next()));
        }
    }

    fn sync(&mut self, ledger: &mut Ledger) {
        let group = std::mem::take(&mut self.group);
        for record in group.records {
            *ledger.recorded.entry(record).or_default() += 1;
        }
        ledger.lost.extend(group.lost);
        ledger.place = group.place.or(ledger.place);
    }
}

proptest! {
    /// Every record is recorded once, or was compacted or deleted before it was read; what was deleted unread is told.
    #[test]
    fn every_record_is_recorded_once_or_told_to_be_lost(acts in prop::collection::vec(act(), 1..80)) {
        let (mut log, mut ledger, mut produced) = (Log::default(), Ledger::default(), Vec::new());
        let mut compacted = Vec::new();
        let mut owner = Owner::new(&mut ledger, &log);
        for act in acts {
            match act {
                Act::Produce(slots) => {
                    produced.extend((log.high()..).zip(&slots).filter(|(_, slot)| **slot == Slot::Record).map(|(at, _)| at));
                    log.slots.extend(slots);
                }
                Act::Compact(share) => if let Ok(at) = log.next(log.at(share)) {
                    log.slots[at as usize] = Slot::Hidden;
                    compacted.push(at);
                },
                Act::Retain(share) => {
                    let low = log.at(share);
                    // An owner that is behind is told by the broker and takes the partition up anew.
                    let is_behind = owner.fetch < low;
                    log.low = low;
                    if is_behind {
                        owner.sync(&mut ledger);
                        owner = Owner::new(&mut ledger, &log);
                    }
                }
                Act::Read(records) => owner.read(&log, records),
                Act::Look => owner.look(&log),
                Act::Sync => owner.sync(&mut ledger),
                Act::Kill(was_durable) => {
                    if was_durable {
                        owner.sync(&mut ledger);
                    }
                    owner = Owner::new(&mut ledger, &log);
                }
                Act::Revoke => {
                    owner.sync(&mut ledger);
                    owner = Owner::new(&mut ledger, &log);
                }
            }
        }
        owner.read(&log, u8::MAX);
        owner.look(&log);
        owner.sync(&mut ledger);
        let is_told = |at: u64| ledger.lost.iter().any(|(from, to)| (*from..*to).contains(&at));
        for at in &produced {
            let times = ledger.recorded.get(at).copied().unwrap_or(0);
            prop_assert!(times <= 1, "offset {at} was recorded {times} times");
            let is_excused = compacted.contains(at) || is_told(*at) || *at < ledger.begun;
            prop_assert!(times == 1 || is_excused, "offset {at} is missing: {ledger:?}");
        }
        // Nothing that was recorded is told to be lost, and no loss is told twice.
        for (from, to) in &ledger.lost {
            prop_assert!(from < to && ledger.recorded.range(*from..*to).next().is_none());
        }
        for pair in ledger.lost.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].0);
        }
        prop_assert_eq!(ledger.place.map_or(log.low, |place| place.next).max(log.low), log.high().max(log.low));
    }
}
