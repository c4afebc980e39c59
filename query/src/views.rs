//! The one list of views: SQL over `events` and `operations` for the words that people use.
//!
//! A view is one entry here; the tables of `docs/sql.md`, the session and the tests derive from the list. A column made
//! from content is marked, and is not there for principals who may not read content.

mod alerts;
mod budgets;

use ledger::{LedgerName, Table};

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
    /// What follows the column list in its SQL.
    pub body: &'static str,
    /// A question that it answers, ready to run.
    pub example: &'static str,
}

/// One column of a view.
#[derive(Debug)]
pub struct ViewColumn {
    /// Its name in SQL.
    pub name: &'static str,
    /// What it is computed from; empty if it is the table's column of the same name.
    pub expression: &'static str,
    /// One sentence; empty if it is the table's column of the same name.
    doc: &'static str,
    /// Whether it is made from content.
    pub content: bool,
}

impl View {
    /// The SQL of the view, with or without the columns made from content.
    pub fn sql(&self, content: bool) -> String {
        let columns = self.columns.iter().filter(|column| content || !column.content).map(|column| {
            let expression = if column.expression.is_empty() {
                format!("\"{}\"", column.name)
            } else {
                column.expression.to_owned()
            };
            format!("{expression} AS \"{}\"", column.name)
        });
        format!("SELECT {} {}", columns.collect::<Vec<_>>().join(", "), self.body)
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

/// The table's column of this name.
const fn same(name: &'static str) -> ViewColumn {
    ViewColumn { name, expression: "", doc: "", content: false }
}

/// The table's column of this name, which is made from content.
const fn content(name: &'static str) -> ViewColumn {
    ViewColumn { name, expression: "", doc: "", content: true }
}

/// A computed column.
const fn made(name: &'static str, expression: &'static str, doc: &'static str) -> ViewColumn {
    ViewColumn { name, expression, doc, content: false }
}

/// All views.
pub const ALL: &[View] = &[
    EGRESS,
    MODEL_CALLS,
    SPEND,
    COMMANDS,
    TOOL_CALLS,
    SESSIONS,
    PERSONS,
    alerts::ALERTS,
    alerts::SILENCES,
    budgets::BUDGETS,
    budgets::RESERVATIONS,
    RECEIPTS,
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
    body: "FROM events WHERE kind LIKE 'egress.%'",
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
    body: "FROM events WHERE kind LIKE 'model.%'",
    example: "SELECT model, count(DISTINCT interception) AS calls FROM model_calls GROUP BY model ORDER BY calls DESC",
};

const SPEND: View = View {
    name: "spend",
    ledger: LedgerName::Events,
    doc: "Tokens and money: the rows that carry either, whichever feed they came from. Feeds that report the same calls overlap: \
          filter or group by source. Money that only agents claim stands apart, in claimed_micros.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        same("time"),
        same("org"),
        same("team"),
        same("user"),
        same("user_id"),
        same("workspace"),
        same("workspace_name"),
        same("session"),
        same("provider"),
        same("model"),
        same("tokens_in"),
        same("tokens_out"),
        same("tokens_cache_read"),
        same("tokens_cache_write"),
        same("tokens_reasoning"),
        made(
            "cost_micros",
            "CASE WHEN trust IN ('agent', 'workspace', 'host') THEN NULL ELSE cost_micros END",
            "Cost by our price table in micro-USD of what a gateway or the control plane tells; null if the model has no price.",
        ),
        made(
            "claimed_micros",
            "CASE WHEN trust IN ('agent', 'workspace', 'host') THEN cost_micros END",
            "The same of what only an agent, its workspace or its host tells: never add it to cost_micros without a look at who says it.",
        ),
        made(
            "cost_usd",
            "CASE WHEN trust IN ('agent', 'workspace', 'host') THEN NULL ELSE CAST(cost_micros AS DOUBLE) / 1000000 END",
            "cost_micros in USD, for reading; sum cost_micros for exact money.",
        ),
        same("cost_source_micros"),
        same("price_version"),
        same("interception"),
        same("source"),
        same("trust"),
    ],
    body: "FROM events WHERE (cost_micros IS NOT NULL OR cost_source_micros IS NOT NULL OR tokens_in IS NOT NULL OR tokens_out IS NOT NULL) \
           AND NOT coalesce(array_has(marks, 'conflict'), false)",
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
    body: "FROM events WHERE kind = 'command'",
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
    body: "FROM events WHERE kind LIKE 'tool.%'",
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
        made("agent_kind", "max(agent_kind)", "The agent's product."),
        made("model_calls", "count(DISTINCT interception)", "Requests to models that a gateway saw."),
        made("tool_calls", "count(DISTINCT tool_call)", "Calls of tools."),
        made("denied", "count(*) FILTER (WHERE outcome IN ('deny', 'blocked'))", "Events that were denied or blocked."),
        made("errors", "count(*) FILTER (WHERE outcome = 'error')", "Events that failed."),
        made("tokens_out", "sum(tokens_out)", "Output tokens, over all feeds."),
        made(
            "cost_micros",
            "sum(CASE WHEN trust IN ('agent', 'workspace', 'host') THEN NULL ELSE cost_micros END)",
            "Cost by our price table in micro-USD, over what gateways and the control plane tell.",
        ),
        made(
            "claimed_micros",
            "sum(CASE WHEN trust IN ('agent', 'workspace', 'host') THEN cost_micros END)",
            "The same over what only agents, workspaces and hosts tell.",
        ),
    ],
    body: "FROM events WHERE session IS NOT NULL GROUP BY session",
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
    body: "FROM events WHERE user_id IS NOT NULL AND \"user\" <> user_id AND coalesce(trust, 'gateway') IN ('gateway', 'control_plane') GROUP BY user_id",
    example: "SELECT coalesce(p.name, s.\"user\") AS person, sum(s.cost_micros) AS micros FROM spend s LEFT JOIN persons p ON s.user_id = p.user_id GROUP BY 1 ORDER BY 2 DESC",
};

