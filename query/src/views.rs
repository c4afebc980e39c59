//! The one list of views: SQL over `events` and `operations` for the words that people use.
//!
//! A view is one entry here; the tables of `docs/sql.md`, the session and the tests derive from the list. What is seen of entries
//! of one kind derives from the list of kinds (`operations::kind`); what alerts amount to comes from the same projection as the
//! API, since there is one implementation of triage. A column made from content is marked, and is not there for principals who
//! may not read content.

mod agents;
mod alerts;
mod budgets;
mod cell;
mod compute;
mod entries;
mod inventory;
mod silences;
pub(crate) mod tellers;

use ledger::{LedgerName, Table};
use operations::kind::field::{Field, Location, Shape};

use crate::compute::ComputeRow;
use crate::fleet::AgentRow;

pub(crate) use alerts::AlertRow;
pub(crate) use cell::{Cell, Form};
pub(crate) use silences::SilenceRow;
pub use tellers::SUM_COST;

/// One view.
#[derive(Debug)]
pub struct View {
    /// Its name in SQL.
    pub name: &'static str,
    /// The table that it reads.
    pub ledger: LedgerName,
    /// One sentence for the reference.
    pub doc: &'static str,
    /// Its columns, in order.
    pub columns: &'static [ViewColumn],
    /// Where its rows come from.
    pub source: Source,
    /// A question that it answers, ready to run.
    pub example: &'static str,
}

/// Where the rows of a view come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The ledger's table: this SQL follows the list of the view's columns.
    Sql(&'static str),
    /// The entries of the kind with this word.
    Entries(&'static str),
    /// The alerts of the projection over them.
    Alerts,
    /// The silences and maintenance windows of that projection.
    Silences,
    /// The agents of the fleet's fold.
    Agents,
    /// How long workspaces ran, made of rows of the ledger's table.
    Compute,
}

impl Source {
    /// Whether its rows are read from the ledger's table.
    pub fn is_table(self) -> bool {
        matches!(self, Self::Sql(_) | Self::Entries(_) | Self::Compute)
    }
}

/// One column of a view.
#[derive(Debug, Clone, Copy)]
pub struct ViewColumn {
    /// Its name in SQL.
    pub name: &'static str,
    /// What it is computed from.
    pub(crate) value: Value,
    /// One sentence; empty if it is the table's column of the same name.
    doc: &'static str,
    /// Whether it is made from content.
    pub content: bool,
}

/// What a column is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// The table's column of the same name.
    Same,
    /// An expression of SQL.
    Sql(&'static str),
    /// A part of an entry.
    Field(Field),
    /// What is known of an alert.
    Alert(Form, for<'a> fn(&AlertRow<'a>) -> Cell<'a>),
    /// What is known of a silence.
    Silence(Form, for<'a> fn(&SilenceRow<'a>) -> Cell<'a>),
    /// What is known of a part of the time of a workspace.
    Compute(Form, for<'a> fn(&ComputeRow<'a>) -> Cell<'a>),
    /// What is known of an agent.
    Agent(Form, for<'a> fn(&'a AgentRow) -> Cell<'a>),
}

impl View {
    /// The SQL of the view, with or without the columns made from content; `None` if its rows come from a projection.
    pub fn sql(&self, content: bool) -> Option<String> {
        let body = match self.source {
            Source::Sql(body) => body.to_owned(),
            Source::Entries(word) => format!("FROM operations WHERE kind = '{word}'"),
            Source::Alerts | Source::Silences | Source::Agents | Source::Compute => return None,
        };
        let columns = self.columns.iter().filter(|column| content || !column.content);
        let columns = columns.filter_map(|column| Some(format!("{} AS \"{}\"", column.sql()?, column.name)));
        Some(format!("SELECT {} {body}", columns.collect::<Vec<_>>().join(", ")))
    }

    /// The sentence about one of its columns.
    pub fn column_doc(&self, column: &ViewColumn) -> &'static str {
        match column.name {
            "position" if column.doc.is_empty() => "Where the row stands, such as events/0/1204331.",
            "seq" if column.doc.is_empty() => "The sequence number, which orders rows.",
            "recorded" if column.doc.is_empty() => "When it was recorded.",
            name if column.doc.is_empty() => Table::of(self.ledger).by_name(name).map_or("", |found| found.doc),
            _ => column.doc,
        }
    }
}

