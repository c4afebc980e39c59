//! What the detectors' own tests do not show: endings by hand, what came before the opening, and stored episodes.

use ledger::Seq;
use ledger::Timestamp;
use operations::alert::{EVIDENCE_MAX, State};
use serde::Deserialize;

use super::*;
use crate::event::Sighting;
use crate::fixtures::{self, START};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plain(u32);

impl Case for Plain {
    fn severity(&self, _: &Alert) -> Severity {
        if self.0 > 2 { Severity::High } else { Severity::Low }
    }

    fn title(&self, _: &Alert) -> String {
        "t".to_owned()
    }

    fn reason(&self, alert: &Alert) -> String {
        format!("{} of {}", self.0, alert.count)
    }
}

fn sighting(seq: u64) -> Sighting {
    let time = Timestamp::from_unix_seconds(START + seq as i64);
    let position = ::ledger::Position { ledger: ::ledger::LedgerName::Events, shard: 0, seq: Seq::new(seq) };
    Sighting { position, time, recorded: time, backfill: false, sender: 0 }
}

fn label() -> Label {
    Label { name: "acme.a".into(), version: 1, tags: Vec::new() }
}

fn episodes() -> Episodes<Plain> {
    Episodes::new(label(), fixtures::key(), 60)
}

fn raise(episodes: &mut Episodes<Plain>, name: &str, seq: u64, before: Before, findings: &mut Findings) {
    let subject = Subject { scope: Scope::fleet(name), target: "x" };
    let open = |_| Opening { case: Plain(1), who: Who::default(), what: What::default(), before };
    episodes.raise(subject, sighting(seq), findings, open, |case| case.0 += 1);
}

#[test]
fn what_came_before_counts_and_is_evidence() {
    let (mut episodes, mut findings) = (episodes(), Findings::new());
    let first = sighting(3);
    let before =
        Before { count: 40, first: Some((first.time, first.recorded)), evidence: (3..43).map(Seq::new).collect() };
    raise(&mut episodes, "a", 43, before, &mut findings);
    let alert = &findings.alerts()[0];
    assert_eq!((alert.count, alert.first_seen, alert.state), (41, first.time, State::Open));
    assert!(alert.evidence.len() < EVIDENCE_MAX && alert.evidence.is_sorted());
    assert_eq!((alert.evidence[0].seq, alert.evidence.last().unwrap().seq), (Seq::new(3), Seq::new(43)));
}

#[test]
fn getting_worse_is_said_at_once_and_an_ending_by_hand_once() {
    let (mut episodes, mut findings) = (episodes(), Findings::new());
    for seq in 0..3 {
        raise(&mut episodes, "a", seq, Before::default(), &mut findings);
    }
    let subject = Subject { scope: Scope::fleet("a"), target: "x" };
    assert!(episodes.is_open(subject));
    episodes.resolve(subject, &mut findings, |case| case.0 = 9);
    episodes.resolve(subject, &mut findings, |case| case.0 = 10);
    episodes.advance(START + 1_000, false, &mut findings);
    let said: Vec<(State, Severity, &str)> =
        findings.alerts().iter().map(|alert| (alert.state, alert.severity, alert.reason.as_str())).collect();
    assert_eq!(
        said,
        [
            (State::Open, Severity::Low, "1 of 1"),
            (State::Updated, Severity::High, "3 of 3"),
            (State::Resolved, Severity::High, "9 of 3")
        ]
    );
    // Opened again, it is another alert.
    raise(&mut episodes, "a", 7, Before::default(), &mut findings);
    assert_ne!(findings.alerts()[3].id, findings.alerts()[0].id);
}

#[test]
fn stored_episodes_end_when_the_others_do() {
    let (mut episodes, mut findings) = (episodes(), Findings::new());
    for seq in 0..4 {
        raise(&mut episodes, if seq % 2 == 0 { "a" } else { "b" }, seq * 20, Before::default(), &mut findings);
    }
    let mut bytes = Vec::new();
    episodes.snapshot(&mut bytes).unwrap();
    let mut loaded = self::episodes();
    loaded.restore(&mut bytes.as_slice()).unwrap();
    for second in START..START + 200 {
        let (mut one, mut other) = (Findings::new(), Findings::new());
        episodes.advance(second, false, &mut one);
        loaded.advance(second, false, &mut other);
        assert_eq!(one.alerts(), other.alerts());
    }
    assert!(episodes.open.is_empty() && loaded.per_scope.is_empty());
}

