//! What one live stream looks at in each tick, topic by topic, and how it is written. It blocks: it reads what became durable.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ledger::{LedgerError, LedgerName, Position, Reader, Seq, Timestamp};
use operations::triage::{Triage, TriageService, Triaged};
use query::fleet::{AgentRow, Counters, Filter, FleetPlace, FleetService, FleetView, Ticks};
use serde_json::{Value, json};

use crate::alerts::now;
use crate::fleet::render;
use crate::limits;
use crate::server::Server;
use crate::tail_filter::time_text;

/// What a stream can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Agents that changed, and what all of them come to.
    Fleet,
    /// The newest events, and how many there are.
    Events,
    /// Alerts that changed, and how many are open.
    Alerts,
    /// How far the ledger and its checkpoint are.
    Head,
}

impl Topic {
    pub(super) const ALL: [Self; 4] = [Self::Fleet, Self::Events, Self::Alerts, Self::Head];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Events => "events",
            Self::Alerts => "alerts",
            Self::Head => "head",
        }
    }
}

/// One stream between two ticks.
pub(super) struct Live {
    fleet: Arc<FleetService>,
    triage: Arc<TriageService>,
    /// Of `events` and `operations`.
    readers: [Reader; 2],
    topics: Vec<Topic>,
    content: bool,
    /// Where the client comes from; `None` before the first tick settled it.
    asked: Option<(Option<Seq>, Option<Seq>)>,
    /// The next rows of the topics `events` and `alerts`.
    place: FleetPlace,
    sweep: Sweep,
    totals: Option<(Counters, Timestamp)>,
    head: Option<(Value, Timestamp)>,
    /// The checkpoint, and when another one was there before.
    checkpoint: Option<(String, Option<Timestamp>)>,
    told: Option<String>,
    /// Who knows what the newest verification found.
    server: Option<Arc<dyn Server>>,
}

/// A walk over the agents that changed: in pieces, so that many of them take turns.
#[derive(Debug, Default)]
struct Sweep {
    /// What changed before was sent.
    from: FleetPlace,
    /// How far the fold was when it began.
    begun: FleetPlace,
    begun_at: Timestamp,
    /// The last agent of the piece before.
    after: Option<u64>,
    /// Also those that time changed since.
    before: Option<Timestamp>,
    /// When those were sent last.
    pulsed: Timestamp,
}

/// What was seen of the fleet in one look.
struct Seen {
    place: FleetPlace,
    agents: Vec<AgentRow>,
    counters: Option<Counters>,
    ticks: Option<Ticks>,
    open: Value,
}

impl Live {
    pub(super) fn begin(
        fleet: Arc<FleetService>,
        triage: Arc<TriageService>,
        readers: [Reader; 2],
        topics: Vec<Topic>,
        content: bool,
        from: (Option<Seq>, Option<Seq>),
    ) -> Self {
        Self {
            fleet,
            triage,
            readers,
            topics,
            content,
            asked: Some(from),
            place: FleetPlace::default(),
            sweep: Sweep::default(),
            totals: None,
            head: None,
            checkpoint: None,
            told: None,
            server: None,
        }
    }

    /// Tells with the head what the newest verification found.
    pub(super) fn with_verdict(self, server: Arc<dyn Server>) -> Self {
        Self { server: Some(server), ..self }
    }

