//! What becomes of an order about one sink: its entry, and then what it says.

use ledger::{AppendError, Entry, Group};
use operations::fold::{Projection, SinkOrders};
use operations::kind::Envelope;
use operations::kind::export::{RETRY, Retry};
use operations::kind::sink_order::{
    BACKFILL, BACKFILL_END, BackfillEnd, BackfillOutcome, PAUSE, Pause, RESUME, Resume, SinkOrder, backfill_of,
};
use operations::limits::REASON_BYTES_MAX;

use super::Exporter;
use super::control::{Begun, ControlError};
use super::lane::Lane;
use crate::backfill::Ranged;

impl Exporter {
    /// Does what is ordered of a sink.
    pub(super) async fn obey(
        &mut self,
        sink: &str,
        actor: &str,
        order: SinkOrder,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<(), ControlError> {
        let first = self.of(sink).next().ok_or_else(|| ControlError::NoSink(sink.to_owned()))?;
        let by_configuration = first.is_paused_by_configuration();
        let is_paused = ordered.get().paused(sink).is_some();
        let envelope = Envelope { subject: sink, actor, ..Envelope::default() };
        match order {
            SinkOrder::Retry => {
                if is_paused || by_configuration {
                    return Err(ControlError::Paused(sink.to_owned()));
                }
                self.record(RETRY.entry(&envelope, &Retry {})?).await?;
                self.of(sink).for_each(|lane| _ = lane.wake());
            }
            SinkOrder::Pause { reason } => {
                check_reason(reason.as_deref())?;
                if !is_paused {
                    self.pause(&envelope, reason, ordered).await?;
                }
            }
            SinkOrder::Resume => {
                if is_paused {
                    self.resume(&envelope, ordered).await?;
                }
                if by_configuration {
                    return Err(ControlError::PausedByConfiguration(sink.to_owned()));
                }
            }
            SinkOrder::Cancel { backfill } => {
                if !ordered.get().backfills(sink).any(|open| open.record.number == backfill) {
                    return Err(ControlError::NoBackfill(backfill));
                }
                self.end(&envelope, backfill, BackfillOutcome::Cancelled, ordered).await?;
            }
        }
        Ok(())
    }

    async fn pause(
        &self,
        envelope: &Envelope<'_>,
        reason: Option<String>,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<(), ControlError> {
        if !ordered.get().has_room() {
            return Err(ControlError::TooMany);
        }
        let (sink, actor) = (envelope.subject, envelope.actor);
        self.record(PAUSE.entry(envelope, &Pause { reason })?).await?;
        ordered.catch_up()?;
        if let Some(paused) = ordered.get().paused(sink) {
            tracing::info!(sink, actor, "the sink is to stand still");
            self.of(sink).for_each(|lane| lane.pause(paused));
        }
        Ok(())
    }

    async fn resume(
        &mut self,
        envelope: &Envelope<'_>,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<(), ControlError> {
        let (sink, actor) = (envelope.subject, envelope.actor);
        self.record(RESUME.entry(envelope, &Resume {})?).await?;
        ordered.catch_up()?;
        tracing::info!(sink, actor, "the sink goes on");
        let Self { lanes, plant, manner, .. } = self;
        for lane in lanes.iter_mut().filter(|lane| lane.sink() == sink) {
            lane.resume(plant, manner).await;
        }
        Ok(())
    }

    /// Begins a backfill. The configuration may have changed since its range was looked at.
    pub(super) async fn begin(
        &mut self,
        sink: &str,
        actor: &str,
        ranged: Ranged,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<Begun, ControlError> {
        let Ranged { from, to, mut record } = ranged;
        check_reason(record.reason.as_deref())?;
        let Some(lane) = self.of(sink).last() else { return Err(ControlError::NoSink(sink.to_owned())) };
        if lane.configuration().schema().is_none() {
            return Err(ControlError::NoStream(sink.to_owned()));
        }
        let (number, configuration) = (ordered.get().next_backfill(sink), lane.configuration().clone());
        record.number = number.ok_or_else(|| ControlError::TooManyBackfills(sink.to_owned()))?;
        let (first, end) = (from.to_string(), to.to_string());
        let envelope = Envelope { subject: sink, actor, from: Some(&first), to: Some(&end), revision: None };
        let entry = BACKFILL.entry(&envelope, &record)?;
        self.record(entry).await?;
        ordered.catch_up()?;
        let open = ordered.get().backfills(sink).find(|open| open.record.number == record.number);
        let Some(open) = open else { return Err(ControlError::NoBackfill(record.number)) };
        let mut lane = Lane::of_backfill(&self.plant, configuration, open)
            .map_err(|error| ControlError::BadRange(error.to_string()))?;
        lane.start(&self.plant, &self.manner, ordered.get().paused(sink));
        let begun = Begun { name: lane.name().to_owned(), number: record.number, from, to };
        let at = self.lanes.iter().rposition(|other| other.sink() == sink).map_or(self.lanes.len(), |at| at + 1);
        self.lanes.insert(at, lane);
        self.shown.show(&self.lanes);
        Ok(begun)
    }

    /// A backfill is done.
    pub(super) async fn finish(&mut self, name: &str, ordered: Option<&mut Projection<SinkOrders>>) {
        let (Some((sink, number)), Some(ordered)) = (backfill_of(name), ordered) else { return };
        let envelope = Envelope { subject: sink, actor: "export", ..Envelope::default() };
        if let Err(error) = self.end(&envelope, number, BackfillOutcome::Done, ordered).await {
            tracing::warn!(backfill = name, %error, "it is done, which the next start will record");
        }
    }

    /// Ends a backfill, and shows nothing more of it.
    async fn end(
        &mut self,
        envelope: &Envelope<'_>,
        number: u64,
        outcome: BackfillOutcome,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<(), ControlError> {
        let is_of = |lane: &Lane| {
            lane.sink() == envelope.subject && lane.backfill().is_some_and(|open| open.record.number == number)
        };
        // Its last receipt stands before its end.
        for lane in self.lanes.iter_mut().filter(|lane| is_of(lane)) {
            lane.end().await;
        }
        let entry = BACKFILL_END.entry(envelope, &BackfillEnd { number, outcome })?;
        self.record(entry).await?;
        ordered.catch_up()?;
        for lane in self.lanes.extract_if(.., |lane| is_of(lane)) {
            self.plant.metrics.forget(lane.name(), lane.ledger());
        }
        self.shown.show(&self.lanes);
        Ok(())
    }

    /// The lanes of a sink: what is new, then its backfills.
    pub(super) fn of(&self, sink: &str) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(move |lane| lane.sink() == sink)
    }

    async fn record(&self, entry: Entry) -> Result<(), AppendError> {
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(&entry)?;
        self.plant.operations.appender().append(group).await.map(|_| ())
    }
}

fn check_reason(reason: Option<&str>) -> Result<(), ControlError> {
    if reason.is_some_and(|reason| reason.len() > REASON_BYTES_MAX) { Err(ControlError::LongReason) } else { Ok(()) }
}
