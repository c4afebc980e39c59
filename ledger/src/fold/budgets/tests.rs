//! The cap under any order of requests, over refills, expiry and restarts, and through a real store.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::budget::{Commit, Observed};
use crate::calendar::Period;
use crate::fold::Folded;
use crate::operations;
use crate::store::{Options, Store};
use crate::{Group, Reader};

/// 2026-11-22T23:59:00Z.
const START: i64 = 1_795_391_940_000_000;
const DAILY: Set = Set { cap_micros: Some(100), period: Period::Day, offset_minutes: 0 };

fn reserve(budgets: &[&str], micros: u64) -> Request {
    let budgets = budgets.iter().map(ToString::to_string).collect();
    Request::Reserve(Reserve { budgets, micros, ttl_seconds: 30 })
}

fn commit(micros: u64) -> Request {
    Request::Commit(Commit { micros })
}

fn granted(answer: &Answer) -> bool {
    matches!(answer, Answer::Granted { .. })
}

fn with_budgets(names: &[&str]) -> Budgets {
    let mut budgets = Budgets::new();
    for name in names {
        budgets.decide(START, name, Request::Set(DAILY));
    }
    budgets
}

fn numbers(budgets: &Budgets, name: &str) -> [u64; 4] {
    let standing = budgets.standing(name).unwrap();
    [standing.committed_micros, standing.reserved_micros, standing.unreserved_micros, standing.available_micros()]
}

#[test]
fn all_budgets_grant_or_none_is_changed() {
    let mut budgets = with_budgets(&["team", "agent"]);
    assert!(granted(&budgets.decide(START, "a", reserve(&["team"], 70))));
    let answer = budgets.decide(START, "b", reserve(&["agent", "team"], 31));
    assert_eq!(answer, Answer::Refused(Refusal::Exhausted { budget: "team".into(), available_micros: 30 }));
    assert_eq!(numbers(&budgets, "agent"), [0, 0, 0, 100]);
    assert!(granted(&budgets.decide(START, "b", reserve(&["agent", "team"], 30))));
    assert_eq!(numbers(&budgets, "team"), [0, 100, 0, 0]);
    let answer = budgets.decide(START, "c", reserve(&["agent", "other"], 1));
    assert_eq!(answer, Answer::Refused(Refusal::NoBudget("other".into())));
}

#[test]
fn a_request_that_is_sent_again_counts_once() {
    let mut budgets = with_budgets(&["team"]);
    let first = budgets.decide(START, "a", reserve(&["team"], 40));
    assert_eq!(budgets.decide(START + 5, "a", reserve(&["team"], 40)), first);
    assert_eq!(budgets.decide(START + 5, "a", reserve(&["team"], 41)), Answer::Refused(Refusal::Conflict));
    let done = Answer::Committed { reserved: 25, unreserved: 0 };
    assert_eq!(budgets.decide(START + 6, "a", commit(25)), done);
    assert_eq!(budgets.decide(START + 7, "a", commit(25)), done);
    assert_eq!(budgets.decide(START + 7, "a", reserve(&["team"], 40)), Answer::Refused(Refusal::Over));
    assert_eq!(budgets.decide(START + 7, "a", Request::Release), Answer::Refused(Refusal::Over));
    assert_eq!(budgets.decide(START + 7, "z", commit(1)), Answer::Refused(Refusal::Unknown));
    assert_eq!(numbers(&budgets, "team"), [25, 0, 0, 75]);
}

#[test]
fn spend_without_a_reservation_is_shown_as_such_and_leaves_less() {
    let mut budgets = with_budgets(&["team"]);
    budgets.decide(START, "a", reserve(&["team"], 40));
    assert_eq!(budgets.decide(START, "a", commit(55)), Answer::Committed { reserved: 40, unreserved: 15 });
    assert_eq!(numbers(&budgets, "team"), [40, 0, 15, 45]);
    // Ten more were seen in the events than anybody announced.
    let window = budgets.standing("team").unwrap().window.start;
    budgets.decide(START, "team", Request::Observed(Observed { window, micros: 65 }));
    assert_eq!(numbers(&budgets, "team"), [40, 0, 25, 35]);
    budgets.decide(START, "team", Request::Observed(Observed { window: window - 86_400, micros: 900 }));
    assert_eq!(numbers(&budgets, "team"), [40, 0, 25, 35]);
}

