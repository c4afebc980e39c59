//! What Claude Code and Codex tell through their hooks.

use ingest::timestamp;
use serde_json::{Value, json};

use super::{Feed, Moment, Teller};
use crate::notation::Act;
use crate::people::Product;
use crate::values::uuid;

/// A call of a tool as hooks tell it.
struct Call {
    tool: String,
    input: Value,
    end: End,
}

/// How it ended.
enum End {
    Result(Value),
    Failure(String),
}

impl Teller<'_> {
    /// The start or the end of a session.
    pub(super) fn hook_frame(&mut self, moment: &Moment, starts: bool) {
        let (_, model, _) = self.agent.product.model();
        let more = if starts {
            json!({ "hook_event_name": "SessionStart", "source": "startup", "model": model })
        } else {
            json!({ "hook_event_name": "SessionEnd", "reason": "other" })
        };
        self.hook(moment, 0, &more);
    }

    /// An act of either.
    pub(super) fn hooked(&mut self, moment: &Moment, act: &Act) {
        let is_codex = self.agent.product == Product::Codex;
        match act {
            Act::Prompt(text) => {
                self.session.prompt = uuid(&mut self.numbers);
                self.hook(moment, 0, &json!({ "hook_event_name": "UserPromptSubmit", "prompt": text }));
            }
            Act::Denied { tool, input } if !is_codex => self.denied(moment, tool, &json_of(input)),
            // Codex tells that it asks, and not what the answer was.
            Act::Denied { tool, input } | Act::Asked { tool, input } => {
                let call = json!({ "tool_name": tool, "tool_input": json_of(input) });
                self.hook(moment, 0, &merged(json!({ "hook_event_name": "PermissionRequest" }), &call));
            }
            Act::Subagent(name) => {
                let id = uuid(&mut self.numbers);
                self.hook(
                    moment,
                    0,
                    &json!({ "hook_event_name": "SubagentStart", "agent_id": id, "agent_type": name }),
                );
            }
            _ => {
                if let Some(call) = if is_codex { codex_call(act) } else { claude_call(act) } {
                    self.called(moment, &call);
                }
            }
        }
    }

    fn denied(&mut self, moment: &Moment, tool: &str, input: &Value) {
        let call = json!({ "tool_name": tool, "tool_input": input, "tool_use_id": self.call_id() });
        self.hook(moment, 0, &merged(json!({ "hook_event_name": "PreToolUse" }), &call));
        let reason = "Blocked by the auto mode classifier";
        let denied = json!({ "hook_event_name": "PermissionDenied", "reason": reason });
        self.hook(moment, 3_000, &merged(denied, &call));
    }

    fn called(&mut self, moment: &Moment, call: &Call) {
        let (id, took) = (self.call_id(), self.took());
        let common = json!({ "tool_name": call.tool, "tool_input": call.input, "tool_use_id": id });
        self.hook(moment, 0, &merged(json!({ "hook_event_name": "PreToolUse" }), &common));
        let is_codex = self.agent.product == Product::Codex;
        let end = match &call.end {
            End::Failure(error) if !is_codex => {
                json!({ "hook_event_name": "PostToolUseFailure", "error": error, "is_interrupt": false })
            }
            // Codex tells what was printed and nothing of the failure.
            End::Failure(error) => json!({ "hook_event_name": "PostToolUse", "tool_response": error }),
            End::Result(result) => json!({ "hook_event_name": "PostToolUse", "tool_response": result }),
        };
        let mut end = merged(end, &common);
        if !is_codex {
            end["duration_ms"] = json!(took / 1_000);
        }
        self.hook(moment, took, &end);
    }

    /// One payload, in the envelope of `tachograph hook` where the agent's own does not say whose it is.
    fn hook(&mut self, moment: &Moment, after: i64, more: &Value) {
        let directory = self.agent.directory();
        let payload = json!({
            "session_id": self.session.id, "cwd": directory, "permission_mode": self.session.mode,
            "transcript_path": format!("/home/coder/.sessions/{}.jsonl", self.session.id),
        });
        let is_codex = self.agent.product == Product::Codex;
        let turn = if is_codex { "turn_id" } else { "prompt_id" };
        let payload = merged(merged(payload, &json!({ turn: self.session.prompt })), more);
        let time = timestamp::format(moment.micros + after);
        let agent = if is_codex { "codex" } else { "claude_code" };
        let told = json!({ "agent": agent, "event": payload["hook_event_name"], "time": time, "host": "ws" });
        let record = json!({ "tachograph_hook": told, "payload": payload });
        self.push(moment, after, Feed::Hooks(self.agent.number), record.to_string());
    }
}

