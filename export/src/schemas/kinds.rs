//! What each kind of record is, for schemas that class records by what happened. A schema maps [`What`] to its own words in its own
//! file, so that the compiler asks for the mapping of a new variant.
//!
//! Kinds are an open set: a sender of its own format names its own. What stands in no table is `What::Other`.

use crate::record::{Body, Record};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A request over HTTP left a workspace, or was refused.
    Http,
    /// Another connection left a workspace.
    Flow,
    /// A name was looked up.
    Dns,
    /// A connection that failed.
    NetworkFailure,
    /// Somebody connected to a workspace.
    Connection,
    /// A model was asked.
    ModelCall,
    /// What a call of a model used, or a sum of that.
    ModelUse,
    /// A prompt.
    Prompt,
    /// A tool was called, or answered.
    Tool,
    /// A shell command, or a program that was started.
    ProcessStart,
    /// A program that ended.
    ProcessEnd,
    /// A sensor on the machine found something.
    SensorAlert,
    /// A file was read.
    FileRead,
    /// A file was written.
    FileWrite,
    /// A file was removed.
    FileDelete,
    /// Whether an agent may do something was asked or decided.
    Approval,
    /// A session of an agent began.
    SessionStart,
    /// A session of an agent ended.
    SessionEnd,
    /// Something about a session of an agent.
    Session,
    /// A workspace or another machine was started.
    Start,
    /// It was stopped.
    Stop,
    /// It was built, without a word of start or stop.
    Build,
    /// Somebody logged in.
    Login,
    /// A login was refused.
    LoginRefused,
    /// Somebody logged out, or was logged out.
    Logout,
    /// A key or a token was made, changed or taken back.
    Credential,
    /// Something was made.
    Creation,
    /// Something was changed.
    Change,
    /// Something was removed.
    Deletion,
    /// Something was read, or an audit log says something else.
    Access,
    /// What is there: versions, servers, sources.
    Inventory,
    /// A measurement.
    Metric,
    /// What a check of a change said.
    Check,
    /// Something that is worth knowing.
    Info,
    /// Records are missing.
    Loss,
    /// A sensor or a part of Tachograph came up.
    SensorStart,
    /// It failed.
    SensorFailure,
    /// A record that could not be read.
    Unparsed,
    /// A budget was set, reserved, used or decided on.
    Budget,
    /// An alert.
    Alert,
    /// What somebody did about an alert.
    AlertStep,
    /// Another kind.
    Other,
}

/// What a row of the table says of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The word in column `kind`.
    pub word: &'static str,
    /// What it is.
    pub what: What,
    /// What it is called, for people: no text of an attacker.
    pub title: &'static str,
}

const fn kind(word: &'static str, what: What, title: &'static str) -> Kind {
    Kind { word, what, title }
}

