//! Hard budgets under every interleaving that a seed picks: the real service and the real fold over a model of the log, with
//! group commits, lost answers, blind retries, time that passes anywhere, and crashes that tear off what was not synced.
//!
//! A failure prints its schedule; `shuttle::replay` runs it again.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ledger::{AppendError, Seq, Timestamp};
use operations::Money;
use operations::budget::{BudgetError, BudgetService, Decided, Log};
use operations::calendar::Period;
use operations::fold::{BudgetAnswer, Budgets, Refusal};
use operations::kind::budget_request::{Asked, BudgetCommit, Origin, Owner, Request, Reserve, Scope, Set};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

/// 2026-11-22T12:00:00Z.
const START: i64 = 1_795_348_800_000_000;
const CAP: Money = Money::from_micros(100);
const TTL_SECONDS: u32 = 20;
/// Schedules that are tried.
const SCHEDULES: usize = 3_000;

/// What stands on the disk, and what is on its way there.
#[derive(Default)]
struct Disk {
    entries: Vec<(i64, Asked)>,
    durable: usize,
    /// How often the machine crashed.
    crashes: u64,
    clock: i64,
}

struct Model {
    disk: Mutex<Disk>,
    /// The process's memory: gone with a crash.
    memory: Mutex<(Budgets, usize, u64)>,
}

impl Model {
    fn new() -> Self {
        let disk = Disk { clock: START, ..Disk::default() };
        Self { disk: Mutex::new(disk), memory: Mutex::new((Budgets::new(), 0, 0)) }
    }

    /// Tears off a part of what was not synced. Whoever waits for it hears nothing.
    fn crash(&self) {
        let mut disk = self.disk.lock().unwrap();
        let kept = thread_rng().gen_range(disk.durable..=disk.entries.len());
        disk.entries.truncate(kept);
        // A start syncs what it finds before it reads it.
        disk.durable = kept;
        disk.crashes += 1;
    }

    fn now(&self) -> i64 {
        self.disk.lock().unwrap().clock
    }
}

impl Log for &Model {
    fn append(&self, asked: &[Asked]) -> Result<Seq, BudgetError> {
        let (first, crashes) = {
            let mut disk = self.disk.lock().unwrap();
            // Mostly nothing, at times long enough for reservations to expire.
            disk.clock += if thread_rng().gen_range(0..4) == 0 { 11_000_000 } else { 1 };
            let (first, clock) = (disk.entries.len(), disk.clock);
            disk.entries.extend(asked.iter().map(|asked| (clock, asked.clone())));
            (first, disk.crashes)
        };
        thread::yield_now();
        let mut disk = self.disk.lock().unwrap();
        if disk.crashes != crashes {
            return Err(BudgetError::Append(AppendError::Stopped));
        }
        // One sync for everybody who came meanwhile.
        disk.durable = disk.entries.len();
        Ok(Seq::new(first as u64))
    }

    fn fold<T>(&self, look: impl FnOnce(&mut Budgets) -> T) -> Result<T, BudgetError> {
        let mut memory = self.memory.lock().unwrap();
        let (budgets, next, life) = &mut *memory;
        let disk = self.disk.lock().unwrap();
        if *life != disk.crashes {
            (*budgets, *next, *life) = (Budgets::new(), 0, disk.crashes);
        }
        for (at, (recorded, asked)) in disk.entries[..disk.durable].iter().enumerate().skip(*next) {
            budgets.take(Seq::new(at as u64), Timestamp::from_unix_micros(*recorded), asked.clone());
            check(budgets);
        }
        *next = disk.durable;
        drop(disk);
        Ok(look(budgets))
    }
}

/// The promise: what was granted and is open, and what was committed within grants, is never more than the cap.
fn check(budgets: &Budgets) {
    for (name, balance) in budgets.balances() {
        let taken = balance.reserved_micros.saturating_add(balance.committed_micros);
        assert!(taken <= CAP, "{taken} of {CAP} are taken from {name}");
    }
}

fn asked(owner: &str, id: &str, request: Request) -> Asked {
    Asked { owner: Owner::named(owner), subject: id.to_owned(), request }
}

/// Asks until there is an answer, as a client does whose server is killed again and again.
fn insist(model: &Model, asked: &Asked) -> Decided {
    let service = BudgetService::over(model);
    loop {
        match service.ask(asked, Timestamp::from_unix_micros(model.now())) {
            Ok(decided) => return decided,
            Err(BudgetError::Append(AppendError::Stopped)) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

type Answers = Mutex<BTreeMap<String, Vec<(Request, BudgetAnswer)>>>;

fn client(model: &Model, answers: &Answers, client: usize) {
    for call in 0..3 {
        let id = format!("{client}-{call}");
        let micros = Money::from_micros(thread_rng().gen_range(20..70));
        let budgets = if call == 0 { vec!["team".to_owned(), "all".to_owned()] } else { vec!["team".to_owned()] };
        let reserve = Request::Reserve(Reserve { budgets, micros, ttl_seconds: TTL_SECONDS });
        let end = match thread_rng().gen_range(0..4) {
            0 => Some(Request::Release),
            1 => None,
            _ => Some(Request::Commit(BudgetCommit { micros: Money::from_micros(thread_rng().gen_range(0..80)) })),
        };
        for request in std::iter::once(reserve).chain(end) {
            let decided = insist(model, &asked("gateway", &id, request.clone()));
            answers.lock().unwrap().entry(id.clone()).or_default().push((request, decided.answer.clone()));
            if matches!(decided.answer, BudgetAnswer::Refused(_)) {
                break;
            }
        }
    }
}

fn story() {
    let model = Arc::new(Model::new());
    let answers = Arc::new(Answers::default());
    let set = Set {
        cap_micros: Some(CAP),
        period: Period::Month,
        offset_minutes: 0,
        scope: Scope::default(),
        origin: Origin::Configuration,
    };
    let wanted = ["team", "all"].map(|name| (name.to_owned(), set.clone()));
    BudgetService::over(&*model).configure(&BTreeMap::from(wanted), "serve").unwrap();
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let (model, answers) = (Arc::clone(&model), Arc::clone(&answers));
            thread::spawn(move || client(&model, &answers, number))
        })
        .collect();
    let crashing = {
        let model = Arc::clone(&model);
        thread::spawn(move || {
            for _ in 0..3 {
                model.crash();
                thread::yield_now();
            }
        })
    };
    clients.into_iter().chain([crashing]).for_each(|thread| thread.join().unwrap());
    // One more life, which knows nothing but the log.
    model.crash();
    for (id, given) in &*answers.lock().unwrap() {
        let last = given.len() - 1;
        for (at, (request, answer)) in given.iter().enumerate() {
            let again = insist(&model, &asked("gateway", id, request.clone())).answer;
            let over = at < last
                || matches!(answer, BudgetAnswer::Granted { expires } if expires.unix_micros() <= model.now());
            match answer {
                // A reservation that is over is not granted anew.
                BudgetAnswer::Granted { .. } if over => assert_eq!(again, BudgetAnswer::Refused(Refusal::Over), "{id}"),
                answer => assert_eq!(again, *answer, "{id} {request:?}"),
            }
        }
    }
}

#[test]
fn the_cap_holds_under_any_interleaving_and_no_answer_changes() {
    shuttle::check_random(story, SCHEDULES);
}

#[test]
fn the_cap_holds_under_few_but_unlikely_switches() {
    shuttle::check_pct(story, SCHEDULES, 4);
}