impl ViewColumn {
    /// The expression of SQL; `None` if it comes from a projection.
    fn sql(&self) -> Option<String> {
        Some(match self.value {
            Value::Same => format!("\"{}\"", self.name),
            Value::Sql(expression) => expression.to_owned(),
            Value::Field(Field { location: Location::Column(column), .. }) => format!("\"{column}\""),
            Value::Field(Field { location: Location::Record(path), shape, .. }) => {
                let path = path.iter().fold(String::new(), |path, member| path + ", '" + member + "'");
                match shape {
                    Shape::Text => format!("json_get_str(record{path})"),
                    Shape::Integer => format!("json_get_int(record{path})"),
                    Shape::IntegerOr(default) => format!("coalesce(json_get_int(record{path}), {default})"),
                    Shape::Flag => format!("coalesce(json_get_bool(record{path}), false)"),
                    Shape::Json => format!("json_get_json(record{path})"),
                }
            }
            Value::Alert(..) | Value::Silence(..) | Value::Agent(..) | Value::Compute(..) => return None,
        })
    }
}

/// The table's column of this name.
const fn same(name: &'static str) -> ViewColumn {
    ViewColumn { name, value: Value::Same, doc: "", content: false }
}

/// The table's column of this name, which is made from content.
const fn content(name: &'static str) -> ViewColumn {
    ViewColumn { name, value: Value::Same, doc: "", content: true }
}

/// A computed column.
const fn made(name: &'static str, expression: &'static str, doc: &'static str) -> ViewColumn {
    ViewColumn { name, value: Value::Sql(expression), doc, content: false }
}

/// All views.
pub const ALL: &[View] = &[
    EGRESS,
    MODEL_CALLS,
    SPEND,
    compute::COMPUTE,
    compute::AGENT_TIME,
    COMMANDS,
    TOOL_CALLS,
    SESSIONS,
    PERSONS,
    agents::AGENTS,
    inventory::INVENTORY,
    inventory::INVENTORY_CHANGES,
    alerts::ALERTS,
    silences::SILENCES,
    budgets::BUDGETS,
    budgets::RESERVATIONS,
    entries::RECEIPTS,
    entries::DELIVERIES,
    entries::QUERIES,
];

const EGRESS: View = View {
    name: "egress",
    ledger: LedgerName::Events,
    doc: "Requests that agents sent to the network, one row per decision of a firewall or proxy.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        same("outcome"),
        same("method"),
        same("scheme"),
        same("host"),
        made("domain", "coalesce(domain, host)", "Registrable domain; of an address the address."),
        same("port"),
        same("path"),
        same("rule"),
        same("status"),
        same("bytes_out"),
        same("bytes_in"),
        same("duration_us"),
        same("org"),
        same("team"),
        same("user"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("agent_kind"),
        same("source"),
        same("trust"),
        same("marks"),
    ],
    source: Source::Sql("FROM events WHERE kind LIKE 'egress.%'"),
    example: "SELECT domain, count(*) AS denied FROM egress WHERE outcome = 'deny' GROUP BY domain ORDER BY denied DESC LIMIT 20",
};

