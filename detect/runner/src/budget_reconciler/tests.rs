//! The reconciler over a real store: every event counts once and every decision is written once, wherever the process died.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ledger::events::column as event;
use ledger::operations::column;
use ledger::{Entry, Follower, Group, Options, Seq, Store, Timestamp};
use operations::Money;
use operations::budget::BudgetService;
use operations::calendar::Period;
use operations::fold::{BudgetAnswer, Budgets, Projection};
use operations::kind::budget_report::{DECISION_KIND, Decision};
use operations::kind::budget_request::{Asked, BudgetCommit, Origin, Owner, Request, Reserve, Scope, Set};
use proptest::prelude::*;

use super::*;

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    budgets: BudgetService,
    asked: u64,
}

fn set(team: &str) -> Set {
    let scope = Scope {
        team: Some(team.to_owned()),
        families: vec!["gateway".to_owned(), "workspace".to_owned()],
        ..Scope::default()
    };
    Set {
        cap_micros: Some(Money::from_micros(1_000)),
        period: Period::Month,
        offset_minutes: 0,
        scope,
        origin: Origin::Configuration,
    }
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let budgets = BudgetService::new(store.operations().reader(), Some(store.operations().appender()));
        let world = Self { _dir: dir, store, budgets, asked: 0 };
        // What happened before there was a budget does not count.
        world.spend("red", "old", 500);
        let wanted = BTreeMap::from(["red", "blue"].map(|team| (team.to_owned(), set(team))));
        world.budgets.configure(&wanted, "serve").unwrap();
        world
    }

    fn spend(&self, team: &str, call: &str, micros: i64) {
        self.tell("gateway", team, call, micros);
    }

    fn tell(&self, trust: &str, team: &str, call: &str, micros: i64) {
        let mut entry = Entry::new();
        entry.set_text(event::KIND, "model.tokens");
        entry.set_text(event::FAMILY, "gateway");
        entry.set_text(event::TRUST, trust);
        entry.set_text(event::TEAM, team);
        entry.set_text(event::INTERCEPTION, call);
        entry.set_integer(event::COST_MICROS, micros);
        let mut group = Group::new(&ledger::events::TABLE);
        group.push(&entry).unwrap();
        self.store.events().appender().try_append(group).unwrap().wait().unwrap();
    }

    fn ask(&mut self, id: &str, request: Request) -> BudgetAnswer {
        let asked = Asked { owner: Owner::named("gateway"), subject: id.to_owned(), request };
        let decided = self.budgets.ask(&asked, Timestamp::EPOCH).unwrap();
        self.asked += u64::from(decided.seq.is_some());
        decided.answer
    }

    fn reserve(&mut self, id: &str, budgets: &[&str], micros: u64) -> BudgetAnswer {
        let budgets = budgets.iter().map(ToString::to_string).collect();
        self.ask(id, Request::Reserve(Reserve { budgets, micros: Money::from_micros(micros), ttl_seconds: 3_600 }))
    }

    /// A reconciliation that knows all that was written before it.
    fn open(&self) -> Reading {
        let (events, operations) = (self.store.events().reader(), self.store.operations().reader());
        let reconciliation = Reconciliation::new(&operations, 0).unwrap();
        let events_from = reconciliation.events_seq();
        let mut reading = Reading {
            reconciliation,
            events: Follower::new(events.clone(), events_from, false, EVENTS_LIMIT),
            operations: Follower::new(operations, Seq::FIRST, false, OPERATIONS_LIMIT),
            reader: events,
        };
        while reading.reconciliation.is_behind() {
            reading.read_operations();
        }
        reading
    }

    fn write(&self, reading: &mut Reading) {
        while let Some(group) = reading.reconciliation.group().unwrap() {
            self.store.operations().appender().try_append(group).unwrap().wait().unwrap();
            reading.reconciliation.written();
        }
    }

    /// Whole lives of a reconciler that is stopped at once, until it has nothing more to say.
    fn settle(&self) {
        let (reader, runtime, stop) = (self.store.operations().reader(), runtime(), CancellationToken::new());
        stop.cancel();
        let mut said = None;
        while said != Some(reader.durable().unwrap().next_seq) {
            said = Some(reader.durable().unwrap().next_seq);
            let reconciler = BudgetReconciler::new(self.store.events(), self.store.operations());
            runtime.block_on(reconciler.run(stop.clone())).unwrap();
        }
    }

    /// Committed, reserved, unreserved and observed.
    fn numbers(&self, budget: &str) -> [u64; 4] {
        let balance = self.budgets.read(|budgets| budgets.balance(budget)).unwrap().unwrap();
        [balance.committed_micros, balance.reserved_micros, balance.unreserved_micros, balance.observed_micros]
            .map(Money::as_micros)
    }

    /// The decisions that were written, by the request's position.
    fn decisions(&self) -> Vec<Decision> {
        let reader = self.store.operations().reader();
        let mut found = Vec::new();
        operations::fold::backwards(&reader, |row| {
            if row.text(column::KIND) == Some(DECISION_KIND) {
                found.push(serde_json::from_str(row.text(column::RECORD).unwrap()).unwrap());
            }
            ControlFlow::<()>::Continue(())
        })
        .unwrap();
        found.reverse();
        found
    }
}