/// The kinds of both ledgers.
pub const KINDS: &[Kind] = &[
    kind("egress.http", What::Http, "HTTP request"),
    kind("egress.flow", What::Flow, "Network connection"),
    kind("egress.dns", What::Dns, "DNS query"),
    kind("dns.query", What::Dns, "DNS query"),
    kind("egress.failure", What::NetworkFailure, "Network connection failed"),
    kind("connection", What::Connection, "Connection to a workspace"),
    kind("model.call", What::ModelCall, "Model call"),
    kind("model.call.end", What::ModelCall, "End of a model call"),
    kind("model.call.more", What::ModelCall, "More of a model call"),
    kind("model.tokens", What::ModelUse, "Tokens of a model call"),
    kind("model.summary", What::ModelUse, "Summary of model calls"),
    kind("model.thought", What::ModelUse, "Reasoning of a model"),
    kind("prompt", What::Prompt, "Prompt"),
    kind("tool.call", What::Tool, "Tool call"),
    kind("tool.result", What::Tool, "Result of a tool call"),
    kind("mcp.call", What::Tool, "MCP call"),
    kind("command", What::ProcessStart, "Command"),
    kind("process.exec", What::ProcessStart, "Process started"),
    kind("process.exit", What::ProcessEnd, "Process ended"),
    kind("sensor.alert", What::SensorAlert, "Alert of a sensor"),
    kind("file.read", What::FileRead, "File read"),
    kind("file.write", What::FileWrite, "File written"),
    kind("file.delete", What::FileDelete, "File removed"),
    kind("approval", What::Approval, "Approval"),
    kind("session.start", What::SessionStart, "Session started"),
    kind("session.end", What::SessionEnd, "Session ended"),
    kind("session.summary", What::Session, "Summary of a session"),
    kind("subagent.start", What::SessionStart, "Sub-agent started"),
    kind("subagent.end", What::SessionEnd, "Sub-agent ended"),
    kind("agent.event", What::Session, "Event of an agent"),
    kind("agent.step", What::Session, "Step of an agent"),
    kind("chat.status", What::Session, "Status of a chat"),
    kind("workspace.build", What::Build, "Workspace build"),
    kind("audit", What::Access, "Entry of an audit log"),
    kind("resource.change", What::Change, "Resource changed"),
    kind("config.change", What::Change, "Configuration changed"),
    kind("credential", What::Credential, "Credential"),
    kind("inventory", What::Inventory, "Inventory"),
    kind("metric", What::Metric, "Measurement"),
    kind("resource", What::Metric, "Use of a resource"),
    kind("review", What::Check, "Review"),
    kind("push", What::Change, "Push"),
    kind("check.result", What::Check, "Result of a check"),
    kind("check.pending", What::Check, "Check pending"),
    kind("notification", What::Info, "Notification"),
    kind("page", What::Info, "Page"),
    kind("loss", What::Loss, "Records were lost"),
    kind("boundary.start", What::SensorStart, "Boundary started"),
    kind("boundary.failure", What::SensorFailure, "Boundary failed"),
    kind("unparsed", What::Unparsed, "Record that could not be read"),
    kind("conflict", What::Info, "Record that contradicts another"),
    kind("other", What::Other, "Other event"),
    kind("alert", What::Alert, "Alert"),
    kind("alert.ack", What::AlertStep, "Alert acknowledged"),
    kind("alert.assign", What::AlertStep, "Alert assigned"),
    kind("alert.note", What::AlertStep, "Note on an alert"),
    kind("alert.close", What::AlertStep, "Alert closed"),
    kind("alert.reopen", What::AlertStep, "Alert opened again"),
    kind("alert.notice", What::AlertStep, "Notice about an alert"),
    kind("silence", What::Change, "Silence set"),
    kind("maintenance", What::Change, "Maintenance window set"),
    kind("silence.expire", What::Change, "Silence ended"),
    kind("maintenance.expire", What::Change, "Maintenance window ended"),
    kind("budget.set", What::Budget, "Budget set"),
    kind("budget.reserve", What::Budget, "Budget reserved"),
    kind("budget.commit", What::Budget, "Budget used"),
    kind("budget.release", What::Budget, "Budget released"),
    kind("budget.observed", What::Budget, "Spend observed"),
    kind("budget.matched", What::Budget, "Spend matched"),
    kind("budget.decision", What::Budget, "Budget decision"),
    kind("budget.standing", What::Budget, "Budget standing"),
    kind("rules", What::Change, "Rules loaded"),
    kind("outage", What::Loss, "Detection was interrupted"),
    kind("token", What::Credential, "Token"),
    kind("login", What::Login, "Login"),
    kind("login.refused", What::LoginRefused, "Login refused"),
    kind("config", What::Change, "Configuration"),
    kind("prices", What::Change, "Price table"),
    kind("rates", What::Change, "Exchange rates"),
    kind("certificate", What::Change, "Certificate"),
    kind("export.pause", What::Change, "Sink paused"),
    kind("export.resume", What::Change, "Sink resumed"),
    kind("export.backfill", What::Change, "Backfill ordered"),
    kind("export.backfill.end", What::Change, "Backfill over"),
    kind("content.read", What::Access, "Content read"),
    kind("ledger.torn", What::Loss, "Ledger was torn"),
];

/// Verbs of audit logs and of changes of resources, in small letters, with what they say. A verb begins with the word, or has it after
/// an underscore or a dot.
const VERBS: &[(&str, What)] = &[
    ("login", What::Login),
    ("logout", What::Logout),
    ("create", What::Creation),
    ("register", What::Creation),
    ("delete", What::Deletion),
    ("remove", What::Deletion),
    ("write", What::Change),
    ("update", What::Change),
    ("start", What::Start),
    ("stop", What::Stop),
];

/// The row of a record's kind.
pub fn row(record: &Record) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.word == record.kind())
}