const RECEIPTS: View = View {
    name: "receipts",
    ledger: LedgerName::Operations,
    doc: "Receipts of exports: which range of a ledger a sink acknowledged.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        made("sink", "subject", "Name of the sink in the configuration."),
        made("first", "\"from\"", "First position of the range."),
        made("end", "\"to\"", "Position after the last of the range."),
        made("count", "json_get_int(record, 'count')", "Records that the sink acknowledged."),
        made("excluded", "json_get_int(record, 'excluded')", "Records in the range that the filter left out."),
        made("rejected", "json_get_int(record, 'rejected')", "Records that the sink refused for ever."),
        made(
            "batches",
            "coalesce(json_get_int(record, 'batches'), 1)",
            "Batches that were sent; one receipt stands for many while nothing fails.",
        ),
        made(
            "attempts",
            "json_get_int(record, 'attempts')",
            "How often they were sent: once each if there are as many attempts as batches.",
        ),
        made(
            "export_seq",
            "json_get_int(record, 'export_seq')",
            "The sink's gapless counter at the first record of the range.",
        ),
        made("bytes", "json_get_int(record, 'bytes')", "Bytes that were sent, before compression."),
        made("sha256", "json_get_str(record, 'sha256')", "SHA-256 of these bytes, in hexadecimal."),
        made("ack", "json_get_str(record, 'ack')", "What the sink answered."),
        made(
            "checkpoint_size",
            "json_get_int(record, 'checkpoint', 'size')",
            "Batches in the newest signed checkpoint at that moment.",
        ),
        made("checkpoint_root", "json_get_str(record, 'checkpoint', 'root')", "Root of that checkpoint in base64."),
    ],
    body: "FROM operations WHERE kind = 'export.receipt'",
    example: "SELECT sink, max(\"end\") AS done, sum(\"count\") AS sent, sum(excluded) AS excluded FROM receipts GROUP BY sink",
};