/// A reconciliation with what feeds it, one step at a time.
struct Reading {
    reconciliation: Reconciliation,
    events: Follower,
    operations: Follower,
    reader: Reader,
}

impl Reading {
    fn read(&mut self) {
        let durable = self.events.durable().unwrap();
        self.read_operations();
        self.read_events(&durable);
    }

    fn read_operations(&mut self) {
        loop {
            let durable = self.operations.durable().unwrap();
            let Some(rows) = self.operations.next_until(&durable).unwrap() else { return };
            self.reconciliation.take_operations(&rows);
        }
    }

    fn read_events(&mut self, durable: &Durable) {
        self.events.seek(self.reconciliation.seek_events(&self.reader, durable.next_seq).unwrap());
        while let Some(rows) = self.events.next_until(durable).unwrap() {
            self.reconciliation.take_events(&rows);
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_was_reserved_is_matched_and_the_rest_is_shown() {
    let mut world = World::new();
    assert!(matches!(world.reserve("c1", &["red"], 100), BudgetAnswer::Granted { .. }));
    assert!(matches!(world.reserve("c2", &["red"], 2_000), BudgetAnswer::Refused(_)));
    world.spend("red", "c1", 30);
    world.spend("red", "c1", 40);
    world.spend("red", "nobody", 7);
    world.spend("green", "nobody", 900);
    world.settle();
    assert_eq!(world.numbers("red"), [0, 100, 7, 77]);
    world.ask("c1", Request::Commit(BudgetCommit { micros: Money::from_micros(60) }));
    world.settle();
    assert_eq!(world.numbers("red"), [60, 0, 17, 77], "ten more were seen than were said");
    assert_eq!(world.numbers("blue"), [0; 4]);
    let said: Vec<_> = world.decisions().into_iter().map(|decision| (decision.request, decision.decision)).collect();
    let expected = [("reserve", "granted"), ("reserve", "refused"), ("commit", "committed")];
    assert_eq!(said, expected.map(|(request, decision)| (request.to_owned(), decision.to_owned())));
    let entries = world.store.operations().reader().durable().unwrap().next_seq;
    world.settle();
    assert_eq!(world.store.operations().reader().durable().unwrap().next_seq, entries, "there is nothing more to say");
    world.store.stop();
}

#[test]
fn what_an_agent_claims_uses_up_nobodys_budget() {
    let mut world = World::new();
    assert!(matches!(world.reserve("c1", &["red"], 100), BudgetAnswer::Granted { .. }));
    for trust in ["agent", "workspace", "host", "nobody"] {
        world.tell(trust, "red", "c1", 1_000_000_000);
        world.tell(trust, "red", "nobody", 1_000_000_000);
    }
    world.tell("control_plane", "red", "nobody", 5);
    world.settle();
    assert_eq!(world.numbers("red"), [0, 100, 5, 5]);
    assert!(matches!(world.reserve("c2", &["red"], 800), BudgetAnswer::Granted { .. }));
    let mut named = set("red");
    named.scope.trust = vec![operations::access::Trust::Agent];
    world.budgets.configure(&BTreeMap::from([("red".to_owned(), named)]), "serve").unwrap();
    world.tell("agent", "red", "nobody", 7);
    world.tell("gateway", "red", "nobody", 9);
    world.settle();
    assert_eq!(world.numbers("red")[3] % 100, 12, "a budget may name whom it believes");
    world.store.stop();
}

#[test]
fn what_was_reserved_while_events_were_read_is_not_shown_as_unreserved() {
    let mut world = World::new();
    world.spend("red", "nobody", 7);
    let mut reading = world.open();
    let until = reading.events.durable().unwrap();
    reading.read_operations();
    world.reserve("c1", &["red"], 100);
    world.spend("red", "c1", 30);
    reading.read_events(&until);
    let read = reading.reconciliation.events_seq();
    assert_eq!(read, until.next_seq, "what was recorded since waits for its reservation");
    reading.read();
    world.write(&mut reading);
    assert_eq!(world.numbers("red"), [0, 100, 7, 37]);
    world.store.stop();
}

#[test]
fn a_budget_without_events_since_is_not_read_for_from_the_beginning() {
    let mut world = World::new();
    world.reserve("c1", &["red"], 100);
    world.settle();
    let end = world.store.events().reader().durable().unwrap().next_seq;
    assert_eq!(
        (end, world.open().reconciliation.events_seq()),
        (Seq::new(1), Seq::new(1)),
        "what came before the budget is passed over for good"
    );
    world.store.stop();
}

#[test]
fn it_follows_until_it_is_stopped() {
    let mut world = World::new();
    let keeper = BudgetReconciler::new(world.store.events(), world.store.operations());
    let (metrics, stop) = (keeper.metrics(), CancellationToken::new());
    let stopped = stop.clone();
    let running = std::thread::spawn(move || runtime().block_on(keeper.run(stopped)));
    let waiting = runtime();
    let mut durable = world.store.operations().reader().watch().unwrap();
    world.reserve("c1", &["red"], 100);
    world.spend("red", "c9", 5);
    while world.numbers("red") != [0, 100, 5, 5] {
        waiting.block_on(durable.changed()).unwrap();
    }
    world.reserve("c2", &["blue"], 100);
    stop.cancel();
    running.join().unwrap().unwrap();
    assert_eq!(world.decisions().len(), 2, "what was decided before the stop is written");
    assert!(metrics.commits.get() >= 1);
    world.store.stop();
}

#[derive(Debug, Clone)]
enum Step {
    Spend(bool, u8, i64),
    Reserve(bool, u8, u64),
    Commit(u8, u64),
    Read,
    Write,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (any::<bool>(), 0u8..6, 1i64..90).prop_map(|(red, call, micros)| Step::Spend(red, call, micros)),
        3 => (any::<bool>(), 0u8..6, 1u64..400).prop_map(|(both, call, micros)| Step::Reserve(both, call, micros)),
        2 => (0u8..6, 0u64..400).prop_map(|(call, micros)| Step::Commit(call, micros)),
        2 => Just(Step::Read),
        2 => Just(Step::Write),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens between reading, writing and dying: in the end every event is counted once, and every request has
    /// one decision, which is the one that the fold gives.
    #[test]
    fn nothing_counts_twice_and_nothing_is_left_out(steps in steps()) {
        let mut world = World::new();
        let (mut reading, mut spent) = (world.open(), BTreeMap::from([("red", 0_u64), ("blue", 0)]));
        for step in steps {
            match step {
                Step::Spend(red, call, micros) => {
                    let team = if red { "red" } else { "blue" };
                    world.spend(team, &call.to_string(), micros);
                    *spent.get_mut(team).unwrap() += micros as u64;
                }
                Step::Reserve(both, call, micros) => {
                    let budgets: &[&str] = if both { &["red", "blue"] } else { &["red"] };
                    world.reserve(&call.to_string(), budgets, micros);
                }
                Step::Commit(call, micros) => {
                    world.ask(&call.to_string(), Request::Commit(BudgetCommit { micros: Money::from_micros(micros) }));
                }
                Step::Read => reading.read(),
                Step::Write => world.write(&mut reading),
                Step::Crash => reading = world.open(),
            }
        }
        drop(reading);
        world.settle();
        for (team, spent) in spent {
            let [committed, reserved, _, observed] = world.numbers(team);
            prop_assert_eq!(observed, spent, "{}", team);
            prop_assert!(committed + reserved <= 1_000);
        }
        let decisions = world.decisions();
        prop_assert_eq!(decisions.len() as u64, world.asked);
        let projection = Projection::open(world.store.operations().reader(), Budgets::new()).unwrap();
        for decision in decisions {
            let answer = projection.get().answer(decision.seq).unwrap();
            prop_assert_eq!(&decision, &Decision::new(decision.seq, &decision.request, &decision.owner, answer));
        }
        world.store.stop();
    }
}