/// What a record is.
pub fn what(record: &Record) -> What {
    if let Body::Alert(_) = record.body {
        return What::Alert;
    }
    let what = row(record).map_or(What::Other, |kind| kind.what);
    match record.kind() {
        "audit" | "resource.change" | "workspace.build" => {
            verb(record.text("action").unwrap_or_default()).unwrap_or(what)
        }
        "login" if record.text("to") == Some(operations::kind::login::ENDED) => What::Logout,
        _ => what,
    }
}

fn verb(action: &str) -> Option<What> {
    let action = action.to_lowercase();
    let words = || action.split(['_', '.', ' ', '/', '-']);
    VERBS
        .iter()
        .find(|(word, _)| words().any(|part| part.strip_prefix(word).is_some_and(|rest| rest.len() < 2)))
        .map(|(_, what)| *what)
}

/// What the record is called, for people: it holds no text of an attacker.
pub fn title(record: &Record) -> String {
    let title = row(record).map_or("Event of another kind", |kind| kind.title);
    match record.text("outcome") {
        Some("allow") => format!("{title} allowed"),
        Some("deny") => format!("{title} denied"),
        Some("blocked") => format!("{title} blocked"),
        Some("error") => format!("{title} with an error"),
        _ => title.to_owned(),
    }
}

/// Whether what an agent wanted was done, if the record says so: `Some(false)` if it was refused or went wrong.
pub fn success(record: &Record) -> Option<bool> {
    match record.text("outcome")? {
        "allow" | "success" => Some(true),
        "deny" | "blocked" | "error" => Some(false),
        _ => None,
    }
}

/// Whether a policy let it pass, if one decided.
pub fn allowed(record: &Record) -> Option<bool> {
    match record.text("outcome")? {
        "allow" => Some(true),
        "deny" | "blocked" => Some(false),
        _ => None,
    }
}

impl What {
    /// The word for it in `cat` of CEF and LEEF.
    pub fn category(self) -> &'static str {
        match self {
            Self::Http | Self::Flow | Self::Dns | Self::NetworkFailure => "firewall",
            Self::ModelCall | Self::ModelUse | Self::Prompt | Self::Tool => "llm",
            Self::ProcessStart | Self::ProcessEnd | Self::SensorAlert => "command",
            Self::FileRead | Self::FileWrite | Self::FileDelete => "file",
            Self::Login | Self::LoginRefused | Self::Logout | Self::Credential | Self::Approval | Self::Connection => {
                "auth"
            }
            Self::SessionStart | Self::SessionEnd | Self::Session | Self::Start | Self::Stop | Self::Build => {
                "lifecycle"
            }
            Self::Metric | Self::Budget => "spend",
            Self::Alert | Self::AlertStep => "alert",
            Self::Loss | Self::SensorStart | Self::SensorFailure | Self::Unparsed => "coverage",
            Self::Creation
            | Self::Change
            | Self::Deletion
            | Self::Access
            | Self::Inventory
            | Self::Check
            | Self::Info
            | Self::Other => "audit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    #[test]
    fn every_kind_of_operations_that_is_exported_stands_in_the_table_and_no_kind_twice() {
        for info in operations::kind::ALL.iter().filter(|info| !info.is_internal) {
            assert!(KINDS.iter().any(|kind| kind.word == info.word), "{}", info.word);
        }
        let mut words: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
        words.sort_unstable();
        let mut once = words.clone();
        once.dedup();
        assert_eq!(words, once);
    }

    #[test]
    fn verbs_of_audit_logs_say_what_happened() {
        let check = |action: &str, expected: What| {
            let rows = fixtures::events(&[json!({"kind": "audit", "action": action})]);
            assert_eq!(what(&fixtures::records(&rows)[0]), expected, "{action}");
        };
        check("login", What::Login);
        check("USER_LOGIN", What::Login);
        check("logout", What::Logout);
        check("template.created", What::Creation);
        check("delete", What::Deletion);
        check("updates", What::Change);
        check("stop", What::Stop);
        check("restarted", What::Access);
        check("", What::Access);
    }

    #[test]
    fn a_kind_that_nobody_heard_of_is_other() {
        let rows = fixtures::events(&[json!({"kind": "acme.unheard_of", "outcome": "deny"}), json!({})]);
        let records = fixtures::records(&rows);
        assert!(records.iter().all(|record| what(record) == What::Other));
        assert_eq!(title(&records[0]), "Event of another kind denied");
        assert_eq!((success(&records[0]), allowed(&records[1])), (Some(false), None));
    }
}
