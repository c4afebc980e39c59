//! The cap under any order of requests, over refills, expiry and restarts, and through a real store.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::budget::BudgetService;
use crate::calendar::Period;
use crate::fold::Projection;
use crate::kind::budget_request::{BudgetCommit, Origin, Owner, Scope, Seen};
use crate::limits::RESERVATIONS_OVER_MAX;
use ledger::Reader;
use ledger::{Options, Seq, Store, Timestamp};

/// 2026-11-22T23:59:00Z.
const START: i64 = 1_795_391_940_000_000;
/// The midnight that follows.
const MIDNIGHT: i64 = 1_795_392_000;
const EVERYTHING: Scope = Scope {
    org: None,
    team: None,
    user: None,
    agent: None,
    run: None,
    workspace: None,
    families: Vec::new(),
    trust: Vec::new(),
};
const DAILY: Set = Set {
    cap_micros: Some(Money::from_micros(100)),
    period: Period::Day,
    offset_minutes: 0,
    scope: EVERYTHING,
    origin: Origin::Configuration,
};

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(micros)
}

fn asked(subject: &str, request: Request) -> Asked {
    Asked { owner: Owner::named("gateway"), subject: subject.to_owned(), request }
}

impl Budgets {
    fn ask(&mut self, recorded: i64, subject: &str, request: Request) -> BudgetAnswer {
        self.decide(moment(recorded), asked(subject, request))
    }
}

fn reserve(budgets: &[&str], micros: u64) -> Request {
    let micros = Money::from_micros(micros);
    let budgets = budgets.iter().map(ToString::to_string).collect();
    Request::Reserve(Reserve { budgets, micros, ttl_seconds: 30 })
}

fn commit(micros: u64) -> Request {
    Request::Commit(BudgetCommit { micros: Money::from_micros(micros) })
}

fn committed(reserved: u64, unreserved: u64) -> BudgetAnswer {
    let [reserved, unreserved] = [reserved, unreserved].map(Money::from_micros);
    BudgetAnswer::Committed { reserved, unreserved }
}

fn granted(answer: &BudgetAnswer) -> bool {
    matches!(answer, BudgetAnswer::Granted { .. })
}

fn with_budgets(names: &[&str]) -> Budgets {
    let mut budgets = Budgets::new();
    for name in names {
        budgets.ask(START, name, Request::Set(DAILY));
    }
    budgets
}

fn numbers(budgets: &Budgets, name: &str) -> [u64; 4] {
    let balance = budgets.balance(name).unwrap();
    [balance.committed_micros, balance.reserved_micros, balance.unreserved_micros, balance.available()]
        .map(Money::as_micros)
}

#[test]
fn all_budgets_grant_or_none_is_changed() {
    let mut budgets = with_budgets(&["team", "agent"]);
    assert!(granted(&budgets.ask(START, "a", reserve(&["team"], 70))));
    let answer = budgets.ask(START, "b", reserve(&["agent", "team"], 31));
    assert_eq!(
        answer,
        BudgetAnswer::Refused(Refusal::Exhausted {
            budget: "team".into(),
            available: Money::from_micros(30),
            resets: MIDNIGHT
        })
    );
    assert_eq!(numbers(&budgets, "agent"), [0, 0, 0, 100]);
    assert!(granted(&budgets.ask(START, "c", reserve(&["agent", "team"], 30))));
    assert_eq!(numbers(&budgets, "team"), [0, 100, 0, 0]);
    let answer = budgets.ask(START, "d", reserve(&["agent", "other"], 1));
    assert_eq!(answer, BudgetAnswer::Refused(Refusal::NoBudget("other".into())));
}

#[test]
fn a_request_that_is_sent_again_counts_once() {
    let mut budgets = with_budgets(&["team"]);
    let first = budgets.ask(START, "a", reserve(&["team"], 40));
    assert_eq!(budgets.ask(START + 5, "a", reserve(&["team"], 40)), first);
    assert_eq!(budgets.ask(START + 5, "a", reserve(&["team"], 41)), BudgetAnswer::Refused(Refusal::Conflict));
    let done = committed(25, 0);
    assert_eq!(budgets.ask(START + 6, "a", commit(25)), done);
    assert_eq!(budgets.ask(START + 7, "a", commit(25)), done);
    assert_eq!(budgets.ask(START + 7, "a", reserve(&["team"], 40)), BudgetAnswer::Refused(Refusal::Over));
    assert_eq!(budgets.ask(START + 7, "a", Request::Release), BudgetAnswer::Refused(Refusal::Over));
    assert_eq!(budgets.ask(START + 7, "z", commit(1)), BudgetAnswer::Refused(Refusal::Unknown));
    assert_eq!(numbers(&budgets, "team"), [25, 0, 0, 75]);
}

