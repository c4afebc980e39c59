//! The one list of words of filters: what each stands for in records, alerts and sessions. The reference derives from it.
//!
//! A column of a ledger that no word names is reached by its own name, and one whose name is a word by `column.` before it.

use ledger::events::column as event;
use ledger::operations::column as operation;
use ledger::{LedgerName, Table};

use super::{Place, Subject, Unit};

/// Where a word looks in the rows of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Rows do not have it.
    None,
    /// The column with this id.
    One(u8),
    /// Each of two columns.
    Any([u8; 2]),
    /// The first of two columns that has a value.
    First([u8; 2]),
    /// A field of the JSON in `record`.
    Record(&'static str),
}

impl Source {
    /// The columns that it reads.
    pub fn ids(&self) -> &[u8] {
        match self {
            Self::None | Self::Record(_) => &[],
            Self::One(id) => std::slice::from_ref(id),
            Self::Any(ids) | Self::First(ids) => ids,
        }
    }
}

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// Other words for the same.
    pub aliases: &'static [&'static str],
    /// One sentence for the reference.
    pub doc: &'static str,
    /// How its values are written.
    pub unit: Unit,
    /// The values that there are, if these are few.
    pub values: &'static [&'static str],
    /// Where it looks in `events`,
    pub events: Source,
    /// in `operations`,
    pub operations: Source,
    /// in alerts: names of columns of the view,
    pub alerts: &'static [&'static str],
    /// and in sessions: names of columns of the view.
    pub sessions: &'static [&'static str],
    /// Whether it says what people did about an alert.
    pub is_of_people: bool,
}

/// The words of outcomes.
const OUTCOMES: &[&str] = &["allow", "deny", "success", "error", "blocked"];
/// The words of severities, mildest first.
pub const SEVERITIES: &[&str] = &["info", "low", "medium", "high", "critical"];
/// The words of where alerts stand.
pub(super) const STATUSES: &[&str] = &["open", "acknowledged", "resolved", "closed"];

/// A word that nothing has yet.
const fn word(word: &'static str, doc: &'static str) -> Word {
    Word {
        word,
        aliases: &[],
        doc,
        unit: Unit::Text,
        values: &[],
        events: Source::None,
        operations: Source::None,
        alerts: &[],
        sessions: &[],
        is_of_people: false,
    }
}

/// A word for a column of `events`.
const fn of_event(name: &'static str, id: u8, doc: &'static str) -> Word {
    Word { events: Source::One(id), ..word(name, doc) }
}

/// A number of a session.
const fn of_session(name: &'static str, columns: &'static [&'static str], unit: Unit, doc: &'static str) -> Word {
    Word { unit, sessions: columns, ..word(name, doc) }
}

impl Word {
    const fn alias(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn alerts(self, alerts: &'static [&'static str]) -> Self {
        Self { alerts, ..self }
    }

    const fn sessions(self, sessions: &'static [&'static str]) -> Self {
        Self { sessions, ..self }
    }

    const fn values(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }

    const fn unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    const fn operations(self, operations: Source) -> Self {
        Self { operations, ..self }
    }

    /// Whether it reads just the column of its own name, in both ledgers alike.
    pub(super) fn is_column(&self, place: &Place) -> bool {
        let one = |source: Source| match source {
            Source::One(id) => Some(id),
            _ => None,
        };
        matches!(place, Place::Column { events, operations, .. } if *events == one(self.events) && *operations == one(self.operations))
    }

    const fn of_people(self) -> Self {
        Self { is_of_people: true, ..self }
    }
}

