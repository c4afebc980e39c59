//! A worker against a simulated ledger and a simulated collector that refuses, answers late, cuts answers and forgets to
//! answer, while the worker is killed at random moments. Time is virtual.

mod confirming;
mod dead_letters;
mod memory_feed;
mod standing;
mod starts;
mod windows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::future::BoxFuture;
use ledger::consumer::{Journal, Monitor};
use ledger::{LedgerName, Rows, Seq};
use operations::fold::{Exported, Outbox};
use operations::kind::export::{Checkpoint, INTENT_KIND, Intended, RECEIPT_KIND, REJECTED_KIND};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::state_store::{ReceiptEntry, StateEntry};
use super::*;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, SendError};
use crate::fixtures;
use crate::metrics::Metrics;
use memory_feed::MemoryFeed;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing: it is taken.
    None,
    /// The connection is refused.
    Refused,
    /// 429 with a floor.
    Limited,
    /// 503 and nothing taken.
    Busy,
    /// 500, and yet everything was taken.
    TakenAndFailed,
    /// Everything was taken, and the answer never came.
    TakenAndCut,
    /// The token is wrong for a while.
    Unauthorised,
    /// Accepted, and lost before it was indexed.
    Lost,
    /// Indexed, and the acknowledgement is never given.
    Unacknowledged,
}

#[derive(Default)]
struct World {
    ledger: Option<LedgerName>,
    entries: Vec<Value>,
    /// The ledger's batch of each entry; five follow one another where it does not say, and what stands there is closed.
    batches: Vec<u64>,
    closed: Option<u64>,
    recorded: Vec<StateEntry>,
    faults: VecDeque<Fault>,
    /// Sequence numbers that the collector refuses for ever.
    poison: BTreeSet<u64>,
    /// Records in one request, at most.
    lines_max: usize,
    /// Bytes of each record by export_seq, as often as it was taken.
    taken: BTreeMap<u64, Vec<String>>,
    bodies: Vec<String>,
    /// Whether batches are acknowledged by indexers, and how often each was asked for; the indexers take three questions.
    acks: Option<Vec<Option<u32>>>,
    /// What questions for an acknowledgement are answered first, and whether batches get no number as long as there is some.
    refusals: VecDeque<Response>,
    unnumbered: bool,
    /// Requests are never answered.
    silent: bool,
    /// Batches on their way at once; one by one without it.
    in_flight: u8,
    /// How many are on their way, and the most that were.
    on_their_way: usize,
    on_their_way_max: usize,
    writer: Writer,
}

/// How the writer of entries is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Well,
    /// It refuses for want of space.
    Full,
    /// It does not answer.
    Blocked,
}

type Shared = Arc<Mutex<World>>;

struct MemoryStateStore(Shared, Outbox);

impl StateStore for MemoryStateStore {
    fn exported(&self) -> Result<Option<Exported>, LedgerError> {
        let world = self.0.lock().unwrap();
        let receipt = world.recorded.iter().rev().find_map(|entry| match entry {
            StateEntry::Receipt(receipt) => Some(receipt.clone()),
            _ => None,
        });
        let intent = world.recorded.iter().rev().take_while(|entry| !matches!(entry, StateEntry::Receipt(_))).find_map(
            |entry| match entry {
                StateEntry::Intent(intent) => Some((intent.from..intent.to, intent.record.clone())),
                _ => None,
            },
        );
        if world.recorded.is_empty() {
            return Ok(None);
        }
        let (next_seq, export_seq) =
            receipt.as_ref().map_or((Seq::FIRST, 0), |entry| (entry.to, entry.record.export_seq_next));
        Ok(Some(Exported { next_seq, export_seq, intent, ..Exported::default() }))
    }

    async fn open(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn outbox(&mut self) -> Result<&Outbox, LedgerError> {
        Ok(&self.1)
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(None)
    }

    fn block(&self, at: Seq) -> Result<Rows, LedgerError> {
        let world = self.0.lock().unwrap();
        Ok(fixtures::block(world.ledger.unwrap(), at, world.entries.get(at.get() as usize..).unwrap_or_default()))
    }
}

impl Journal for MemoryStateStore {
    type Record = [StateEntry];
    type Recorded = ();

