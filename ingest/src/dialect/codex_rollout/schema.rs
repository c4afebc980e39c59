//! What of a rollout's lines is known to be a fact: ids, words and numbers of the program. Whatever people, models and tools said is content,
//! and so is every member that a later release adds. Where a name is a word in one payload and a text in another, it is content in both.

use crate::dialect::schema::Schema;

/// A line.
pub static LINE: Schema = Schema { facts: &["ordinal", "timestamp", "type"], objects: &[("payload", &PAYLOAD)] };

/// What a line holds, whatever it is.
static PAYLOAD: Schema = Schema {
    facts: &[
        "account_scoped",
        "approval_policy",
        "approvals_reviewer",
        "call_id",
        "cli_version",
        "collaboration_mode_kind",
        "completed_at",
        "completed_at_ms",
        "cwd",
        "duration_ms",
        "effort",
        "exit_code",
        "forked_from_id",
        "forked_from_ordinal_exclusive",
        "history_mode",
        "id",
        "model",
        "model_context_window",
        "model_provider",
        "multi_agent_version",
        "originator",
        "parent_turn_id",
        "process_id",
        "realtime_active",
        "response_id",
        "role",
        "root_turn_id",
        "session_id",
        "started_at",
        "started_at_ms",
        "status",
        "thread_id",
        "thread_source",
        "time_to_first_token_ms",
        "timestamp",
        "turn_id",
        "type",
    ],
    objects: &[
        ("duration", &DURATION),
        ("git", &GIT),
        ("info", &INFO),
        ("item", &ITEM),
        ("sandbox_policy", &SANDBOX),
        ("permission_profile", &SANDBOX),
        ("thread_token_usage", &USAGE),
        ("turn_attribution", &ATTRIBUTION),
        ("turn_token_usage", &USAGE),
        ("usage", &USAGE),
    ],
};
static DURATION: Schema = Schema::flat(&["nanos", "secs"]);
static GIT: Schema = Schema::flat(&["branch", "commit_hash", "repository_url"]);
static SANDBOX: Schema = Schema::flat(&["mode", "network_access", "type"]);
static ATTRIBUTION: Schema =
    Schema::flat(&["initiating_agent_path", "parent_turn_id", "root_turn_id", "turn_id", "turn_trigger"]);
static USAGE: Schema = Schema::flat(&[
    "cache_write_input_tokens",
    "cached_input_tokens",
    "input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
]);
static INFO: Schema = Schema {
    facts: &["last_usage_includes_reasoning", "model_context_window"],
    objects: &[("last_token_usage", &USAGE), ("total_token_usage", &USAGE)],
};
static ITEM: Schema = Schema {
    facts: &["exit_code", "id", "process_id", "server", "status", "tool", "type"],
    objects: &[("duration", &DURATION)],
};
