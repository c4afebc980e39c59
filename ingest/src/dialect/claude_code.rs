//! Dialect `claude_code`: the payloads of Claude Code's hooks, as an `http` hook posts them or a `command` hook gets them.
//!
//! | hook | kind | outcome |
//! |---|---|---|
//! | `SessionStart`, `SessionEnd` | `session.start`, `session.end` | |
//! | `SubagentStart`, `SubagentStop` | `subagent.start`, `subagent.end` | |
//! | `UserPromptSubmit` | `prompt` | |
//! | `PreToolUse` | `tool.call`: what the agent is about to do | |
//! | `PostToolUse` | what it did: `command`, `file.read`, `file.write` by the tool, else `tool.result` | success, or error if the response says so |
//! | `PostToolUseFailure` | the same kinds | error; deny if the call was refused |
//! | `PermissionRequest` | `approval` | |
//! | `PermissionDenied` | `approval` | deny |
//! | `PostToolBatch` | `agent.event`, and an `approval` for each of its calls that was refused | deny |
//! | any other, also unknown ones | `agent.event`, with the hook's name as `action` | |
//!
//! So a call is one `tool.call` and one event of its end; both carry `tool_call`, `action_fp` and, at the end, `result_fp`.
//! Natural ids are session/hook/tool call, for hooks of a prompt a keyed hash of session, hook, prompt and payload; others
//! have none and are not deduplicated.
//!
//! A payload has no time: `time` and `observed` are when it was received. Every member whose name is not known to be a fact
//! is treated as content, so that what a new release adds does not land in the facts. Hooks are written by the agent that
//! they watch: their trust is `agent`.

mod examples;
mod payload;
mod refusal;

use ledger::access::Trust;
use ledger::events::column;
use serde_json::value::RawValue;

use crate::dialect::json::{Text, read, record, text_of, why_not};
use crate::dialect::tool::{self, ToolKind};
use crate::dialect::{Dialect, Draft, Drafts, Outcome, SKIP_BLANK};
use crate::timestamp::Stated;
use payload::Payload;

const SOURCE: &str = "claude_code";

/// Dialect `claude_code`.
pub struct ClaudeCode;

impl Dialect for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude_code"
    }

    fn doc(&self) -> &'static str {
        "Claude Code's hook payloads: prompts, tool calls and their results with commands and files, denied permissions, \
         starts and ends of sessions. Configure an `http` hook for the events you want with this collector's URL and a \
         token per workspace, since a payload names no workspace."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, raw: &[u8], received: i64, drafts: &mut Drafts) -> Outcome {
        let Ok(text) = std::str::from_utf8(raw) else {
            return Outcome::Unparsed("the payload is not UTF-8".to_owned());
        };
        if text.trim_ascii().is_empty() {
            return Outcome::Skip(SKIP_BLANK);
        }
        let payload: Payload = match read(text) {
            Ok(payload) => payload,
            Err(error) => return Outcome::Unparsed(why_not(&error)),
        };
        match decode_payload(&payload, text, received, drafts.add()) {
            Ok(()) => {
                add_refusals(&payload, received, drafts);
                Outcome::Events
            }
            Err(reason) => Outcome::Unparsed(reason),
        }
    }
}

fn decode_payload(payload: &Payload, text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
    let hook = payload.hook.some().ok_or("it has no hook_event_name, so it is not a hook's payload")?;
    let session = payload.session.id().ok_or("it has no session_id")?;
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    for (name, value) in &payload.content {
        draft.add_content(text.as_bytes(), name.clone(), Some(value));
    }
    let kind = match hook {
        "SessionStart" => "session.start",
        "SessionEnd" => "session.end",
        "SubagentStart" => "subagent.start",
        "SubagentStop" => "subagent.end",
        "UserPromptSubmit" => "prompt",
        "PreToolUse" => "tool.call",
        "PostToolUse" | "PostToolUseFailure" => ToolKind::of(payload.tool.as_str()).result_kind(),
        "PermissionRequest" | "PermissionDenied" => "approval",
        _ => "agent.event",
    };
    draft.set_origin(SOURCE, "workspace", kind);
    set_common(draft, payload, hook, session);
    if let Some(tool) = payload.tool.some() {
        set_tool(draft, tool, payload.tool_call.some(), payload.member("tool_input"));
    }
    match hook {
        "PostToolUse" => set_result(draft, payload),
        "PostToolUseFailure" => set_failure(draft, payload),
        "PermissionDenied" => draft.entry.set_text(column::OUTCOME, "deny"),
        "SessionStart" => draft.entry.set_text_if(column::TARGET, payload.source.some()),
        _ => {}
    }
    // What belongs to neither a call nor a prompt may happen twice in the same bytes, such as a session that is resumed.
    if let Some(call) = payload.tool_call.some() {
        draft.entry.set_text(column::SOURCE_ID, &[session, hook, call].join("/"));
    } else if let Some(prompt) = payload.prompt.some() {
        draft.identity = [session, hook, prompt, text].join("\n");
    }
    Ok(())
}

