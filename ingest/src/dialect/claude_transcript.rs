//! Dialect `claude_transcript`: what Claude Code writes of its sessions into `~/.claude/projects/*/*.jsonl`, and of its sub-agents into
//! `…/<session>/subagents/*.jsonl` (seen with 2.1.332). The format is its own affair and changes between releases, so this is the witness of last
//! resort.
//!
//! | line | kind | natural id |
//! |---|---|---|
//! | `user` with a text | `prompt`, with who asked in `actor` | the line's `uuid` |
//! | `user` with results of tools | `tool.result` each | `uuid`, further ones with their number |
//! | `assistant`: each block | `tool.call`, `model.thought`, for a text `agent.event` | the same |
//! | … what the answer took | `model.tokens` | `usage/` and the message's id |
//! | `assistant` that stands for an error of the provider | `model.call` | `uuid` |
//! | `cost-state` | `model.summary`, without counters | keyed hash of the line |
//! | what it keeps for itself: whole requests, indexes | skipped | |
//! | `system`, `attachment` and anything else, also what is not known | `agent.event` | `uuid`, else the hash of the line |
//!
//! An answer stands in several lines, one for each block, and each repeats what the whole answer took: the first counts. A session that is
//! forked copies the lines of the old one under its own id with their `uuid` and time, so that they are told once, as the old session's.
//!
//! Every member that is not known to be a fact is content. A transcript is written by the agent whose it is: its trust is `agent`, and whatever
//! else tells of money outranks it, which the end of its `source` says.

mod examples;
mod schema;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::dialect::hooks::actor as actor_of_hook;
use crate::dialect::hooks::agents::CLAUDE_CODE;
use crate::dialect::hooks::refusal::is_refusal;
use crate::dialect::json::{Integer, Raw, Text, part, read, record, text_of};
use crate::dialect::usage::Usage;
use crate::dialect::{Decoded, Dialect, SKIP_TELEMETRY, members, read_record, tool};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::limits::RECORD_EVENTS_MAX;
use crate::timestamp::Stated;

/// Source of transcripts.
const SOURCE: &str = "claude_code.transcript";

/// Lines that repeat others or hold what the program remembers for itself.
const SKIPPED: &[&str] = &[
    "api-request",
    "api-request-blob",
    "api-request-shape",
    "atis-latch",
    "file-history-delta",
    "file-history-snapshot",
    "last-prompt",
    "tools-used",
];

/// The model of answers that no model gave.
const SYNTHETIC: &str = "<synthetic>";

/// Dialect `claude_transcript`.
pub struct ClaudeTranscript;

impl Dialect for ClaudeTranscript {
    fn name(&self) -> &'static str {
        "claude_transcript"
    }

    fn doc(&self) -> &'static str {
        "Transcripts of Claude Code, which a collector follows in `~/.claude/projects/`: prompts and who asked, calls of tools with their \
         results, and the tokens of each answer, sub-agents included. For agents that send neither hooks nor telemetry; where they do, those \
         outrank it."
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, line) = match read_record::<Line>(record, "line") {
            Ok(read) => read,
            Err(other) => return other,
        };
        if SKIPPED.contains(&line.kind.as_str()) {
            return Decoded::Skip(SKIP_TELEMETRY);
        }
        if line.kind.some().is_none() {
            return Decoded::Unparsed("it has no type; is it a line of a transcript?".to_owned());
        }
        let message: Message = part(line.message);
        let blocks: Vec<&RawValue> = part(message.content);
        if blocks.len() >= RECORD_EVENTS_MAX {
            return Decoded::Unparsed(format!("its message has {RECORD_EVENTS_MAX} blocks or more"));
        }
        Told { line, message, blocks, text, received }.decode(drafts);
        if let Some(carrier) = drafts.iter_mut().next() {
            schema::LINE.add_content(carrier, text, &FieldPath::root(), text);
        }
        Decoded::Events
    }
}

record! {
    /// A line.
    Line {
        kind: Text<'a> = "type",
        subtype: Text<'a> = "subtype",
        id: Text<'a> = "uuid",
        time: Text<'a> = "timestamp",
        session: Text<'a> = "sessionId",
        agent: Text<'a> = "agentId",
        sidechain: Text<'a> = "isSidechain",
        meta: Text<'a> = "isMeta",
        summary: Text<'a> = "isCompactSummary",
        failed: Text<'a> = "isApiErrorMessage",
        asked_by: Text<'a> = "promptSource",
        request: Text<'a> = "requestId",
        message: Raw<'a> = "message",
        attachment: Raw<'a> = "attachment",
        decision: Raw<'a> = "permissionDecision",
        compaction: Raw<'a> = "compactMetadata",
        operation: Text<'a> = "operation",
        error: Raw<'a> = "error",
        status: Integer = "apiErrorStatus",
    }

