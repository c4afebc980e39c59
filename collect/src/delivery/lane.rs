//! The records of one collector on their way: read, send, judge, acknowledge, again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ingest::relay::Piece;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::verdict::{Verdict, judge};
use super::{Around, LaneStatus};
use crate::aside::Aside;
use crate::client::{Answer, Post};
use crate::durable::DurableError;
use crate::limits::{PAUSE_MAX, PAUSE_MIN, REQUEST_BYTES, ZSTD_LEVEL};
use crate::metrics::LaneMetrics;
use crate::spool::Bundle;

/// One collector.
pub(super) struct Lane {
    around: Arc<Around>,
    collector: String,
    dialect: Option<String>,
    producer: String,
    status: Arc<Mutex<LaneStatus>>,
    metrics: LaneMetrics,
    aside: Option<Aside>,
    /// The record with this number was set aside: in its place comes a number without a record.
    set_aside: Option<u64>,
    /// Records before this number are sent one by one, since one of them is refused.
    narrow_until: u64,
    /// The server under another token expects this number: those from it on were recorded under the token before.
    void_from: Option<u64>,
    /// The server has forgotten records: it is only asked whether it knows them again.
    is_probing: bool,
    pause: Duration,
}

/// What is done next.
enum Step {
    On,
    Pause(Duration),
}

impl Lane {
    pub fn open(around: &Arc<Around>, collector: String, dialect: Option<String>) -> Result<Self, DurableError> {
        let spool = &around.spool;
        let aside = Aside::open(spool.directory(), &collector)?;
        let (next, end) = spool.numbers(&collector);
        let status = LaneStatus { collector: collector.clone(), trouble: None, next, end };
        Ok(Self {
            around: Arc::clone(around),
            dialect,
            producer: spool.producer(&collector).to_string(),
            status: Arc::new(Mutex::new(status)),
            metrics: around.metrics.lane(&collector),
            set_aside: aside.last().filter(|last| *last >= next),
            aside: Some(aside),
            collector,
            narrow_until: 0,
            void_from: None,
            is_probing: false,
            pause: PAUSE_MIN,
        })
    }

    pub fn status(&self) -> Arc<Mutex<LaneStatus>> {
        Arc::clone(&self.status)
    }