/// All words.
pub const ALL: &[Word] = &[
    of_event("kind", event::KIND.id(), "What happened: egress.http, model.call, tool.call, command, ….")
        .operations(Source::One(operation::KIND.id())),
    of_event("outcome", event::OUTCOME.id(), "How it ended.").alias(&["action"]).values(OUTCOMES),
    of_event("org", event::ORG.id(), "Organisation.").alerts(&["org"]).sessions(&["org"]),
    of_event("team", event::TEAM.id(), "Team.").alerts(&["team"]).sessions(&["team"]),
    of_event("user", event::USER.id(), "The person for whom the agent works.").alerts(&["user"]).sessions(&["user"]),
    of_event("agent", event::AGENT.id(), "The agent.").alerts(&["agent"]).sessions(&["agent"]),
    of_event("product", event::AGENT_KIND.id(), "The agent's product, such as claude_code.").sessions(&["agent_kind"]),
    Word {
        events: Source::Any([event::WORKSPACE.id(), event::WORKSPACE_NAME.id()]),
        ..word("workspace", "The workspace, by its id or by its name.")
    }
    .alerts(&["workspace", "workspace_name"])
    .sessions(&["workspace", "workspace_name"]),
    of_event("session", event::SESSION.id(), "The agent's session.").alerts(&["session"]).sessions(&["session"]),
    of_event("model", event::MODEL.id(), "Model.").alerts(&["model"]),
    of_event("client", event::CLIENT.id(), "The client program as the gateway names it."),
    of_event("tool", event::TOOL.id(), "Tool.").alerts(&["tool"]),
    of_event("host", event::HOST.id(), "Host name or address.").alerts(&["host"]),
    Word {
        events: Source::First([event::DOMAIN.id(), event::HOST.id()]),
        ..word("domain", "Registrable domain; of an address the address.")
    }
    .alerts(&["domain"]),
    of_event("method", event::METHOD.id(), "HTTP method."),
    of_event("path", event::PATH.id(), "URL path and redacted query."),
    of_event("rule", event::RULE.id(), "Of a record the policy rule that decided, of an alert the rule that found it.")
        .alerts(&["rule"]),
    of_event("status", event::STATUS.id(), "Of a record its status code, such as 403 or 4*; of an alert where it stands: open, acknowledged, resolved, closed.")
        .alerts(&["status"])
        .of_people(),
    Word { operations: Source::Record("severity"), ..word("severity", "How bad an alert is; also compared, as in severity>=high.") }
        .values(SEVERITIES)
        .unit(Unit::Rank(SEVERITIES))
        .alerts(&["severity"]),
    word("assignee", "Who is to look after the alert.").alerts(&["assignee"]).of_people(),
    word("alert", "Id of the alert.").alerts(&["alert"]),
    word("tag", "ATLAS or ATT&CK technique of the alert, such as T1567.").alerts(&["tags"]),
    of_event("cost", event::COST_MICROS.id(), "Estimated cost in USD, as in cost>0.25; cost:\"\" is unpriced.")
        .alias(&["cost_usd"])
        .unit(Unit::Dollars)
        .sessions(&["cost_micros"]),
    of_event("duration", event::DURATION_US.id(), "How long it took, as in duration>2s; of a session from its first event to its last.")
        .unit(Unit::Duration)
        .sessions(&["duration_us"]),
    of_event("tokens_in", event::TOKENS_IN.id(), "Input tokens that were not cached.").unit(Unit::Count),
    of_event("tokens_out", event::TOKENS_OUT.id(), "Output tokens.").unit(Unit::Count).sessions(&["tokens_out"]),
    of_event("bytes_out", event::BYTES_OUT.id(), "Bytes sent by the agent, as in bytes_out>1MB.").unit(Unit::Bytes),
    of_event("bytes_in", event::BYTES_IN.id(), "Bytes received by the agent.").unit(Unit::Bytes),
    of_event("exit", event::EXIT_CODE.id(), "Exit code of the command.").unit(Unit::Count),
    of_event("command", event::COMMAND.id(), "Command line; content."),
    of_event("file", event::FILE.id(), "Path of the file that was read or written; content."),
    of_event("source", event::SOURCE.id(), "Which feed of which product told it: coder.boundary, claude_code, …."),
    Word { operations: Source::One(operation::SUBJECT.id()), ..word("subject", "What an entry of operations is about.") },
    Word { operations: Source::One(operation::ACTOR.id()), ..word("actor", "Who wrote an entry of operations.") },
    of_session("records", &["events"], Unit::Count, "Number of records of the session."),
    of_session("calls", &["model_calls"], Unit::Count, "Calls of models in the session.").alias(&["model_calls"]),
    of_session("tools", &["tool_calls"], Unit::Count, "Calls of tools in the session.").alias(&["tool_calls"]),
    of_session("commands", &["commands"], Unit::Count, "Commands in the session."),
    of_session("files", &["files"], Unit::Count, "Different files that the session read or wrote."),
    of_session("allowed", &["allowed"], Unit::Count, "Requests of the session that were allowed."),
    of_session("denied", &["denied"], Unit::Count, "Events of the session that were denied or blocked."),
    of_session("errors", &["errors"], Unit::Count, "Events of the session that failed."),
    of_session("alerts", &["alerts"], Unit::Count, "Alerts about the session."),
];