    /// What was said.
    Message {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        content: Raw<'a> = "content",
        usage: Raw<'a> = "usage",
    }

    /// A part of what was said.
    Block {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        tool: Text<'a> = "name",
        input: Raw<'a> = "input",
        call: Text<'a> = "tool_use_id",
        content: Raw<'a> = "content",
        failed: Text<'a> = "is_error",
        server: Text<'a> = "server_name",
    }

    /// What an answer took. The input is what was not cached.
    Took {
        input: Integer = "input_tokens",
        output: Integer = "output_tokens",
        cache_read: Integer = "cache_read_input_tokens",
        cache_write: Integer = "cache_creation_input_tokens",
        written: Raw<'a> = "cache_creation",
        details: Raw<'a> = "output_tokens_details",
        speed: Text<'a> = "speed",
    }

    /// How long what was written to the cache lives.
    Written {
        hour: Integer = "ephemeral_1h_input_tokens",
    }

    /// What of the output was reasoning.
    Details {
        thinking: Integer = "thinking_tokens",
    }

    /// Something with a name for what it is.
    Named {
        kind: Text<'a> = "type" | "trigger",
    }

    /// Who allowed or denied a call.
    Permission {
        decision: Text<'a> = "decision",
        source: Text<'a> = "source",
    }
}

/// A line that was read.
struct Told<'a> {
    line: Line<'a>,
    message: Message<'a>,
    /// The parts of the message, if it has such.
    blocks: Vec<&'a RawValue>,
    text: &'a str,
    received: i64,
}

impl Told<'_> {
    fn decode(&self, drafts: &mut Drafts) {
        match self.line.kind.as_str() {
            "user" => self.decode_user(drafts),
            "assistant" if self.has_failed() => {
                let draft = self.add(drafts, "model.call");
                draft.columns.set_text(column::OUTCOME, "error");
                if let Some(status) = self.line.status.0 {
                    draft.columns.set_integer(column::STATUS, status);
                }
            }
            "assistant" => self.decode_answer(drafts),
            "cost-state" => {
                self.add(drafts, "model.summary");
            }
            _ => self.decode_other(drafts),
        }
    }

    /// Whether no model gave this answer: the program tells of an error in its place.
    fn has_failed(&self) -> bool {
        self.line.failed.as_str() == "true" || self.message.model.as_str() == SYNTHETIC
    }

    /// Adds an event of this kind, with what all events of the line say.
    fn add<'d>(&self, drafts: &'d mut Drafts, kind: &str) -> &'d mut Draft {
        let number = drafts.len();
        let draft = drafts.add();
        draft.set_origin(SOURCE, "workspace", kind);
        draft.set_times(self.line.time.time(), Stated::Nothing, self.received);
        let columns = &mut draft.columns;
        columns.set_text_if(column::ACTION, self.line.kind.some());
        columns.set_text_if(column::SESSION, self.line.session.some());
        columns.set_text(column::AGENT_KIND, CLAUDE_CODE.name);
        columns.set_text_if(column::AGENT, self.line.agent.some());
        let is_sub_agent = self.line.agent.some().is_some() || self.line.sidechain.as_str() == "true";
        columns.set_text_if(column::ACTOR, is_sub_agent.then_some("sub_agent"));
        if self.line.kind.as_str() == "assistant" {
            columns.set_text_if(column::MODEL, self.message.model.some());
            columns.set_text_if(column::INTERCEPTION, self.line.request.some());
        }
        match (self.line.id.some(), number) {
            (Some(id), 0) => columns.set_text(column::SOURCE_ID, id),
            (Some(id), _) => columns.set_text(column::SOURCE_ID, &format!("{id}/{number}")),
            (None, 0) => draft.identity.push_str(self.text),
            (None, _) => draft.identity = format!("{number}\n{}", self.text),
        }
        draft
    }

    fn decode_user(&self, drafts: &mut Drafts) {
        let results = || self.blocks.iter().map(|block| block_of(block)).filter(|block| block.kind.as_str() == RESULT);
        for block in results() {
            self.add_result(&block, drafts);
        }
        if !drafts.is_empty() {
            return;
        }
        let is_asked =
            self.line.meta.as_str() != "true" && self.line.summary.as_str() != "true" && !self.is_of_command();
        if !is_asked {
            self.add(drafts, "agent.event");
            return;
        }
        let draft = self.add(drafts, "prompt");
        draft.columns.set_text_if(column::TARGET, self.line.asked_by.some());
        // What a sub-agent is asked, it is asked by the agent.
        if draft.columns.text(column::ACTOR).is_none() {
            draft.columns.set_text_if(column::ACTOR, actor(self.line.asked_by.as_str()));
        }
    }

    /// Whether the text is what a command of the program itself printed.
    fn is_of_command(&self) -> bool {
        self.message.content.map(text_of).is_some_and(|text| text.trim_start().starts_with("<local-command-"))
    }

    fn add_result(&self, block: &Block, drafts: &mut Drafts) {
        let permission: Permission = part(self.line.decision);
        let said = block.content.map(said).unwrap_or_default();
        let draft = self.add(drafts, "tool.result");
        let columns = &mut draft.columns;
        columns.set_text_if(column::TOOL_CALL, block.call.some());
        columns.set_text_if(column::RULE, permission.source.some());
        let is_failed = block.failed.as_str() == "true";
        let is_denied = permission.decision.some().is_some_and(|word| word != "accept" && word != "allow")
            || (is_failed && is_refusal(&said));
        let code = tool::exit_code_of_error(&said).filter(|_| is_failed);
        columns.set_text(
            column::OUTCOME,
            match (is_denied, is_failed) {
                (true, _) => "deny",
                (_, true) => "error",
                _ => "success",
            },
        );
        if let Some(code) = code {
            columns.set_integer(column::EXIT_CODE, code);
        }
        draft.result = Some(said);
    }

    fn decode_answer(&self, drafts: &mut Drafts) {
        for block in &self.blocks {
            let block = block_of(block);
            let kind = block.kind.as_str();
            if kind.ends_with("tool_use") {
                let draft = self.add(drafts, "tool.call");
                let tool = block.tool.as_str();
                tool::set_call(draft, tool, block.input.map_or("", RawValue::get));
                draft.columns.set_text_if(column::TARGET, block.tool.some());
                draft.columns.set_text_if(column::TOOL_CALL, block.id.some());
                draft.columns.set_text_if(column::MCP_SERVER, block.server.some().or(tool::mcp_server(tool)));
            } else if kind.ends_with("thinking") {
                self.add(drafts, "model.thought");
            } else {
                let draft = self.add(drafts, "agent.event");
                draft.columns.set_text_if(column::TARGET, block.kind.some());
            }
        }
        let took: Took = part(self.message.usage);
        let usage = usage(&took);
        if let (Some(id), false) = (self.message.id.some(), usage.is_empty()) {
            let draft = self.add(drafts, "model.tokens");
            draft.identity.clear();
            draft.columns.set_text(column::SOURCE_ID, &["usage/", id].concat());
            draft.columns.set_text(column::OUTCOME, "success");
            usage.set(draft);
            bill(draft, &took);
        } else if drafts.is_empty() {
            self.add(drafts, "agent.event");
        }
    }

    fn decode_other(&self, drafts: &mut Drafts) {
        let attachment: Named = part(self.line.attachment);
        let compaction: Named = part(self.line.compaction);
        let about = [&self.line.subtype, &attachment.kind, &self.line.operation].into_iter().find_map(Text::some);
        let is_error = self.line.subtype.as_str() == "api_error";
        let draft = self.add(drafts, if is_error { "model.call" } else { "agent.event" });
        draft.columns.set_text_if(column::TARGET, about);
        draft.columns.set_text_if(column::RULE, compaction.kind.some());
        if is_error || self.line.error.is_some() {
            draft.columns.set_text(column::OUTCOME, "error");
        }
    }
}

