//! What a tool call does: its input without talk (descriptions, reasons) and without chance (seeds, timeouts, temporary
//! names). Which part of a command line is chance stands in [`super::chance`].
//!
//! Different files and different arguments stay different. Of an agent's own tools the wording around a call is known; for
//! any other tool a `description` may be the very thing that is written, so only what is never data is left out there.

use serde_json::{Map, Value};

use super::chance::Chance;
use super::written;
use crate::dialect::tool::ToolKind;

/// Members that hold the command line.
const COMMAND_KEYS: &[&str] = &["command", "cmd", "commandline", "script"];

/// Talk around a call of the agent's own tools.
const TALK_KEYS: &[&str] = &[
    "comment",
    "description",
    "explanation",
    "goal",
    "instruction",
    "intent",
    "justification",
    "note",
    "purpose",
    "rationale",
    "reason",
    "reasoning",
    "summary",
    "task",
    "thought",
    "thoughts",
    "title",
    "why",
];

/// Talk around a call of any tool.
const TALK_KEYS_OF_ALL: &[&str] =
    &["explanation", "justification", "meta", "rationale", "reasoning", "thought", "thoughts", "toolsummary"];

/// Members that differ from call to call without changing what it does.
const CHANCE_KEYS: &[&str] = &[
    "callid",
    "correlationid",
    "deadline",
    "idempotencykey",
    "isbackground",
    "maxoutputtokens",
    "nonce",
    "pid",
    "port",
    "progresstoken",
    "randomseed",
    "requestid",
    "runinbackground",
    "seed",
    "spanid",
    "timeout",
    "timeoutms",
    "timeoutsec",
    "timeoutsecs",
    "timeoutseconds",
    "timestamp",
    "toolcallid",
    "tooluseid",
    "traceid",
    "traceparent",
    "waitms",
    "yieldtimems",
];

/// A text that is the same for calls that do the same. `input` is canonical JSON or other text.
pub fn essence(chance: &Chance, tool: &str, input: &str) -> String {
    let is_command = ToolKind::of(tool) == ToolKind::Command;
    if input.starts_with('{')
        && let Ok(Value::Object(mut members)) = serde_json::from_str(input)
    {
        let command = take_command(&mut members, is_command);
        let is_own = command.is_some() || ToolKind::of(tool) != ToolKind::Other || is_agent_starter(tool);
        members.retain(|name, value| !is_beside_the_point(name, value, is_own));
        members.values_mut().for_each(|value| fold_paths(chance, value));
        return match command {
            Some(command) if members.is_empty() => chance.fold_command(&command),
            Some(command) => {
                members.insert("command".to_owned(), Value::String(chance.fold_command(&command)));
                written(&Value::Object(members))
            }
            None => written(&Value::Object(members)),
        };
    }
    if !is_command {
        return input.to_owned();
    }
    match serde_json::from_str(input) {
        Ok(Value::Array(words)) => chance.fold_command(&joined(&words)),
        _ => chance.fold_command(input),
    }
}

/// Takes the command line out of an input: a text or a list of words.
fn take_command(members: &mut Map<String, Value>, is_command: bool) -> Option<String> {
    let name = members.iter().find_map(|(name, value)| {
        let plain = plain(name);
        let is_line = value.is_string() || (is_command && value.is_array());
        // In tools that are not known, a `script` or a `command` may be the name of a sub-command.
        let is_key = COMMAND_KEYS.contains(&plain.as_str()) && (is_command || plain.starts_with('c'));
        (is_line && is_key).then(|| name.clone())
    })?;
    Some(match members.remove(&name)? {
        Value::String(line) => line,
        Value::Array(words) => joined(&words),
        other => other.to_string(),
    })
}

fn joined(words: &[Value]) -> String {
    words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect::<Vec<_>>().join(" ")
}

/// Tools that start another agent describe the task beside its prompt.
fn is_agent_starter(tool: &str) -> bool {
    matches!(tool, "Task" | "Agent" | "task" | "agent" | "spawn_agent" | "delegate_task")
}

fn is_beside_the_point(name: &str, value: &Value, is_own: bool) -> bool {
    let plain = plain(name);
    let talk = if is_own { TALK_KEYS } else { TALK_KEYS_OF_ALL };
    talk.contains(&plain.as_str()) || (CHANCE_KEYS.contains(&plain.as_str()) && !value.is_array() && !value.is_object())
}

/// A key in lower case without separators: `timeout_ms` and `timeoutMs` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Folds temporary names in short texts, where file names stand.
fn fold_paths(chance: &Chance, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(folded) = chance.fold_path(text) {
                *text = folded;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fold_paths(chance, item)),
        Value::Object(members) => members.values_mut().for_each(|member| fold_paths(chance, member)),
        _ => {}
    }
}
