//! A store whose disk refuses any single step of its life, or everything that needs space for a while: nothing that was
//! acknowledged is lost or doubled, recording goes on, every start succeeds, and nothing is ever called changed.
//!
//! One run of the test meets each step with one of the errors; `FAULTS=all` meets each with all of them.

use std::time::Instant;

use super::*;
use crate::entry::{Entry, Group};
use crate::error::AppendError;
use crate::events::column;
use crate::fixtures::append_patiently;
use crate::fixtures::faulty::{Effect, FaultyDisk, Steps};
use crate::reader::ReadLimit;

const ENOSPC: i32 = 28;
const EIO: i32 = 5;
const EINTR: i32 = 4;
const FAULTS: [(i32, Effect); 6] = [
    (ENOSPC, Effect::None),
    (EIO, Effect::None),
    (EINTR, Effect::None),
    (ENOSPC, Effect::Half),
    (EIO, Effect::Half),
    (EIO, Effect::Done),
];
/// Events of one life: two files are filled and sealed, and a third one is begun.
const EVENTS: i64 = 7;

/// A data directory and what became of its events.
struct World {
    data: tempfile::TempDir,
    acknowledged: i64,
    /// An event may be there that was not acknowledged.
    in_doubt: bool,
}

impl World {
    fn new() -> Self {
        // Syncs are most of the time, and these tests tell the disk's answers themselves: a disk in memory does.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let data = tempfile::tempdir_in(place).expect("a directory");
        Store::init(data.path(), "acme.example/agents").expect("made");
        Self { data, acknowledged: 0, in_doubt: false }
    }

    fn open(&self, disk: Arc<dyn Disk>) -> Result<Store, LedgerError> {
        let retry_interval = Duration::from_millis(1);
        let options = Options { reserve_bytes: 0, segment_entries_max: 3, retry_interval, disk, ..Options::default() };
        Store::open(self.data.path(), options)
    }

    /// Appends events one by one, each again for as long as the disk refuses it; `refused` hears of each refusal.
    /// `false` if the ledger is poisoned.
    fn append(&mut self, store: &Store, count: i64, mut refused: impl FnMut()) -> bool {
        let (end, deadline) = (self.acknowledged + count, deadline());
        let mut full_since = Instant::now();
        while self.acknowledged < end {
            assert!(Instant::now() < deadline, "it goes on once the disk does");
            match store.events().appender().try_append(group(self.acknowledged)).map(crate::Pending::wait) {
                Ok(Ok(_)) => {
                    self.acknowledged += 1;
                    full_since = Instant::now();
                }
                Ok(Err(error)) | Err(crate::Rejected { error, .. }) if error.is_of_disk() => {
                    refused();
                    std::thread::yield_now();
                }
                Err(crate::Rejected { error: AppendError::Full { .. }, .. }) => {
                    // What keeps full files from being sealed is then all that the ledger says of the disk.
                    if full_since.elapsed() > Duration::from_millis(50) {
                        refused();
                        full_since = Instant::now();
                    }
                    std::thread::yield_now();
                }
                Ok(Err(AppendError::Poisoned { .. })) | Err(_) => {
                    self.in_doubt = true;
                    return false;
                }
                Ok(Err(error)) => panic!("{error}"),
            }
        }
        true
    }

    /// The verdict on the directory, and then a start on a disk that refuses nothing.
    fn check(&mut self, what: &str) {
        self.verify(what, false);
        let store = self.open(Arc::new(LocalDisk)).unwrap_or_else(|error| panic!("{what}: {error}"));
        let seen = numbers(&store);
        assert_eq!(seen, (0..seen.len() as i64).collect::<Vec<_>>(), "{what}: in order and once");
        let spare = seen.len() as i64 - self.acknowledged;
        assert!(spare == 0 || spare == 1 && self.in_doubt, "{what}: {spare} more than the acknowledged ones");
        self.acknowledged = seen.len() as i64;
        assert!(self.append(&store, 2, || {}), "{what}: it records again");
        sealed(&store, what);
        store.stop();
        self.verify(what, true);
    }