const MODEL_CALLS: View = View {
    name: "model_calls",
    ledger: LedgerName::Events,
    doc: "Calls of models, one row per record of a gateway or an agent; their tokens may follow in rows of their own, see spend.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        same("kind"),
        same("outcome"),
        same("status"),
        same("provider"),
        same("model"),
        same("client"),
        same("interception"),
        same("duration_us"),
        same("tokens_in"),
        same("tokens_out"),
        same("tokens_cache_read"),
        same("tokens_cache_write"),
        same("tokens_reasoning"),
        same("cost_micros"),
        same("org"),
        same("team"),
        same("user"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("agent_kind"),
        same("source"),
        same("trust"),
    ],
    source: Source::Sql("FROM events WHERE kind LIKE 'model.%'"),
    example: "SELECT model, count(DISTINCT interception) AS calls FROM model_calls GROUP BY model ORDER BY calls DESC",
};

const SPEND: View = View {
    name: "spend",
    ledger: LedgerName::Events,
    doc: "Tokens and money: the rows that carry either, whichever feed they came from. Several feeds may tell of the same calls: cost_micros \
          counts each once, from whoever is believed most about the session; counted says which rows those are, for sums of tokens. Money that \
          only agents claim stands apart, in claimed_micros.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        same("org"),
        same("team"),
        same("user"),
        same("user_id"),
        same("attribution"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("agent"),
        same("run"),
        same("family"),
        same("provider"),
        same("model"),
        same("tokens_in"),
        same("tokens_out"),
        same("tokens_cache_read"),
        same("tokens_cache_write"),
        same("tokens_reasoning"),
        made(
            "counted",
            tellers::COUNTED,
            "Whether nobody who is believed more tells of the same session in the same hour: gateways before LiteLLM before agents before \
             transcripts, of equals the last by name. True without a session.",
        ),
        made(
            "cost_micros",
            tellers::COST_COUNTED,
            "Cost by our price table in micro-USD of what a gateway or the control plane tells, each call once; null if the model has no price \
             or the row is not counted.",
        ),
        made(
            "claimed_micros",
            tellers::COST_CLAIMED,
            "The same of what only an agent, its workspace or its host tells, counted or not: never add it to cost_micros without a look at \
             who says it.",
        ),
        made(
            "told_micros",
            "cost_micros",
            "What this row tells by itself, whoever tells it and whether it is counted or not: for comparing feeds.",
        ),
        made("cost_usd", tellers::COST_USD, "cost_micros in USD, for reading; sum cost_micros for exact money."),
        same("cost_source_micros"),
        same("price_version"),
        same("interception"),
        same("source"),
        same("trust"),
    ],
    source: Source::Sql(tellers::FROM_SPEND),
    example: "SELECT team, model, sum(cost_micros) / 1000000.0 AS usd FROM spend WHERE time >= now() - INTERVAL '1 day' GROUP BY team, model ORDER BY usd DESC",
};

const COMMANDS: View = View {
    name: "commands",
    ledger: LedgerName::Events,
    doc: "Commands that agents ran.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        content("command"),
        same("effects"),
        content("effect_objects"),
        same("exit_code"),
        same("outcome"),
        same("duration_us"),
        same("tool"),
        same("tool_call"),
        same("user"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("agent_kind"),
        same("source"),
        same("trust"),
    ],
    source: Source::Sql("FROM events WHERE kind = 'command'"),
    example: "SELECT time, session, exit_code FROM commands WHERE exit_code <> 0 ORDER BY time DESC LIMIT 50",
};

const TOOL_CALLS: View = View {
    name: "tool_calls",
    ledger: LedgerName::Events,
    doc: "Calls of tools and their results, joined by tool_call.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        same("kind"),
        same("tool"),
        same("mcp_server"),
        same("tool_call"),
        same("outcome"),
        same("exit_code"),
        same("duration_us"),
        same("action_fp"),
        same("result_fp"),
        same("effects"),
        content("effect_objects"),
        content("command"),
        content("file"),
        same("user"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("agent_kind"),
        same("source"),
        same("trust"),
    ],
    source: Source::Sql("FROM events WHERE kind LIKE 'tool.%'"),
    example: "SELECT session, action_fp, count(*) AS times FROM tool_calls WHERE action_fp IS NOT NULL GROUP BY session, action_fp HAVING count(*) > 20",
};

