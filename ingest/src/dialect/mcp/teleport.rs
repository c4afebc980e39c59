//! Teleport's audit events of MCP sessions (documentation of Teleport 19, reference of audit events).

use ledger::events::column;

use crate::dialect::gateway::{McpCall, McpParams, McpRequest};
use crate::dialect::json::{Raw, Text, part, read, record, text_of, why_not};
use crate::dialect::members;
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;
use crate::uuid::is_uuid;

const SOURCE: &str = "teleport.mcp";

record! {
    /// An event.
    Event {
        code: Text<'a> = "code",
        time: Text<'a> = "time",
        id: Text<'a> = "uid",
        user: Text<'a> = "user",
        session: Text<'a> = "sid",
        app: Text<'a> = "app_name",
        success: Text<'a> = "success",
        error: Raw<'a> = "error",
        message: Raw<'a> = "message",
    }
}

/// Members that stay in the record.
const FACTS: &[&str] = &[
    "code",
    "ei",
    "event",
    "namespace",
    "server_id",
    "server_version",
    "cluster_name",
    "sid",
    "time",
    "uid",
    "user",
    "user_kind",
    "app_name",
    "app_uri",
    "success",
    "method",
    "addr.remote",
    "addr.local",
    "proto",
    "login",
    "impersonator",
    "private_key_policy",
    "session_type",
    "transport",
    "client_info",
    "server_info",
    "protocol_version",
    "user_agent",
];

/// Decodes an event of this name.
pub fn decode(name: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let event: Event = read(text).map_err(|error| why_not(&error))?;
    let time = event.time.time().required("it has no time")?;
    let draft = drafts.add();
    draft.set_times(time, Stated::Nothing, received);
    match name {
        "mcp.session.request" => set_request(draft, &event),
        "mcp.session.start" | "mcp.session.end" => {
            draft.set_origin(SOURCE, "gateway", "connection");
            draft.columns.set_text(column::ACTION, name);
            draft.columns.set_text_if(column::TARGET, event.app.some());
        }
        _ => {
            McpCall { server: event.app.some(), method: name, has_ended: true, ..McpCall::default() }
                .set(draft, SOURCE);
        }
    }
    let error = event.error.map(text_of).unwrap_or_default();
    // A code says how it went: TMCP003I is a request, TMCP003E one that failed.
    let failed = event.code.as_str().ends_with('E') || event.success.as_str() == "false" || !error.is_empty();
    let is_refusal = failed && error.to_ascii_lowercase().contains("access denied");
    draft.columns.set_text(
        column::OUTCOME,
        match (is_refusal, failed) {
            (true, _) => "deny",
            (false, true) => "error",
            (false, false) => "success",
        },
    );
    let columns = &mut draft.columns;
    columns.set_text_if(column::MCP_SERVER, event.app.some());
    columns.set_text_if(column::SESSION, event.session.some());
    columns.set_text_if(column::USER, event.user.some());
    if event.user.some().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
    match event.id.some().filter(|id| is_uuid(id)) {
        Some(id) => columns.set_text(column::SOURCE_ID, id),
        None => draft.identity.push_str(text),
    }
    members::add_others(draft, text, &FieldPath::root(), text, FACTS);
    Ok(())
}

fn set_request(draft: &mut Draft, event: &Event) {
    let message: McpRequest = part(event.message);
    let params: McpParams = part(message.params);
    let call = McpCall {
        server: event.app.some(),
        method: message.method.some().unwrap_or("unknown"),
        name: params.name.some(),
        arguments: params.arguments,
        result: None,
        has_ended: false,
    };
    call.set(draft, SOURCE);
}
