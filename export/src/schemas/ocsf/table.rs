//! The mapping as data: which kind becomes which class, and which activity of it. `docs/schemas/ocsf.md` shows this table.
//!
//! The first row that fits counts. A kind that stands in no row is a Base Event. A change of a row is a new version of the mapping.

use ledger::LedgerName;

use super::classes::Class;
use super::columns::Columns;

/// One row of the mapping.
pub struct Row {
    /// The kind of the record.
    pub kind: &'static str,
    /// What must hold beside.
    pub when: When,
    /// The class.
    pub class: Class,
    /// The activity.
    pub activity: Activity,
    /// What the event is about, where its class asks for the type of a thing.
    pub thing: &'static str,
}

/// What must hold of a record beside its kind.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// Nothing.
    Always,
    /// One of the words that this column is made of is one of these.
    Word(&'static str, &'static [&'static str]),
}

/// The activity: its number in the class, with the caption.
#[derive(Debug, Clone, Copy)]
pub enum Activity {
    /// Always the same.
    Is(u64, &'static str),
    /// 99, in our own word for it.
    Other(&'static str),
    /// 99, in the source's word for it: the `action`, or else the kind.
    Source,
    /// By the HTTP method.
    Method,
    /// Of a connection: by outcome, and whether it ended.
    Flow,
    /// Of a thing: by the verb in `action`, and else an update.
    Verb,
}

/// Words of a column: letters and digits, whatever is between them.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

impl When {
    fn holds(self, columns: &Columns<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Word(column, accepted) => {
                columns.text(column).is_some_and(|text| words(text).any(|word| accepted.contains(&word.as_str())))
            }
        }
    }
}

/// The row for a record.
pub fn find(ledger: LedgerName, kind: &str, columns: &Columns<'_>) -> &'static Row {
    let (rows, unknown) = match ledger {
        LedgerName::Events => (EVENTS, &UNKNOWN_EVENT),
        LedgerName::Operations => (OPERATIONS, &UNKNOWN_OPERATION),
    };
    rows.iter().find(|row| row.kind == kind && row.when.holds(columns)).unwrap_or(unknown)
}

const fn row(kind: &'static str, class: Class, activity: Activity) -> Row {
    Row { kind, when: When::Always, class, activity, thing: "" }
}

impl Row {
    const fn when(self, column: &'static str, words: &'static [&'static str]) -> Self {
        Self { when: When::Word(column, words), ..self }
    }

    const fn about(self, thing: &'static str) -> Self {
        Self { thing, ..self }
    }
}

use Activity::{Flow, Is, Method, Other, Source, Verb};

const START: Activity = Is(3, "Start");
const STOP: Activity = Is(4, "Stop");
const GENERAL: Activity = Is(1, "General Error");
const LOGON: Activity = Is(1, "Logon");
const LOGOFF: Activity = Is(2, "Logoff");
const CREATE: Activity = Is(1, "Create");
const READ: Activity = Is(2, "Read");
const UPDATE: Activity = Is(3, "Update");
const DELETE: Activity = Is(4, "Delete");
/// An update in the numbers of findings, which are others than those of things.
const GOES_ON: Activity = Is(2, "Update");
const ASSIGN: Activity = Is(1, "Assign Privileges");

/// An event of a kind that no dialect of ours makes.
pub static UNKNOWN_EVENT: Row = row("*", Class::Base, Source);
/// An entry of a kind that this version does not know.
pub static UNKNOWN_OPERATION: Row = row("*", Class::Base, Source);

/// What agents did.
pub static EVENTS: &[Row] = &[
    row("egress.http", Class::Http, Method),
    row("egress.flow", Class::Network, Flow),
    row("egress.dns", Class::Dns, Is(1, "Query")),
    row("egress.failure", Class::Error, GENERAL),
    row("connection", Class::Network, Flow),
    row("model.call", Class::Api, Other("Invoke")),
    row("model.call.more", Class::Api, Other("Invoke")),
    row("model.call.end", Class::Api, Other("Complete")),
    row("model.tokens", Class::Api, Other("Count Tokens")),
    row("model.summary", Class::Api, Other("Summarize")),
    row("model.thought", Class::Api, Other("Think")),
    row("prompt", Class::Api, Other("Prompt")),
    row("tool.call", Class::Api, Other("Invoke")),
    row("tool.result", Class::Api, Other("Return")),
    row("mcp.call", Class::Api, Other("Invoke")),
    row("command", Class::Process, Is(1, "Launch")),
    row("process.exec", Class::Process, Is(1, "Launch")),
    row("process.exit", Class::Process, Is(2, "Terminate")),
    row("file.read", Class::File, READ),
    row("file.write", Class::File, UPDATE),
    row("sensor.alert", Class::Finding, CREATE),
    row("approval", Class::Authorization, ASSIGN),
    row("session.start", Class::Lifecycle, START),
    row("session.end", Class::Lifecycle, STOP),
    row("session.summary", Class::Lifecycle, Source),
    row("subagent.start", Class::Lifecycle, START),
    row("subagent.end", Class::Lifecycle, STOP),
    row("agent.event", Class::Lifecycle, Source),
    row("chat.status", Class::Lifecycle, Source),
    row("boundary.start", Class::Lifecycle, START).about("boundary"),
    row("boundary.failure", Class::Error, GENERAL),
    row("workspace.build", Class::Lifecycle, START).when("action", &["start", "started"]).about("workspace"),
    row("workspace.build", Class::Lifecycle, STOP).when("action", &["stop", "stopped"]).about("workspace"),
    row("workspace.build", Class::Entity, Verb).about("workspace"),
    row("audit", Class::Authentication, LOGON).when("action", &["login", "logon", "signin"]),
    row("audit", Class::Authentication, LOGOFF).when("action", &["logout", "logoff", "signout"]),
    row("audit", Class::Entity, Verb).about("resource"),
    row("resource.change", Class::Entity, Verb).about("resource"),
    row("config.change", Class::Entity, Verb).about("configuration"),
    row("credential", Class::Entity, Verb).about("credential"),
    row("review", Class::Entity, Verb).about("pull request"),
    row("push", Class::Entity, Verb).about("branch"),
    row("check.result", Class::Entity, UPDATE).about("check"),
    row("check.pending", Class::Entity, CREATE).about("check"),
    row("inventory", Class::Config, Is(1, "Log")),
    row("resource", Class::Base, Source),
    row("metric", Class::Base, Source),
    row("notification", Class::Base, Source),
    row("page", Class::Log, Other("Collect")),
    row("unparsed", Class::Log, Other("Keep Unparsed")),
    row("conflict", Class::Log, Other("Conflict")),
    row("loss", Class::Log, Other("Loss")),
];

/// What people, detectors and the server itself did.
pub static OPERATIONS: &[Row] = &[
    // What an alert's state is decides about its activity: see `finding`.
    row("alert", Class::Finding, GOES_ON),
    row("alert.ack", Class::Finding, GOES_ON),
    row("alert.assign", Class::Finding, GOES_ON),
    row("alert.note", Class::Finding, GOES_ON),
    row("alert.close", Class::Finding, Is(3, "Close")),
    row("alert.reopen", Class::Finding, GOES_ON),
    row("alert.notice", Class::Finding, GOES_ON),
    row("silence", Class::Entity, CREATE).about("silence"),
    row("silence.expire", Class::Entity, DELETE).about("silence"),
    row("maintenance", Class::Entity, CREATE).about("maintenance window"),
    row("maintenance.expire", Class::Entity, DELETE).about("maintenance window"),
    row("budget.set", Class::Entity, UPDATE).about("budget"),
    row("budget.reserve", Class::Entity, CREATE).about("budget reservation"),
    row("budget.commit", Class::Entity, UPDATE).about("budget reservation"),
    row("budget.release", Class::Entity, DELETE).about("budget reservation"),
    row("budget.observed", Class::Entity, UPDATE).about("budget"),
    row("budget.matched", Class::Entity, UPDATE).about("budget"),
    row("budget.decision", Class::Entity, Other("Decide")).about("budget reservation"),
    row("budget.standing", Class::Entity, READ).about("budget"),
    row("rules", Class::Entity, UPDATE).about("detection rules"),
    row("outage", Class::Log, Other("Outage")),
    row("token", Class::Entity, DELETE).when("to", &["revoked"]).about("token"),
    row("token", Class::Entity, CREATE).about("token"),
    row("login", Class::Authentication, LOGOFF).when("to", &["ended"]),
    row("login", Class::Authentication, LOGON),
    row("login.refused", Class::Authentication, LOGON),
    row("config", Class::Entity, UPDATE).about("configuration"),
    row("export.pause", Class::Entity, UPDATE).about("sink"),
    row("export.resume", Class::Entity, UPDATE).about("sink"),
    row("export.backfill", Class::Entity, CREATE).about("backfill"),
    row("export.backfill.end", Class::Entity, UPDATE).about("backfill"),
    row("prices", Class::Entity, UPDATE).about("price table"),
    row("rates", Class::Entity, UPDATE).about("rate table"),
    row("certificate", Class::Entity, UPDATE).about("certificate"),
    row("content.read", Class::Api, READ),
    row("ledger.torn", Class::Log, Other("Torn")),
];

/// Activities of Entity Management by the verb, as sources say it.
pub static VERBS: &[(u64, &str, &[&str])] = &[
    (1, "Create", &["create", "created", "add", "added", "register", "open", "opened", "new"]),
    (2, "Read", &["read", "get", "list", "view"]),
    (4, "Delete", &["delete", "deleted", "remove", "removed", "revoke", "revoked", "destroy", "destroyed"]),
];

/// Methods that OCSF knows, with their activities of HTTP Activity. PATCH is one since 1.2.
pub static METHODS: &[(&str, u64, &str)] = &[
    ("CONNECT", 1, "Connect"),
    ("DELETE", 2, "Delete"),
    ("GET", 3, "Get"),
    ("HEAD", 4, "Head"),
    ("OPTIONS", 5, "Options"),
    ("POST", 6, "Post"),
    ("PUT", 7, "Put"),
    ("TRACE", 8, "Trace"),
    ("PATCH", 9, "Patch"),
];