/// The members of both; those of the second outweigh.
fn merged(mut first: Value, second: &Value) -> Value {
    if let (Some(first), Some(second)) = (first.as_object_mut(), second.as_object()) {
        first.extend(second.clone());
    }
    first
}

/// A text of JSON, or the text itself.
pub(super) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn claude_call(act: &Act) -> Option<Call> {
    let call = |tool: &str, input: Value, end: Value| Call { tool: tool.to_owned(), input, end: End::Result(end) };
    Some(match act {
        Act::Command { line, output, code } => {
            let input = json!({ "command": line, "description": "Run a command" });
            let result = json!({ "stdout": output, "stderr": "", "interrupted": false, "isImage": false });
            let end = match code {
                0 => End::Result(result),
                code => End::Failure(format!("Exit code {code}\n{output}")),
            };
            Call { tool: "Bash".to_owned(), input, end }
        }
        Act::Read { file, content } => {
            let lines = content.lines().count();
            let result = json!({ "type": "text", "file": { "filePath": file, "content": content, "numLines": lines, "startLine": 1, "totalLines": lines } });
            call("Read", json!({ "file_path": file }), result)
        }
        Act::Write { file, content } => {
            let result = json!({ "type": "create", "filePath": file, "content": content, "structuredPatch": [] });
            call("Write", json!({ "file_path": file, "content": content }), result)
        }
        Act::Edit { file, old, new } => {
            let result = json!({ "filePath": file, "oldString": old, "newString": new, "userModified": false, "replaceAll": false });
            call("Edit", json!({ "file_path": file, "old_string": old, "new_string": new }), result)
        }
        Act::Fetch { url, page } => {
            let result = json!({ "bytes": page.len(), "code": 200, "codeText": "OK", "result": page, "durationMs": 812, "url": url });
            call("WebFetch", json!({ "url": url, "prompt": "Read this page" }), result)
        }
        Act::Search { words, results } => call(
            "WebSearch",
            json!({ "query": words }),
            json!({ "query": words, "results": [results], "durationSeconds": 1.2 }),
        ),
        _ => return server_call(act),
    })
}

fn codex_call(act: &Act) -> Option<Call> {
    let shell = |line: String, end: End| Call { tool: "Bash".to_owned(), input: json!({ "command": line }), end };
    let patch = |patch: String| Call {
        tool: "apply_patch".to_owned(),
        input: json!({ "command": patch }),
        end: End::Result(json!("Success. Updated the following files")),
    };
    let prefixed =
        |sign: &'static str, text: &str| text.lines().flat_map(|line| [sign, line, "\n"]).collect::<String>();
    Some(match act {
        Act::Command { line, output, code } => {
            let end = if *code == 0 { End::Result(json!(output)) } else { End::Failure(output.clone()) };
            shell(line.clone(), end)
        }
        Act::Read { file, content } => shell(format!("sed -n '1,220p' {file}"), End::Result(json!(content))),
        Act::Write { file, content } => {
            patch(format!("*** Begin Patch\n*** Add File: {file}\n{}*** End Patch", prefixed("+", content)))
        }
        Act::Edit { file, old, new } => {
            let change = format!("@@\n{}{}", prefixed("-", old), prefixed("+", new));
            patch(format!("*** Begin Patch\n*** Update File: {file}\n{change}*** End Patch"))
        }
        Act::Fetch { url, page } => {
            return server_call(&Act::Tool {
                server: "fetch".to_owned(),
                tool: "fetch".to_owned(),
                input: json!({ "url": url }).to_string(),
                result: page.clone(),
                failed: false,
            });
        }
        Act::Search { words, results } => {
            return server_call(&Act::Tool {
                server: "search".to_owned(),
                tool: "web_search".to_owned(),
                input: json!({ "query": words }).to_string(),
                result: results.clone(),
                failed: false,
            });
        }
        _ => return server_call(act),
    })
}

/// A call of a server's tool, which both tell alike.
fn server_call(act: &Act) -> Option<Call> {
    match act {
        Act::Program { language, source, output } => Some(Call {
            tool: "mcp__sandbox__run_code".to_owned(),
            input: json!({ "language": language, "code": source }),
            end: End::Result(json!([{ "type": "text", "text": output }])),
        }),
        Act::Tool { server, tool, input, result, failed } => Some(Call {
            tool: format!("mcp__{server}__{tool}"),
            input: json_of(input),
            end: if *failed {
                End::Failure(result.clone())
            } else {
                End::Result(json!([{ "type": "text", "text": result }]))
            },
        }),
        _ => None,
    }
}