/// The kind of a block that tells what came of a call.
const RESULT: &str = "tool_result";

fn block_of(block: &RawValue) -> Block<'_> {
    read(block.get()).unwrap_or_default()
}

/// What a result says: a text, or a list of texts; of anything else its JSON.
fn said(content: &RawValue) -> String {
    let parts: Option<Vec<&RawValue>> = read(content.get()).ok();
    let Some(parts) = parts else { return text_of(content).into_owned() };
    let text = |part: &&RawValue| {
        let text = members::of(part.get()).find(|(name, _)| name.as_str() == "text");
        text.map_or_else(|| part.get().to_owned(), |(_, text)| text_of(text).into_owned())
    };
    parts.iter().map(text).collect::<Vec<String>>().join("\n")
}

/// Who asked, by the word of 2.1.332; a word that is not known says nothing.
fn actor(word: &str) -> Option<&'static str> {
    match word {
        "typed" | "queued" => Some("person"),
        word => actor_of_hook(word),
    }
}

fn usage(took: &Took) -> Usage {
    let details: Details = part(took.details);
    Usage {
        input: took.input.0,
        output: took.output.0,
        cache_read: took.cache_read.0,
        cache_write: took.cache_write.0,
        reasoning: details.thinking.0,
    }
}

/// At what rates it is billed.
fn bill(draft: &mut Draft, took: &Took) {
    let written: Written = part(took.written);
    match written.hour.0 {
        Some(hour) if hour < 0 => draft.void("tokens_cache_write_hour"),
        hour => draft.billing.cache_write_hour = hour.unwrap_or(0),
    }
    draft.billing.fast = took.speed.as_str().eq_ignore_ascii_case("fast");
}

#[cfg(test)]
mod tests;
