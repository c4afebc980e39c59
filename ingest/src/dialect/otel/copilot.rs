//! GitHub Copilot CLI (1.0.102) and Copilot in VS Code: spans and metrics by the semantic conventions for generative AI, with
//! attributes of its own.
//!
//! Money is counted from `chat` spans; `invoke_agent` sums them up. In what unit `github.copilot.cost` counts is not documented, so it
//! is in the record only.

use super::Agent;
use super::genai::tell_by_convention;
use crate::dialect::hooks::agents::COPILOT;

/// GitHub Copilot.
pub static AGENT: Agent = Agent {
    name: COPILOT.name,
    is_any: false,
    scopes: &["github.copilot", "copilot-chat"],
    services: &["github-copilot", "copilot-chat"],
    facts: FACTS,
    tell: tell_by_convention,
    measures: |name| ["github.copilot.", "copilot_chat.", "gen_ai."].iter().any(|start| name.starts_with(start)),
};

const FACTS: &[&str] = &[
    "github.copilot.agent.type",
    "github.copilot.aiu",
    "github.copilot.context.mcp_server_names",
    "github.copilot.context.skills",
    "github.copilot.cost",
    "github.copilot.current_tokens",
    "github.copilot.hook.decision",
    "github.copilot.hook.duration",
    "github.copilot.hook.invocation_id",
    "github.copilot.hook.tool_names",
    "github.copilot.hook.type",
    "github.copilot.initiator",
    "github.copilot.interaction_id",
    "github.copilot.messages_length",
    "github.copilot.nano_aiu",
    "github.copilot.sandbox.backend",
    "github.copilot.sandbox.control",
    "github.copilot.sandbox.decision_kind",
    "github.copilot.sandbox.enforcement_point",
    "github.copilot.sandbox.outcome",
    "github.copilot.sandbox.platform",
    "github.copilot.server_duration",
    "github.copilot.token_limit",
    "github.copilot.turn_count",
    "github.copilot.turn_id",
    "github.copilot.user.message.interaction_id",
    "github.copilot.user.message.source",
    "github.copilot.user.message.turn_id",
];