#[test]
fn spend_without_a_reservation_is_shown_as_such_and_leaves_less() {
    let mut budgets = with_budgets(&["team"]);
    budgets.ask(START, "a", reserve(&["team"], 40));
    assert_eq!(budgets.ask(START, "a", commit(55)), committed(40, 15));
    assert_eq!(numbers(&budgets, "team"), [40, 0, 15, 45]);
    // Ten more were seen in the events for which there is no reservation.
    let window = budgets.balance("team").unwrap().window.start;
    let observed = |window| {
        Request::Observed(Observed {
            window,
            micros: Money::from_micros(65),
            unreserved_micros: Money::from_micros(10),
        })
    };
    budgets.ask(START, "team", observed(window));
    assert_eq!(numbers(&budgets, "team"), [40, 0, 25, 35]);
    assert_eq!(budgets.balance("team").unwrap().observed_micros, Money::from_micros(65));
    budgets.ask(START, "team", observed(window - 86_400));
    assert_eq!(numbers(&budgets, "team"), [40, 0, 15, 45], "another day says nothing about this one");
}

#[test]
fn what_is_seen_of_a_reserved_call_counts_once_and_shows_what_was_not_said() {
    let mut budgets = with_budgets(&["team"]);
    let see = |budgets: &mut Budgets, id: &str, micros: u64| {
        let micros = Money::from_micros(micros);
        let seen = vec![Seen { id: id.to_owned(), owner: Owner::named("gateway"), micros }];
        budgets.ask(START + 40_000_000, "budgets", Request::Matched(Matched { seen }));
        numbers(budgets, "team")
    };
    // Seen while the money is kept, said afterwards.
    budgets.ask(START + 40_000_000, "honest", reserve(&["team"], 20));
    assert_eq!(see(&mut budgets, "honest", 15), [0, 20, 0, 80]);
    budgets.ask(START + 40_000_000, "honest", commit(15));
    assert_eq!(numbers(&budgets, "team"), [15, 0, 0, 85]);
    // Said to be cheap, seen to be dear.
    budgets.ask(START + 40_000_000, "cheap", reserve(&["team"], 20));
    budgets.ask(START + 40_000_000, "cheap", commit(1));
    assert_eq!(see(&mut budgets, "cheap", 1), [16, 0, 0, 84]);
    assert_eq!(see(&mut budgets, "cheap", 9), [16, 0, 9, 75]);
    // Given back, seen, and then said.
    budgets.ask(START + 40_000_000, "back", reserve(&["team"], 20));
    budgets.ask(START + 40_000_000, "back", Request::Release);
    assert_eq!(see(&mut budgets, "back", 7), [16, 0, 16, 68]);
    assert_eq!(budgets.ask(START + 40_000_000, "back", commit(8)), committed(0, 8));
    assert_eq!(numbers(&budgets, "team"), [16, 0, 17, 67]);
    // Of somebody who was refused, and of somebody whom nobody knows.
    budgets.ask(START + 40_000_000, "refused", reserve(&["team"], 90));
    assert_eq!(see(&mut budgets, "refused", 3), [16, 0, 20, 64]);
    assert_eq!(see(&mut budgets, "stranger", 3), [16, 0, 20, 64]);
    assert_eq!(budgets.owner_of("refused", "team"), Some(&Owner::named("gateway")));
    assert_eq!(budgets.owner_of("refused", "agent"), None);
}