    async fn record(&self, recorded: &[StateEntry]) -> Result<(), AppendError> {
        // A place to be killed before it is durable, and one after.
        sleep(Duration::from_millis(1)).await;
        let writer = self.0.lock().unwrap().writer;
        match writer {
            Writer::Well => {}
            Writer::Full => return Err(AppendError::NoSpace { reserve_bytes: 1 }),
            Writer::Blocked => std::future::pending().await,
        }
        {
            let mut world = self.0.lock().unwrap();
            world.recorded.extend(recorded.iter().cloned());
            if world.ledger == Some(LedgerName::Operations) {
                // A worker over `operations` reads what it writes.
                let entries = recorded.iter().map(|entry| match entry {
                    StateEntry::Intent(_) => json!({"kind": INTENT_KIND}),
                    StateEntry::Receipt(_) => json!({"kind": RECEIPT_KIND}),
                    StateEntry::Rejected(_) => json!({"kind": REJECTED_KIND}),
                    entry => panic!("a SIEM gets no {entry:?}"),
                });
                world.entries.extend(entries);
                if let Some(open) = world.closed {
                    let entries = world.entries.len();
                    world.batches.resize(entries, open);
                }
            }
        }
        sleep(Duration::from_millis(1)).await;
        Ok(())
    }
}

struct MemoryCollector(Shared);

/// A request that is counted as long as nobody gave it up.
struct OnTheWay(Shared);

impl OnTheWay {
    fn new(shared: &Shared) -> Self {
        let mut world = shared.lock().unwrap();
        world.on_their_way += 1;
        world.on_their_way_max = world.on_their_way_max.max(world.on_their_way);
        Self(shared.clone())
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().on_their_way -= 1;
    }
}

impl Connection<Http> for MemoryCollector {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let _way = OnTheWay::new(&self.0);
            sleep(Duration::from_millis(3)).await;
            if self.0.lock().unwrap().silent {
                std::future::pending::<()>().await;
            }
            let answer = self.0.lock().unwrap().receive(&request);
            sleep(Duration::from_millis(3)).await;
            answer
        })
    }
}

fn answer(status: u16, body: &Value) -> Response {
    let retry_after = (status == 429).then_some(Duration::from_secs(2));
    Response { status, retry_after, body: body.to_string() }
}

impl World {
    fn batch_of(&self, seq: u64) -> u64 {
        self.batches.get(seq as usize).copied().unwrap_or(seq / 5)
    }

    fn closed(&self) -> u64 {
        let all = || self.entries.len().checked_sub(1).map_or(0, |last| self.batch_of(last as u64) + 1);
        self.closed.unwrap_or_else(all)
    }

    fn receive(&mut self, request: &Request) -> Result<Response, SendError> {
        let body = String::from_utf8(request.body.clone()).unwrap();
        if request.url.expose().contains("/ack?channel=") {
            return Ok(self.acknowledge(&body));
        }
        let fault = self.faults.pop_front();
        match fault {
            Some(Fault::Refused) => return Err(SendError::NotSent("refused".into())),
            Some(Fault::Limited) => return Ok(answer(429, &json!({"code": 26}))),
            Some(Fault::Busy) => return Ok(answer(503, &json!({"code": 9}))),
            Some(Fault::Unauthorised) => return Ok(answer(401, &json!({"code": 3}))),
            Some(Fault::Lost) if self.acks.is_some() => return Ok(self.accept(false)),
            Some(Fault::None | Fault::TakenAndFailed | Fault::TakenAndCut | Fault::Lost | Fault::Unacknowledged)
            | None => {}
        }
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() > self.lines_max {
            return Ok(answer(413, &json!({})));
        }
        let number = |line: &Value, name: &str| line["fields"][name].as_str().unwrap().parse::<u64>().unwrap();
        if let Some(index) = lines.iter().position(|line| self.poison.contains(&number(line, "seq"))) {
            return Ok(answer(400, &json!({"code": 6, "invalid-event-number": index})));
        }
        for (line, text) in lines.iter().zip(body.lines()) {
            self.taken.entry(number(line, "export_seq")).or_default().push(text.to_owned());
        }
        self.bodies.push(body);
        match fault {
            Some(Fault::TakenAndFailed) => Ok(answer(500, &json!({"code": 8}))),
            Some(Fault::TakenAndCut) => Err(SendError::Uncertain("cut".into())),
            fault => Ok(self.accept(!matches!(fault, Some(Fault::Unacknowledged)))),
        }
    }

    /// Accepts a batch. One that will never be acknowledged has no count of questions.
    fn accept(&mut self, indexed: bool) -> Response {
        let Some(acks) = &mut self.acks else { return answer(200, &json!({"code": 0})) };
        if self.unnumbered && !self.refusals.is_empty() {
            return answer(200, &json!({"code": 0}));
        }
        acks.push(indexed.then_some(0));
        answer(200, &json!({"code": 0, "ackId": acks.len() - 1}))
    }

