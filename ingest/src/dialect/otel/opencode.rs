//! opencode (1.18): spans of the Vercel AI SDK, which has attributes of its own (`ai.*`) beside those of the semantic conventions. Its
//! other spans and its log records are about its own inner work.
//!
//! Money is counted from the spans of requests (`ai.streamText.doStream`, …); the span around them (`ai.streamText`) sums them up.

use std::borrow::Cow;

use ledger::events::column;

use super::Agent;
use super::element::{Element, Events, Signal, set_name};
use super::told::{set_call, set_ended};
use crate::dialect::hooks::agents::OPENCODE;
use crate::dialect::tool::ToolKind;
use crate::dialect::usage::Usage;

/// opencode.
pub static AGENT: Agent = Agent {
    name: OPENCODE.name,
    is_any: false,
    scopes: &["opencode"],
    services: &["opencode"],
    facts: FACTS,
    tell,
    measures: |name| name.starts_with("opencode.") || name.starts_with("gen_ai."),
};

/// The attribute that every span of the SDK has.
pub const OPERATION: &str = "ai.operationId";

/// Facts of the SDK, whoever uses it.
pub const FACTS: &[&str] = &[
    "ai.model.id",
    "ai.model.provider",
    "ai.operationId",
    "ai.request.headers.User-Agent",
    "ai.request.headers.X-Session-Id",
    "ai.request.headers.x-session-affinity",
    "ai.response.avgOutputTokensPerSecond",
    "ai.response.finishReason",
    "ai.response.id",
    "ai.response.model",
    "ai.response.msToFinish",
    "ai.response.msToFirstChunk",
    "ai.response.timestamp",
    "ai.settings.maxOutputTokens",
    "ai.settings.maxRetries",
    "ai.telemetry.functionId",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.userId",
    "ai.toolCall.id",
    "ai.toolCall.name",
    "ai.usage.cachedInputTokens",
    "ai.usage.completionTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
    "ai.usage.inputTokenDetails.noCacheTokens",
    "ai.usage.inputTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "ai.usage.outputTokenDetails.textTokens",
    "ai.usage.outputTokens",
    "ai.usage.promptTokens",
    "ai.usage.reasoningTokens",
    "ai.usage.tokens",
    "ai.usage.totalTokens",
    "operation.name",
    "resource.name",
];

/// Adds what a span of the SDK says.
pub fn tell(element: &Element, events: &mut Events) {
    let Some(operation) = element.text(OPERATION).filter(|_| element.signal == Signal::Span) else { return };
    let success = Some(!element.has_failed());
    if operation == "ai.toolCall" {
        let tool = element.text("ai.toolCall.name").unwrap_or_default();
        let draft = events.add(element, ToolKind::of(&tool).result_kind());
        let input = element.text("ai.toolCall.args");
        set_call(draft, &tool, input.as_deref(), element.text("ai.toolCall.id").as_deref());
        set_ended(draft, success, None);
        draft.result = element.text("ai.toolCall.result").map(Cow::into_owned);
        return;
    }
    // `ai.streamText.doStream` is a request, and `ai.streamText` what is around requests.
    let is_request = operation.rsplit('.').next().is_some_and(|part| part.starts_with("do"));
    let usage = usage(element);
    let kind = match (is_request, usage.is_empty()) {
        (true, false) => "model.tokens",
        (true, true) => "model.call",
        (false, _) => "model.summary",
    };
    let draft = events.add(element, kind);
    if is_request {
        usage.set(draft);
    }
    let names = [
        (column::PROVIDER, ["gen_ai.provider.name", "gen_ai.system", "ai.model.provider"]),
        (column::MODEL, ["ai.response.model", "gen_ai.response.model", "ai.model.id"]),
        (column::INTERCEPTION, ["ai.response.id", "gen_ai.response.id", ""]),
    ];
    for (column, keys) in names {
        set_name(draft, column, element.attributes.first(&keys).as_deref());
    }
    set_ended(draft, success, None);
}

/// What a request took. Newer releases say apart what was not cached.
fn usage(element: &Element) -> Usage {
    let count = |keys| element.attributes.first_integer(keys);
    let input =
        count(&["ai.usage.inputTokens", "ai.usage.promptTokens", "gen_ai.usage.input_tokens", "ai.usage.tokens"]);
    let usage = Usage {
        input,
        output: count(&["ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens"]),
        cache_read: count(&["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"]),
        cache_write: count(&["ai.usage.inputTokenDetails.cacheWriteTokens"]),
        reasoning: count(&["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"]),
    };
    match count(&["ai.usage.inputTokenDetails.noCacheTokens"]) {
        Some(uncached) => Usage { input: Some(uncached), ..usage },
        None => usage.without_cached_if_held(),
    }
}
