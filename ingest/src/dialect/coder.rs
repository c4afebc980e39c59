//! Dialect `coder`: the JSON log of coderd (`--log-json`), and saved pages of its REST interface.
//!
//! One log carries all three families. A line is `{"ts", "level", "msg", …, "fields": {…}}`; `msg` decides:
//!
//! | `msg`, `record_type` or page | source | family | kind | natural id (`source_id`) |
//! |---|---|---|---|---|
//! | `boundary_request` | `coder.boundary` | boundary | `egress.http` | session/sequence, in lines without them a keyed hash of workspace, time, method, URL and decision |
//! | `unknown resource type` | `coder.boundary` | boundary | `loss` | keyed hash of the line |
//! | `interception log`: `interception_start` | `coder.gateway` | gateway | `model.call` | type/interception |
//! | … `interception_end` | `coder.gateway` | gateway | `model.call.end` | type/interception |
//! | … `token_usage` | `coder.gateway` | gateway | `model.tokens` | type/interception/message/time |
//! | … `prompt_usage` | `coder.gateway` | gateway | `prompt` | type/interception/message/time |
//! | … `tool_usage` | `coder.gateway` | gateway | `tool.call` | type/interception/tool call, else a keyed hash |
//! | … `model_thought` | `coder.gateway` | gateway | `model.thought` | keyed hash of interception, time and content |
//! | `audit_log`: builds | `coder.audit` | workspace | `workspace.build` | id |
//! | … anything else, logins too | `coder.audit` | workspace | `audit` | id |
//! | `connection_log` | `coder.connection` | workspace | `connection` | id/status |
//! | … `Type` egress | `coder.exit_node` | boundary | `egress.flow`, `egress.dns`, of dropped reports `loss` | id/status |
//! | `failed to record …` and what else the gateway lost | `coder.gateway` | gateway | `loss` | keyed hash of the line |
//! | page of audit logs | `coder.audit` | workspace | `page`, then a row each | id, `page/` + id if it has a diff |
//! | page of connection logs | `coder.connection` | workspace | `page`, then one or two per row | `page/` + id/status |
//! | page of AI gateway sessions | `coder.gateway` | gateway | `page`, then `session.summary` | `page/` + session + last activity |
//! | threads of a session | `coder.gateway`, `coder.boundary` | gateway | `page`, then `prompt`, `model.tokens`, `model.thought`, `tool.call`, `egress.http` | `page/` + the row's ids |
//!
//! | page or list of builds | `coder.api` | workspace | `page`, then `workspace.build` | `page/` + id/status |
//! | … workspaces, users, groups with their members, templates, API keys | `coder.api` | workspace | `page`, then `inventory` | keyed hash of id and state |
//! | … chats, lines of their watch | `coder.chat` | workspace | `page`, then `chat.status` and, with a change, `review` | `page/` + id, time and status; keyed hash of the change's state |
//! | report of Agent Time | `coder.api` | workspace | `page`, then `resource` | keyed hash of span and amount |
//! | notification to a webhook | `coder.notification` | workspace | `notification` | its id |
//!
//! The page itself is the first event and carries the record, because pages overlap while their rows repeat. A row that
//! says exactly what a line of the log says has its natural id, so that it is one event whichever feed brings it. Where the
//! two cannot be equal (content in other bytes, times in another precision, facts that only one has) the row's id is its own
//! (`page/…`): under one id they would be recorded as a conflict, which is an integrity event. So collect one feed, the log
//! where there is one.
//!
//! A session's summary has no token columns, and a thread's tokens are counted once under a fixed id, so that polling the
//! same session again doubles no cost. Boundary records come from a socket that everything in the workspace can write to:
//! their trust is `workspace`, though coderd wrote the line.

mod agent_time;
mod audit;
mod boundary_request;
mod chats;
mod connection;
mod egress;
mod examples;
mod interception;
pub(super) mod line;
mod loss;
mod notification;
mod pages;
mod rows;
mod sessions;

use operations::access::Trust;

use crate::dialect::json::{read, why_not};
use crate::dialect::{Decoded, Dialect, SKIP_DEBUG, SKIP_SERVER_LINE, record_text};
use crate::event::{Drafts, Record};
pub(super) use boundary_request::set_request;
use line::{Line, peek_msg};