/// Adds an event for each call of a batch that was refused: no other hook hears of all of them.
fn add_refusals(payload: &Payload, received: i64, drafts: &mut Drafts) {
    let (Some(hook), Some(session)) = (payload.hook.some(), payload.session.id()) else { return };
    let Some(calls) = payload.member("tool_calls").filter(|_| hook == "PostToolBatch") else { return };
    for call in refusal::refused(calls) {
        let draft = drafts.add();
        draft.set_times(Stated::Nothing, Stated::Nothing, received);
        draft.set_origin(SOURCE, "workspace", "approval");
        set_common(draft, payload, hook, session);
        set_tool(draft, call.tool.as_str(), call.id.some(), call.input);
        draft.entry.set_text(column::OUTCOME, "deny");
        draft.entry.set_text(column::SOURCE_ID, &[session, hook, call.id.as_str()].join("/"));
    }
}

fn set_common(draft: &mut Draft, payload: &Payload, hook: &str, session: &str) {
    let entry = &mut draft.entry;
    entry.set_text(column::ACTION, hook);
    entry.set_text(column::SESSION, session);
    entry.set_text(column::AGENT_KIND, SOURCE);
    entry.set_text_if(column::AGENT, payload.agent.some());
    entry.set_text_if(column::MODEL, payload.model.some());
    if let Some(duration_ms) = payload.duration_ms.0 {
        entry.set_integer(column::DURATION_US, duration_ms.saturating_mul(1_000));
    }
    let file = payload.member("file_path").map(text_of);
    entry.set_text_if(column::FILE, file.as_deref());
}

fn set_tool(draft: &mut Draft, tool: &str, call: Option<&str>, input: Option<&RawValue>) {
    tool::set_call(draft, tool, input.map_or("", RawValue::get));
    let entry = &mut draft.entry;
    entry.set_text(column::TARGET, tool);
    entry.set_text_if(column::TOOL_CALL, call);
    // Tools of MCP servers are named mcp__<server>__<tool>.
    let server = tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"));
    entry.set_text_if(column::MCP_SERVER, server.map(|(server, _)| server));
}

record! {
    /// What a tool's response may say of its success.
    Response {
        success: Text<'a> = "success",
        is_error: Text<'a> = "is_error" | "isError",
        exit_code: crate::dialect::json::Integer = "exit_code" | "exitCode",
    }
}

fn set_result(draft: &mut Draft, payload: &Payload) {
    let response = payload.member("tool_response").map(RawValue::get);
    let said: Response = response.and_then(|response| read(response).ok()).unwrap_or_default();
    let failed = said.success.as_str() == "false"
        || said.is_error.as_str() == "true"
        || said.exit_code.0.is_some_and(|code| code != 0);
    draft.entry.set_text(column::OUTCOME, if failed { "error" } else { "success" });
    if let Some(code) = said.exit_code.0 {
        draft.entry.set_integer(column::EXIT_CODE, code);
    }
    draft.result = response.map(str::to_owned);
}

fn set_failure(draft: &mut Draft, payload: &Payload) {
    let error = payload.member("error").map(text_of).unwrap_or_default();
    draft.entry.set_text(column::OUTCOME, if refusal::is_refusal(&error) { "deny" } else { "error" });
    // A failed command's error begins with `Exit code 255`.
    let code = error
        .strip_prefix("Exit code ")
        .and_then(|rest| rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok());
    if let Some(code) = code {
        draft.entry.set_integer(column::EXIT_CODE, code);
    }
    draft.result = Some(error.into_owned());
}

#[cfg(test)]
mod tests;
