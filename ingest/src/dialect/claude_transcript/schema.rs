//! What of a transcript's lines is known to be a fact: ids, words and numbers of the program. Whatever people, models and tools said is content,
//! and so is every member that a later release adds.

use crate::dialect::schema::Schema;

/// A line.
pub static LINE: Schema = Schema {
    facts: &[
        "agentId",
        "apiBlockIndex",
        "apiErrorStatus",
        "attributionAgent",
        "cwd",
        "durationMs",
        "entrypoint",
        "gitBranch",
        "hasUnknownModelCost",
        "isApiErrorMessage",
        "isCompactSummary",
        "isMeta",
        "isSidechain",
        "isVisibleInTranscriptOnly",
        "leafUuid",
        "level",
        "logicalParentUuid",
        "madeBy",
        "mode",
        "operation",
        "parentUuid",
        "perTurnEffort",
        "permissionMode",
        "promptCacheRequested",
        "promptId",
        "promptSource",
        "queueSkipAttachments",
        "renderedBesideToolResult",
        "renderedRole",
        "requestId",
        "requestRef",
        "requestSessionId",
        "requestedModel",
        "rowSource",
        "sandboxed",
        "sentAtMs",
        "sessionId",
        "slug",
        "sourceToolAssistantUUID",
        "startTime",
        "subtype",
        "timestamp",
        "toolInputStreamMs",
        "totalAPIDuration",
        "totalAPIDurationWithoutRetries",
        "totalCostUSD",
        "totalDuration",
        "totalLinesAdded",
        "totalLinesRemoved",
        "totalToolDuration",
        "turnOrigin",
        "type",
        "userType",
        "uuid",
        "version",
    ],
    objects: &[
        ("attachment", &ATTACHMENT),
        ("compactMetadata", &COMPACTION),
        ("message", &MESSAGE),
        ("origin", &ORIGIN),
        ("permissionDecision", &PERMISSION),
        ("turnPosition", &POSITION),
    ],
};
static ATTACHMENT: Schema = Schema::flat(&["isInitial", "skillCount", "type"]);
static COMPACTION: Schema = Schema::flat(&[
    "cumulativeDroppedTokens",
    "durationMs",
    "postTokens",
    "preCompactOrganizationsCoverStart",
    "preTokens",
    "trigger",
]);
static ORIGIN: Schema = Schema::flat(&["kind", "producer", "runId"]);
static PERMISSION: Schema = Schema::flat(&["decision", "reasonType", "source"]);
static POSITION: Schema = Schema::flat(&["promptIndex", "turnIndex"]);
static MESSAGE: Schema = Schema {
    facts: &["id", "model", "role", "stop_reason", "type"],
    objects: &[("content", &BLOCK), ("usage", &USAGE)],
};
/// A part of what was said.
static BLOCK: Schema = Schema::flat(&["id", "is_error", "name", "server_name", "tool_use_id", "type"]);
static USAGE: Schema = Schema {
    facts: &[
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "inference_geo",
        "input_tokens",
        "output_tokens",
        "service_tier",
        "speed",
    ],
    objects: &[("cache_creation", &WRITTEN), ("output_tokens_details", &DETAILS), ("server_tool_use", &SEARCHES)],
};
static WRITTEN: Schema = Schema::flat(&["ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens"]);
static DETAILS: Schema = Schema::flat(&["thinking_tokens"]);
static SEARCHES: Schema = Schema::flat(&["web_fetch_requests", "web_search_requests"]);
