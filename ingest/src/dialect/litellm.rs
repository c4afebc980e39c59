//! Dialect `litellm`: what the LiteLLM proxy pushes and stores (read in its sources of 2026).
//!
//! | record | kind | natural id (`source_id`) |
//! |---|---|---|
//! | element of the `generic_api` callback (StandardLoggingPayload) | `model.call`, with tokens and money | `id` |
//! | … of a call of an MCP server's tool | `tool.result` | `id` |
//! | row of `LiteLLM_SpendLogs` | the same, without prompts | `request_id` |
//! | webhook about a budget (`budget_crossed`, `spend_tracked`, …) | `notification` | none |
//! | … `key_created` | `credential` | none |
//! | … `internal_user_created` | `audit` | none |
//!
//! A callback and a row tell of one call under one id: the first one counts, see `namespace`. The database keeps milliseconds, so
//! times are cut to them. Prompt tokens include what was cached. What LiteLLM answered from its own cache took no tokens of a
//! provider, so such a call has neither counters nor a price.

mod examples;
mod webhook;

use ledger::events::column;
use operations::access::Trust;

use super::gateway::{self, McpCall};
use super::json::{Integer, Raw, Text, nested, part, record, text_of};
use super::members;
use super::usage::Usage;
use crate::dialect::{Decoded, Dialect, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::price::Tier;
use crate::timestamp::Stated;
use crate::uuid::is_uuid;

const SOURCE: &str = "litellm";

/// Dialect `litellm`.
pub struct LiteLlm;

impl Dialect for LiteLlm {
    fn name(&self) -> &'static str {
        "litellm"
    }

    fn doc(&self) -> &'static str {
        "What a LiteLLM proxy tells of calls: the `generic_api` callback (a JSON array or NDJSON), rows of its spend logs, and webhook \
         alerts about budgets and keys. A call that comes both ways is recorded once. Tokens are counted without what was cached, \
         prompts and answers are content, and the proxy's own cost stands beside ours."
    }

    fn trust(&self) -> Trust {
        Trust::Gateway
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, call) = match read_record::<Call>(record, "object") {
            Ok(read) => read,
            Err(other) => return other,
        };
        let decoded = match call.event.some() {
            Some(event) if call.operation.some().is_none() => webhook::decode(event, text, received, drafts),
            _ => call.decode(text, received, drafts),
        };
        decoded.map_or_else(Decoded::Unparsed, |()| Decoded::Events)
    }
}

record! {
    /// The members of a callback's element and of a row that become columns.
    Call {
        id: Text<'a> = "id" | "request_id",
        event: Text<'a> = "event",
        operation: Text<'a> = "call_type",
        trace: Text<'a> = "trace_id",
        session: Text<'a> = "session_id",
        cost: Text<'a> = "response_cost" | "spend",
        status: Text<'a> = "status",
        status_fields: Raw<'a> = "status_fields",
        provider: Text<'a> = "custom_llm_provider",
        prompt_tokens: Integer = "prompt_tokens",
        completion_tokens: Integer = "completion_tokens",
        start: Text<'a> = "startTime",
        end: Text<'a> = "endTime",
        model: Text<'a> = "model",
        model_group: Text<'a> = "model_group",
        metadata: Raw<'a> = "metadata",
        cache_hit: Text<'a> = "cache_hit",
        request_tags: Raw<'a> = "request_tags",
        key: Text<'a> = "api_key",
        user: Text<'a> = "user",
        team: Text<'a> = "team_id",
        org: Text<'a> = "organization_id",
        error: Raw<'a> = "error_information",
    }

    /// Who asked, and what was counted.
    Metadata {
        key_hash: Text<'a> = "user_api_key_hash",
        key: Text<'a> = "user_api_key",
        key_alias: Text<'a> = "user_api_key_alias",
        team: Text<'a> = "user_api_key_team_id",
        team_alias: Text<'a> = "user_api_key_team_alias",
        org: Text<'a> = "user_api_key_org_id",
        user: Text<'a> = "user_api_key_user_id",
        email: Text<'a> = "user_api_key_user_email",
        user_agent: Text<'a> = "user_agent",
        headers: Raw<'a> = "requester_custom_headers",
        of_key: Raw<'a> = "user_api_key_auth_metadata",
        of_request: Raw<'a> = "spend_logs_metadata",
        usage: Raw<'a> = "usage_object",
        more_usage: Raw<'a> = "additional_usage_values",
        tool: Raw<'a> = "mcp_tool_call_metadata",
        error: Raw<'a> = "error_information",
    }

    /// Where the agent works, if whoever made the key or the request says it.
    Place {
        workspace: Text<'a> = "coder_workspace_id" | "workspace_id",
        workspace_name: Text<'a> = "coder_workspace_name" | "workspace_name",
    }

