//! Dialect `codex_rollout`: what Codex writes of its sessions into `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl` (seen with 0.171). The format is its
//! own affair and changes between releases, so this is the witness of last resort.
//!
//! | line (`type`, and that of its `payload`) | kind | natural id |
//! |---|---|---|
//! | `session_meta` | `session.start` | `session_meta/` and the thread's id |
//! | `event_msg` `user_message`, `item_completed` of a UserMessage | `prompt` | the item's id |
//! | `response_item` `function_call`, `custom_tool_call`, … | `tool.call` | `call/` and the call's id |
//! | … `function_call_output`, … | `tool.result`, without the tool, which it does not name | `output/` and the call's id |
//! | `event_msg` `item_completed` of a CommandExecution, `exec_command_end` | `command` | `ended/` and the call's id |
//! | … of a FileChange, a McpToolCall | `file.write`, `tool.result` | the same |
//! | `token_usage_record` | `model.tokens` | `usage/` and the response's id |
//! | `event_msg` `token_count` | `model.summary`; of releases whose lines have no `ordinal`, and which write no other, `model.tokens` | keyed hash of the counters |
//! | `response_item` `reasoning` | `model.thought` | its id |
//! | anything else, also what is not known | `agent.event` | its id, else the keyed hash of the line |
//!
//! Only the first line names the session; what follows in the same file gets it from there. A fork refers to the session that it began as; older
//! releases copied its lines with the time of copying, so ids hold neither session nor time, and the first of two that tell the same counts.
//! A line of tokens does not say which model it was: it gets that from the last line of the session that does, `turn_context`.
//!
//! Every member that is not known to be a fact is content. A rollout is written by the agent whose it is: its trust is `agent`, and whatever
//! else tells of money outranks it, which the end of its `source` says.

mod examples;
mod schema;

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::dialect::hooks::agents::CODEX;
use crate::dialect::json::{Integer, Raw, Text, part, record, text_of};
use crate::dialect::tool::{self, ToolKind};
use crate::dialect::usage::Usage;
use crate::dialect::{Decoded, Dialect, read_record};
use crate::encoding::FieldPath;
use crate::event::{Action, Draft, Drafts, Record};
use crate::timestamp::Stated;

/// Source of rollouts.
const SOURCE: &str = "codex.transcript";

/// Dialect `codex_rollout`.
pub struct CodexRollout;

impl Dialect for CodexRollout {
    fn name(&self) -> &'static str {
        "codex_rollout"
    }

    fn doc(&self) -> &'static str {
        "Rollouts of Codex, which a collector follows in `~/.codex/sessions/`: prompts, calls of tools with their results and exit codes, and the \
         tokens of each response. For agents that send neither hooks nor telemetry; where they do, those outrank it."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn names_sessions_once(&self) -> bool {
        true
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, line) = match read_record::<Line>(record, "line") {
            Ok(read) => read,
            Err(other) => return other,
        };
        let Some(payload) = line.payload.filter(|payload| payload.get().starts_with('{')) else {
            return Decoded::Unparsed("it has no payload; is it a line of a rollout of Codex?".to_owned());
        };
        let payload: Payload = part(Some(payload));
        let item: Payload = part(payload.item);
        let draft = drafts.add();
        schema::LINE.add_content(draft, text, &FieldPath::root(), text);
        draft.set_origin(SOURCE, "workspace", "agent.event");
        draft.set_times(line.time.time(), Stated::Nothing, received);
        let told = Told { line, payload, text };
        told.set_common(draft);
        told.set_meaning(draft, &item);
        Decoded::Events
    }
}

record! {
    /// A line.
    Line {
        kind: Text<'a> = "type",
        time: Text<'a> = "timestamp",
        ordinal: Text<'a> = "ordinal",
        payload: Raw<'a> = "payload",
    }

