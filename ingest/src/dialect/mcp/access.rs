//! Access log lines of proxies that name an MCP method: agentgateway 1.0 (`crates/agentgateway/src/telemetry/log.rs`) and Envoy AI
//! Gateway, whose other lines the dialect `envoy` reads.

use ledger::events::column;

use crate::dialect::gateway::{self, McpCall};
use crate::dialect::json::{Integer, Raw, Text, read, record, why_not};
use crate::dialect::members;
use crate::encoding::FieldPath;
use crate::event::Drafts;
use crate::timestamp::Stated;

const SOURCE: &str = "agentgateway";

record! {
    /// A line.
    Line {
        time: Text<'a> = "time" | "timestamp" | "ts" | "start_time",
        method: Text<'a> = "mcp.method.name" | "mcp.method" | "mcp_method",
        server: Text<'a> = "mcp.target" | "mcp.provider.name" | "mcp_backend",
        tool: Text<'a> = "gen_ai.tool.name" | "mcp.tool.name" | "mcp.tool_name",
        resource: Text<'a> = "mcp.resource.name",
        session: Text<'a> = "session.id",
        mcp_session: Text<'a> = "mcp.session.id" | "mcp_session_id",
        request: Text<'a> = "x-request-id" | "request_id",
        span: Text<'a> = "span.id",
        user: Text<'a> = "jwt.sub" | "user.id",
        status: Integer = "http.status" | "response_code",
        duration: Text<'a> = "duration",
        user_agent: Text<'a> = "user-agent" | "user_agent",
        bytes_received: Integer = "bytes_received",
        bytes_sent: Integer = "bytes_sent",
        error: Text<'a> = "error",
        arguments: Raw<'a> = "mcp.tool.arguments" | "gen_ai.tool.call.arguments",
        result: Raw<'a> = "mcp.tool.result" | "gen_ai.tool.call.result",
    }
}

/// Members that stay in the record.
const FACTS: &[&str] = &[
    "time",
    "timestamp",
    "ts",
    "start_time",
    "level",
    "scope",
    "mcp.method.name",
    "mcp.method",
    "mcp_method",
    "mcp.target",
    "mcp.provider.name",
    "mcp_backend",
    "mcp.resource.type",
    "gen_ai.tool.name",
    "mcp.tool.name",
    "mcp.resource.name",
    "mcp.tool_name",
    "session.id",
    "mcp.session.id",
    "mcp_session_id",
    "mcp_request_id",
    "jsonrpc.request.id",
    "x-request-id",
    "request_id",
    "span.id",
    "trace.id",
    "jwt.sub",
    "user.id",
    "http.status",
    "response_code",
    "duration",
    "user-agent",
    "user_agent",
    "bytes_received",
    "bytes_sent",
    "gateway",
    "listener",
    "route",
    "route_rule",
    "endpoint",
    "src.addr",
    "http.method",
    "http.host",
    "http.path",
    "http.version",
    "protocol",
    "method",
    "x-envoy-origin-path",
    "upstream_host",
    "upstream_cluster",
    "response_flags",
    "response_code_details",
    "x-forwarded-for",
    ":authority",
    "reason",
];

/// Decodes a line.
pub fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let line: Line = read(text).map_err(|error| why_not(&error))?;
    let draft = drafts.add();
    draft.set_times(line.time.time(), Stated::Nothing, received);
    gateway::set_status(draft, line.status.0);
    let call = McpCall {
        server: line.server.some(),
        method: line.method.as_str(),
        name: line.tool.some().or(line.resource.some()),
        arguments: line.arguments,
        result: line.result,
        has_ended: true,
    };
    call.set(draft, SOURCE);
    gateway::set_duration_ms(draft, gateway::millis(&line.duration));
    gateway::set_client(draft, line.user_agent.some());
    let columns = &mut draft.columns;
    if line.error.some().is_some() && columns.text(column::OUTCOME).is_none_or(|outcome| outcome == "success") {
        columns.set_text(column::OUTCOME, "error");
    }
    columns.set_text_if(column::SOURCE_ID, line.request.some().or(line.span.some()));
    columns.set_text_if(column::SESSION, line.session.some().or(line.mcp_session.some()));
    columns.set_text_if(column::USER, line.user.some());
    for (column, bytes) in [(column::BYTES_OUT, line.bytes_received.0), (column::BYTES_IN, line.bytes_sent.0)] {
        if let Some(bytes) = bytes {
            columns.set_integer(column, bytes);
        }
    }
    members::add_others(draft, text, &FieldPath::root(), text, FACTS);
    Ok(())
}
