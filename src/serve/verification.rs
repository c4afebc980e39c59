//! Verifies the whole data directory while the server runs, as `tachograph verify` does: after the start, every quarter of an hour, and
//! when somebody asks. It knows what was found lately, in words; nothing here repairs or stops anything.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ledger::{SystemClock, TimeSource as _};
use ledger_verify::{Fault, Report, Verdict};
use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::gettid;
use serde::Serialize;

use crate::endpoints::Moment;
use crate::limits;

/// Who asks where nobody did.
const SERVER: &str = "server";

/// What one verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Counts from 1 since the start.
    pub number: u64,
    /// When it began.
    pub since: Moment,
    /// When it ended.
    pub at: Moment,
    /// How long it took.
    pub took_ms: u64,
    /// Who asked: a person, or `server`.
    pub by: String,
    /// verified, tampered, torn copy, could not check or unproven.
    pub verdict: String,
    /// Events and operations whose commitments were rebuilt.
    pub entries: u64,
    /// Batches whose headers were read.
    pub batches: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Entries behind the newest checkpoints: durable, not yet provable.
    pub unproven: u64,
    /// What is not as it was recorded, where that is known to be so.
    pub faults: Vec<Fault>,
    /// Faults that are not listed.
    pub faults_omitted: u64,
    /// What could not be looked at, or is missing as in a torn copy.
    pub unchecked: Vec<Fault>,
    /// Why there was nothing to look at, if so.
    pub trouble: Option<String>,
}

/// The service. Clones are the same.
#[derive(Clone)]
pub struct Verifications(Arc<Shared>);

struct Shared {
    data: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The newest last.
    done: VecDeque<Verification>,
    count: u64,
    /// Who waits for the next one.
    asked: Option<String>,
    /// The one that runs: since when, and who asked.
    running: Option<(Moment, String)>,
    stopped: bool,
}

/// What is known now.
#[derive(Debug, Clone, Serialize)]
pub struct Known {
    /// The verification that runs or waits, with who asked for it.
    pub running: Option<Asked>,
    /// Those that ended, the newest first.
    pub verifications: Vec<Verification>,
}

/// A verification that has not ended.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The number that it will have.
    pub number: u64,
    /// Since when it runs; null while it waits for the one before.
    pub since: Option<Moment>,
    /// Who asked.
    pub by: String,
}

/// What every page shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of the newest verification.
    pub number: u64,
    /// What it found.
    pub verdict: String,
    /// When it ended.
    pub at: Moment,
}

impl Verifications {
    /// Begins to verify this directory, on a thread of its own that lets others go first.
    pub fn start(data: PathBuf) -> std::io::Result<Self> {
        let state = State { asked: Some(SERVER.to_owned()), ..State::default() };
        let verifications = Self(Arc::new(Shared { data, state: Mutex::new(state), changed: Condvar::new() }));
        let shared = Arc::clone(&verifications.0);
        std::thread::Builder::new().name("verification".to_owned()).spawn(move || shared.run())?;
        Ok(verifications)
    }

    /// Has everything verified as soon as possible. Who asks while another waits gets the same one.
    pub fn ask(&self, by: &str) -> Asked {
        let mut state = self.0.lock();
        let by = state.asked.get_or_insert_with(|| by.to_owned()).clone();
        let number = state.count + 1 + u64::from(state.running.is_some());
        drop(state);
        self.0.changed.notify_all();
        Asked { number, since: None, by }
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        let state = self.0.lock();
        let number = state.count + 1;
        let running = match (&state.running, &state.asked) {
            (Some((since, by)), _) => Some(Asked { number, since: Some(*since), by: by.clone() }),
            (None, Some(by)) => Some(Asked { number, since: None, by: by.clone() }),
            (None, None) => None,
        };
        Known { running, verifications: state.done.iter().rev().cloned().collect() }
    }

    /// What the newest one found; `None` before the first.
    pub fn summary(&self) -> Option<Summary> {
        let state = self.0.lock();
        state.done.back().map(|done| Summary { number: done.number, verdict: done.verdict.clone(), at: done.at })
    }

    /// Begins no other. One that runs is not waited for: it only reads.
    pub fn end(&self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        give_way();
        while let Some((since, by)) = self.next() {
            let begun = Instant::now();
            let found = ledger_verify::verify(&self.data, None, &mut |_| {}).map_err(|error| error.to_string());
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut state = self.lock();
            state.running = None;
            if state.stopped {
                // The directory may be gone by now: what was seen of it says nothing.
                return;
            }
            state.count += 1;
            let done = verification(state.count, (since, took_ms, by), found);
            tell(&done);
            if state.done.len() >= limits::VERIFICATIONS_KEPT_MAX {
                state.done.pop_front();
            }
            state.done.push_back(done);
        }
    }

