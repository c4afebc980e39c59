//! Dialect `hooks`: what coding agents tell of themselves through their hooks, as `tachograph hook` sends it, or as an agent
//! that can posts it itself.
//!
//! ```text
//! {"tachograph_hook":{"agent":"codex","event":"PostToolUse","time":"2026-11-20T10:00:00.123Z","host":"ws-1"},"payload":{…}}
//! {"tachograph_hook":{…,"files":[{"item":"settings_file","name":"~/.codex/config.toml","hash":"9f86d081884c7d65"}]},"payload":{…}}
//! {…}                                                                             a payload alone
//! ```
//!
//! | what the hook tells (`agents`) | kind | outcome |
//! |---|---|---|
//! | a session or sub-agent begins or ends | `session.start`, `session.end`, `subagent.start`, `subagent.end` | |
//! | somebody asked | `prompt`; `target` says who or what in the agent's words, and `actor` in ours, where the agent tells it | |
//! | a call is about to be made | `tool.call` | |
//! | a call ended | `command`, `file.read`, `file.write` by the tool, else `tool.result` | as the hook says; none where it says nothing |
//! | a permission is asked for, or denied | `approval` | deny |
//! | a request to a model ended | `model.tokens`, with its counters | |
//! | settings were changed | `config.change`; `target` says whose | |
//! | which files of settings, policies and instructions a session starts with (`files`) | `inventory` | |
//! | anything else, also hooks that are not known | `agent.event`, with the hook's name as `action` | |
//!
//! So a call is one `tool.call` and one event of its end; both carry `tool_call` where the agent numbers its calls, `action_fp`
//! and, at the end, `result_fp`. A batch of calls (`PostToolBatch`) repeats what their own hooks told; only those that were
//! denied, of which no other hook tells, are events. Natural ids are session/hook/tool call; for other hooks with a prompt,
//! turn or time of their own a keyed hash of the payload, so that a hook that was configured twice counts once.
//!
//! `observed` is when the payload was received; `time` is the agent's word where it has one. Every member whose name is not
//! known to be a fact is treated as content, so that what a new release adds does not land in the facts. Hooks are written by
//! the agent that they watch: their trust is `agent`.

pub mod agents;
mod ended;
mod examples;
mod files;
mod guess;
mod payload;
pub(super) mod refusal;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::dialect::json::{Integer, Raw, Text, read, record, text_of, why_not};
use crate::dialect::tool::{self, ToolKind};
use crate::dialect::usage::Usage;
use crate::dialect::{Decoded, Dialect, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;
use agents::{Agent, CLAUDE_CODE, Meaning};
use payload::{INPUTS, Payload};

/// Dialect `hooks`.
pub struct Hooks;

/// Dialect `claude_code`: the older name, under which a payload that does not say whose it is is Claude Code's.
pub struct ClaudeCode;

impl Dialect for Hooks {
    fn name(&self) -> &'static str {
        "hooks"
    }

    fn doc(&self) -> &'static str {
        "What coding agents tell through their hooks: prompts, tool calls and their results with commands and files, denied \
         permissions, starts and ends of sessions, of Claude Code, Codex, Gemini CLI, Copilot CLI, Cursor and opencode. \
         `tachograph hook` sends them and says whose they are; use a token per workspace, since a payload names none."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        decode(record, received, drafts, None)
    }
}

impl Dialect for ClaudeCode {
    fn name(&self) -> &'static str {
        CLAUDE_CODE.name
    }

    fn doc(&self) -> &'static str {
        "The older name of `hooks`, for collectors to which Claude Code posts its hooks itself."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::CLAUDE_CODE
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        decode(record, received, drafts, Some(&CLAUDE_CODE))
    }
}

record! {
    /// What `tachograph hook` puts around a payload.
    Envelope {
        told: Raw<'a> = "tachograph_hook",
        payload: Raw<'a> = "payload",
    }

    /// What it knows of the payload.
    Told {
        agent: Text<'a> = "agent",
        event: Text<'a> = "event",
        time: Text<'a> = "time",
        files: Raw<'a> = "files",
    }
}

