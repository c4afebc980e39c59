//! What an agent of another product tells in Tachograph's own format.

use ingest::timestamp;
use serde_json::{Value, json};

use super::hooks::json_of;
use super::{Feed, Moment, Teller};
use crate::notation::Act;
use crate::values::uuid;

impl Teller<'_> {
    /// The start or the end of a session.
    pub(super) fn native_frame(&mut self, moment: &Moment, starts: bool) {
        let kind = if starts { "session.start" } else { "session.end" };
        self.told(moment, 0, json!({ "kind": kind }));
    }

    /// An act of a product of somebody's own.
    pub(super) fn native(&mut self, moment: &Moment, act: &Act) {
        match act {
            Act::Prompt(text) => self.told(moment, 0, json!({ "kind": "prompt", "content": text })),
            Act::Command { line, output, code } => {
                let outcome = if *code == 0 { "success" } else { "error" };
                let end = json!({ "kind": "command", "command": line, "exit_code": code, "outcome": outcome, "content": output });
                self.native_call(moment, "shell", &json!({ "command": line }), end);
            }
            Act::Read { file, content } => {
                let end = json!({ "kind": "file.read", "file": file, "outcome": "success", "content": content });
                self.native_call(moment, "read_file", &json!({ "path": file }), end);
            }
            Act::Write { file, content } => {
                let end = json!({ "kind": "file.write", "file": file, "outcome": "success", "content": content });
                self.native_call(moment, "write_file", &json!({ "path": file, "content": content }), end);
            }
            Act::Edit { file, old, new } => {
                let end = json!({ "kind": "file.write", "file": file, "outcome": "success", "content": new });
                self.native_call(moment, "edit_file", &json!({ "path": file, "old": old, "new": new }), end);
            }
            Act::Fetch { url, page } => {
                let end = json!({ "kind": "tool.result", "outcome": "success", "content": page });
                self.native_call(moment, "web_fetch", &json!({ "url": url }), end);
            }
            Act::Search { words, results } => {
                let end = json!({ "kind": "tool.result", "outcome": "success", "content": results });
                self.native_call(moment, "web_search", &json!({ "query": words }), end);
            }
            Act::Program { language, source, output } => {
                let end = json!({ "kind": "tool.result", "outcome": "success", "content": output });
                self.native_call(moment, "code_interpreter", &json!({ "language": language, "code": source }), end);
            }
            Act::Tool { server, tool, input, result, failed } => {
                let outcome = if *failed { "error" } else { "success" };
                let end = json!({ "kind": "tool.result", "mcp_server": server, "outcome": outcome, "content": result });
                self.native_call(moment, &format!("{server}.{tool}"), &json_of(input), end);
            }
            Act::Denied { tool, input } | Act::Asked { tool, input } => {
                let input = json_of(input);
                let mut refused = json!({ "kind": "approval", "tool": tool, "outcome": "deny", "content": input });
                if let Some(command) = input.get("command") {
                    refused["command"] = command.clone();
                }
                self.told(moment, 0, refused);
            }
            Act::Subagent(name) => self.told(moment, 0, json!({ "kind": "subagent.start", "agent": name })),
            Act::Request { .. } | Act::Lookup { .. } | Act::Model { .. } | Act::Mode(_) => {}
        }
    }

    fn native_call(&mut self, moment: &Moment, tool: &str, input: &Value, mut end: Value) {
        let (id, took) = (self.call_id(), self.took());
        let mut call = json!({ "kind": "tool.call", "tool": tool, "tool_call": id, "content": input });
        for member in ["command", "file"] {
            if let Some(value) = end.get(member) {
                call[member] = value.clone();
            }
        }
        self.told(moment, 0, call);
        (end["tool"], end["tool_call"], end["duration_us"]) = (json!(tool), json!(id), json!(took));
        self.told(moment, took, end);
    }

    fn told(&mut self, moment: &Moment, after: i64, mut event: Value) {
        event["source"] = json!("acme.agent");
        event["source_id"] = json!(uuid(&mut self.numbers));
        event["session"] = json!(self.session.id);
        event["agent_kind"] = json!("acme_agent");
        event["time"] = json!(timestamp::format(moment.micros + after));
        self.push(moment, after, Feed::Native(self.agent.number), event.to_string());
    }
}
