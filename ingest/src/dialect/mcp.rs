//! Dialect `mcp`: what gateways in front of MCP servers log.
//!
//! | product | record | kind |
//! |---|---|---|
//! | Teleport 18 | `mcp.session.request` of `tools/call` | `tool.call`, other methods `mcp.call` |
//! | | `mcp.session.start`, `mcp.session.end` | `connection` |
//! | | any other `mcp.session.…` | `mcp.call`, with outcome error |
//! | ToolHive, its vMCP | `audit_event` of type `mcp_tool_call` | `tool.result`, other types `mcp.call` |
//! | agentgateway, Envoy AI Gateway | access log line with an MCP method | `tool.result`, other methods `mcp.call` |
//!
//! What a tool is called with, and what it answers, is content. The ids of JSON-RPC count from 1 in each connection and name nothing
//! beyond it, so they are no `tool_call`. Natural ids: Teleport's `uid`, ToolHive's `audit_id`, the request's id of an access log.

mod access;
mod examples;
mod teleport;
mod toolhive;

use operations::access::Trust;

use super::json::{Text, read, record, why_not};
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, record_text};
use crate::event::{Drafts, Record};

/// Dialect `mcp`.
pub struct Mcp;

impl Dialect for Mcp {
    fn name(&self) -> &'static str {
        "mcp"
    }

    fn doc(&self) -> &'static str {
        "Audit logs of gateways in front of MCP servers, as JSON lines: Teleport's `mcp.session.*` events, ToolHive's `audit_event`, and \
         access logs of agentgateway and Envoy AI Gateway that name an MCP method. Who called which tool of which server; arguments and \
         answers, where they are logged, are content. Other lines are skipped."
    }

    fn trust(&self) -> Trust {
        Trust::Gateway
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "line") {
            Ok(text) => text,
            Err(other) => return other,
        };
        if !text.trim_ascii_start().starts_with('{') {
            return Decoded::Unparsed("the line is not a JSON object; have the gateway log JSON".to_owned());
        }
        let line: Line = match read(text) {
            Ok(line) => line,
            Err(error) => return Decoded::Unparsed(why_not(&error)),
        };
        let decoded = if line.event.as_str().starts_with("mcp.session.") {
            teleport::decode(line.event.as_str(), text, received, drafts)
        } else if line.msg.as_str() == "audit_event" {
            toolhive::decode(text, received, drafts)
        } else if line.method.some().is_some() {
            access::decode(text, received, drafts)
        } else {
            return Decoded::Skip(SKIP_SERVER_LINE);
        };
        decoded.map_or_else(Decoded::Unparsed, |()| Decoded::Events)
    }
}

record! {
    /// What tells the products apart.
    Line {
        event: Text<'a> = "event",
        msg: Text<'a> = "msg",
        method: Text<'a> = "mcp.method.name" | "mcp.method" | "mcp_method",
    }
}

#[cfg(test)]
mod tests;