    /// Delivers until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut appended = self.around.spool.watch();
        loop {
            appended.mark_unchanged();
            let step = match stop.run_until_cancelled(self.next()).await {
                None => return,
                Some(Ok(None)) => {
                    self.set_trouble(None);
                    // The spool lives as long as this lane.
                    if stop.run_until_cancelled(appended.changed()).await.is_none() {
                        return;
                    }
                    continue;
                }
                Some(Ok(Some(bundle))) => match stop.run_until_cancelled(self.deliver(bundle)).await {
                    Some(step) => step,
                    None => return,
                },
                Some(Err(error)) => self.later(true, &error.to_string(), None),
            };
            if let Step::Pause(pause) = step
                && stop.run_until_cancelled(sleep(pause)).await.is_none()
            {
                return;
            }
        }
    }

    /// What is sent next.
    async fn next(&mut self) -> Result<Option<Bundle>, DurableError> {
        let (next, end) = self.around.spool.numbers(&self.collector);
        self.metrics.waiting.set(end.saturating_sub(next) as i64);
        let (bytes, bytes_max) = self.around.spool.size();
        self.around.metrics.spool_bytes.set(bytes as i64);
        self.around.metrics.spool_bytes_max.set(bytes_max as i64);
        let void = |first: u64, end: u64| {
            let mut body = Vec::new();
            Piece::Void(end - first).encode(&mut body);
            Some(Bundle { first, end, body })
        };
        if let Some(from) = self.void_from {
            return Ok(void(from, next));
        }
        if self.is_probing && next < end {
            return Ok(Some(Bundle { first: next, end: next, body: Vec::new() }));
        }
        if self.set_aside == Some(next) {
            return Ok(void(next, next + 1));
        }
        let numbers = if next < self.narrow_until { 1 } else { u64::MAX };
        let (spool, collector) = (self.around.spool.clone(), self.collector.clone());
        blocking(move || spool.read(&collector, REQUEST_BYTES, numbers)).await
    }

    async fn deliver(&mut self, bundle: Bundle) -> Step {
        let around = Arc::clone(&self.around);
        around.guard.trusted().await;
        let packed = blocking({
            let body = bundle.body.clone();
            move || zstd::bulk::compress(&body, ZSTD_LEVEL).map_err(DurableError::io("compress", "a request".as_ref()))
        });
        let body = match packed.await {
            Ok(body) => body,
            Err(error) => return self.later(true, &error.to_string(), None),
        };
        let post = Post {
            collector: &self.collector,
            dialect: self.dialect.as_deref(),
            producer: &self.producer,
            offset: bundle.first,
            body,
        };
        match around.client.post(post).await {
            Ok(answer) => {
                around.guard.note_answer();
                self.settle(bundle, &answer).await
            }
            Err(error) => {
                // What answers next may be another server, or an older copy.
                around.guard.doubt("a request to it was not answered");
                self.later(false, &error.to_string(), None)
            }
        }
    }

    /// Does what follows from an answer.
    async fn settle(&mut self, bundle: Bundle, answer: &Answer) -> Step {
        let (next, end) = self.around.spool.numbers(&self.collector);
        match judge(&bundle, answer) {
            Verdict::Taken(to) | Verdict::Narrow(to) if to > end => {
                let reason = format!(
                    "the server has records of this spool up to number {to}, and the spool only up to {end}: it is a copy, or older than it \
                     was; delete its directory to begin anew, or put the newer one back"
                );
                self.later(true, &reason, None)
            }
            Verdict::Taken(to) => {
                (self.is_probing, self.void_from) = (false, None);
                self.acknowledge(next, to, &answer.mark).await
            }
            Verdict::Narrow(to) => {
                self.narrow_until = bundle.end;
                self.acknowledge(next, to, &answer.mark).await
            }
            Verdict::SetAside(reason) => self.keep_aside(bundle, answer.status, reason).await,
            Verdict::Forgotten(expected) => self.forgotten(expected, next, &answer.mark),
            Verdict::Later(reason, after) => self.later(false, &reason, after),
            Verdict::Refused(reason) => self.later(true, &reason, None),
        }
    }

    async fn acknowledge(&mut self, next: u64, to: u64, mark: &str) -> Step {
        let (spool, collector, mark) = (self.around.spool.clone(), self.collector.clone(), mark.to_owned());
        if let Err(error) = blocking(move || spool.acknowledge(&collector, to, &mark)).await {
            return self.later(true, &error.to_string(), None);
        }
        self.metrics.delivered.inc_by(to.saturating_sub(next));
        self.around.changes.send_modify(|changes| *changes += 1);
        self.pause = PAUSE_MIN;
        self.set_trouble(None);
        Step::On
    }

    /// Sets the one record of a bundle aside.
    async fn keep_aside(&mut self, bundle: Bundle, status: u16, reason: String) -> Step {
        let Some(mut aside) = self.aside.take() else { return Step::Pause(PAUSE_MAX) };
        let (number, told) = (bundle.first, reason.clone());
        let work = move || {
            let kept = aside.keep(number, status, &reason, &bundle.body);
            (aside, kept)
        };
        let Ok((aside, kept)) = tokio::task::spawn_blocking(work).await else {
            return self.later(true, "setting a record aside failed; start the process again", None);
        };
        let path = aside.path().display().to_string();
        self.aside = Some(aside);
        if let Err(error) = kept {
            return self.later(true, &error.to_string(), None);
        }
        let collector = &self.collector;
        tracing::error!(
            collector,
            number,
            reason = told,
            path,
            "the server refuses a record for good; it is set aside"
        );
        self.metrics.set_aside.inc();
        self.set_aside = Some(number);
        Step::On
    }

    /// The server expects records that it has acknowledged.
    fn forgotten(&mut self, expected: u64, next: u64, mark: &str) -> Step {
        let before = self.around.spool.mark(&self.collector);
        if before.as_deref().is_some_and(|before| before != mark) {
            tracing::info!(
                collector = self.collector,
                expected,
                next,
                "another token counts anew; what the one before delivered is passed over"
            );
            self.void_from = Some(expected);
            self.is_probing = false;
            return Step::On;
        }
        self.is_probing = true;
        self.around.guard.doubt("it has forgotten records");
        let reason = format!(
            "the server has forgotten what it acknowledged: it has the records of this collector up to number {expected}, and had them up \
             to {next}; it was rolled back to an older copy. Put the newer copy back; what is not delivered stays in the spool"
        );
        self.later(true, &reason, None)
    }

    /// Tries again after a pause.
    fn later(&mut self, needs_person: bool, reason: &str, after: Option<Duration>) -> Step {
        self.metrics.failures.inc();
        self.set_trouble(Some((needs_person, reason.to_owned())));
        let pause = after.unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Step::Pause(pause)
    }

    fn set_trouble(&self, trouble: Option<(bool, String)>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.trouble == trouble {
            return;
        }
        let collector = &self.collector;
        match &trouble {
            None => tracing::info!(collector, "delivery goes on"),
            Some((false, reason)) => tracing::warn!(collector, reason, "delivery waits"),
            Some((true, reason)) => tracing::error!(collector, reason, "delivery waits for a person"),
        }
        self.metrics.refused.set(i64::from(matches!(trouble, Some((true, _)))));
        status.trouble = trouble;
        drop(status);
        self.around.changes.send_modify(|changes| *changes += 1);
    }
}

/// Does something that blocks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DurableError> + Send + 'static,
) -> Result<T, DurableError> {
    let ended = |_| DurableError::io("do work beside", "the spool".as_ref())(std::io::Error::other("it ended early"));
    tokio::task::spawn_blocking(work).await.map_err(ended)?
}