fn decode(record: Record<'_>, received: i64, drafts: &mut Drafts, agent: Option<&'static Agent>) -> Decoded {
    let (text, envelope) = match read_record::<Envelope>(record, "payload") {
        Ok(read) => read,
        Err(other) => return other,
    };
    let told: Told = envelope.told.and_then(|told| read(told.get()).ok()).unwrap_or_default();
    let (payload, path) = match (envelope.told, envelope.payload) {
        (Some(_), Some(payload)) => (payload.get(), FieldPath::member("payload")),
        (Some(_), None) => return Decoded::Unparsed("tachograph hook sent no payload".to_owned()),
        (None, _) => (text, FieldPath::root()),
    };
    let payload: Payload = match read(payload) {
        Ok(payload) => payload,
        Err(error) => return Decoded::Unparsed(why_not(&error)),
    };
    let agent = told.agent.some().and_then(agents::by_name).or(agent).unwrap_or_else(|| guess::agent(&payload));
    let hook = payload.hook.some().or(told.event.some()).or_else(|| guess::hook(agent, &payload));
    let name = hook.unwrap_or_default();
    let hook = Hook { agent, name, text, payload: path, received, time: told.time.time() };
    match hook.decode(&payload, drafts) {
        Ok(()) => {
            if let Some(files) = told.files {
                hook.add_files(files, &payload, drafts);
            }
            Decoded::Events
        }
        Err(reason) => Decoded::Unparsed(reason),
    }
}

/// A hook that fired.
struct Hook<'a> {
    agent: &'static Agent,
    name: &'a str,
    /// The whole record.
    text: &'a str,
    /// Where the payload stands in it.
    payload: FieldPath,
    received: i64,
    /// When it fired, by the clock of the machine that sent it.
    time: Stated,
}

impl Hook<'_> {
    fn decode(&self, payload: &Payload, drafts: &mut Drafts) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("it has no hook_event_name, and tachograph hook was not told which hook it is of".to_owned());
        }
        let session = payload.session.id().ok_or("it has no session_id")?;
        let meaning = self.agent.meaning(self.name);
        let draft = drafts.add();
        for (name, member) in payload.named_content() {
            draft.add_content(self.text, name, self.payload.then(&member.name), Some(member.value));
        }
        self.set_common(draft, payload, session, kind(meaning, payload.tool.as_str()));
        if let Some(tool) = payload.tool.some() {
            set_tool(draft, tool, payload.tool_call.some(), payload.any_member(INPUTS));
            if self.name.ends_with("MCPExecution") {
                // Cursor tells the server by its address, or by the command that runs it.
                let server = payload.any_member(&["url", "command"]).map(text_of);
                draft.columns.set_text_if(column::MCP_SERVER, server.as_deref());
            }
        }
        self.set_meaning(draft, payload, meaning);
        self.set_identity(draft, payload, session, meaning);
        if meaning == Meaning::Batch {
            self.add_denials(payload, session, drafts);
        }
        Ok(())
    }

    fn set_common(&self, draft: &mut Draft, payload: &Payload, session: &str, kind: &str) {
        draft.set_origin(self.agent.name, "workspace", kind);
        draft.set_times(payload.time.time().or(self.time), Stated::Nothing, self.received);
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, self.name);
        columns.set_text(column::SESSION, session);
        columns.set_text(column::AGENT_KIND, self.agent.name);
        columns.set_text_if(column::AGENT, payload.agent.some());
        // Only what a sub-agent does names one.
        columns.set_text_if(column::ACTOR, payload.agent.some().map(|_| "sub_agent"));
        columns.set_text_if(column::MODEL, payload.model.some());
        if let Some(duration_ms) = payload.duration_ms.0 {
            columns.set_integer(column::DURATION_US, duration_ms.saturating_mul(1_000));
        }
        let file = payload.member("file_path").map(text_of);
        columns.set_text_if(column::FILE, file.as_deref());
    }

    fn set_meaning(&self, draft: &mut Draft, payload: &Payload, meaning: Meaning) {
        match meaning {
            Meaning::Result => ended::set_result(draft, payload, self.agent),
            Meaning::Failure => ended::set_failure(draft, payload),
            Meaning::Denial => draft.columns.set_text(column::OUTCOME, "deny"),
            // Of a change of settings: whose they are.
            Meaning::SessionStart | Meaning::Change => {
                draft.columns.set_text_if(column::TARGET, payload.source.some());
            }
            Meaning::Prompt => {
                draft.columns.set_text_if(column::TARGET, payload.source.some());
                draft.columns.set_text_if(column::ACTOR, actor(payload.source.as_str()));
            }
            Meaning::ModelUsage => set_usage(draft, payload),
            Meaning::ShellCall | Meaning::ShellResult => {
                tool::set_call(draft, "shell", payload.member("command").map_or("", RawValue::get));
                if meaning == Meaning::ShellResult {
                    ended::set_result(draft, payload, self.agent);
                }
            }
            Meaning::FileWritten => draft.columns.set_text(column::OUTCOME, "success"),
            _ => {}
        }
    }

    /// What is neither a call with an id nor a prompt may happen twice in the same bytes: a session that is resumed, a command
    /// that is run again within a turn.
    fn set_identity(&self, draft: &mut Draft, payload: &Payload, session: &str, meaning: Meaning) {
        if let Some(call) = payload.tool_call.some() {
            draft.columns.set_text(column::SOURCE_ID, &[session, self.name, call].join("/"));
        } else if let Some(response) = payload.response.some() {
            draft.columns.set_text(column::SOURCE_ID, &[session, self.name, response].join("/"));
        } else if let Some(when) = payload.time.some().or(payload.prompt.some().filter(|_| meaning == Meaning::Prompt))
        {
            // Not the envelope, which tells when it was sent.
            let said: Vec<&str> = payload.content.iter().map(|member| member.value.get()).collect();
            draft.identity = [session, self.name, when, payload.tool.as_str(), &said.join("\n")].join("\n");
        }
    }

    /// The calls of a batch that were denied: no other hook tells of all of them.
    fn add_denials(&self, payload: &Payload, session: &str, drafts: &mut Drafts) {
        let Some(calls) = payload.member("tool_calls") else { return };
        for call in refusal::refused(calls) {
            let draft = drafts.add();
            self.set_common(draft, payload, session, "approval");
            set_tool(draft, call.tool.as_str(), call.id.some(), call.input);
            draft.columns.set_text(column::OUTCOME, "deny");
            draft.columns.set_text(column::SOURCE_ID, &[session, self.name, call.id.as_str()].join("/"));
        }
    }
}

