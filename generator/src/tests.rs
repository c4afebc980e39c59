//! What holds for everything that the generator tells.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_795_262_400_000_000;

fn small() -> Scale {
    Scale { agents: 40, days: 4, sessions: 2, live: 10 }
}

/// All that is told: the days, and the first so many records of what is live.
fn told(seed: u64, now: i64, speed: Speed) -> Vec<Wire> {
    let generator = Generator::new(seed, small());
    let mut wires: Vec<Wire> = generator.baseline(now).flatten().collect();
    wires.extend(generator.live(now, speed).take(3_000));
    wires
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_seed_gives_the_same_bytes_in_order_of_time(seed: u64, hours in 0_i64..500, tenths in 5_u32..400) {
        let (now, speed) = (NOW + hours * 3_600_000_000, Speed::times(f64::from(tenths) / 10.0));
        let wires = told(seed, now, speed);
        prop_assert_eq!(&wires, &told(seed, now, speed));
        let times: Vec<i64> = wires.iter().map(|wire| wire.at).collect();
        prop_assert!(times.is_sorted());
        let other = told(seed ^ 1, now, speed);
        prop_assert!(wires.iter().zip(&other).any(|(one, other)| one.body != other.body));
    }

    /// Each firewall's session counts from 0 without a gap, apart from the end of what fell silent.
    #[test]
    fn counters_of_firewalls_have_no_gaps(seed: u64) {
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        for wire in told(seed, NOW, Speed::LIFE).iter().filter(|wire| wire.body.contains("boundary_request")) {
            let line: serde_json::Value = serde_json::from_str(&wire.body).unwrap();
            let session = line["fields"]["session_id"].as_str().unwrap().to_owned();
            let expected = next.entry(session).or_default();
            prop_assert_eq!(line["fields"]["sequence_number"].as_u64(), Some(*expected));
            *expected += 1;
        }
    }
}

#[test]
fn days_end_before_now_and_weekends_are_quiet() {
    let generator = Generator::new(1, Scale { days: 14, ..small() });
    let days: Vec<Vec<Wire>> = generator.baseline(NOW).collect();
    assert_eq!(days.len(), 15);
    assert!(days.iter().flatten().all(|wire| wire.at < NOW && wire.label.is_none()));
    let counts: Vec<usize> = days.iter().map(Vec::len).collect();
    let of = |workday: bool| {
        let chosen = (-14..0).zip(&counts).filter(move |(day, _)| Rhythm::is_workday(*day) == workday);
        chosen.map(|(_, count)| *count).collect::<Vec<_>>()
    };
    let (work, weekend) = (of(true), of(false));
    assert_eq!((work.len(), weekend.len()), (10, 4));
    assert!(work.iter().min() > weekend.iter().max().map(|most| most * 4).as_ref(), "{counts:?}");
}

#[test]
fn every_story_is_told_from_its_time_on_and_only_by_its_own() {
    let generator = Generator::new(5, Scale::default());
    let mut first: BTreeMap<Story, i64> = BTreeMap::new();
    for wire in generator.live(NOW, Speed::LIFE).take_while(|wire| wire.at < NOW + 120_000_000) {
        let Some(label) = wire.label else {
            assert!(wire.door != Door::CoderdEu || wire.at < NOW + 50_000_000, "{wire:?}");
            continue;
        };
        first.entry(label.story).or_insert((wire.at - NOW) / 1_000_000);
    }
    for story in Story::ALL {
        let begins = story.start_seconds() - if story == Story::Silent { 8 } else { 0 };
        let told = first.get(&story).copied();
        assert!(told.is_some_and(|second| (begins..begins + 6).contains(&second)), "{story:?}: {told:?}");
    }
}

#[test]
fn two_dozen_agents_are_at_work_at_once() {
    let generator = Generator::new(5, Scale::default());
    let live = generator.live(NOW, Speed::LIFE).take_while(|wire| wire.at < NOW + 60_000_000);
    let doors: BTreeSet<Door> = live.filter(|wire| wire.label.is_none()).map(|wire| wire.door).collect();
    assert_eq!(doors.iter().filter(|door| matches!(door, Door::Hooks(_))).count(), 24);
    assert!(doors.contains(&Door::Coderd) && doors.contains(&Door::CoderdEu));
}
