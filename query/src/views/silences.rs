//! The view of silences and maintenance windows: what the projection `operations::triage` knows of each, as the API tells it.

use ledger::LedgerName;
use ledger::Timestamp;
use operations::triage::StandingSilence;

use super::alerts::place;
use super::{Cell, Form, Source, Value, View, ViewColumn};

/// One silence or maintenance window at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SilenceRow<'a> {
    /// The silence.
    pub(crate) standing: &'a StandingSilence,
    /// The moment.
    pub(crate) now: Timestamp,
}

const fn column(
    name: &'static str,
    form: Form,
    doc: &'static str,
    value: for<'a> fn(&SilenceRow<'a>) -> Cell<'a>,
) -> ViewColumn {
    ViewColumn { name, value: Value::Silence(form, value), doc, content: false }
}

pub(super) const SILENCES: View = View {
    name: "silences",
    ledger: LedgerName::Operations,
    doc: "Silences and maintenance windows: what nobody is told of, when and why. It says what `/api/v1/silences` says.",
    columns: COLUMNS,
    source: Source::Silences,
    example: "SELECT recorded, author, reason, matchers, ends FROM silences WHERE state = 'active' ORDER BY recorded DESC",
};

const COLUMNS: &[ViewColumn] = &[
    column("position", Form::Text, "Where the entry that began it stands.", |row| Cell::text(place(row.standing.seq))),
    column("seq", Form::Unsigned, "That entry's sequence number.", |row| Cell::Unsigned(Some(row.standing.seq.get()))),
    column("recorded", Form::Time, "When it was recorded.", |row| Cell::time(Some(row.standing.by.recorded))),
    column("silence", Form::Text, "Id of the silence or maintenance window.", |row| Cell::text(&row.standing.id)),
    column("kind", Form::Text, "silence or maintenance.", |row| Cell::text(row.standing.kind.word())),
    column("state", Form::Text, "active, waiting or over.", |row| Cell::text(row.standing.state(row.now).as_str())),
    column("author", Form::Text, "Who recorded it.", |row| Cell::text(&row.standing.by.actor)),
    column("reason", Form::Text, "Why.", |row| Cell::text(&row.standing.silence.reason)),
    column("matchers", Form::Texts, "What is hidden, a list; all must hold.", |row| {
        Cell::Texts(row.standing.silence.matchers.iter().map(|matcher| matcher.to_string().into()).collect())
    }),
    column("filter", Form::Text, "The filter that must hold beside them.", |row| {
        Cell::Text(row.standing.silence.filter.as_ref().map(|filter| filter.to_string().into()))
    }),
    column("starts", Form::Time, "From when on.", |row| Cell::time(Some(row.standing.silence.starts))),
    column("ends", Form::Time, "Until when; of a window that comes back, the first time.", |row| {
        Cell::time(Some(row.standing.silence.ends))
    }),
    column("every_seconds", Form::Integer, "From one start to the next.", |row| {
        Cell::Integer(row.standing.silence.every_seconds.and_then(|seconds| seconds.try_into().ok()))
    }),
    column("until", Form::Time, "When the repetition ends.", |row| Cell::time(row.standing.silence.until)),
    column("active_until", Form::Time, "When it stops hiding; null if it hides nothing now.", |row| {
        Cell::time(row.standing.active_until(row.now))
    }),
    column("would_have_hidden", Form::Integer, "Alerts of the seven days before that it would have hidden.", |row| {
        Cell::integer(row.standing.would_have_hidden)
    }),
    column("expired", Form::Time, "When it was ended early.", |row| {
        Cell::time(row.standing.expired.as_ref().map(|by| by.recorded))
    }),
    column("expired_by", Form::Text, "Who ended it early.", |row| {
        Cell::text_if(row.standing.expired.as_ref().map(|by| by.actor.as_str()))
    }),
];
