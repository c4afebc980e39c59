//! How a worker starts, and when a message may go.

use ledger::Seq;
use ledger::consumer::{Halt, Source};
use operations::fold::Exported;
use operations::kind::export::Link;

use std::sync::PoisonError;

use super::plan::Plan;
use super::state_store::{StateEntry, StateStore};
use super::token_bucket::TokenBucket;
use super::{Result, SinkWorker};
use crate::config::SinkConfig;
use crate::sink::Start;

/// A range of a ledger that is sent beside what is new, and its pace.
#[derive(Debug)]
pub struct Backfill {
    /// Where it begins,
    pub from: Seq,
    /// and ends.
    pub to: Seq,
    /// The number of the first record.
    pub export_seq: u64,
    /// The record that this one refers to, if records are linked.
    pub previous: Option<Link>,
    /// When the next record may go.
    pub record_bucket: TokenBucket,
}

impl Backfill {
    /// Where it stands by its own receipts and intents, which begin at its range.
    fn stand(&self, exported: Option<Exported>) -> Exported {
        match exported {
            Some(exported) if exported.receipt.is_some() => exported,
            exported => {
                let intent = exported.and_then(|exported| exported.intent);
                Exported { next_seq: self.from, export_seq: self.export_seq, intent, ..Exported::default() }
            }
        }
    }
}

impl<F: Source, S: StateStore> SinkWorker<F, S> {
    /// Where the sink stands. A new sink first records where it starts, so that its receipts tile the ledger.
    pub(super) async fn start(&mut self) -> Result<Plan> {
        let exported = self.recorder.journal().exported()?;
        let new = exported.is_none() && self.backfill.is_none();
        let (limit, rendering) = (self.config.limits().records, self.selection.rendering().map(ToOwned::to_owned));
        let end = self.consumer.durable()?.next_seq;
        let exported = match &self.backfill {
            Some(backfill) => backfill.stand(exported),
            None => exported.unwrap_or_default(),
        };
        let mut plan = Plan::new(exported, limit, end, self.pace(), rendering);
        if let Some(Backfill { to, previous, .. }) = &self.backfill {
            plan = plan.bounded(*to, previous.clone());
        }
        self.consumer.seek(plan.next_seq());
        if new && self.config.start() == Start::Now {
            self.consumer.seek(end);
            let mut entries: Vec<StateEntry> = plan.jump(end).into_iter().collect();
            self.flush(&plan, &mut entries).await?;
        }
        self.consumer.unless_stopped(self.recorder.journal_mut().open()).await??;
        let dead = self.recorder.journal_mut().outbox()?.dead().len() as u64;
        self.update_status(&plan, |status| status.dead = dead);
        let SinkConfig { common, spec, .. } = &self.config;
        let (sink, position) = (&common.name, plan.next_seq().get());
        let ledger = self.status.lock().unwrap_or_else(PoisonError::into_inner).ledger.as_str();
        tracing::info!(sink, r#type = spec.kind, place = self.config.place(), ledger, position, "the sink starts");
        self.look_for_secrets(&plan);
        Ok(plan)
    }

    /// Says what the sink will wait for, before there is anything to send; or that it need not any more.
    pub(super) fn look_for_secrets(&self, plan: &Plan) {
        let missing = self.config.missing_secrets();
        self.update_status(plan, |status| {
            if !missing.is_empty() {
                (status.parked, status.last_error) = (true, Some(missing.join("; ")));
            } else if std::mem::take(&mut status.parked) {
                status.last_error = None;
            }
        });
    }

    /// Waits until a message of so many records may go, and counts it.
    pub(super) async fn wait_for_token(&mut self, plan: &Plan, records: usize) -> Result<()> {
        let of_records = self.backfill.as_ref().map(|backfill| backfill.record_bucket.ready_at());
        let ready_at = of_records.map_or(self.token_bucket.ready_at(), |at| at.max(self.token_bucket.ready_at()));
        let ready = tokio::time::sleep_until(ready_at);
        tokio::select! {
            biased;
            () = self.pause.cancelled(), if self.ahead.len() == 0 => return Err(Halt::Stopped),
            waited = self.consumer.unless_stopped(self.shown_during(plan, ready)) => waited?,
        }
        self.token_bucket.take(1);
        if let Some(backfill) = &mut self.backfill {
            backfill.record_bucket.take(records);
        }
        Ok(())
    }
}