    /// Waits until somebody asks or it is time; `None` if there is to be no other.
    fn next(&self) -> Option<(Moment, String)> {
        let state = self.lock();
        let waits = |state: &mut State| state.asked.is_none() && !state.stopped;
        let waited = self.changed.wait_timeout_while(state, limits::VERIFICATION_EVERY, waits);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return None;
        }
        let begins = (Moment(SystemClock.now()), state.asked.take().unwrap_or_else(|| SERVER.to_owned()));
        state.running = Some(begins.clone());
        Some(begins)
    }
}

fn verification(
    number: u64,
    (since, took_ms, by): (Moment, u64, String),
    found: Result<Report, String>,
) -> Verification {
    let (report, trouble) = match found {
        Ok(report) => (report, None),
        Err(trouble) => (Report::default(), Some(trouble)),
    };
    let verdict = if trouble.is_some() { Verdict::CouldNotCheck } else { report.verdict() };
    let bounded =
        |faults: Vec<Fault>| faults.into_iter().take(limits::VERIFICATION_FAULTS_KEPT_MAX).collect::<Vec<_>>();
    let count = report.faults.len() as u64;
    let faults = bounded(report.faults);
    Verification {
        number,
        since,
        at: Moment(SystemClock.now()),
        took_ms,
        by,
        verdict: verdict.to_string(),
        entries: report.events,
        batches: report.batches,
        segments: report.segments,
        bytes: report.bytes,
        unproven: report.unproven.iter().map(|unproven| unproven.events).sum(),
        faults_omitted: report.faults_omitted + count - faults.len() as u64,
        faults,
        unchecked: bounded(report.torn.into_iter().chain(report.unchecked).collect()),
        trouble,
    }
}

/// Tells the log, loudly where somebody has to look.
fn tell(done: &Verification) {
    let Verification { number, took_ms, by, verdict, entries, .. } = done;
    let what = done.faults.first().or(done.unchecked.first()).map(ToString::to_string);
    let what = what.or_else(|| done.trouble.clone()).unwrap_or_default();
    match verdict.as_str() {
        "verified" => tracing::info!(number, took_ms, by, entries, "verified"),
        "tampered" => tracing::error!(number, by, what, "the ledger was tampered with"),
        _ => tracing::warn!(number, by, verdict, what, "the ledger could not be verified"),
    }
}

/// Lets the threads go first for which somebody waits.
fn give_way() {
    // On Linux a niceness is that of a thread.
    let thread = Some(gettid());
    let lowered =
        getpriority_process(thread).and_then(|nice| setpriority_process(thread, nice + limits::VERIFICATION_NICENESS));
    if let Err(error) = lowered {
        tracing::debug!(%error, "verifications go as often as the others");
    }
}

#[cfg(test)]
mod tests {
    use ledger::Store;

    use super::*;

    /// The verifications of a directory once there are so many.
    fn wait(verifications: &Verifications, count: usize) -> Vec<Verification> {
        loop {
            let known = verifications.known();
            if known.verifications.len() >= count {
                return known.verifications;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_verifies_at_the_start_and_when_somebody_asks() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Store::init(&data, "test.example/agents").unwrap();
        let verifications = Verifications::start(data.clone()).unwrap();
        let first = wait(&verifications, 1);
        assert_eq!((first[0].number, first[0].verdict.as_str(), first[0].by.as_str()), (1, "verified", SERVER));
        assert_eq!(verifications.ask("ada").number, 2);
        assert_eq!(wait(&verifications, 2)[0].by, "ada");
        // What it says of a directory that is not one is no verdict on the ledger.
        std::fs::remove_dir_all(&data).unwrap();
        verifications.ask("ada");
        let last = wait(&verifications, 3).remove(0);
        assert_eq!((last.verdict.as_str(), last.trouble.is_some()), ("could not check", true));
        assert_eq!(verifications.summary().unwrap().number, 3);
        verifications.end();
    }

    #[test]
    fn faults_are_bounded_and_the_others_counted() {
        let fault = |number: usize| Fault {
            ledger: ledger_verify::LedgerName::Events,
            shard: 0,
            place: format!("segment/{number}"),
            what: "changed".to_owned(),
        };
        let mut report = Report::default();
        (0..limits::VERIFICATION_FAULTS_KEPT_MAX + 2).for_each(|number| report.fault(fault(number)));
        let moment = Moment(SystemClock.now());
        let done = verification(1, (moment, 5, SERVER.to_owned()), Ok(report));
        assert_eq!((done.verdict.as_str(), done.faults_omitted), ("tampered", 2));
    }
}