    /// Splunk's answer: true once, when the indexers have it.
    fn acknowledge(&mut self, body: &str) -> Response {
        let asked: Value = serde_json::from_str(body).unwrap();
        let id = asked["acks"][0].as_u64().unwrap();
        let mut ack = self.acks.as_mut().unwrap().get_mut(id as usize);
        if let Some(Some(asked)) = ack.as_deref_mut() {
            *asked += 1;
        }
        if let Some(refusal) = self.refusals.pop_front() {
            return refusal;
        }
        let known = ack.is_some_and(|ack| ack.take_if(|asked| *asked >= 3).is_some());
        answer(200, &json!({"acks": {id.to_string(): known}}))
    }

    fn receipts(&self) -> Vec<&ReceiptEntry> {
        self.recorded
            .iter()
            .filter_map(|entry| if let StateEntry::Receipt(receipt) = entry { Some(receipt) } else { None })
            .collect()
    }

    /// Whether the sink must get an entry, or refuse it.
    fn is_exportable(&self, seq: u64) -> bool {
        self.entries[seq as usize]["kind"].as_str().is_none_or(|kind| !operations::kind::is_internal(kind))
    }

    /// The sequence numbers that the sink must get, or refuse.
    fn exportable(&self) -> Vec<u64> {
        (0..self.entries.len() as u64).filter(|seq| self.is_exportable(*seq)).collect()
    }

    /// Whether there is a receipt for all of them. It is asked many thousand times, so it looks from the end on.
    fn done(&self) -> bool {
        let end = self.recorded.iter().rev().find_map(|entry| match entry {
            StateEntry::Receipt(receipt) => Some(receipt.to.get()),
            _ => None,
        });
        (end.unwrap_or_default()..self.entries.len() as u64).rev().all(|seq| !self.is_exportable(seq))
    }
}

fn worker(
    world: &Shared,
    dir: &std::path::Path,
    block: usize,
    start: &str,
) -> SinkWorker<MemoryFeed, MemoryStateStore> {
    let token = dir.join("token");
    std::fs::write(&token, "t").unwrap();
    let acknowledge = world.lock().unwrap().acks.is_some();
    let in_flight = world.lock().unwrap().in_flight.max(1);
    let settings = json!({"name": "siem", "type": "splunk_hec", "url": "https://splunk.acme.example", "gzip": false, "start": start,
        "acknowledge": acknowledge, "acknowledge_seconds": 5, "in_flight": in_flight,
        "token": format!("file:{}", token.display())});
    let config = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    let ledger = world.lock().unwrap().ledger.unwrap();
    let feed = MemoryFeed::new(world, block);
    let consumer = Consumer::new(feed, Monitor::new("sink/siem"), CancellationToken::new());
    SinkWorker {
        selection: config.selection([3; 32], "events/0"),
        recorder: consumer.recorder(MemoryStateStore(world.clone(), fixtures::outbox())),
        consumer,
        sender: sender(&config, world).into(),
        ahead: ahead::Ahead::default(),
        pause: CancellationToken::new(),
        backfill: None,
        timing: Timing::default(),
        metrics: Metrics::default().of("siem", ledger),
        status: Arc::new(Mutex::new(SinkStatus::new(&config, ledger))),
        teller: Mutex::default(),
        suppressor: Arc::new(crate::delivery::suppressor::SuppressNothing),
        token_bucket: TokenBucket::new(1, Duration::ZERO),
        wake: Arc::default(),
        replay_due: true,
        receipt_due: Instant::now(),
        config,
    }
}

/// The sink with the collector of this world.
fn sender(config: &SinkConfig, world: &Shared) -> Box<dyn Sender> {
    let connection: Box<dyn Connection<Http>> = Box::new(MemoryCollector(world.clone()));
    match &config.sink {
        AnySink::Delivery(sink) => Arc::clone(sink).sender_over(Box::new(connection)),
        AnySink::Stream(sink) => Arc::clone(sink).sender_over(Box::new(connection)),
    }
}