const SESSIONS: View = View {
    name: "sessions",
    ledger: LedgerName::Events,
    doc: "Sessions of agents, one row each, over everything that names the session.",
    columns: &[
        same("session"),
        made("started", "min(time)", "Event time of the first event."),
        made("ended", "max(time)", "Event time of the latest event."),
        made("events", "count(*)", "Number of events."),
        made("user", "max(\"user\")", "The person for whom the agent works."),
        made("team", "max(team)", "Team."),
        made("workspace", "max(workspace)", "Id of the workspace."),
        made("workspace_name", "max(workspace_name)", "Name of the workspace."),
        made("org", "max(org)", "Organisation."),
        made("agent", "max(agent)", "The agent."),
        made("agent_kind", "max(agent_kind)", "The agent's product."),
        made("client", "max(client)", "The client program as gateways name it."),
        made("models", "array_agg(DISTINCT model) FILTER (WHERE model IS NOT NULL)", "Models that it called, a list."),
        made(
            "has_end",
            "bool_or(kind = 'session.end')",
            "Whether an event says that it ended; otherwise nothing says so.",
        ),
        made(
            "duration_us",
            "CAST(max(time) AS BIGINT) - CAST(min(time) AS BIGINT)",
            "From the first event to the latest, in microseconds.",
        ),
        made("model_calls", "count(DISTINCT interception)", "Requests to models that a gateway saw."),
        made("tool_calls", "count(DISTINCT tool_call)", "Calls of tools."),
        made("commands", "count(*) FILTER (WHERE kind = 'command')", "Commands."),
        made("file_events", "count(*) FILTER (WHERE kind LIKE 'file.%')", "Reads and writes of files."),
        ViewColumn { content: true, ..made("files", "count(DISTINCT file)", "Different files that it read or wrote.") },
        made(
            "allowed",
            "count(*) FILTER (WHERE outcome = 'allow' AND kind LIKE 'egress.%')",
            "Requests to the network that were allowed.",
        ),
        made("denied", "count(*) FILTER (WHERE outcome IN ('deny', 'blocked'))", "Events that were denied or blocked."),
        made("errors", "count(*) FILTER (WHERE outcome = 'error')", "Events that failed."),
        made("tokens_out", tellers::SUM_TOKENS_OUT, "Output tokens, each call once, as in spend."),
        made(
            "cost_micros",
            tellers::SUM_COST,
            "Cost by our price table in micro-USD, over what gateways and the control plane tell, each call once.",
        ),
        made(
            "claimed_micros",
            "sum(CASE WHEN trust IN ('agent', 'workspace', 'host') THEN cost_micros END)",
            "The same over what only agents, workspaces and hosts tell.",
        ),
        made(
            "unpriced",
            "count(*) FILTER (WHERE tokens_out IS NOT NULL AND cost_micros IS NULL)",
            "Events with tokens and without a price.",
        ),
    ],
    source: Source::Sql("FROM events WHERE session IS NOT NULL GROUP BY session"),
    example: "SELECT session, \"user\", started, ended, denied, cost_micros FROM sessions ORDER BY denied DESC LIMIT 20",
};

const PERSONS: View = View {
    name: "persons",
    ledger: LedgerName::Events,
    doc: "The people whose id and name are known: join it by user_id to name rows that were recorded before the name was known.",
    columns: &[
        same("user_id"),
        made("name", "last_value(\"user\" ORDER BY seq)", "The latest name."),
        made("since", "min(recorded)", "Since when the two are known to be one person."),
    ],
    source: Source::Sql(
        "FROM events WHERE user_id IS NOT NULL AND \"user\" <> user_id AND coalesce(trust, 'gateway') IN ('gateway', 'control_plane') GROUP BY user_id",
    ),
    example: "SELECT coalesce(p.name, s.\"user\") AS person, sum(s.cost_micros) AS micros FROM spend s LEFT JOIN persons p ON s.user_id = p.user_id GROUP BY 1 ORDER BY 2 DESC",
};
