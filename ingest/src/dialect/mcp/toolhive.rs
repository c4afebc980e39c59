//! ToolHive's audit events, its Virtual MCP Server's among them (`pkg/audit` and documentation of 2026).

use ledger::events::column;

use crate::dialect::gateway::{self, McpCall, McpParams, McpRequest};
use crate::dialect::json::{Integer, Raw, Text, part, read, record, why_not};
use crate::dialect::members;
use crate::encoding::FieldPath;
use crate::event::Drafts;
use crate::timestamp::Stated;

const SOURCE: &str = "toolhive";

record! {
    /// An event.
    Event {
        time: Text<'a> = "logged_at" | "time",
        id: Text<'a> = "audit_id",
        kind: Text<'a> = "type",
        outcome: Text<'a> = "outcome",
        component: Text<'a> = "component",
        source: Raw<'a> = "source",
        subjects: Raw<'a> = "subjects",
        target: Raw<'a> = "target",
        metadata: Raw<'a> = "metadata",
        data: Raw<'a> = "data",
    }

    /// Who called.
    Subjects {
        user: Text<'a> = "user",
        user_id: Text<'a> = "user_id",
        client: Text<'a> = "client_name",
    }

    /// What was called.
    Target {
        method: Text<'a> = "method",
        name: Text<'a> = "name",
    }

    /// An object with more in it.
    Wrapped {
        extra: Raw<'a> = "extra",
    }

    /// What is known beside.
    Extra {
        duration_ms: Integer = "duration_ms",
        backend: Text<'a> = "backend_name",
        user_agent: Text<'a> = "user_agent",
        error_code: Integer = "jsonrpc_error_code",
    }

    /// What was sent and answered.
    Data {
        request: Raw<'a> = "request",
        response: Raw<'a> = "response",
    }
}

/// Members that stay in the record, and of the object beside the metadata.
const FACTS: &[&str] = &[
    "time",
    "level",
    "msg",
    "audit_id",
    "type",
    "logged_at",
    "outcome",
    "component",
    "source",
    "subjects",
    "target",
    "metadata",
];
const EXTRA_FACTS: &[&str] =
    &["duration_ms", "transport", "response_size_bytes", "response_size", "backend_name", "jsonrpc_error_code"];

/// Decodes an event.
pub fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let event: Event = read(text).map_err(|error| why_not(&error))?;
    let kind = event.kind.some().ok_or("its audit event has no type")?;
    let subjects: Subjects = part(event.subjects);
    let target: Target = part(event.target);
    let extra: Extra = part(part::<Wrapped>(event.metadata).extra);
    let source: Extra = part(part::<Wrapped>(event.source).extra);
    let data: Data = part(event.data);
    // What was sent is the JSON-RPC request, or the arguments alone.
    let message: McpRequest = part(data.request);
    let draft = drafts.add();
    draft.set_times(event.time.time(), Stated::Nothing, received);
    let is_tool = kind == "mcp_tool_call";
    let call = McpCall {
        server: extra.backend.some().or(event.component.some()),
        method: if is_tool { "tools/call" } else { target.method.some().unwrap_or(kind) },
        name: target.name.some(),
        arguments: message.params.map_or(data.request, |params| part::<McpParams>(Some(params)).arguments),
        result: data.response,
        has_ended: true,
    };
    call.set(draft, SOURCE);
    let outcome = match event.outcome.as_str() {
        "success" => Some("success"),
        "denied" => Some("deny"),
        "" => None,
        _ => Some("error"),
    };
    gateway::set_duration_ms(draft, extra.duration_ms.0);
    gateway::set_client(draft, source.user_agent.some());
    let user = subjects.user.some().filter(|user| *user != "anonymous");
    draft.set_user(subjects.user_id.some(), user);
    let columns = &mut draft.columns;
    columns.set_text_if(column::OUTCOME, outcome);
    columns.set_text_if(column::CLIENT, subjects.client.some());
    columns.set_text_if(column::SOURCE_ID, event.id.some());
    if user.or(subjects.user_id.some()).is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
    let root = FieldPath::root();
    members::add_others(draft, text, &root, text, FACTS);
    if let Some(extra) = part::<Wrapped>(event.metadata).extra {
        members::add_others(draft, text, &root.then("metadata").then("extra"), extra.get(), EXTRA_FACTS);
    }
    Ok(())
}