/// What must hold of every history: receipts tile, numbers have no gap, nothing is lost, repeats are identical.
fn check(world: &World) {
    let (mut next_seq, mut export_seq) = (Seq::FIRST, 0);
    for receipt in world.receipts() {
        let ExportCounts { count, excluded, rejected } = ExportCounts::of(receipt);
        assert_eq!((receipt.from, receipt.record.export_seq), (next_seq, export_seq), "receipts tile");
        assert_eq!(count + excluded + rejected, receipt.to.distance_from(receipt.from));
        assert_eq!(receipt.record.export_seq_next - export_seq, count + rejected);
        if let Some(sha256) = &receipt.record.sha256 {
            let numbers = export_seq..receipt.record.export_seq_next;
            let lines: String = numbers.flat_map(|number| [world.taken[&number][0].as_str(), "\n"]).collect();
            assert_eq!(hex::encode(sha2_of(&lines)), *sha256, "a receipt names the bytes that arrived");
            assert!(receipt.record.batches > 0 && u64::from(receipt.record.attempts) >= receipt.record.batches);
        }
        (next_seq, export_seq) = (receipt.to, receipt.record.export_seq_next);
    }
    let exportable = world.exportable();
    let rejected: BTreeSet<u64> = world
        .recorded
        .iter()
        .filter_map(|entry| if let StateEntry::Rejected(entry) = entry { Some(entry.position.seq.get()) } else { None })
        .collect();
    for (number, seq) in exportable.iter().enumerate() {
        let taken = world.taken.get(&(number as u64)).map_or(&[][..], Vec::as_slice);
        if world.poison.contains(seq) {
            assert!(taken.is_empty() && rejected.contains(seq), "{seq} is refused, and that is on record");
        } else {
            assert!(!taken.is_empty() && !rejected.contains(seq), "{seq} is lost");
            assert!(taken.iter().all(|text| text == &taken[0]), "a repeat of {seq} differs");
        }
    }
    assert_eq!(world.taken.len() + rejected.len(), exportable.len(), "nothing else was sent");
}

struct ExportCounts {
    count: u64,
    excluded: u64,
    rejected: u64,
}

impl ExportCounts {
    fn of(receipt: &ReceiptEntry) -> Self {
        let record = &receipt.record;
        Self { count: record.count, excluded: record.excluded, rejected: record.rejected }
    }
}

fn sha2_of(body: &str) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(body.as_bytes()).to_vec()
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn until_done(world: &Shared) {
    let begun = Instant::now();
    while !world.lock().unwrap().done() {
        assert!(begun.elapsed() < Duration::from_hours(1), "it waits for something that does not come");
        sleep(Duration::from_millis(50)).await;
    }
}

/// What a receiver does wrong at once.
fn passing() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Refused),
        Just(Fault::Limited),
        Just(Fault::Busy),
        Just(Fault::TakenAndFailed),
        Just(Fault::TakenAndCut),
        Just(Fault::Unauthorised),
    ]
}

/// That, and what shows later.
fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![6 => passing(), 1 => Just(Fault::Lost), 1 => Just(Fault::Unacknowledged)]
}

fn entry(operations: bool) -> impl Strategy<Value = Value> {
    let exported = "[a-z]{0,8}".prop_map(|text| json!({"kind": "note", "target": text, "subject": text}));
    let internal = Just(json!({"kind": if operations { "cursor" } else { "note" }}));
    prop_oneof![3 => exported, 2 => internal]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_is_lost_and_receipts_tile_through_faults_and_kills(
        (ledger, entries) in any::<bool>().prop_flat_map(|operations| {
            let ledger = if operations { LedgerName::Operations } else { LedgerName::Events };
            (Just(ledger), proptest::collection::vec(entry(operations), 1..120))
        }),
        faults in proptest::collection::vec(fault(), 0..12),
        kills in proptest::collection::vec((1u64..400, 1usize..50), 0..10),
        poison in proptest::collection::btree_set(0u64..120, 0..4),
        lines_max in 1usize..40,
        acknowledged in any::<bool>(),
        in_flight in 1u8..6,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let world = Shared::default();
        *world.lock().unwrap() = World { ledger: Some(ledger), entries, faults: faults.into(), poison, lines_max, in_flight, ..World::default() };
        world.lock().unwrap().acks = acknowledged.then(Vec::new);
        paused().block_on(async {
            for (milliseconds, block) in kills {
                let _ = timeout(Duration::from_millis(milliseconds), worker(&world, dir.path(), block, "beginning").run()).await;
            }
            tokio::select! {
                ended = worker(&world, dir.path(), 7, "beginning").run() => panic!("the worker ended: {ended:?}"),
                () = until_done(&world) => {}
            }
            check(&world.lock().unwrap());
            // Its own receipts do not keep it awake.
            let recorded = world.lock().unwrap().recorded.len();
            let _ = timeout(Duration::from_mins(2), worker(&world, dir.path(), 7, "beginning").run()).await;
            assert_eq!(world.lock().unwrap().recorded.len(), recorded);
        });
    }
}