    /// What was counted beside prompt and completion.
    Counted {
        cache_read: Integer = "cache_read_input_tokens",
        cache_write: Integer = "cache_creation_input_tokens",
        of_prompt: Raw<'a> = "prompt_tokens_details",
        of_completion: Raw<'a> = "completion_tokens_details",
        tier: Text<'a> = "service_tier",
    }

    /// The parts of a counter.
    Details {
        cached: Integer = "cached_tokens",
        created: Integer = "cache_creation_tokens",
        lives: Raw<'a> = "cache_creation_token_details",
        reasoning: Integer = "reasoning_tokens",
    }

    /// How long what was written to the cache lives.
    Lives {
        hour: Integer = "ephemeral_1h_input_tokens",
    }

    /// The call of an MCP server's tool.
    ToolCall {
        name: Text<'a> = "name",
        server: Text<'a> = "mcp_server_name",
        arguments: Raw<'a> = "arguments",
        result: Raw<'a> = "result",
    }

    /// Why a call failed.
    Failure {
        code: Text<'a> = "error_code",
    }

    /// How the parts of a call ended.
    StatusFields {
        guardrail: Text<'a> = "guardrail_status",
    }
}

/// Members of a call that stay in the record.
const FACTS: &[&str] = &[
    "id",
    "request_id",
    "trace_id",
    "session_id",
    "call_type",
    "stream",
    "response_cost",
    "spend",
    "cost_breakdown",
    "response_cost_failure_debug_info",
    "status",
    "status_fields",
    "custom_llm_provider",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "request_duration_ms",
    "response_time",
    "model_map_information",
    "model",
    "model_id",
    "model_group",
    "api_base",
    "metadata",
    "cache_hit",
    "cache_key",
    "saved_cache_cost",
    "request_tags",
    "end_user",
    "user",
    "team_id",
    "organization_id",
    "agent_id",
    "api_key",
    "requester_ip_address",
    "hidden_params",
    "mcp_namespaced_tool_name",
];

/// Members of its metadata that do.
const METADATA_FACTS: &[&str] = &[
    "user_api_key_hash",
    "user_api_key",
    "user_api_key_alias",
    "user_api_key_spend",
    "user_api_key_max_budget",
    "user_api_key_budget_reset_at",
    "user_api_key_org_id",
    "user_api_key_org_alias",
    "user_api_key_project_id",
    "user_api_key_project_alias",
    "user_api_key_team_id",
    "user_api_key_team_alias",
    "user_api_key_user_id",
    "user_api_key_user_email",
    "user_api_key_end_user_id",
    "user_api_key_request_route",
    "requester_ip_address",
    "applied_guardrails",
    "usage_object",
    "additional_usage_values",
    "batch_models",
    "cold_storage_object_key",
    "litellm_overhead_time_ms",
    "cost_breakdown",
    "model_map_information",
    "status",
    "user_agent",
    "attempted_retries",
    "max_retries",
    "team_id",
    "team_alias",
];