    /// Before the next start a checkpoint may be missing that it will sign; nothing is ever called changed.
    fn verify(&self, what: &str, is_stopped: bool) {
        let report = ledger_verify::verify(self.data.path(), None, &mut |_| {}).expect("there is a ledger");
        assert_eq!(report.faults, [], "{what}");
        assert!(!is_stopped || report.unchecked.is_empty(), "{what}: {:?}", report.unchecked);
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn group(number: i64) -> Group {
    let mut entry = Entry::new();
    entry.set_integer(column::STATUS, number);
    entry.set_text(column::CONTENT, "{\"prompt\":\"hello\"}");
    let mut group = Group::new(Table::of(LedgerName::Events));
    group.push(&entry).expect("small");
    group
}

fn numbers(store: &Store) -> Vec<i64> {
    let (reader, mut all, mut from) = (store.events().reader(), Vec::new(), crate::Seq::FIRST);
    loop {
        let rows = reader.read(from, false, ReadLimit { rows: 100, bytes: 1 << 20 }).expect("readable");
        if rows.is_empty() {
            return all;
        }
        all.extend(rows.iter().filter_map(|row| row.integer(column::STATUS)));
        from = rows.next_seq;
    }
}

/// Waits until nothing that is full waits for the sealer.
fn sealed(store: &Store, what: &str) {
    let deadline = deadline();
    while store.events().status().unsealed_files > 0 {
        assert!(Instant::now() < deadline, "{what}: sealing goes on once the disk does");
        std::thread::yield_now();
    }
    assert_eq!(store.events().status().seal_failure, None, "{what}");
}

/// A life with one refused step; `false` if the life has fewer steps.
fn one_refused(step: u64, (errno, effect): (i32, Effect), kill: bool) -> bool {
    let mut world = World::new();
    let steps = Steps::one(step, effect, errno);
    let opened = world.open(Arc::new(FaultyDisk(Arc::clone(&steps))));
    let describe = || format!("step {step}, {:?}, error {errno}, {effect:?}, killed: {kill}", steps.name());
    match opened {
        Err(LedgerError::Io { .. }) => {}
        Err(error) => panic!("{}: {error}", describe()),
        Ok(store) => {
            let sound = world.append(&store, EVENTS, || {});
            // Only a sync that failed leaves the disk in an unknown state.
            assert!(sound || steps.name().starts_with("sync"), "{}: poisoned", describe());
            if kill {
                steps.kill();
            } else if sound {
                sealed(&store, &describe());
            }
            store.stop();
        }
    }
    if steps.reached() {
        world.check(&describe());
    }
    steps.reached()
}

#[test]
fn any_refused_step_is_survived() {
    let all = std::env::var("FAULTS").is_ok_and(|faults| faults == "all");
    for step in 0.. {
        let (faults, kills): (&[_], &[_]) = if all {
            (&FAULTS, &[false, true])
        } else {
            let at = step as usize % FAULTS.len();
            (&FAULTS[at..=at], if (step / FAULTS.len() as u64).is_multiple_of(2) { &[false] } else { &[true] })
        };
        for kill in kills {
            for fault in faults {
                // A life that is cut short has fewer steps.
                if !one_refused(step, *fault, *kill) && !kill {
                    assert!(step > 150, "{step} steps");
                    return;
                }
            }
        }
    }
}

#[test]
fn a_disk_that_is_full_for_a_while_is_survived_wherever_it_begins() {
    for step in (0..).step_by(3) {
        let mut world = World::new();
        let steps = Steps::full_from(step);
        let opened = world.open(Arc::new(FaultyDisk(Arc::clone(&steps))));
        let describe = || format!("full from step {step}, {:?}", steps.name());
        let mut refusals = 0;
        match opened {
            Err(LedgerError::Io { .. }) => {}
            Err(error) => panic!("{}: {error}", describe()),
            Ok(store) => {
                let ending = Arc::clone(&steps);
                let sound = world.append(&store, EVENTS, || {
                    refusals += 1;
                    if refusals == 3 {
                        ending.end();
                    }
                });
                let what = describe();
                assert!(sound || what.contains("\"sync"), "{what}: poisoned");
                steps.end();
                if sound {
                    sealed(&store, &what);
                }
                store.stop();
            }
        }
        if !steps.reached() {
            assert!(step > 150, "{step} steps");
            return;
        }
        world.check(&describe());
    }
}

#[test]
fn the_tail_has_the_same_columns_before_a_start_and_after() {
    let world = World::new();
    let open = || Store::open(world.data.path(), Options { reserve_bytes: 0, ..Options::default() }).expect("opened");
    // More events in one commit than one thread looks at.
    let group = |first: i64| {
        let (mut group, mut entry) = (Group::new(Table::of(LedgerName::Events)), Entry::new());
        for number in first..first + 1_000 {
            entry.clear();
            entry.set_integer(column::STATUS, number);
            entry.set_text(column::HOST, &format!("host-{}.example", number % 7));
            if number % 3 == 0 {
                entry.set_text(column::COMMAND, "ls");
                entry.set_text(column::CONTENT, &format!("{{\"prompt\":\"{number}\"}}"));
            }
            group.push(&entry).expect("small");
        }
        group
    };
    let columns = |reader: &Reader| {
        let snapshot = reader.snapshot().expect("readable");
        let all: Vec<usize> = (0..crate::columnar::schema(reader.table()).fields().len()).collect();
        let batches: Vec<_> = snapshot.tail.iter().map(|block| block.batch(&all).expect("columns")).collect();
        // Where one block ends and the next begins is nobody's business.
        arrow::compute::concat_batches(&crate::columnar::schema(reader.table()), &batches).expect("one schema")
    };
    let store = open();
    append_patiently(&store, group(0));
    let before = columns(&store.events().reader());
    assert_eq!(before.num_rows(), 1_000);
    store.stop();
    let store = open();
    assert_eq!(columns(&store.events().reader()), before);
    append_patiently(&store, group(1_000));
    let more = columns(&store.events().reader());
    assert_eq!((more.num_rows(), more.slice(0, 1_000)), (2_000, before));
    let foreign = Reader::open(world.data.path(), LedgerName::Events).expect("readable");
    assert_eq!(columns(&foreign), more);
    store.stop();
    let report = ledger_verify::verify(world.data.path(), None, &mut |_| {}).expect("there is a ledger");
    assert_eq!(report.faults, []);
}