/// Who asked, by the word of Claude Code's UserPromptSubmit (SDK types of 2.1.332). A word that is not known says nothing.
pub(super) fn actor(source: &str) -> Option<&'static str> {
    match source {
        "user" => Some("person"),
        "schedule_wakeup" => Some("schedule"),
        "sdk" | "system" | "loop_wakeup" | "poll_event" => Some("automation"),
        _ => None,
    }
}

/// The kind of the event.
fn kind(meaning: Meaning, tool: &str) -> &'static str {
    match meaning {
        Meaning::SessionStart => "session.start",
        Meaning::SessionEnd => "session.end",
        Meaning::SubagentStart => "subagent.start",
        Meaning::SubagentEnd => "subagent.end",
        Meaning::Prompt => "prompt",
        Meaning::Call | Meaning::ShellCall | Meaning::FileRead => "tool.call",
        Meaning::Result | Meaning::Failure => ToolKind::of(tool).result_kind(),
        Meaning::ShellResult => "command",
        Meaning::FileWritten => "file.write",
        Meaning::Approval | Meaning::Denial => "approval",
        Meaning::ModelUsage => "model.tokens",
        Meaning::Change => "config.change",
        Meaning::Batch | Meaning::Other => "agent.event",
    }
}

fn set_tool(draft: &mut Draft, tool: &str, call: Option<&str>, input: Raw<'_>) {
    // Some releases write the input as a text with JSON in it.
    let inside = input.filter(|input| input.get().starts_with('"')).map(text_of).filter(|text| text.starts_with('{'));
    tool::set_call(draft, tool, inside.as_deref().or(input.map(RawValue::get)).unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::TARGET, tool);
    columns.set_text_if(column::TOOL_CALL, call);
    columns.set_text_if(column::MCP_SERVER, tool::mcp_server(tool));
}

record! {
    /// Codex' `token_usage`: the input includes what was cached.
    TokenUsage {
        input: Integer = "input_tokens",
        cache_read: Integer = "cached_input_tokens",
        cache_write: Integer = "cache_write_input_tokens",
        output: Integer = "output_tokens",
        reasoning: Integer = "reasoning_output_tokens",
    }
}

fn set_usage(draft: &mut Draft, payload: &Payload) {
    let told: TokenUsage = payload.usage.and_then(|usage| read(usage.get()).ok()).unwrap_or_default();
    let usage = Usage {
        input: told.input.0,
        output: told.output.0,
        cache_read: told.cache_read.0,
        cache_write: told.cache_write.0,
        reasoning: told.reasoning.0,
    };
    usage.without_cached().set(draft);
    draft.columns.set_text_if(column::INTERCEPTION, payload.response.some());
}

#[cfg(test)]
mod tests;
