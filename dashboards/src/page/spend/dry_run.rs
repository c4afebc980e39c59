//! What a cap would have done in the last thirty days, had every call been reserved.

use operations::Money;
use serde_json::Value;

use crate::ask::{list, literal, number, some_text, text};
use crate::figures;
use crate::trouble::Trouble;
use crate::visit::{Visit, segment};

/// Whose money a budget can be: members of its scope, and columns of `spend`.
pub const SCOPE_NAMES: [&str; 6] = ["org", "team", "user", "agent", "run", "workspace"];
/// Sessions that are named.
const SESSIONS: usize = 5;

/// What a cap would have done.
pub struct DryRun {
    /// When it would have been reached, in words.
    pub reached: String,
    /// Sessions with calls after that,
    pub sessions: i64,
    /// what those calls cost in micro-USD,
    pub refused: i64,
    /// and the sessions that they cost most: name, address, micro-USD.
    pub first: Vec<(String, String, i64)>,
    /// What would have been left of a day or of the thirty days, on average, in micro-USD.
    pub unused: i64,
}

/// Whose money it is and which events count, as a condition over `spend`: as the ledger counts them.
pub fn condition(scope: &Value) -> String {
    let parts =
        SCOPE_NAMES.iter().filter_map(|name| Some(format!("\"{name}\" = {}", literal(some_text(scope, name)?))));
    let families: Vec<String> = list(scope, "families").iter().filter_map(Value::as_str).map(literal).collect();
    let families = (!families.is_empty()).then(|| format!("family IN ({})", families.join(", ")));
    let parts: Vec<String> = parts.chain(families).collect();
    if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
}

impl DryRun {
    /// Tries a cap. Days begin so many minutes before midnight UTC; with months, the thirty days are one.
    pub async fn of(visit: &Visit, cap: Money, scope: &Value, period: &str, minutes: i64) -> Result<Self, Trouble> {
        let cap = cap.as_micros();
        let window = match period {
            "month" => "0".to_owned(),
            _ => format!("date_trunc('day', time + INTERVAL '{minutes} minutes')"),
        };
        let calls = format!(
            "WITH calls AS (SELECT {window} AS window, time, session, cost_micros, \
               sum(cost_micros) OVER (PARTITION BY {window} ORDER BY time, seq) AS sum \
               FROM spend WHERE time > now() - INTERVAL '30 days' AND cost_micros IS NOT NULL AND {}), \
             late AS (SELECT * FROM calls WHERE sum > {cap}) ",
            condition(scope)
        );
        let sums = format!(
            "{calls}SELECT (SELECT count(DISTINCT window) FROM late) AS windows, (SELECT min(time) FROM late) AS first, \
               (SELECT count(DISTINCT session) FROM late) AS sessions, (SELECT sum(cost_micros) FROM late) AS refused, \
               (SELECT CAST(avg(CASE WHEN whole < {cap} THEN {cap} - whole ELSE 0 END) AS BIGINT) \
                FROM (SELECT max(sum) AS whole FROM calls GROUP BY window)) AS unused"
        );
        let first = format!(
            "{calls}SELECT session, sum(cost_micros) AS micros FROM late WHERE session IS NOT NULL \
               GROUP BY session ORDER BY micros DESC, session LIMIT {SESSIONS}"
        );
        let (sums, first) = tokio::try_join!(visit.rows(&sums), visit.rows(&first))?;
        let sums = sums.into_iter().next().unwrap_or_default();
        let windows = number(&sums, "windows");
        let reached = match (period, windows, figures::moment(text(&sums, "first"))) {
            (_, 0, _) => "would not have been reached".to_owned(),
            ("month", _, Some(first)) => {
                format!("would have been reached on {}", first.format("%-d %b at %H:%M UTC"))
            }
            (_, 1, _) => "would have been reached on 1 day".to_owned(),
            _ => format!("would have been reached on {windows} days"),
        };
        let first = first.iter().map(|row| {
            let session = text(row, "session");
            (session.chars().take(8).collect(), format!("/sessions/{}", segment(session)), number(row, "micros"))
        });
        Ok(Self {
            reached,
            sessions: number(&sums, "sessions"),
            refused: number(&sums, "refused"),
            first: first.collect(),
            unused: number(&sums, "unused"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scope_is_a_condition_of_whole_values() {
        let check = |scope: Value, expected: &str| assert_eq!(condition(&scope), expected, "{scope}");
        check(json!({}), "TRUE");
        check(json!({ "team": "a'b" }), "\"team\" = 'a''b'");
        check(
            json!({ "org": "acme", "user": "ana", "families": ["gateway", "x') OR ('"], "trust": ["gateway"] }),
            "\"org\" = 'acme' AND \"user\" = 'ana' AND family IN ('gateway', 'x'') OR (''')",
        );
    }
}
