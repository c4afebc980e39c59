//! The view of alerts: what the projection `operations::triage` knows of each, as the API tells it.

use std::borrow::Cow;

use ledger::{LedgerName, Position, Seq, Timestamp};
use operations::alert::Measurement;
use operations::triage::{Hiding, Triage, Triaged};

use super::{Cell, Form, Source, Value, View, ViewColumn};

/// One alert at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlertRow<'a> {
    /// The alert.
    pub(crate) triaged: &'a Triaged,
    /// The projection that it is of.
    pub(crate) triage: &'a Triage,
    /// The moment.
    pub(crate) now: Timestamp,
}

impl<'a> AlertRow<'a> {
    fn hidings(&self) -> Vec<Hiding> {
        self.triage.hidings(&self.triaged.alert, self.now)
    }

    fn measured(&self, number: impl Fn(&'a Measurement) -> Option<i64>) -> Cell<'a> {
        Cell::Integer(self.triaged.alert.measured.as_ref().and_then(number))
    }
}

/// Where an entry of `operations` stands.
pub(super) fn place(seq: Seq) -> String {
    Position { ledger: LedgerName::Operations, shard: 0, seq }.to_string()
}

const fn column(
    name: &'static str,
    form: Form,
    doc: &'static str,
    value: for<'a> fn(&AlertRow<'a>) -> Cell<'a>,
) -> ViewColumn {
    ViewColumn { name, value: Value::Alert(form, value), doc, content: false }
}

pub(super) const ALERTS: View = View {
    name: "alerts",
    ledger: LedgerName::Operations,
    doc: "Alerts: the newest revision of each, what people did about it, and what hides it now. It says what \
          `tachograph alerts list` and `/api/v1/alerts` say.",
    columns: COLUMNS,
    source: Source::Alerts,
    example: "SELECT recorded, severity, rule, \"user\", status, assignee, reason FROM alerts WHERE status = 'open' ORDER BY recorded DESC",
};

const COLUMNS: &[ViewColumn] = &[
    column("position", Form::Text, "Where the newest revision stands, such as operations/0/812.", |row| {
        Cell::text(place(row.triaged.revised_seq))
    }),
    column("seq", Form::Unsigned, "The newest revision's sequence number.", |row| {
        Cell::Unsigned(Some(row.triaged.revised_seq.get()))
    }),
    column("recorded", Form::Time, "When the newest revision was recorded.", |row| {
        Cell::time(Some(row.triaged.revised))
    }),
    column("alert", Form::Text, "Id of the alert.", |row| Cell::text(&row.triaged.alert.id)),
    column("revision", Form::Integer, "Number of the newest revision.", |row| {
        Cell::integer(row.triaged.alert.revision)
    }),
    column("rule", Form::Text, "Name of the rule, such as egress.denied_post.", |row| {
        Cell::text(&row.triaged.alert.rule)
    }),
    column("severity", Form::Text, "info, low, medium, high or critical.", |row| {
        Cell::text(row.triaged.alert.severity.as_str())
    }),
    column("state", Form::Text, "open, updated or resolved.", |row| Cell::text(row.triaged.alert.state.as_str())),
    column("title", Form::Text, "A few words.", |row| Cell::text(&row.triaged.alert.title)),
    column("reason", Form::Text, "Why, with the observed value and the baseline.", |row| {
        Cell::text(&row.triaged.alert.reason)
    }),
    column("count", Form::Integer, "Number of events.", |row| Cell::integer(row.triaged.alert.count)),
    column("first_seen", Form::Time, "Event time of the first event.", |row| {
        Cell::time(Some(row.triaged.alert.first_seen))
    }),
    column("last_seen", Form::Time, "Event time of the latest event.", |row| {
        Cell::time(Some(row.triaged.alert.last_seen))
    }),
    column("recorded_first", Form::Time, "When the first event was recorded.", |row| {
        Cell::time(Some(row.triaged.alert.recorded_first))
    }),
    column("org", Form::Text, "Organisation.", |row| Cell::text_if(row.triaged.alert.who.org.as_deref())),
    column("team", Form::Text, "Team.", |row| Cell::text_if(row.triaged.alert.who.team.as_deref())),
    column("user", Form::Text, "The person for whom the agent works.", |row| {
        Cell::text_if(row.triaged.alert.who.user.as_deref())
    }),
    column("agent", Form::Text, "The agent.", |row| Cell::text_if(row.triaged.alert.who.agent.as_deref())),
    column("workspace", Form::Text, "Id of the workspace.", |row| {
        Cell::text_if(row.triaged.alert.who.workspace.as_deref())
    }),
    column("workspace_name", Form::Text, "Name of the workspace.", |row| {
        Cell::text_if(row.triaged.alert.who.workspace_name.as_deref())
    }),
    column("session", Form::Text, "The agent's session.", |row| {
        Cell::text_if(row.triaged.alert.who.session.as_deref())
    }),
    column("host", Form::Text, "Host that it is about.", |row| Cell::text_if(row.triaged.alert.what.host.as_deref())),
    column("domain", Form::Text, "Registrable domain that it is about; of an address the address.", |row| {
        let what = &row.triaged.alert.what;
        Cell::text_if(what.domain.as_deref().or(what.host.as_deref()))
    }),
    column("model", Form::Text, "Model that it is about.", |row| {
        Cell::text_if(row.triaged.alert.what.model.as_deref())
    }),
    column("tool", Form::Text, "Tool that it is about.", |row| Cell::text_if(row.triaged.alert.what.tool.as_deref())),
    column(
        "evidence",
        Form::Texts,
        "Positions of the events behind it, a list: JOIN events ON events.position = ANY(evidence).",
        |row| Cell::Texts(row.triaged.alert.evidence.iter().map(|position| position.to_string().into()).collect()),
    ),
    column("tags", Form::Texts, "ATLAS and ATT&CK techniques, a list.", |row| {
        Cell::Texts(row.triaged.alert.tags.iter().map(|tag| Cow::Borrowed(tag.as_str())).collect())
    }),
    column("backfill", Form::Flag, "Whether all its events were old when they were recorded.", |row| {
        Cell::Flag(Some(row.triaged.alert.backfill))
    }),
    column("lowered_from", Form::Text, "How bad its rule calls it, where the alert budget tells it at low.", |row| {
        Cell::text_if(row.triaged.alert.lowered_from.map(operations::alert::Severity::as_str))
    }),
    column(
        "measured",
        Form::Text,
        "What was measured, such as denied requests; null if the rule has no number.",
        |row| Cell::text_if(row.triaged.alert.measured.as_ref().map(|measured| measured.what.as_str())),
    ),
    column(
        "unit",
        Form::Text,
        "What one is of the next numbers: count, bytes, seconds, micro_usd, tokens or percent.",
        |row| Cell::text_if(row.triaged.alert.measured.as_ref().map(|measured| measured.unit.as_str())),
    ),
    column("observed", Form::Integer, "The value that was measured.", |row| {
        row.measured(|measured| Some(measured.observed))
    }),
    column("window_seconds", Form::Integer, "Over how many seconds it was added up or counted.", |row| {
        row.measured(|measured| measured.window_seconds.map(i64::from))
    }),
    column("threshold", Form::Integer, "The fixed value that the rule compares with.", |row| {
        row.measured(|measured| measured.limit)
    }),
    column("usual_low", Form::Integer, "The lower end of what is usual.", |row| {
        row.measured(|measured| measured.usual.map(|usual| usual.low))
    }),
    column("usual_high", Form::Integer, "The upper end of what is usual.", |row| {
        row.measured(|measured| measured.usual.map(|usual| usual.high))
    }),
    column("observations", Form::Integer, "From how many observations that is known.", |row| {
        row.measured(|measured| measured.observations.and_then(|number| number.try_into().ok()))
    }),
    column("status", Form::Text, "open, acknowledged, resolved or closed: where it stands, for people.", |row| {
        Cell::text(row.triaged.status().as_str())
    }),
    column("version", Form::Integer, "Number of steps in its life.", |row| Cell::integer(row.triaged.version())),
    column("opened", Form::Time, "When its first revision was recorded.", |row| Cell::time(Some(row.triaged.opened))),
    column("reopened", Form::Time, "When it was opened again, by a person or by a later revision.", |row| {
        Cell::time(row.triaged.reopened)
    }),
    column("acknowledged_by", Form::Text, "Who looks after it.", |row| {
        Cell::text_if(row.triaged.acknowledged().map(|acknowledged| acknowledged.by.actor.as_str()))
    }),
    column("acknowledged", Form::Time, "Since when.", |row| {
        Cell::time(row.triaged.acknowledged().map(|acknowledged| acknowledged.by.recorded))
    }),
    column("assignee", Form::Text, "Who is to look after it.", |row| Cell::text_if(row.triaged.assignee.as_deref())),
    column("closed_by", Form::Text, "Who closed it.", |row| {
        Cell::text_if(row.triaged.closed.as_ref().map(|closed| closed.by.actor.as_str()))
    }),
    column("closed", Form::Time, "When.", |row| {
        Cell::time(row.triaged.closed.as_ref().map(|closed| closed.by.recorded))
    }),
    column("close_reason", Form::Text, "true_positive, benign, false_positive or duplicate.", |row| {
        Cell::text_if(row.triaged.closed.as_ref().map(|closed| closed.reason.as_str()))
    }),
    column("duplicate_of", Form::Text, "The alert that says the same.", |row| {
        Cell::text_if(row.triaged.closed.as_ref().and_then(|closed| closed.duplicate_of.as_deref()))
    }),
    column("notes", Form::Integer, "Number of notes.", |row| Cell::integer(row.triaged.notes)),
    column("escalated", Form::Texts, "The steps of escalation that happened since it waits, a list.", |row| {
        Cell::Texts(row.triaged.escalated.iter().map(|step| Cow::Borrowed(step.step.as_str())).collect())
    }),
    column("hidden", Form::Flag, "Whether nobody is told of it now.", |row| {
        Cell::Flag(Some(!row.hidings().is_empty()))
    }),
    column(
        "hidden_by",
        Form::Texts,
        "The silences, maintenance windows, inhibitions and benign closes of the same shape that hide it now, a list.",
        |row| Cell::Texts(row.hidings().iter().map(|hiding| hiding.by.to_string().into()).collect()),
    ),
    column("hidden_until", Form::Time, "When the last of them ends; null if that depends on another alert.", |row| {
        let ends: Option<Vec<Timestamp>> = row.hidings().iter().map(|hiding| hiding.until).collect();
        Cell::time(ends.and_then(|ends| ends.into_iter().max()))
    }),
    column("group_key", Form::Text, "What it has in common with alerts that are told together.", |row| {
        Cell::text(row.triage.policy().group_key(&row.triaged.alert))
    }),
];
