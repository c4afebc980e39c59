//! Attributes that are facts whichever agent tells them: words, numbers and ids of machines, libraries and models. Facts of one
//! agent alone stand with the agent. Whatever is not named in either place is content.

/// Attributes of the machine and of the library, and ids that workspaces are told to add (`OTEL_RESOURCE_ATTRIBUTES`).
const OF_RESOURCE: &[&str] = &[
    "coder.agent_id",
    "coder.agent_name",
    "coder.chat_id",
    "coder.organization_id",
    "coder.owner_id",
    "coder.owner_name",
    "coder.task_id",
    "coder.template_id",
    "coder.template_name",
    "coder.workspace_id",
    "coder.workspace_name",
    "deployment.environment",
    "deployment.environment.name",
    "env",
    "host.arch",
    "host.id",
    "host.name",
    "organization.id",
    "os",
    "os.name",
    "os.type",
    "os.version",
    "os_version",
    "process.pid",
    "process.runtime.name",
    "process.runtime.version",
    "service.instance.id",
    "service.name",
    "service.namespace",
    "service.version",
    "team.id",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "user.account_id",
    "user.account_uuid",
    "user.email",
    "user.id",
];

/// Attributes of events of most agents.
const OF_EVENTS: &[&str] = &[
    "agent.name",
    "agent_id",
    "app.version",
    "attempt",
    "call_id",
    "conversation.id",
    "decision",
    "duration_ms",
    "error.type",
    "error_type",
    "event.kind",
    "event.name",
    "event.sequence",
    "event.timestamp",
    "http.request.method",
    "http.response.status_code",
    "http.status_code",
    "interactive",
    "model",
    "originator",
    "prompt.id",
    "prompt_id",
    "prompt_length",
    "query_source",
    "request_id",
    "server.address",
    "server.port",
    "session.id",
    "source",
    "span.type",
    "status_code",
    "success",
    "terminal.type",
    "tool_name",
    "tool_use_id",
    "type",
];

/// Attributes of the semantic conventions for generative AI (1.41, and 0.1.0 of their own), for MCP, and their older names.
const OF_MODELS: &[&str] = &[
    "gen_ai.agent.id",
    "gen_ai.agent.name",
    "gen_ai.agent.version",
    "gen_ai.conversation.id",
    "gen_ai.data_source.id",
    "gen_ai.operation.name",
    "gen_ai.output.type",
    "gen_ai.provider.name",
    "gen_ai.request.choice.count",
    "gen_ai.request.encoding_formats",
    "gen_ai.request.frequency_penalty",
    "gen_ai.request.max_tokens",
    "gen_ai.request.model",
    "gen_ai.request.presence_penalty",
    "gen_ai.request.reasoning.level",
    "gen_ai.request.seed",
    "gen_ai.request.stream",
    "gen_ai.request.temperature",
    "gen_ai.request.top_k",
    "gen_ai.request.top_p",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.id",
    "gen_ai.response.model",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.system",
    "gen_ai.token.modality",
    "gen_ai.token.type",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call_id",
    "gen_ai.tool.name",
    "gen_ai.tool.type",
    "gen_ai.workflow.name",
    "jsonrpc.protocol.version",
    "jsonrpc.request.id",
    "mcp.method.name",
    "mcp.protocol.version",
    "mcp.session.id",
    "network.protocol.name",
    "network.protocol.version",
    "network.transport",
    "process.executable.name",
    "process.exit.code",
    "rpc.response.status_code",
];

/// Input tokens, those from the cache included.
pub const INPUT: &[&str] = &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"];
/// Output tokens, reasoning included.
pub const OUTPUT: &[&str] = &["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"];
/// Input tokens read from the provider's cache.
pub const CACHE_READ: &[&str] = &["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"];
/// Input tokens written to the provider's cache.
pub const CACHE_WRITE: &[&str] = &[
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
];
/// The part of the output that was reasoning.
pub const REASONING: &[&str] = &["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"];
/// Other counters.
const TOTAL: &[&str] = &["gen_ai.usage.total_tokens"];

/// Whether an attribute with this key is a fact, whoever tells it.
pub fn is_common_fact(key: &str) -> bool {
    // Every attribute of every record is looked for.
    let is_listed = [OF_EVENTS, OF_RESOURCE, OF_MODELS].iter().any(|list| list.binary_search(&key).is_ok());
    is_listed || [INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, REASONING, TOTAL].iter().any(|list| list.contains(&key))
}

/// The lists that are in order.
#[cfg(test)]
pub const LISTS: [&[&str]; 3] = [OF_EVENTS, OF_RESOURCE, OF_MODELS];