    /// What it holds, whatever it is, and what an item of it holds.
    Payload {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        session: Text<'a> = "session_id",
        thread: Text<'a> = "thread_id",
        turn: Text<'a> = "turn_id",
        call: Text<'a> = "call_id",
        item: Raw<'a> = "item",
        name: Text<'a> = "name" | "tool",
        server: Text<'a> = "server",
        arguments: Raw<'a> = "arguments",
        input: Raw<'a> = "input",
        action: Raw<'a> = "action",
        invocation: Raw<'a> = "invocation",
        command: Raw<'a> = "command",
        changes: Raw<'a> = "changes",
        output: Raw<'a> = "output" | "aggregated_output" | "result",
        exit_code: Integer = "exit_code",
        status: Text<'a> = "status",
        duration: Raw<'a> = "duration",
        duration_ms: Integer = "duration_ms",
        model: Text<'a> = "model",
        provider: Text<'a> = "model_provider",
        originator: Text<'a> = "originator",
        began_by: Text<'a> = "thread_source",
        source: Raw<'a> = "source",
        policy: Text<'a> = "approval_policy",
        response: Text<'a> = "response_id",
        usage: Raw<'a> = "usage",
        info: Raw<'a> = "info",
        attribution: Attribution<'a> = "turn_attribution",
    }

    /// What began a turn.
    Attribution {
        trigger: Text<'a> = "turn_trigger",
    }

    /// What was taken until now, and by the last response.
    Info {
        total: Raw<'a> = "total_token_usage",
        last: Raw<'a> = "last_token_usage",
    }

    /// What a response took. The input includes what was cached.
    Took {
        input: Integer = "input_tokens",
        cache_read: Integer = "cached_input_tokens",
        cache_write: Integer = "cache_write_input_tokens",
        output: Integer = "output_tokens",
        reasoning: Integer = "reasoning_output_tokens",
    }

    /// How long something took.
    Duration {
        seconds: Integer = "secs",
        nanos: Integer = "nanos",
    }
}

/// A line that was read.
struct Told<'a> {
    line: Line<'a>,
    payload: Payload<'a>,
    text: &'a str,
}

