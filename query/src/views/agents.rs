//! The view of agents: what the fold of the fleet knows of each, as the API tells it.

use std::borrow::Cow;

use ledger::LedgerName;

use super::{Cell, Form, Source, Value, View, ViewColumn};
use crate::fleet::AgentRow;

type Read = for<'a> fn(&'a AgentRow) -> Cell<'a>;

const fn column(name: &'static str, form: Form, doc: &'static str, value: Read) -> ViewColumn {
    ViewColumn { name, value: Value::Agent(form, value), doc, content: false }
}

const fn content(name: &'static str, doc: &'static str, value: Read) -> ViewColumn {
    ViewColumn { name, value: Value::Agent(Form::Text, value), doc, content: true }
}

pub(super) const AGENTS: View = View {
    name: "agents",
    ledger: LedgerName::Events,
    doc: "What every agent does now: those that were heard of within a day, or of which an alert is open. It says what `tachograph fleet` \
          and `/api/v1/fleet` say. Money is estimated.",
    columns: COLUMNS,
    source: Source::Agents,
    example: "SELECT state, agent, workspace_name, team, last_summary, micros_per_minute, denied FROM agents ORDER BY attention DESC LIMIT 20",
};

macro_rules! text_if {
    ($field:ident, $doc:literal) => {
        column(stringify!($field), Form::Text, $doc, |row| Cell::text_if(row.$field.as_deref()))
    };
}

macro_rules! number {
    ($field:ident, $doc:literal) => {
        column(stringify!($field), Form::Integer, $doc, |row| Cell::integer(row.$field))
    };
}

macro_rules! number_if {
    ($field:ident, $doc:literal) => {
        column(stringify!($field), Form::Integer, $doc, |row| Cell::Integer(row.$field.map(i64::from)))
    };
}

macro_rules! time {
    ($field:ident, $doc:literal) => {
        column(stringify!($field), Form::Time, $doc, |row| Cell::time(Some(row.$field)))
    };
}

macro_rules! time_if {
    ($field:ident, $doc:literal) => {
        column(stringify!($field), Form::Time, $doc, |row| Cell::time(row.$field))
    };
}

const COLUMNS: &[ViewColumn] = &[
    column("id", Form::Text, "Key and name, which never change, such as agent:ag-17.", |row| Cell::text(&row.id)),
    column("key", Form::Text, "By which name it is known: agent, workspace or session.", |row| Cell::text(row.key)),
    text_if!(agent, "The agent's name."),
    text_if!(org, "Organisation."),
    text_if!(team, "Team."),
    text_if!(user, "The person for whom it works."),
    text_if!(agent_kind, "Its product."),
    text_if!(client, "The client program as the gateway names it."),
    text_if!(workspace, "Id of its workspace."),
    text_if!(workspace_name, "Name of its workspace."),
    text_if!(template, "Id of the workspace's template."),
    text_if!(session, "Its session."),
    text_if!(run, "Task, chat or execution."),
    text_if!(model, "The model that it called last."),
    column(
        "witnesses",
        Form::Texts,
        "Who told of its session, a list: firewall, gateway, hooks, telemetry, managed_settings.",
        |row| Cell::Texts(row.witnesses.iter().map(|word| Cow::Borrowed(*word)).collect()),
    ),
    column(
        "state",
        Form::Text,
        "working, waiting, quiet, repeating, stuck, over_budget, done, failed or lost.",
        |row| Cell::text(row.state.as_str()),
    ),
    time!(since, "Since when it stands so."),
    number!(attention, "How much it needs a person's attention; the highest first."),
    number!(alerts, "Open alerts about it."),
    column("alert_severity", Form::Text, "Severity of the alert to look at first.", |row| {
        Cell::text_if(row.alert_severity)
    }),
    text_if!(alert, "Its id."),
    text_if!(alert_rule, "Its rule."),
    text_if!(alert_title, "Its few words."),
    column("last_position", Form::Text, "Where its newest event stands.", |row| Cell::text(&row.last_position)),
    time!(last_seen, "When that was seen."),
    column("last_kind", Form::Text, "What that was.", |row| Cell::text(&row.last_kind)),
    text_if!(last_outcome, "How that ended."),
    column("last_summary", Form::Text, "A line about it.", |row| Cell::text(&row.last_summary)),
    text_if!(tool, "The tool that it uses."),
    number!(repeats, "How often it did the same in a row."),
    number_if!(exit_code, "Exit code of its last command."),
    column("check_passed", Form::Flag, "Whether its last test run passed.", |row| Cell::Flag(row.check_passed)),
    number_if!(tests_passed, "How many tests passed in it, where it is told."),
    number_if!(tests_total, "Of how many."),
    number!(events_per_minute, "Events in a minute."),
    number!(micros_per_minute, "Money in a minute, in micro-USD."),
    number!(micros_session, "Money of its session, in micro-USD."),
    number!(micros_today, "Money of the day, UTC, in micro-USD."),
    number!(unpriced_calls, "Calls of its session whose model has no price."),
    number!(tokens_in, "Input tokens of its session."),
    number!(tokens_out, "Output tokens of its session."),
    number!(tokens_cache, "Tokens of its session that the provider's cache gave or took."),
    number!(denied, "Requests denied in the last ten minutes."),
    number!(allowed, "Requests allowed in the last ten minutes."),
    number!(denied_session, "Requests of its session that were denied."),
    number!(allowed_session, "Requests of its session that were allowed."),
    number!(new_domains, "Domains of its session that nobody of the fleet asked for before."),
    number!(approvals, "Questions that wait for a person."),
    time_if!(waiting_since, "Since when the oldest of them waits."),
    text_if!(waiting_tool, "The tool that it asks for."),
    time_if!(session_start, "When its session started, as a source told."),
    time_if!(session_end, "When its session ended, as a source told."),
    time!(activity_from, "The first of the sixty minutes of activity."),
    column(
        "activity",
        Form::Text,
        "What each was full of: a acting, t thinking, w waiting, r repeating, o other, a dot for rest.",
        |row| Cell::text(&row.activity),
    ),
    column("activity_events", Form::Texts, "Events in each, a list.", |row| texts(&row.activity_events)),
    column("activity_denied", Form::Texts, "Denied requests in each, a list.", |row| texts(&row.activity_denied)),
    content("task", "The first line of the session's first prompt.", |row| Cell::text_if(row.task.as_deref())),
    content("command", "The command that it runs.", |row| Cell::text_if(row.command.as_deref())),
    content("file", "The file that it reads or writes.", |row| Cell::text_if(row.file.as_deref())),
    content("last_command", "Its last command that ended.", |row| Cell::text_if(row.last_command.as_deref())),
];

fn texts(numbers: &[u32]) -> Cell<'_> {
    Cell::Texts(numbers.iter().map(|number| Cow::Owned(number.to_string())).collect())
}