#[test]
fn recorded_time_expires_reservations_and_refills_budgets() {
    let mut budgets = with_budgets(&["team"]);
    budgets.decide(START, "early", reserve(&["team"], 60));
    assert_eq!(budgets.decide(START + 29_999_999, "x", reserve(&["team"], 41)).clone(), {
        Answer::Refused(Refusal::Exhausted { budget: "team".into(), available_micros: 40 })
    });
    assert!(granted(&budgets.decide(START + 30_000_000, "x", reserve(&["team"], 100))));
    // It was spent after all: nothing holds it, so it is unreserved.
    assert_eq!(
        budgets.decide(START + 31_000_000, "early", commit(50)),
        Answer::Committed { reserved: 0, unreserved: 50 }
    );
    assert_eq!(numbers(&budgets, "team"), [0, 100, 50, 0]);
    // The day turns at 60 s: what is still reserved then belongs to the new day.
    budgets.decide(START + 59_000_000, "x", Request::Release);
    budgets.decide(START + 59_000_000, "late", reserve(&["team"], 20));
    assert_eq!(numbers(&budgets, "team"), [0, 20, 50, 30]);
    budgets.decide(START + 61_000_000, "late", commit(20));
    assert_eq!(numbers(&budgets, "team"), [20, 0, 0, 80]);
}

#[test]
fn a_closed_budget_goes_with_its_last_reservation_and_a_lower_cap_counts_at_once() {
    let mut budgets = with_budgets(&["team"]);
    budgets.decide(START, "a", reserve(&["team"], 80));
    budgets.decide(START, "team", Request::Set(Set { cap_micros: Some(50), ..DAILY }));
    assert_eq!(numbers(&budgets, "team"), [0, 80, 0, 0]);
    budgets.decide(START, "team", Request::Set(Set { cap_micros: None, ..DAILY }));
    assert_eq!(budgets.decide(START, "b", reserve(&["team"], 1)), Answer::Refused(Refusal::NoBudget("team".into())));
    budgets.decide(START, "a", commit(80));
    assert_eq!(budgets.standing("team"), None);
}

#[test]
fn memory_is_bounded() {
    let mut budgets = with_budgets(&["team"]);
    for number in 0..RESERVATIONS_PER_BUDGET_MAX {
        assert!(granted(&budgets.decide(START, &number.to_string(), reserve(&["team"], 0))));
    }
    assert_eq!(budgets.decide(START, "more", reserve(&["team"], 0)), Answer::Refused(Refusal::TooMany));
    for number in 0..2 * RESERVATIONS_OVER_MAX {
        budgets.decide(START + 40_000_000, &format!("r{number}"), reserve(&["team"], 1));
        budgets.decide(START + 40_000_000, &format!("r{number}"), Request::Release);
    }
    assert!(budgets.open.is_empty() && budgets.expiries.is_empty());
    assert!(budgets.over.len() <= RESERVATIONS_OVER_MAX && budgets.over_order.len() <= RESERVATIONS_OVER_MAX);
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Ask(u8, Request),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let names = prop_oneof![Just(vec!["team"]), Just(vec!["agent"]), Just(vec!["team", "agent"])];
    let request = prop_oneof![
        5 => (names, 0u64..60, 1u32..60).prop_map(|(names, micros, ttl_seconds)| {
            Request::Reserve(Reserve { budgets: names.iter().map(ToString::to_string).collect(), micros, ttl_seconds })
        }),
        3 => (0u64..80).prop_map(commit),
        1 => Just(Request::Release),
    ];
    let step = prop_oneof![
        1 => (0i64..40_000_000).prop_map(Step::Wait),
        6 => (0u8..12, request).prop_map(|(id, request)| Step::Ask(id, request)),
    ];
    proptest::collection::vec(step, 0..120)
}

/// What a budget should hold, by the plainest bookkeeping: a list of reservations.
#[derive(Default)]
struct Model {
    open: BTreeMap<String, (i64, Reserve)>,
    paid: Vec<(i64, String, u64)>,
}

impl Model {
    fn take(&mut self, now: i64, id: &str, request: &Request, answer: &Answer) {
        match (request, answer) {
            (Request::Reserve(terms), Answer::Granted { expires }) => {
                self.open.insert(id.to_owned(), (*expires, terms.clone()));
            }
            (Request::Commit(_), Answer::Committed { reserved, .. }) => {
                if let Some((_, terms)) = self.open.remove(id) {
                    self.paid.extend(terms.budgets.iter().map(|name| (now, name.clone(), *reserved)));
                }
            }
            (Request::Release, Answer::Released) => {
                self.open.remove(id);
            }
            _ => {}
        }
    }

