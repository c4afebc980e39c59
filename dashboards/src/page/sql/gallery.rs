//! The queries that come with the page: questions that people have first. Each runs in a test on the demo's data and gives rows.

/// One query.
pub struct Query {
    /// The heading below which it stands.
    pub group: &'static str,
    /// The question.
    pub name: &'static str,
    /// The statement.
    pub sql: &'static str,
}

const fn query(group: &'static str, name: &'static str, sql: &'static str) -> Query {
    Query { group, name, sql }
}

/// All of them.
pub const QUERIES: &[Query] = &[
    query(
        "Security",
        "Refused writes by domain",
        "SELECT domain, team, count(*) AS refused, max(time) AS last\nFROM egress\nWHERE outcome = 'deny' AND method IN ('POST', 'PUT', 'PATCH')\nGROUP BY domain, team ORDER BY refused DESC",
    ),
    query(
        "Security",
        "Refused writes after a secret",
        "WITH secret AS (\n  SELECT session, time AS read FROM events\n  WHERE array_length(redactions) > 0 OR file LIKE '%.env%'\n)\nSELECT e.time, e.team, e.workspace_name, e.domain, min(e.time - s.read) AS after, max(e.position) AS position\nFROM egress e JOIN secret s ON s.session = e.session AND e.time BETWEEN s.read AND s.read + INTERVAL '15 minutes'\nWHERE e.outcome = 'deny' GROUP BY 1, 2, 3, 4 ORDER BY e.time DESC",
    ),
    query(
        "Security",
        "Domains that one agent asked for",
        "SELECT domain, min(time) AS first, count(*) AS requests, max(workspace_name) AS by\nFROM egress WHERE domain IS NOT NULL\nGROUP BY domain HAVING count(DISTINCT workspace) = 1 ORDER BY first DESC LIMIT 100",
    ),
    query(
        "Security",
        "Long paths and queries to one domain",
        "SELECT domain, workspace_name, count(*) AS requests, max(character_length(path)) AS longest\nFROM egress WHERE method = 'GET'\nGROUP BY domain, workspace_name ORDER BY longest DESC LIMIT 50",
    ),
    query(
        "Security",
        "What commands do",
        "SELECT effect, count(*) AS commands, count(DISTINCT session) AS sessions\nFROM (SELECT session, unnest(effects) AS effect FROM commands)\nGROUP BY effect ORDER BY commands DESC",
    ),
    query(
        "Security",
        "What changed on agents, and what made it so",
        "SELECT c.time, c.workspace_name, c.item, c.name, c.change, c.before, c.after, c.cause_kind, e.command, c.cause\nFROM inventory_changes c LEFT JOIN events e ON e.position = c.cause\nORDER BY c.time DESC LIMIT 100",
    ),
    query(
        "Security",
        "Open alerts, the worst first",
        "SELECT severity, rule, team, agent, reason, opened FROM alerts\nWHERE status = 'open'\nORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, opened DESC",
    ),
    query(
        "Security",
        "Texts that give orders",
        "SELECT time, team, workspace_name, tool, text_signs, position FROM events\nWHERE array_length(text_signs) > 0 ORDER BY time DESC LIMIT 100",
    ),
    query(
        "Loops",
        "Same call more than 20 times",
        "SELECT session, tool, action_fp, count(*) AS calls, min(time) AS first, max(time) AS last\nFROM tool_calls WHERE action_fp IS NOT NULL\nGROUP BY session, tool, action_fp HAVING count(*) > 20 ORDER BY calls DESC",
    ),
    query(
        "Loops",
        "Sessions without a written file",
        "SELECT session, workspace_name, events, cost_micros / 1000000.0 AS usd FROM sessions\nWHERE coalesce(files, 0) = 0 ORDER BY events DESC LIMIT 50",
    ),
    query(
        "Loops",
        "Commands that fail most",
        "SELECT workspace_name, exit_code, count(*) AS failures FROM commands\nWHERE exit_code <> 0 GROUP BY 1, 2 ORDER BY failures DESC LIMIT 50",
    ),
    query(
        "Loops",
        "Alerts by rule and what they were",
        "SELECT rule, count(*) AS alerts, sum(CASE WHEN close_reason = 'false_positive' THEN 1 ELSE 0 END) AS wrong\nFROM alerts GROUP BY rule ORDER BY alerts DESC",
    ),
    query(
        "Spend",
        "By team and model, 24 hours",
        "SELECT team, model, sum(cost_micros) / 1000000.0 AS usd, sum(tokens_out) FILTER (WHERE counted) AS tokens_out\nFROM spend WHERE time > now() - INTERVAL '24 hours'\nGROUP BY team, model ORDER BY usd DESC NULLS LAST",
    ),
    query(
        "Spend",
        "By day, 30 days",
        "SELECT date_trunc('day', time) AS day, sum(cost_micros) / 1000000.0 AS usd\nFROM spend WHERE time > now() - INTERVAL '30 days'\nGROUP BY 1 ORDER BY 1",
    ),
    query(
        "Spend",
        "The costliest sessions",
        "SELECT session, workspace_name, sum(cost_micros) / 1000000.0 AS usd, count(*) AS calls\nFROM spend WHERE counted GROUP BY 1, 2 ORDER BY usd DESC NULLS LAST LIMIT 50",
    ),
    query(
        "Spend",
        "Models without a price",
        "SELECT model, count(*) AS calls, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out\nFROM model_calls WHERE cost_micros IS NULL AND model IS NOT NULL GROUP BY model ORDER BY calls DESC",
    ),
    query(
        "Spend",
        "Cached share by agent",
        "SELECT workspace_name, round(100.0 * sum(tokens_cache_read) / (sum(tokens_cache_read) + sum(tokens_in)), 1) AS cached_percent\nFROM spend WHERE counted GROUP BY workspace_name HAVING sum(tokens_cache_read) + sum(tokens_in) > 0 ORDER BY cached_percent",
    ),
    query(
        "Spend",
        "Hours of the week",
        "SELECT date_part('dow', time) AS day, date_part('hour', time) AS hour, sum(cost_micros) / 1000000.0 AS usd\nFROM spend GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    query(
        "Spend",
        "Workspaces by team, 30 days",
        "SELECT team, sum(seconds) FILTER (WHERE state = 'running') / 3600.0 AS hours, sum(cost_micros) / 1000000.0 AS compute_usd,\n  sum(storage_micros) / 1000000.0 AS storage_usd\nFROM compute WHERE day >= now() - INTERVAL '30 days' GROUP BY team ORDER BY compute_usd DESC NULLS LAST",
    ),
    query(
        "Operation",
        "Lag of intake by collector, an hour",
        "SELECT collector, count(*) AS events, max(recorded - observed) AS lag_max\nFROM events WHERE recorded > now() - INTERVAL '1 hour' GROUP BY collector ORDER BY events DESC",
    ),
    query(
        "Operation",
        "Records by source and kind",
        "SELECT source, kind, count(*) AS records, max(time) AS last FROM events GROUP BY 1, 2 ORDER BY records DESC",
    ),
    query("Operation", "Receipts of sinks", "SELECT * FROM receipts ORDER BY seq DESC LIMIT 50"),
    query(
        "Operation",
        "Messages about alerts",
        "SELECT recorded, receiver, ack, attempts, digest FROM deliveries ORDER BY seq DESC LIMIT 100",
    ),
    query(
        "Operation",
        "Who logged in",
        "SELECT recorded, actor, \"to\" AS state, record FROM operations WHERE kind = 'login' ORDER BY seq DESC LIMIT 100",
    ),
    query("Operation", "Which queries were asked", "SELECT * FROM queries ORDER BY seq DESC LIMIT 100"),
    query("Operation", "What is known of each agent", "SELECT * FROM agents LIMIT 100"),
    query(
        "Operation",
        "Kinds of entries in operations",
        "SELECT kind, count(*) AS entries, max(recorded) AS last FROM operations GROUP BY kind ORDER BY entries DESC",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_twenty_seven_with_names_of_their_own() {
        let mut names: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((QUERIES.len(), names.len()), (27, 27));
    }
}