#[test]
fn numbers_are_brought_up_to_date_once_they_rest() {
    let (mut episodes, mut findings) = (episodes(), Findings::new());
    for seq in 0..3 {
        raise(&mut episodes, "a", seq, Before::default(), &mut findings);
    }
    let advance = |episodes: &mut Episodes<Plain>, until: i64| {
        let mut findings = Findings::new();
        episodes.advance(START + until, false, &mut findings);
        let said = |alert: &Alert| {
            (
                alert.revision,
                alert.count,
                alert.follows,
                alert.last_seen.micros_since(Timestamp::from_unix_seconds(START)),
            )
        };
        findings.alerts().iter().map(said).collect::<Vec<_>>()
    };
    // The third was news, since it made it worse; the two after it are none.
    for seq in 3..5 {
        assert_eq!(advance(&mut episodes, seq as i64), []);
        raise(&mut episodes, "a", seq, Before::default(), &mut findings);
    }
    // A state that is stored meanwhile says the same.
    let mut bytes = Vec::new();
    episodes.snapshot(&mut bytes).unwrap();
    let mut loaded = self::episodes();
    loaded.restore(&mut bytes.as_slice()).unwrap();
    for episodes in [&mut episodes, &mut loaded] {
        assert_eq!(advance(episodes, 8), []);
        assert_eq!(advance(episodes, 9), [(3, 5, Some(2), 4_000_000)]);
        assert_eq!(advance(episodes, 30), []);
    }
}

#[test]
fn an_episode_that_does_not_rest_speaks_seldom() {
    let (mut episodes, mut findings) = (episodes(), Findings::new());
    let (mut news, mut quiet, mut behind) = (0, 0, 0);
    for seq in 0..7_200 {
        findings.clear();
        episodes.advance(START + seq as i64, false, &mut findings);
        raise(&mut episodes, "a", seq, Before::default(), &mut findings);
        behind += 1;
        for alert in findings.alerts() {
            (news, quiet, behind) = match alert.follows {
                None => (news + 1, quiet, 0),
                Some(_) => (news, quiet + 1, 0),
            };
        }
        assert!(behind <= 61, "{behind} events were not told");
    }
    assert!(news <= 9 && (110..=120).contains(&quiet), "{news} and {quiet}");
    // With pauses it speaks after each, until it has done so often enough.
    let (mut episodes, mut quiet) = (Episodes::new(label(), fixtures::key(), 3_600), 0);
    for seq in (0..3_600).step_by(6) {
        raise(&mut episodes, "a", seq, Before::default(), &mut findings);
        for second in 0..6 {
            findings.clear();
            episodes.advance(START + (seq + second) as i64, false, &mut findings);
            quiet += findings.alerts().iter().filter(|alert| alert.follows.is_some()).count();
        }
    }
    assert!((60..=80).contains(&quiet), "{quiet}");
}

#[test]
fn when_too_many_are_open_those_of_the_largest_sender_give_way() {
    let (mut episodes, mut findings) = (episodes().at_most(10), Findings::new());
    let mut open = |sender: u32, number: u64| {
        let name = format!("{sender}/{number}");
        let subject = Subject { scope: Scope::fleet(&name), target: "" };
        let sighting = Sighting { sender, ..sighting(number) };
        let open =
            |_| Opening { case: Plain(1), who: Who::default(), what: What::default(), before: Before::default() };
        episodes.raise(subject, sighting, &mut findings, open, |_| ());
    };
    for number in 0..3 {
        open(1, number);
    }
    for number in 3..100 {
        open(2, number);
    }
    open(3, 100);
    let gone = findings.alerts().iter().filter(|alert| alert.state == State::Resolved);
    assert!(gone.clone().all(|alert| alert.sender.as_deref() == Some("00000002")) && gone.count() == 91);
}