#[test]
fn tenants_use_their_own_budgets_and_know_their_own_reservations_only() {
    let mut budgets = Budgets::new();
    for org in ["acme", "other"] {
        let scope = Scope { org: Some(org.to_owned()), ..EVERYTHING };
        budgets.ask(START, org, Request::Set(Set { scope, ..DAILY }));
    }
    let of = |org: &str| Owner { name: "gateway".to_owned(), org: Some(org.to_owned()), team: None };
    let mut by = |owner: &Owner, request: Request| {
        let asked = Asked { owner: owner.clone(), subject: "a".to_owned(), request };
        let known = budgets.known(&asked, moment(START));
        let answer = budgets.decide(moment(START), asked);
        assert!(known.is_none_or(|known| known == answer));
        answer
    };
    assert!(granted(&by(&of("acme"), reserve(&["acme"], 10))));
    let foreign = BudgetAnswer::Refused(Refusal::NoBudget("acme".to_owned()));
    assert_eq!(by(&of("other"), reserve(&["acme"], 10)), foreign);
    assert_eq!(by(&of("other"), reserve(&["other", "acme"], 10)), foreign);
    assert_eq!(by(&of("other"), commit(1)), BudgetAnswer::Refused(Refusal::Unknown));
    assert_eq!(by(&of("other"), Request::Release), BudgetAnswer::Refused(Refusal::Unknown));
    let team = Owner { team: Some("payments".to_owned()), ..of("acme") };
    assert_eq!(by(&team, reserve(&["acme"], 10)), foreign, "the whole organisation's money is not one team's");
    assert!(granted(&by(&of("other"), reserve(&["other"], 20))), "the same id of another owner is another one");
    assert!(granted(&by(&Owner::named("gateway"), reserve(&["acme", "other"], 30))));
    assert_eq!((numbers(&budgets, "acme"), numbers(&budgets, "other")), ([0, 40, 0, 60], [0, 50, 0, 50]));
}

#[test]
fn a_refusal_by_a_cap_is_final_for_its_id() {
    let mut budgets = with_budgets(&["team"]);
    budgets.ask(START, "a", reserve(&["team"], 80));
    let refused = budgets.ask(START, "b", reserve(&["team"], 30));
    assert!(matches!(refused, BudgetAnswer::Refused(Refusal::Exhausted { .. })));
    budgets.ask(START, "a", Request::Release);
    assert_eq!(budgets.ask(START, "b", reserve(&["team"], 30)), refused);
    assert_eq!(budgets.known(&asked("b", reserve(&["team"], 30)), moment(START)), Some(refused));
    assert!(granted(&budgets.ask(START, "c", reserve(&["team"], 30))));
    let spent = budgets.ask(START, "b", commit(5));
    assert_eq!(spent, committed(0, 5), "it was spent all the same");
    assert_eq!(numbers(&budgets, "team"), [0, 30, 5, 65]);
}

#[test]
fn recorded_time_expires_reservations_and_refills_budgets() {
    let mut budgets = with_budgets(&["team"]);
    budgets.ask(START, "early", reserve(&["team"], 60));
    assert_eq!(budgets.ask(START + 29_999_999, "w", reserve(&["team"], 41)).clone(), {
        BudgetAnswer::Refused(Refusal::Exhausted {
            budget: "team".into(),
            available: Money::from_micros(40),
            resets: MIDNIGHT,
        })
    });
    assert!(granted(&budgets.ask(START + 30_000_000, "x", reserve(&["team"], 100))));
    // It was spent after all: nothing holds it, so it is unreserved.
    assert_eq!(budgets.ask(START + 31_000_000, "early", commit(50)), committed(0, 50));
    assert_eq!(numbers(&budgets, "team"), [0, 100, 50, 0]);
    // The day turns at 60 s: what is still reserved then belongs to the new day.
    budgets.ask(START + 59_000_000, "x", Request::Release);
    budgets.ask(START + 59_000_000, "late", reserve(&["team"], 20));
    assert_eq!(numbers(&budgets, "team"), [0, 20, 50, 30]);
    budgets.ask(START + 61_000_000, "late", commit(20));
    assert_eq!(numbers(&budgets, "team"), [20, 0, 0, 80]);
}

#[test]
fn a_closed_budget_goes_with_its_last_reservation_and_a_lower_cap_counts_at_once() {
    let mut budgets = with_budgets(&["team"]);
    budgets.ask(START, "a", reserve(&["team"], 80));
    budgets.ask(START, "team", Request::Set(Set { cap_micros: Some(Money::from_micros(50)), ..DAILY }));
    assert_eq!(numbers(&budgets, "team"), [0, 80, 0, 0]);
    budgets.ask(START, "team", Request::Set(Set { cap_micros: None, ..DAILY }));
    assert_eq!(budgets.ask(START, "b", reserve(&["team"], 1)), BudgetAnswer::Refused(Refusal::NoBudget("team".into())));
    budgets.ask(START, "a", commit(80));
    // It is not forgotten before its day is over: opened again, it is not full again.
    budgets.ask(START, "team", Request::Set(DAILY));
    assert_eq!(numbers(&budgets, "team"), [80, 0, 0, 20]);
    budgets.ask(START, "team", Request::Set(Set { cap_micros: None, ..DAILY }));
    budgets.advance(moment(MIDNIGHT * 1_000_000));
    assert_eq!(budgets.balance("team"), None);
}

