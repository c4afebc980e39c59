//! Whose money it is: which part of what was spent has a person, by which rule the person was found, and which sources name nobody. How
//! people are found is for intake; what would help is said here.

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::QueryError;
use crate::limits;
use crate::read::Asker;

/// What was spent in the last days, each call once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Over so many days.
    pub days: u32,
    /// All of it, in micro-USD: what gateways tell, and what agents claim where no gateway tells of it.
    pub cost_micros: i64,
    /// The part that has a person.
    pub attributed_micros: i64,
    /// By which rule, the largest part first.
    pub rules: Vec<Part>,
    /// Which sources told of the rest, the largest part first.
    pub missing: Vec<Missing>,
}

/// A part whose person was found by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The rule, as in the column `attribution`.
    pub rule: String,
    /// How much, in micro-USD.
    pub cost_micros: i64,
}

/// What one source told without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The source.
    pub source: String,
    /// How much, in micro-USD.
    pub cost_micros: i64,
    /// In how many calls.
    pub calls: i64,
    /// What to do.
    pub remedy: String,
}

/// Looks at the last days. One who may not read money is refused.
pub async fn attribution(engine: &Engine, asker: &Asker) -> Result<Attribution, QueryError> {
    #[derive(Deserialize)]
    struct Row {
        source: Option<String>,
        rule: Option<String>,
        cost_micros: i64,
        calls: i64,
    }
    let days = limits::ATTRIBUTION_DAYS;
    let sql = format!(
        "SELECT source, CASE WHEN coalesce(\"user\", user_id) IS NULL THEN NULL ELSE coalesce(attribution, 'direct') END AS rule, \
         sum(told_micros) AS cost_micros, count(*) AS calls FROM spend \
         WHERE counted AND told_micros > 0 AND time > now() - INTERVAL '{days} days' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1000"
    );
    let mut found = Attribution { days, ..Attribution::default() };
    for Row { source, rule, cost_micros, calls } in engine.read::<Row>(asker, sql).await? {
        found.cost_micros = found.cost_micros.saturating_add(cost_micros);
        let Some(rule) = rule else {
            let source = source.unwrap_or_default();
            let remedy = remedy(&source).to_owned();
            found.missing.push(Missing { source, cost_micros, calls, remedy });
            continue;
        };
        found.attributed_micros = found.attributed_micros.saturating_add(cost_micros);
        match found.rules.iter_mut().find(|part| part.rule == rule) {
            Some(part) => part.cost_micros = part.cost_micros.saturating_add(cost_micros),
            None => found.rules.push(Part { rule, cost_micros }),
        }
    }
    found.rules.sort_by_key(|part| std::cmp::Reverse(part.cost_micros));
    Ok(found)
}

/// What makes a source name people.
fn remedy(source: &str) -> &'static str {
    match source {
        "coder.gateway" => {
            "Poll Coder's users and api_keys (transport poll), or name a file of people under [ingest] names; see docs/sources/poll.md."
        }
        "litellm" => {
            "Give each person or agent a key of its own with user_id, or send coder_workspace_id in spend_logs_metadata; see docs/sources/litellm.md."
        }
        "envoy" | "kong" => "Let the gateway log who was authenticated; see its page in docs/sources/.",
        "claude_code" | "codex" | "gemini" | "copilot" | "opencode" | "genai" => {
            "Give each workspace a token of its own (tachograph token create --user NAME --workspace ID), or poll Coder's workspaces, which name their owners."
        }
        _ => "Give its sender a token with --user or --workspace, or let its records say who called.",
    }
}