impl Call<'_> {
    fn decode(&self, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
        let id = self.id.id().ok_or("it has neither id nor request_id and is no webhook event")?;
        let operation = self.operation.some().ok_or("it has no call_type")?;
        let start = in_millis(&self.start).required("it has no startTime")?;
        let mut buffers: [String; 2] = Default::default();
        let [metadata_text, tool_text] = &mut buffers;
        let metadata: Metadata = nested(self.metadata, metadata_text);
        let tool: ToolCall = nested(metadata.tool, tool_text);
        let draft = drafts.add();
        draft.set_times(start, Stated::Nothing, received);
        if tool.name.some().is_some() {
            let call = McpCall {
                server: tool.server.some(),
                method: "tools/call",
                name: tool.name.some(),
                arguments: tool.arguments,
                result: tool.result,
                has_ended: true,
            };
            call.set(draft, SOURCE);
        } else {
            draft.set_origin(SOURCE, "gateway", "model.call");
            draft.columns.set_text(column::ACTION, operation);
            draft.columns.set_text_if(column::TARGET, self.model_group.some().or(self.model.some()));
            draft.columns.set_text_if(column::PROVIDER, self.provider.some());
            draft.columns.set_text_if(column::MODEL, self.model.some().or(self.model_group.some()));
            draft.columns.set_text(column::INTERCEPTION, id);
        }
        draft.columns.set_text(column::SOURCE_ID, id);
        if let (Some(start), Some(end)) = (start.micros(), in_millis(&self.end).micros()) {
            draft.columns.set_integer(column::DURATION_US, end.saturating_sub(start));
        }
        self.set_outcome(draft, &metadata);
        self.set_who(draft, &metadata);
        self.set_spend(draft, &metadata);
        self.add_content(draft, text);
        Ok(())
    }

    fn set_outcome(&self, draft: &mut Draft, metadata: &Metadata) {
        let failure: Failure = part(self.error.or(metadata.error));
        let parts: StatusFields = part(self.status_fields);
        // The class of an error that has no code stands there, too.
        if let Some(code) = failure.code.some().and_then(|code| code.parse().ok()) {
            draft.columns.set_integer(column::STATUS, code);
        }
        let outcome = match self.status.as_str() {
            "success" => "success",
            "failure" if matches!(parts.guardrail.as_str(), "guardrail_intervened" | "blocked") => "blocked",
            "failure" => "error",
            _ => return,
        };
        draft.columns.set_text(column::OUTCOME, outcome);
    }

    fn set_who(&self, draft: &mut Draft, metadata: &Metadata) {
        let user = metadata.user.some().or(self.user.some());
        match user.filter(|user| is_uuid(user)) {
            Some(id) => draft.set_user(Some(id), metadata.email.some()),
            None => draft.columns.set_text_if(column::USER, user.or(metadata.email.some())),
        }
        draft
            .api_key
            .push_str(metadata.key_hash.some().or(metadata.key.some()).or(self.key.some()).unwrap_or_default());
        let headers = gateway::headers(metadata.headers);
        let tags: Vec<Text> = part(self.request_tags);
        let tagged = tags.iter().find_map(|tag| tag.as_str().strip_prefix("User-Agent: "));
        gateway::set_client(draft, metadata.user_agent.some().or(headers.user_agent.some()).or(tagged));
        // Who makes a key is asked before who sends a request.
        let (of_key, of_request): (Place, Place) = (part(metadata.of_key), part(metadata.of_request));
        let workspace = of_key.workspace.id().or(of_request.workspace.id());
        let columns = &mut draft.columns;
        columns.set_text_if(column::SESSION, headers.session.some().or(self.session.some()).or(self.trace.some()));
        columns.set_text_if(column::AGENT, metadata.key_alias.some());
        columns.set_text_if(column::TEAM, metadata.team_alias.some().or(metadata.team.some()).or(self.team.some()));
        columns.set_text_if(column::ORG, metadata.org.some().or(self.org.some()));
        columns.set_text_if(column::WORKSPACE, workspace);
        columns.set_text_if(column::WORKSPACE_NAME, of_key.workspace_name.some().or(of_request.workspace_name.some()));
        if workspace.is_some() || user.is_some() {
            columns.set_text(column::ATTRIBUTION, "direct");
        }
    }

    fn set_spend(&self, draft: &mut Draft, metadata: &Metadata) {
        if let Some(micros) = gateway::micros(&self.cost) {
            draft.columns.set_integer(column::COST_SOURCE_MICROS, micros);
        }
        if self.cache_hit.as_str().eq_ignore_ascii_case("true") {
            return;
        }
        let counted: Counted = part(metadata.usage.or(metadata.more_usage));
        let (of_prompt, of_completion): (Details, Details) = (part(counted.of_prompt), part(counted.of_completion));
        let usage = Usage {
            input: self.prompt_tokens.0,
            output: self.completion_tokens.0,
            cache_read: counted.cache_read.0.or(of_prompt.cached.0),
            cache_write: counted.cache_write.0.or(of_prompt.created.0),
            reasoning: of_completion.reasoning.0,
        };
        usage.without_cached_if_held().set(draft);
        let lives: Lives = part(of_prompt.lives);
        match lives.hour.0 {
            Some(hour) if hour < 0 => draft.void("tokens_cache_write_hour"),
            hour => draft.billing.cache_write_hour = hour.unwrap_or(0),
        }
        draft.billing.tier = Tier::of(counted.tier.as_str());
    }

    fn add_content(&self, draft: &mut Draft, text: &str) {
        let root = FieldPath::root();
        members::add_others(draft, text, &root, text, FACTS);
        let Some(metadata) = self.metadata else { return };
        if metadata.get().starts_with('{') {
            members::add_others(draft, text, &root.then("metadata"), metadata.get(), METADATA_FACTS);
        } else if !text_of(metadata).is_empty() {
            // Some releases write it as a text with JSON in it.
            draft.add_content(text, "metadata", "/metadata", Some(metadata));
        }
    }
}

/// A time, cut to the milliseconds that the database keeps.
fn in_millis(time: &Text) -> Stated {
    match time.time() {
        Stated::At(micros) => Stated::At(micros.div_euclid(1_000) * 1_000),
        other => other,
    }
}

#[cfg(test)]
mod tests;