#[test]
fn in_how_many_steps_time_comes_does_not_matter() {
    let night = MIDNIGHT * 1_000_000;
    for steps in [vec![night + 1], vec![night - 1, night + 1], vec![night - 5_000_001, night, night + 1]] {
        for (ttl_seconds, beyond) in [(1, 0), (10, 0), (20, 7)] {
            // It expires before, at and after midnight; what was seen of it is spent without a reservation in that day.
            let mut budgets = with_budgets(&["team"]);
            let terms = Reserve { budgets: vec!["team".into()], micros: Money::ZERO, ttl_seconds };
            budgets.ask(night - 15_000_000, "a", Request::Reserve(terms));
            let seen = Seen { id: "a".to_owned(), owner: Owner::named("gateway"), micros: Money::from_micros(7) };
            budgets.ask(night - 15_000_000, "budgets", Request::Matched(Matched { seen: vec![seen] }));
            for at in &steps {
                budgets.advance(moment(*at));
            }
            budgets.advance(moment(night + 10_000_000));
            assert_eq!(
                budgets.balance("team").unwrap().unreserved_micros,
                Money::from_micros(beyond),
                "{ttl_seconds} {steps:?}"
            );
        }
    }
}

#[test]
fn memory_is_bounded() {
    let mut budgets = with_budgets(&["team"]);
    for number in 0..RESERVATIONS_PER_BUDGET_MAX {
        assert!(granted(&budgets.ask(START, &number.to_string(), reserve(&["team"], 0))));
    }
    assert_eq!(budgets.ask(START, "more", reserve(&["team"], 0)), BudgetAnswer::Refused(Refusal::TooMany));
    for number in 0..2 * RESERVATIONS_OVER_MAX {
        budgets.ask(START + 40_000_000, &format!("r{number}"), reserve(&["team"], 1));
        budgets.ask(START + 40_000_000, &format!("r{number}"), Request::Release);
    }
    assert_eq!(budgets.reservations.sizes(), [0, 0, RESERVATIONS_OVER_MAX, RESERVATIONS_OVER_MAX]);
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Ask(u8, Box<Request>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let names = prop_oneof![Just(vec!["team"]), Just(vec!["agent"]), Just(vec!["team", "agent"])];
    let request = prop_oneof![
        5 => (names, 0u64..60, 1u32..60).prop_map(|(names, micros, ttl_seconds)| {
            let budgets = names.iter().map(ToString::to_string).collect();
            Request::Reserve(Reserve { budgets, micros: Money::from_micros(micros), ttl_seconds })
        }),
        3 => (0u64..80).prop_map(commit),
        1 => Just(Request::Release),
        1 => (0u8..12, 0u64..80).prop_map(|(id, micros)| {
            let micros = Money::from_micros(micros);
            Request::Matched(Matched { seen: vec![Seen { id: id.to_string(), owner: Owner::named("gateway"), micros }] })
        }),
    ];
    let step = prop_oneof![
        1 => (0i64..40_000_000).prop_map(Step::Wait),
        6 => (0u8..12, request).prop_map(|(id, request)| Step::Ask(id, Box::new(request))),
    ];
    proptest::collection::vec(step, 0..120)
}

/// What a budget should hold, by the plainest bookkeeping: a list of reservations.
#[derive(Default)]
struct Model {
    open: BTreeMap<String, (i64, Reserve)>,
    paid: Vec<(i64, String, Money)>,
}

impl Model {
    fn take(&mut self, now: i64, id: &str, request: &Request, answer: &BudgetAnswer) {
        match (request, answer) {
            (Request::Reserve(terms), BudgetAnswer::Granted { expires }) => {
                self.open.insert(id.to_owned(), (expires.unix_micros(), terms.clone()));
            }
            (Request::Commit(_), BudgetAnswer::Committed { reserved, .. }) => {
                if let Some((_, terms)) = self.open.remove(id) {
                    self.paid.extend(terms.budgets.iter().map(|name| (now, name.clone(), *reserved)));
                }
            }
            (Request::Release, BudgetAnswer::Released) => {
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
        let sums: [Money; 2] =
            [paid.map(|(_, _, amount)| *amount).sum(), reserved.map(|(_, terms)| terms.micros).sum()];
        sums.map(Money::as_micros).into()
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
                    budgets.advance(moment(now));
                }
                Step::Ask(id, request) => {
                    let request = *request;
                    let id = id.to_string();
                    let answer = budgets.ask(now, &id, request.clone());
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
            prop_assert_eq!(again.ask(at, &id, request), answer);
        }
        again.advance(moment(now));
        for name in names {
            prop_assert_eq!(again.balance(name), budgets.balance(name));
        }
    }
}

/// The rows as they are read back, and through them every answer.
fn answers(reader: Reader) -> (Projection<Budgets>, Vec<(Seq, BudgetAnswer)>) {
    let projection = Projection::open(reader, Budgets::new()).unwrap();
    let answers = projection.get().answers.iter().cloned().collect();
    (projection, answers)
}

#[test]
fn through_the_store_many_at_once_never_exceed_the_cap_and_a_restart_gives_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let service = BudgetService::new(store.operations().reader(), Some(store.operations().appender()));
    let wanted = BTreeMap::from([("team".to_owned(), DAILY)]);
    assert_eq!((service.configure(&wanted, "serve").unwrap(), service.configure(&wanted, "serve").unwrap()), (1, 0));
    // The store has a clock of its own; by this one nothing expires.
    let now = 0;
    let grants = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (service, grants) = (&service, &grants);
            scope.spawn(move || {
                for number in 0..20 {
                    let request = Request::Reserve(Reserve { ttl_seconds: 3_600, ..terms(3) });
                    let asked = asked(&format!("{thread}-{number}"), request);
                    let decided = service.ask(&asked, moment(now)).unwrap();
                    if granted(&decided.answer) {
                        grants.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                    let again = service.ask(&asked, moment(now)).unwrap();
                    assert_eq!((again.answer, again.seq), (decided.answer, None), "it is known and not recorded again");
                }
            });
        }
    });
    assert_eq!(grants.into_inner(), 33, "33 times 3 fit into 100");
    let (_, before) = answers(store.operations().reader());
    store.stop();
    drop(service);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let (projection, after) = answers(store.operations().reader());
    assert_eq!(before, after);
    assert_eq!(projection.get().balance("team").unwrap().reserved_micros, Money::from_micros(99));
    let service = BudgetService::new(store.operations().reader(), Some(store.operations().appender()));
    assert_eq!(service.configure(&BTreeMap::new(), "serve").unwrap(), 1, "it is closed");
    store.stop();
}

