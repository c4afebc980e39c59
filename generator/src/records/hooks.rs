//! What Claude Code tells through its hooks, in the envelope of `tachograph hook`.

use serde_json::{Value, json};

use super::{Teller, time};
use crate::wire::Door;

/// How a call ended.
enum End<'a> {
    Result(Value),
    Failure(&'a str),
}

impl Teller<'_> {
    /// The session begins.
    pub fn start(&mut self, moment: i64) {
        let model = self.model.1;
        self.hook(moment, &json!({ "hook_event_name": "SessionStart", "source": "startup", "model": model }));
    }

    /// The session ends.
    pub fn finish(&mut self, moment: i64) {
        self.hook(moment, &json!({ "hook_event_name": "SessionEnd", "reason": "other" }));
    }

    /// The person asks.
    pub fn prompt(&mut self, moment: i64, text: &str) {
        self.prompt = self.numbers.uuid();
        self.hook(moment, &json!({ "hook_event_name": "UserPromptSubmit", "prompt": text }));
    }

    /// The agent asks for a permission.
    pub fn ask(&mut self, moment: i64, line: &str) {
        let input = json!({ "command": line, "description": "Run a command" });
        let asked = json!({ "hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": input });
        self.hook(moment, &asked);
    }

    /// A command that takes so long and ends with this code.
    pub fn command(&mut self, moment: i64, took: i64, line: &str, output: &str, code: i32) {
        let input = json!({ "command": line, "description": "Run a command" });
        let failure = format!("Exit code {code}\n{output}");
        let end = if code == 0 {
            End::Result(json!({ "stdout": output, "stderr": "", "interrupted": false, "isImage": false }))
        } else {
            End::Failure(&failure)
        };
        self.call(moment, took, "Bash", &input, end);
    }

    /// A file is read.
    pub fn read(&mut self, moment: i64, file: &str, content: &str) {
        let lines = content.lines().count();
        let file = self.path(file);
        let told =
            json!({ "filePath": file, "content": content, "numLines": lines, "startLine": 1, "totalLines": lines });
        let end = End::Result(json!({ "type": "text", "file": told }));
        self.call(moment, 40_000, "Read", &json!({ "file_path": file }), end);
    }

    /// A file is changed.
    pub fn edit(&mut self, moment: i64, file: &str, old: &str, new: &str) {
        let file = self.path(file);
        let input = json!({ "file_path": file, "old_string": old, "new_string": new });
        let result =
            json!({ "filePath": file, "oldString": old, "newString": new, "userModified": false, "replaceAll": false });
        self.call(moment, 70_000, "Edit", &input, End::Result(result));
    }

    /// A file's whole path, below the repository unless it says otherwise.
    fn path(&self, file: &str) -> String {
        if file.starts_with('/') { file.to_owned() } else { format!("{}/{file}", self.agent.directory()) }
    }

    fn call(&mut self, moment: i64, took: i64, tool: &str, input: &Value, end: End<'_>) {
        let id = format!("toolu_01{}", self.numbers.letters(22));
        let common = json!({ "tool_name": tool, "tool_input": input, "tool_use_id": id });
        self.hook(moment, &merged(json!({ "hook_event_name": "PreToolUse" }), &common));
        let end = match end {
            End::Failure(error) => {
                json!({ "hook_event_name": "PostToolUseFailure", "error": error, "is_interrupt": false })
            }
            End::Result(result) => json!({ "hook_event_name": "PostToolUse", "tool_response": result }),
        };
        let mut end = merged(end, &common);
        end["duration_ms"] = json!(took / 1_000);
        self.hook(moment + took, &end);
    }

    /// The files of settings, policies and instructions, as `tachograph hook` tells them by their hashes. The policy of all is renewed every
    /// week, the instructions of a repository every third day.
    fn files(&self, at: i64) -> Value {
        let day = at.div_euclid(86_400_000_000);
        let (cwd, team) = (self.agent.directory(), self.agent.team);
        let project = format!(" (project {:.8})", hash(&cwd));
        json!([
            { "item": "policy_file", "name": "/etc/claude-code/managed-settings.json", "hash": hash(&format!("policy {}", day / 7)) },
            { "item": "settings_file", "name": "~/.claude/settings.json", "hash": hash(team) },
            { "item": "settings_file", "name": format!(".mcp.json{project}"), "hash": hash(&cwd) },
            { "item": "instructions_file", "name": format!("AGENTS.md{project}"), "hash": hash(&format!("{cwd} {}", day / 3)) },
        ])
    }

    fn hook(&mut self, moment: i64, more: &Value) {
        let (at, session) = (self.at(moment), &self.session);
        let cwd = self.agent.directory();
        let transcript = format!("/home/coder/.claude/projects/{}/{session}.jsonl", cwd.replace('/', "-"));
        let payload = json!({
            "session_id": session, "transcript_path": transcript, "cwd": cwd, "permission_mode": "default",
            "prompt_id": self.prompt,
        });
        let payload = merged(payload, more);
        let mut told = json!({
            "agent": "claude_code", "event": payload["hook_event_name"], "time": time(at), "host": self.agent.name,
        });
        if payload["hook_event_name"] == "SessionStart" {
            told["files"] = self.files(at);
        }
        let record = json!({ "tachograph_hook": told, "payload": payload });
        self.send(at, Door::Hooks(self.agent.number), record.to_string());
    }
}

/// What looks like the hash of a file (FNV-1a).
fn hash(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// The members of both; those of the second outweigh.
fn merged(mut first: Value, second: &Value) -> Value {
    if let (Some(first), Some(second)) = (first.as_object_mut(), second.as_object()) {
        first.extend(second.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    first
}