/// Words for moments, which are no columns.
pub const MOMENTS: [(&str, &str); 2] = [
    ("since", "At this moment or later: 2h, 7d (ago), 14:03 (the latest one, UTC), 2026-11-24, or RFC 3339."),
    ("until", "Before this moment; a day counts to its end."),
];

/// Columns of `events` in which free text is searched, content last.
pub const SEARCHED_EVENTS: [u8; 14] = [
    event::KIND.id(),
    event::ACTION.id(),
    event::TARGET.id(),
    event::HOST.id(),
    event::PATH.id(),
    event::RULE.id(),
    event::MODEL.id(),
    event::TOOL.id(),
    event::MCP_SERVER.id(),
    event::USER.id(),
    event::WORKSPACE_NAME.id(),
    event::COMMAND.id(),
    event::FILE.id(),
    event::CONTENT.id(),
];

/// Columns of `operations` in which free text is searched.
pub const SEARCHED_OPERATIONS: [u8; 4] =
    [operation::KIND.id(), operation::SUBJECT.id(), operation::ACTOR.id(), operation::RECORD.id()];

/// Columns of the view of alerts in which free text is searched.
pub const SEARCHED_ALERTS: [&str; 8] = ["alert", "rule", "title", "reason", "user", "team", "host", "domain"];

/// The word of this name, or for which this is another name.
pub fn find(name: &str) -> Option<&'static Word> {
    ALL.iter().find(|word| word.word == name || word.aliases.contains(&name))
}

/// Every name that may stand before a sign in a filter of this subject, or of any.
pub(super) fn names(subject: Option<Subject>) -> Vec<&'static str> {
    let is_of = |place: &Place| subject.is_none_or(|subject| place.is_of(subject));
    let words = ALL.iter().filter(|word| is_of(&Place::Word(word)));
    let words = words.flat_map(|word| std::iter::once(word.word).chain(word.aliases.iter().copied()));
    let columns = LedgerName::ALL.into_iter().flat_map(|ledger| Table::of(ledger).columns);
    let columns = columns.filter(|column| Place::column(column.name).is_some_and(|place| is_of(&place)));
    let mut names: Vec<&str> = MOMENTS.iter().map(|(word, _)| *word).collect();
    names.extend(words);
    names.extend(columns.map(|column| column.name));
    names.sort_unstable();
    names.dedup();
    names
}

/// The words of a subject, for people, as a list.
pub(super) fn listed(subject: Option<Subject>) -> String {
    let is_of = |word: &&'static Word| subject.is_none_or(|subject| Place::Word(word).is_of(subject));
    let words = ALL.iter().filter(is_of).map(|word| word.word);
    words.chain(MOMENTS.iter().map(|(word, _)| *word)).collect::<Vec<_>>().join(", ")
}