impl Told<'_> {
    fn set_common(&self, draft: &mut Draft) {
        let payload = &self.payload;
        let columns = &mut draft.columns;
        columns.set_text_if(column::ACTION, payload.kind.some().or(self.line.kind.some()));
        columns.set_text(column::AGENT_KIND, CODEX.name);
        columns.set_text_if(column::SESSION, payload.session.some());
        let thread = payload.thread.some().or(payload.id.some().filter(|_| self.line.kind.as_str() == "session_meta"));
        let sub_agent = payload.session.some().and_then(|session| thread.filter(|thread| *thread != session));
        columns.set_text_if(column::AGENT, sub_agent);
        columns.set_text_if(column::ACTOR, sub_agent.map(|_| "sub_agent"));
        columns.set_text_if(column::MODEL, payload.model.some());
        match self.payload.id.some() {
            Some(id) => columns.set_text(column::SOURCE_ID, &[self.line.kind.as_str(), "/", id].concat()),
            None => draft.identity.push_str(self.text),
        }
    }

    fn set_meaning(&self, draft: &mut Draft, item: &Payload) {
        match (self.line.kind.as_str(), self.payload.kind.as_str()) {
            ("session_meta", _) => self.set_start(draft),
            ("turn_context", _) => draft.columns.set_text_if(column::RULE, self.payload.policy.some()),
            ("token_usage_record", _) => self.set_tokens(draft, &part(self.payload.usage)),
            ("event_msg", "token_count") => self.set_count(draft),
            ("event_msg", "user_message") => set_kind(draft, "prompt"),
            ("event_msg", "task_started") => {
                let is_program = self.payload.attribution.trigger.as_str() == "exec";
                draft.columns.set_text_if(column::ACTOR, is_program.then_some("automation"));
            }
            ("event_msg", "item_completed") => set_item(draft, item),
            ("event_msg", "exec_command_end") => set_command(draft, &self.payload, self.payload.call.some()),
            ("event_msg", "mcp_tool_call_end") => {
                let invocation: Payload = part(self.payload.invocation);
                set_server_call(draft, &invocation, self.payload.output, self.payload.call.some());
            }
            ("event_msg", "error" | "stream_error") => draft.columns.set_text(column::OUTCOME, "error"),
            ("response_item", "reasoning") => set_kind(draft, "model.thought"),
            ("response_item", kind) if kind.ends_with("_output") => self.set_output(draft),
            ("response_item", kind) if kind.ends_with("_call") => self.set_call(draft),
            _ => {}
        }
        if let (Some(duration), true) = (self.payload.duration_ms.0, self.line.kind.as_str() == "event_msg") {
            draft.columns.set_integer(column::DURATION_US, duration.saturating_mul(1_000));
        }
    }

    fn set_start(&self, draft: &mut Draft) {
        let payload = &self.payload;
        set_kind(draft, "session.start");
        let source = payload.source.map(text_of).unwrap_or_default();
        let is_sub_agent = payload.began_by.as_str() == "subagent" || source.contains("\"subagent\"");
        let is_program = payload.originator.as_str() == "codex_exec" || payload.originator.as_str().contains("sdk");
        let actor = match (is_sub_agent, is_program) {
            (true, _) => Some("sub_agent"),
            (_, true) => Some("automation"),
            _ => None,
        };
        let columns = &mut draft.columns;
        columns.set_text_if(column::SESSION, payload.session.some().or(payload.id.some()));
        columns.set_text_if(column::PROVIDER, payload.provider.some());
        columns.set_text_if(column::CLIENT, payload.originator.some());
        columns.set_text_if(column::ACTOR, actor);
    }

    fn set_tokens(&self, draft: &mut Draft, took: &Took) {
        set_kind(draft, "model.tokens");
        usage(took).without_cached().set(draft);
        draft.columns.set_text(column::OUTCOME, "success");
        if let Some(response) = self.payload.response.some() {
            draft.columns.set_text(column::INTERCEPTION, response);
            know_by(draft, "usage", response);
        }
    }

    /// What was counted until now. Where each response has a record of its own, this repeats it.
    fn set_count(&self, draft: &mut Draft) {
        let info: Info = part(self.payload.info);
        let took: Took = part(info.last);
        let usage = usage(&took);
        let is_nothing = [usage.input, usage.output].into_iter().flatten().all(|count| count == 0);
        if self.line.ordinal.some().is_some() || usage.is_empty() || is_nothing {
            return set_kind(draft, "model.summary");
        }
        self.set_tokens(draft, &took);
        // The same counts come again with limits that have changed.
        let counts = [info.total, info.last].map(|counts| counts.map_or("", RawValue::get));
        draft.columns.remove(column::SOURCE_ID.id());
        draft.identity = ["token_count", counts[0], counts[1]].join("\n");
    }

    fn set_call(&self, draft: &mut Draft) {
        let payload = &self.payload;
        set_kind(draft, "tool.call");
        // Some calls are named by what they are: a local shell, a search.
        let tool = payload.name.some().unwrap_or_else(|| payload.kind.as_str().trim_end_matches("_call"));
        let input = payload.arguments.or(payload.input).or(payload.action).map(text_of).unwrap_or_default();
        // A patch is a text of its own; in hooks it stands where others have a command.
        if input.starts_with("*** Begin Patch") {
            set_call(draft, tool, &serde_json::json!({ "command": input }).to_string());
        } else {
            set_call(draft, tool, &input);
        }
        if let Some(call) = payload.call.some() {
            draft.columns.set_text(column::TOOL_CALL, call);
            know_by(draft, "call", call);
        }
    }

    fn set_output(&self, draft: &mut Draft) {
        let payload = &self.payload;
        set_kind(draft, "tool.result");
        let output = payload.output.map(text_of).unwrap_or_default();
        // The exit code stands before what the command printed, which may say anything.
        let (head, printed) = output.split_once("\nOutput:\n").unwrap_or((&output, &output));
        set_exit(draft, tool::exit_code(head));
        draft.result = Some(printed.to_owned());
        if let Some(call) = payload.call.some() {
            draft.columns.set_text(column::TOOL_CALL, call);
            know_by(draft, "output", call);
        }
    }
}

/// Sets what an item was that is complete now: it repeats a message or a call of the model, and says how that ended.
fn set_item(draft: &mut Draft, item: &Payload) {
    draft.columns.set_text_if(column::TARGET, item.kind.some());
    if let Some(id) = item.id.some() {
        know_by(draft, "item", id);
    }
    match item.kind.as_str() {
        "UserMessage" => set_kind(draft, "prompt"),
        "CommandExecution" => set_command(draft, item, item.id.some()),
        "McpToolCall" => set_server_call(draft, item, item.output, item.id.some()),
        "FileChange" => {
            set_kind(draft, "file.write");
            set_call(draft, "apply_patch", item.changes.map_or("", RawValue::get));
            end(draft, item.id.some(), word_of(item.status.as_str()));
        }
        _ => {}
    }
}