#[test]
fn a_budget_that_is_one_too_many_is_an_error_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let service = BudgetService::new(store.operations().reader(), Some(store.operations().appender()));
    let mut wanted: BTreeMap<_, _> = (0..BUDGETS_MAX).map(|number| (format!("b{number:04}"), DAILY)).collect();
    assert_eq!(service.configure(&wanted, "serve").unwrap(), BUDGETS_MAX);
    wanted.insert("c".to_owned(), DAILY);
    let error = service.configure(&wanted, "serve").unwrap_err();
    assert_eq!(error.to_string(), "budget \"c\" was not set, because there are 4096 already; remove some");
    store.stop();
}

fn terms(micros: u64) -> Reserve {
    Reserve { budgets: vec!["team".to_owned()], micros: Money::from_micros(micros), ttl_seconds: 30 }
}

#[test]
fn requests_that_break_a_bound_are_no_requests() {
    let long = "x".repeat(129);
    let cases = [
        ("", Request::Release),
        (long.as_str(), Request::Release),
        ("a\n", Request::Release),
        ("a", reserve(&[], 1)),
        ("a", reserve(&["team", "team"], 1)),
        ("a", reserve(&["team"], u64::MAX)),
        ("team", Request::Set(Set { offset_minutes: 900, ..DAILY })),
    ];
    for (subject, request) in &cases {
        assert!(asked(subject, request.clone()).check().is_err());
    }
}
