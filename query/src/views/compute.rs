//! The views of compute: how long workspaces ran and were kept, and what that cost by the rate table, whose rows are made in `crate::compute`;
//! and the runtime of agents that Coder bills.

use ledger::LedgerName;

use super::{Cell, Form, Source, Value, View, ViewColumn, made};
use crate::compute::ComputeRow;

const fn column(
    name: &'static str,
    form: Form,
    doc: &'static str,
    value: for<'a> fn(&ComputeRow<'a>) -> Cell<'a>,
) -> ViewColumn {
    ViewColumn { name, value: Value::Compute(form, value), doc, content: false }
}

pub(super) const COMPUTE: View = View {
    name: "compute",
    ledger: LedgerName::Events,
    doc: "How long workspaces ran and were kept, by the builds that the control plane tells of, and what that cost by the rate table of \
          `[compute]`. Each row is a part of one stretch, cut at midnight UTC (further back than 400 days on the first of each month) and where a \
          price changes, so that any days can be summed: `WHERE day >= …`. A build is counted once, whoever tells of it; one that failed changes \
          nothing. Without a rate money is null. See docs/compute.md.",
    columns: COLUMNS,
    source: Source::Compute,
    example: "SELECT team, sum(seconds) FILTER (WHERE state = 'running') / 3600.0 AS hours, sum(cost_micros) / 1000000.0 AS compute_usd, \
              sum(storage_micros) / 1000000.0 AS storage_usd FROM compute WHERE day >= now() - INTERVAL '30 days' GROUP BY team ORDER BY compute_usd DESC",
};

const COLUMNS: &[ViewColumn] = &[
    column("day", Form::Time, "The midnight UTC with which the day of its beginning began.", |row| {
        Cell::time(Some(row.piece.day))
    }),
    column("started", Form::Time, "When this part began.", |row| Cell::time(Some(row.piece.started))),
    column("ended", Form::Time, "When it ended; null while it goes on.", |row| Cell::time(row.piece.ended)),
    column("state", Form::Text, "running or stopped.", |row| Cell::text(row.state())),
    column(
        "seconds",
        Form::Integer,
        "How long it was, up to the moment of the query while it goes on; parts add up to the whole.",
        |row| Cell::integer(row.piece.seconds),
    ),
    column("workspace", Form::Text, "Id of the workspace.", |row| Cell::text(row.names.workspace)),
    column("workspace_name", Form::Text, "Name of the workspace.", |row| Cell::text_if(row.names.name)),
    column("template", Form::Text, "Id of its template.", |row| Cell::text_if(row.names.template)),
    column("user", Form::Text, "Its owner, or who built it last if nobody tells of the owner.", |row| {
        Cell::text_if(row.names.user)
    }),
    column("team", Form::Text, "Team, as it was told with the beginning of the stretch.", |row| {
        Cell::text_if(row.team.or(row.names.team))
    }),
    column("org", Form::Text, "Organisation.", |row| Cell::text_if(row.names.org)),
    column("rate", Form::Text, "Name of the rate; null if none fits.", |row| Cell::text_if(row.rate)),
    column(
        "cost_micros",
        Form::Integer,
        "What running, or being stopped, cost in micro-USD; null without a rate.",
        |row| Cell::Integer(row.piece.cost),
    ),
    column("storage_micros", Form::Integer, "What storage cost in micro-USD; null if the rate does not say.", |row| {
        Cell::Integer(row.piece.storage)
    }),
    column("since", Form::Time, "When the whole stretch began.", |row| Cell::time(Some(row.stretch.from))),
    column(
        "began",
        Form::Text,
        "build, or seen: no build is known that began it, and it is told from the first connection on.",
        |row| Cell::text(row.began()),
    ),
    column("position", Form::Text, "The row that tells of the beginning of the stretch.", |row| {
        Cell::text(row.position())
    }),
    column("end_position", Form::Text, "Of its last part the row that tells of its end.", |row| {
        Cell::Text(row.end_position().map(Into::into))
    }),
];

pub(super) const AGENT_TIME: View = View {
    name: "agent_time",
    ledger: LedgerName::Events,
    doc: "Agent Time, the runtime that Coder bills (Coder 2.38): one row for each bucket of a report, as it was told last, so that nothing is \
          summed twice. Sum over rows of one interval.",
    columns: &[
        made("started", "min(time)", "The midnight UTC with which the bucket begins."),
        made(
            "interval",
            "split_part(target, '/', 1)",
            "How long buckets of its report are, in Coder's words, such as day.",
        ),
        made("until", "split_part(target, '/', 3)", "The day with which it ends, as Coder says it."),
        made(
            "milliseconds",
            "last_value(amount ORDER BY seq)",
            "How long agents ran; of a bucket that goes on so far.",
        ),
        made("recorded", "max(recorded)", "When that was recorded."),
        made("seq", "max(seq)", "The sequence number of the row that told it last."),
        made(
            "collector",
            "collector",
            "Name of the collector in the configuration: of several deployments each has one.",
        ),
    ],
    source: Source::Sql(
        "FROM events WHERE kind = 'resource' AND action = 'agent_time.bucket' \
         AND coalesce(trust, 'control_plane') IN ('gateway', 'control_plane') GROUP BY collector, target",
    ),
    example: "SELECT date_trunc('month', started) AS month, sum(milliseconds) / 3600000.0 AS hours FROM agent_time WHERE \"interval\" = 'day' GROUP BY 1 ORDER BY 1",
};