/// Sets a command that has ended.
fn set_command(draft: &mut Draft, told: &Payload, call: Option<&str>) {
    set_kind(draft, "command");
    let arguments: Vec<Text> = part(told.command);
    // What the shell is given, as the model wrote it.
    let line = match arguments.as_slice() {
        [_, option, line] if matches!(option.as_str(), "-c" | "-lc") => line.0.clone(),
        [] => told.command.map(text_of).unwrap_or_default(),
        all => Cow::Owned(tool::joined(all.iter().map(Text::as_str))),
    };
    set_call(draft, "exec_command", &serde_json::json!({ "cmd": line }).to_string());
    end(draft, call, word_of(told.status.as_str()));
    set_exit(draft, told.exit_code.0);
    let took: Duration = part(told.duration);
    if let Some(seconds) = took.seconds.0 {
        let micros = took.nanos.0.unwrap_or(0) / 1_000;
        draft.columns.set_integer(column::DURATION_US, seconds.saturating_mul(1_000_000).saturating_add(micros));
    }
    draft.result = told.output.map(|output| text_of(output).into_owned());
}

/// Sets a call of a tool of a server that has ended.
fn set_server_call(draft: &mut Draft, told: &Payload, output: Raw<'_>, call: Option<&str>) {
    set_kind(draft, "tool.result");
    let tool = ["mcp__", told.server.as_str(), "__", told.name.as_str()].concat();
    set_call(draft, &tool, told.arguments.map_or("", RawValue::get));
    draft.columns.set_text_if(column::MCP_SERVER, told.server.some());
    end(draft, call, word_of(told.status.as_str()));
    draft.result = output.map(|output| output.get().to_owned());
}

/// Sets a call. Tools that run commands act as their hooks name them all.
fn set_call(draft: &mut Draft, tool: &str, input: &str) {
    tool::set_call(draft, tool, input);
    draft.columns.set_text(column::TARGET, tool);
    draft.columns.set_text_if(column::MCP_SERVER, tool::mcp_server(tool));
    if let (ToolKind::Command, Some(command)) = (ToolKind::of(tool), draft.columns.text(column::COMMAND)) {
        let input = serde_json::json!({ "command": command }).to_string();
        draft.action = Some(Action { tool: "Bash".to_owned(), input });
    }
}

/// Sets that a call has ended, and how.
fn end(draft: &mut Draft, call: Option<&str>, outcome: Option<&str>) {
    draft.columns.set_text_if(column::OUTCOME, outcome);
    if let Some(call) = call {
        draft.columns.set_text(column::TOOL_CALL, call);
        know_by(draft, "ended", call);
    }
}

fn set_exit(draft: &mut Draft, code: Option<i64>) {
    if let Some(code) = code {
        draft.columns.set_integer(column::EXIT_CODE, code);
        draft.columns.set_text(column::OUTCOME, if code == 0 { "success" } else { "error" });
    }
}

/// The outcome behind an item's word for its state.
fn word_of(status: &str) -> Option<&'static str> {
    match status {
        "completed" | "success" => Some("success"),
        "failed" | "error" => Some("error"),
        "declined" | "denied" | "rejected" => Some("deny"),
        _ => None,
    }
}

fn set_kind(draft: &mut Draft, kind: &str) {
    draft.columns.set_text(column::KIND, kind);
}

/// What makes the record the same one wherever it stands.
fn know_by(draft: &mut Draft, what: &str, id: &str) {
    draft.identity.clear();
    draft.columns.set_text(column::SOURCE_ID, &[what, "/", id].concat());
}

fn usage(took: &Took) -> Usage {
    Usage {
        input: took.input.0,
        output: took.output.0,
        cache_read: took.cache_read.0,
        cache_write: took.cache_write.0,
        reasoning: took.reasoning.0,
    }
}

#[cfg(test)]
mod tests;
