//! Rules that would let through what was refused, as lines for the allowlist of Coder's Agent Firewall. They are proposed for reads that
//! several asked for, never for a domain of which an alert is open; somebody else applies them.

use serde_json::Value;

use crate::ask::{number, text};
use crate::figures;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// How many are proposed at most.
const PROPOSALS_MAX: usize = 12;

/// One line of an allowlist.
pub struct Proposal {
    /// The line.
    pub line: String,
    /// Refused requests that it would have let through.
    pub refused: i64,
    /// Agents that asked.
    pub agents: i64,
    /// Who asked, in words.
    pub who: String,
}

/// The proposals for what the condition leaves.
pub async fn proposals(
    visit: &Visit,
    condition: &str,
    is_suspect: impl Fn(&str) -> bool,
) -> Result<Vec<Proposal>, Trouble> {
    let sql = format!(
        "SELECT host, domain, string_agg(DISTINCT method, ',') AS methods, count(*) AS refused, count(DISTINCT coalesce(workspace, agent)) AS agents, \
         string_agg(DISTINCT team, ', ') AS teams, min(path) AS low, max(path) AS high \
         FROM events WHERE kind = 'egress.http' AND outcome = 'deny' AND host IS NOT NULL AND {condition} \
         GROUP BY host, domain HAVING sum(CASE WHEN method IN ('GET', 'HEAD') THEN 0 ELSE 1 END) = 0 ORDER BY agents DESC, refused DESC LIMIT 60"
    );
    let rows = visit.rows(&sql).await?;
    let wanted = rows.iter().filter(|row| !is_suspect(text(row, "domain")) && number(row, "refused") > 1);
    Ok(wanted.filter_map(proposal).take(PROPOSALS_MAX).collect())
}

/// A line from the sums of one host; none for a host whose name could end the line or begin another.
fn proposal(row: &Value) -> Option<Proposal> {
    let host = text(row, "host");
    let is_name = !host.is_empty()
        && host.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-'));
    let (refused, agents) = (number(row, "refused"), number(row, "agents"));
    is_name.then(|| Proposal {
        line: format!("- \"method=GET,HEAD domain={host} path={}\"", common_path(text(row, "low"), text(row, "high"))),
        refused,
        agents,
        who: format!("{}, {} agents", text(row, "teams"), figures::count(agents)),
    })
}

/// What all paths between the first and the last in order begin with, up to a slash.
fn common_path(low: &str, high: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/-_.~".contains(character);
    let same = low.chars().zip(high.chars()).take_while(|(a, b)| a == b && is_plain(*a));
    let same: String = same.map(|(character, _)| character).collect();
    if low == high && same.len() == low.len() && !low.is_empty() {
        return same;
    }
    match same.rfind('/') {
        Some(end) => format!("{}*", &same[..=end]),
        None => "/*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_as_narrow_as_what_was_asked_for() {
        let check =
            |low: &str, high: &str, expected: &str| assert_eq!(common_path(low, high), expected, "{low} {high}");
        check("/v1/providers/a", "/v1/providers/b", "/v1/providers/*");
        check("/css", "/css", "/css");
        check("/css", "/js", "/*");
        check("", "", "/*");
        check("/a\" domain=evil", "/a\" domain=evil", "/*");
    }

    #[test]
    fn a_host_does_not_write_the_rest_of_the_line() {
        let row =
            |host: &str| json!({ "host": host, "refused": 3, "agents": 2, "teams": "web", "low": "/a", "high": "/a" });
        assert_eq!(
            proposal(&row("packages.acme.example")).unwrap().line,
            "- \"method=GET,HEAD domain=packages.acme.example path=/a\""
        );
        assert!(proposal(&row("a\" domain=*")).is_none());
        assert!(proposal(&row("")).is_none());
    }
}