    fn is_about(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    /// What changed since the last tick, as events; empty if nothing did.
    pub(super) fn update(&mut self) -> Result<String, LedgerError> {
        self.update_at(now())
    }

    fn update_at(&mut self, now: Timestamp) -> Result<String, LedgerError> {
        let mut text = String::new();
        let fleet = Arc::clone(&self.fleet);
        let is_first = self.asked.is_some();
        let seen = fleet.read(now, |view| {
            if let Some(asked) = self.asked.take()
                && self.settle(asked, view)
            {
                event(
                    &mut text,
                    "resync",
                    &json!({ "topics": self.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>() }),
                );
            }
            self.see(view)
        })?;
        if !seen.agents.is_empty() || seen.counters.is_some() {
            let agents: Vec<Value> = seen.agents.into_iter().map(|row| render::agent(row, self.content)).collect();
            event(
                &mut text,
                "fleet",
                &json!({ "agents": agents, "counters": seen.counters.as_ref().map(render::counters) }),
            );
        }
        if let Some(ticks) = seen.ticks.filter(|ticks| ticks.events > 0) {
            event(&mut text, "events", &shown_ticks(&ticks, self.content));
        }
        if self.is_about(Topic::Alerts) && (is_first || seen.place.operations > self.place.operations) {
            self.alerts(is_first, &seen.open, &mut text)?;
        }
        self.place = seen.place;
        if self.is_about(Topic::Head) {
            self.head(now, &mut text)?;
        }
        let id = render::place(self.reached());
        if !text.is_empty() && self.told.as_ref() != Some(&id) {
            // An event without data only moves `Last-Event-ID`.
            let _ = write!(text, "id: {id}\n\n");
            self.told = Some(id);
        }
        Ok(text)
    }

    /// Where the stream begins. Whether the client must load everything anew: it is too far behind, or it comes from a ledger that is
    /// no longer there.
    fn settle(&mut self, asked: (Option<Seq>, Option<Seq>), view: &FleetView<'_>) -> bool {
        let end = view.place;
        let events = asked.0.unwrap_or(end.events);
        let operations = asked.1.unwrap_or(end.operations);
        let is_ahead = events > end.events.skip(view.behind) || operations > end.operations;
        let is_behind = end.events.distance_from(events) > limits::STREAM_BEHIND_MAX;
        let is_lost = is_ahead || is_behind;
        self.place = if is_lost { end } else { FleetPlace { events: events.min(end.events), operations } };
        self.sweep = Sweep { from: self.place, pulsed: view.now, ..Sweep::default() };
        is_lost
    }

    fn see(&mut self, view: &FleetView<'_>) -> Seen {
        let (mut agents, mut counters) = (Vec::new(), None);
        if self.is_about(Topic::Fleet) {
            agents = self.sweep.piece(view);
            counters = self.totals(view);
        }
        let ticks = self.is_about(Topic::Events).then(|| view.ticks(self.place.events, limits::STREAM_EVENTS_MAX));
        let open = view.open_alerts().map(|(severity, count)| (severity.to_owned(), count.into())).collect();
        Seen { place: view.place, agents, counters, ticks, open: Value::Object(open) }
    }

    /// The totals, if they are others than those that were sent and these were sent a while ago.
    fn totals(&mut self, view: &FleetView<'_>) -> Option<Counters> {
        let is_due = |at: Timestamp| view.now.since(at) >= limits::STREAM_TOTALS_EVERY;
        if self.totals.as_ref().is_some_and(|(_, at)| !is_due(*at)) {
            return None;
        }
        let counters = view.counters(&Filter::default());
        let is_new = self.totals.as_ref().is_none_or(|(sent, _)| *sent != counters);
        self.totals = Some((counters.clone(), view.now));
        is_new.then_some(counters)
    }

    /// Alerts about which anything was recorded since the last tick, with how many are open.
    fn alerts(&self, is_first: bool, open: &Value, text: &mut String) -> Result<(), LedgerError> {
        let from = self.place.operations;
        let read = |triage: &Triage| {
            let mut changed: Vec<&Triaged> = triage.iter().filter(|triaged| newest(triaged) >= from).collect();
            changed.sort_unstable_by_key(|triaged| newest(triaged));
            (changed.len() <= limits::STREAM_ALERTS_MAX)
                .then(|| changed.into_iter().map(shown_alert).collect::<Vec<_>>())
        };
        match self.triage.read(read)? {
            Some(changed) if changed.is_empty() && !is_first => {}
            Some(changed) => event(text, "alerts", &json!({ "alerts": changed, "open": open })),
            None => event(text, "resync", &json!({ "topics": [Topic::Alerts.as_str()] })),
        }
        Ok(())
    }

    /// How far the ledger is, once a second, if it went on.
    fn head(&mut self, now: Timestamp, text: &mut String) -> Result<(), LedgerError> {
        if self.head.as_ref().is_some_and(|(_, at)| now.since(*at) < Duration::from_secs(1)) {
            return Ok(());
        }
        let [events, _] = &self.readers;
        let durable = events.durable()?;
        if let Some(read) = events.checkpoint()?
            && self.checkpoint.as_ref().is_none_or(|(known, _)| *known != read)
        {
            self.checkpoint = Some((read, self.checkpoint.is_some().then_some(now)));
        }
        let checkpoint = self.checkpoint.as_ref().map(|(note, since)| shown_checkpoint(note, *since, now));
        let last = (durable.next_seq > Seq::FIRST)
            .then(|| Position { ledger: LedgerName::Events, shard: 0, seq: durable.next_seq.back(1) }.to_string());
        let shown = json!({
            "position": last,
            "batches": durable.batches,
            "recorded_until": time_text(durable.recorded_until),
            "checkpoint": checkpoint,
            "verification": self.server.as_ref().map(|server| server.verification()),
        });
        if self.head.as_ref().is_none_or(|(sent, _)| *sent != shown) {
            event(text, "head", &shown);
        }
        self.head = Some((shown, now));
        Ok(())
    }

    /// How far everything was sent.
    fn reached(&self) -> FleetPlace {
        if !self.is_about(Topic::Fleet) {
            return self.place;
        }
        let FleetPlace { events, operations } = self.sweep.from;
        FleetPlace { events: events.min(self.place.events), operations: operations.min(self.place.operations) }
    }
}

impl Sweep {
    /// The next agents that changed.
    fn piece(&mut self, view: &FleetView<'_>) -> Vec<AgentRow> {
        if self.after.is_none() {
            (self.begun, self.begun_at) = (view.place, view.now);
            self.before = (view.now.since(self.pulsed) >= limits::STREAM_PULSE).then_some(self.pulsed);
        }
        let rows = view.changed(self.from, self.before, self.after, limits::STREAM_AGENTS_MAX);
        self.after = rows.last().filter(|_| rows.len() == limits::STREAM_AGENTS_MAX).map(|(id, _)| *id);
        if self.after.is_none() {
            self.from = self.begun;
            if self.before.is_some() {
                self.pulsed = self.begun_at;
            }
        }
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Where the newest entry about an alert stands.
fn newest(triaged: &Triaged) -> Seq {
    triaged.seq.max(triaged.revised_seq)
}

fn shown_alert(triaged: &Triaged) -> Value {
    let (alert, who) = (&triaged.alert, &triaged.alert.who);
    json!({
        "id": alert.id,
        "revision": alert.revision,
        "severity": alert.severity.as_str(),
        "status": triaged.status().as_str(),
        "rule": alert.rule,
        "title": alert.title,
        "reason": alert.reason,
        "team": who.team,
        "user": who.user,
        "agent": who.agent,
        "workspace": who.workspace,
        "workspace_name": who.workspace_name,
        "session": who.session,
        "position": crate::alerts::place(newest(triaged)),
        "revised": time_text(triaged.revised),
    })
}

fn shown_ticks(ticks: &Ticks, content: bool) -> Value {
    let Ticks { rows, events, per_second } = ticks;
    let one_in = events.div_ceil((rows.len() as u64).max(1));
    let rows: Vec<Value> = rows.iter().map(|row| render::ticked(row, content)).collect();
    json!({ "rows": rows, "events": events, "per_second": per_second, "one_in": one_in })
}

/// The size and the root of a checkpoint, and how old it is; `null` while it is the first that this stream saw.
fn shown_checkpoint(note: &str, since: Option<Timestamp>, now: Timestamp) -> Value {
    let mut lines = note.lines().skip(1);
    let (size, root) = (lines.next(), lines.next());
    json!({
        "size": size.and_then(|size| size.parse::<u64>().ok()),
        "root": root,
        "age_seconds": since.map(|since| now.since(since).as_secs()),
    })
}

/// Writes an event. JSON has no line breaks; writing to a text cannot fail.
fn event(text: &mut String, name: &str, data: &Value) {
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}