/// Source of requests through the boundary.
pub(super) const SOURCE_BOUNDARY: &str = "coder.boundary";
/// Source of model calls through the gateway.
const SOURCE_GATEWAY: &str = "coder.gateway";
/// Source of audit logs.
const SOURCE_AUDIT: &str = "coder.audit";
/// Source of connections to workspaces.
const SOURCE_CONNECTION: &str = "coder.connection";
/// Source of flows through exit nodes.
const SOURCE_EXIT_NODE: &str = "coder.exit_node";
/// Source of chats.
const SOURCE_CHAT: &str = "coder.chat";
/// Source of what the REST interface says how things stand.
const SOURCE_API: &str = "coder.api";
/// Source of notifications.
const SOURCE_NOTIFICATION: &str = "coder.notification";

/// Dialect `coder`.
pub struct Coder;

impl Dialect for Coder {
    fn name(&self) -> &'static str {
        "coder"
    }

    fn doc(&self) -> &'static str {
        "The JSON log of coderd (`--log-json`): requests through Agent Boundaries / the Agent Firewall, interceptions of the \
         AI Bridge / AI Gateway (switch its structured logging on), audit and connection logs. Ordinary server lines and \
         debug twins are skipped and counted. Flows through exit nodes stand in the connection log. Also takes REST pages of audit logs, \
         connection logs, AI gateway sessions and a session's threads, workspaces, builds, users, groups, templates, API keys, chats and \
         Agent Time, and notifications that coderd posts to a webhook."
    }

    fn trust(&self) -> Trust {
        Trust::ControlPlane
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "line") {
            Ok(text) => text,
            Err(other) => return other,
        };
        if !text.trim_ascii_start().starts_with(['{', '[']) {
            return Decoded::Unparsed("the line is not a JSON object; start coderd with --log-json".to_owned());
        }
        let peeked = peek_msg(text).filter(|_| text.trim_ascii_start().starts_with('{'));
        let decoded = match peeked {
            Some(msg) => decode_as(msg, text, received, drafts),
            None => pages::decode(text, received, drafts),
        };
        match decoded {
            Ok(decoded) => decoded,
            Err(reason) => Decoded::Unparsed(reason),
        }
    }
}

/// Decodes a line whose `msg` seems to be this one.
fn decode_as(msg: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<Decoded, String> {
    match msg {
        "boundary_request" => decode_fields(msg, text, received, drafts, boundary_request::decode),
        "interception log" => decode_fields(msg, text, received, drafts, interception::decode),
        "audit_log" => decode_fields(msg, text, received, drafts, audit::decode),
        "connection_log" => decode_fields(msg, text, received, drafts, connection::decode),
        "unknown resource type" => decode_fields(msg, text, received, drafts, |line, text, received, drafts| {
            boundary_request::decode_unknown(line, text, received, drafts);
            Ok(())
        }),
        _ if loss::is_loss(msg) => decode_fields(msg, text, received, drafts, |line, text, received, drafts| {
            loss::decode(line, text, received, drafts);
            Ok(())
        }),
        _ => {
            let line: Line<serde::de::IgnoredAny> = read(text).map_err(|error| why_not(&error))?;
            if line.msg.as_str() == msg {
                Ok(skip(&line))
            } else {
                decode_again(msg, &line.msg.0, text, received, drafts)
            }
        }
    }
}

/// Parses the line with the fields of its `msg` and hands it on.
fn decode_fields<'a, F: serde::Deserialize<'a> + Default>(
    msg: &str,
    text: &'a str,
    received: i64,
    drafts: &mut Drafts,
    decode: impl FnOnce(&Line<'a, F>, &'a str, i64, &mut Drafts) -> Result<(), String>,
) -> Result<Decoded, String> {
    let line: Line<F> = read(text).map_err(|error| format!("{msg}: {}", why_not(&error)))?;
    if line.msg.as_str() != msg {
        return decode_again(msg, &line.msg.0, text, received, drafts);
    }
    if line.level.as_str().eq_ignore_ascii_case("debug") {
        return Ok(Decoded::Skip(SKIP_DEBUG));
    }
    decode(&line, text, received, drafts).map_err(|reason| format!("{msg}: {reason}"))?;
    Ok(Decoded::Events)
}

/// Decodes with the line's real `msg`, once, after the one that was peeked was another object's.
fn decode_again(peeked: &str, msg: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<Decoded, String> {
    if msg.is_empty() {
        return pages::decode(text, received, drafts);
    }
    if msg == peeked {
        return Err("its msg cannot be told".to_owned());
    }
    decode_as(msg, text, received, drafts)
}

/// Why an ordinary line is skipped.
fn skip<F>(line: &Line<F>) -> Decoded {
    if line.level.as_str().eq_ignore_ascii_case("debug") {
        Decoded::Skip(SKIP_DEBUG)
    } else {
        Decoded::Skip(SKIP_SERVER_LINE)
    }
}

#[cfg(test)]
mod tests;
