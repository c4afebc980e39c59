//! What a worker says of itself while something keeps it from working: a state with its reason, and a lag that goes on.

use operations::standing::State;

use super::*;

/// A worker over events of which there are so many.
fn worker_over(dir: &std::path::Path, entries: usize) -> (SinkWorker<MemoryFeed, MemoryStateStore>, Shared) {
    let world = Shared::default();
    let entries = vec![json!({"kind": "note"}); entries];
    *world.lock().unwrap() = World { ledger: Some(LedgerName::Events), entries, lines_max: 9, ..World::default() };
    (worker(&world, dir, 7, "beginning"), world)
}

/// Runs a worker for some minutes, in each of which an event comes. Says how it stands and its lag after each.
async fn minutes(
    run: &mut (impl Future<Output = Result<(), WorkerError>> + Unpin),
    status: &Mutex<SinkStatus>,
    world: &Shared,
) -> Vec<(State, u64)> {
    let mut seen = Vec::new();
    for _ in 0..3 {
        timeout(Duration::from_mins(1), &mut *run).await.unwrap_err();
        let now = status.lock().unwrap().clone();
        seen.push((now.standing.state, now.lag));
        world.lock().unwrap().entries.push(json!({"kind": "note"}));
    }
    seen
}

/// What is seen of a worker whose world is like this, and its reason.
fn check(change: impl Fn(&mut World), state: State, reason: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (worker, world) = worker_over(dir.path(), 1);
    change(&mut world.lock().unwrap());
    let status = worker.status.clone();
    paused().block_on(async {
        let mut run = std::pin::pin!(worker.run());
        assert_eq!(minutes(&mut run, &status, &world).await, [(state, 1), (state, 2), (state, 3)]);
        let said = status.lock().unwrap().standing.reason.clone().unwrap_or_default();
        assert!(said.contains(reason), "{said:?} holds {reason:?}");
    });
}

#[test]
fn the_lag_grows_whatever_blocks() {
    check(|world| world.silent = true, State::Blocked, "not acknowledged");
    check(|world| world.faults = vec![Fault::Busy; 1_000].into(), State::Blocked, "503");
    check(|world| world.faults = vec![Fault::Unauthorised; 1_000].into(), State::Parked, "401");
    check(|world| world.writer = Writer::Full, State::Refused, "receipts cannot be recorded");
    // Nobody knows what is wrong there, and the ledger's own health tells of it.
    check(|world| world.writer = Writer::Blocked, State::Ok, "");
}

#[test]
fn what_is_over_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, world) = worker_over(dir.path(), 1);
    world.lock().unwrap().writer = Writer::Full;
    let status = worker.status.clone();
    paused().block_on(async {
        let mut run = std::pin::pin!(worker.run());
        timeout(Duration::from_mins(1), &mut run).await.unwrap_err();
        world.lock().unwrap().writer = Writer::Well;
        timeout(Duration::from_mins(1), &mut run).await.unwrap_err();
    });
    let status = status.lock().unwrap();
    assert_eq!((status.standing.state, &status.standing.reason, status.lag, status.sent), (State::Ok, &None, 0, 1));
}

#[test]
fn a_secret_that_is_missing_is_told_before_there_is_anything_to_send() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, _) = worker_over(dir.path(), 0);
    let (token, status) = (dir.path().join("token"), worker.status.clone());
    std::fs::remove_file(&token).unwrap();
    let now = || status.lock().unwrap().standing.clone();
    paused().block_on(async {
        let mut run = std::pin::pin!(worker.run());
        timeout(Duration::from_secs(1), &mut run).await.unwrap_err();
        assert!(now().state == State::Parked && now().reason.unwrap().contains("token: the secret in"), "{:?}", now());
        std::fs::write(&token, "t").unwrap();
        timeout(Duration::from_mins(2), &mut run).await.unwrap_err();
        assert_eq!((now().state, now().reason), (State::Ok, None));
    });
}

#[test]
fn a_parked_sink_says_so_and_goes_on_when_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    let faults = vec![Fault::Unauthorised; 3].into();
    *world.lock().unwrap() = World {
        ledger: Some(LedgerName::Events),
        entries: vec![json!({"kind": "note"})],
        faults,
        lines_max: 9,
        ..World::default()
    };
    let worker = worker(&world, dir.path(), 7, "beginning");
    let status = worker.status.clone();
    paused().block_on(async {
        let run = worker.run();
        let mut run = std::pin::pin!(run);
        let _ = timeout(Duration::from_secs(100), &mut run).await;
        let parked = status.lock().unwrap().clone();
        assert!(parked.parked && parked.last_error.unwrap().contains("401") && parked.next_attempt.is_some());
        let _ = timeout(Duration::from_secs(100), &mut run).await;
    });
    let status = status.lock().unwrap();
    assert!(!status.parked && status.last_ack.is_some() && status.sent == 1 && status.retries == 3);
}