    fn sums(&mut self, now: i64, name: &str) -> (u64, u64) {
        self.open.retain(|_, (expires, _)| *expires > now);
        let today = Period::Day.window(now / 1_000_000, 0).start * 1_000_000;
        let reserved = self.open.values().filter(|(_, terms)| terms.budgets.iter().any(|other| other == name));
        let paid = self.paid.iter().filter(|(at, other, _)| *at >= today && other == name);
        (paid.map(|(_, _, micros)| micros).sum(), reserved.map(|(_, terms)| terms.micros).sum())
    }
}

proptest! {
    /// Whatever is asked in whatever order, the cap holds after every step, the sums are those of a plain list of
    /// reservations, and a fold that starts anew from the recorded requests gives every answer again.
    #[test]
    fn the_cap_holds_and_a_restart_answers_the_same(steps in steps()) {
        let names = ["team", "agent"];
        let (mut now, mut model, mut asked) = (START, Model::default(), Vec::new());
        let mut budgets = with_budgets(&names);
        for step in steps {
            match step {
                Step::Wait(micros) => {
                    now += micros;
                    budgets.advance(now);
                }
                Step::Ask(id, request) => {
                    let id = id.to_string();
                    let answer = budgets.decide(now, &id, request.clone());
                    model.take(now, &id, &request, &answer);
                    asked.push((now, id, request, answer));
                }
            }
            for name in names {
                let [committed, reserved, ..] = numbers(&budgets, name);
                prop_assert!(committed + reserved <= 100, "{committed} + {reserved}");
                prop_assert_eq!((committed, reserved), model.sums(now, name));
            }
        }
        // The second life knows nothing of the waits: it sees the same requests at the same recorded times.
        let mut again = with_budgets(&names);
        for (at, id, request, answer) in asked {
            prop_assert_eq!(again.decide(at, &id, request), answer);
        }
        again.advance(now);
        for name in names {
            prop_assert_eq!(again.standing(name), budgets.standing(name));
        }
    }
}

fn ask(store: &Store, subject: &str, request: &Request) -> u64 {
    let mut group = Group::new(&operations::TABLE);
    group.push(&mut request.entry(subject, "gateway").unwrap()).unwrap();
    store.operations().appender().try_append(group).unwrap().wait().unwrap().first.seq
}

/// The rows as they are read back, and through them every answer.
fn answers(reader: Reader) -> (Folded<Budgets>, Vec<(u64, Answer)>) {
    let folded = Folded::open(reader, Budgets::new()).unwrap();
    let answers = folded.get().answers.iter().cloned().collect();
    (folded, answers)
}

#[test]
fn through_the_store_many_at_once_never_exceed_the_cap_and_a_restart_gives_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    ask(&store, "team", &Request::Set(DAILY));
    let shared = std::sync::Mutex::new(Folded::open(store.operations().reader(), Budgets::new()).unwrap());
    let grants = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, shared, grants) = (&store, &shared, &grants);
            scope.spawn(move || {
                for number in 0..20 {
                    // Durable first, then decided by whoever reads the ledger up to it.
                    let seq = ask(store, &format!("{thread}-{number}"), &reserve(&["team"], 3));
                    let mut folded = shared.lock().unwrap();
                    folded.catch_up().unwrap();
                    if granted(folded.get().answer(seq).unwrap()) {
                        grants.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(grants.into_inner(), 33, "33 times 3 fit into 100");
    let (_, before) = answers(store.operations().reader());
    store.stop();
    drop(shared);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let (folded, after) = answers(store.operations().reader());
    assert_eq!(before, after);
    assert_eq!(folded.get().standing("team").unwrap().reserved_micros, 99);
    store.stop();
}

#[test]
fn requests_that_break_a_bound_are_no_requests() {
    let long = "x".repeat(129);
    let cases = [
        ("", Request::Release),
        (long.as_str(), Request::Release),
        ("a", reserve(&[], 1)),
        ("a", reserve(&["team", "team"], 1)),
        ("a", reserve(&["team"], u64::MAX)),
        ("team", Request::Set(Set { offset_minutes: 900, ..DAILY })),
    ];
    for (subject, request) in &cases {
        assert!(request.check(subject).is_err());
    }
}
