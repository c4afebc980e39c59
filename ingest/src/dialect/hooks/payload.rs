//! A hook's payload under the names that any of the agents uses: the members that are facts, and all others as content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::dialect::json::{Integer, Raw, Text};
use crate::dialect::members::{CONTENT_MEMBERS_MAX, MORE, shown};

/// A member that is content.
#[derive(Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: &'a RawValue,
}

/// The members that become columns, and the content.
#[derive(Debug, Default)]
pub struct Payload<'a> {
    /// Which hook it is of.
    pub hook: Text<'a>,
    /// The session.
    pub session: Text<'a>,
    /// The prompt or turn that it belongs to.
    pub prompt: Text<'a>,
    /// The sub-agent that acted.
    pub agent: Text<'a>,
    /// The tool.
    pub tool: Text<'a>,
    /// The call's id.
    pub tool_call: Text<'a>,
    /// The model.
    pub model: Text<'a>,
    /// How a session started (startup, resume, clear, compact), or who or what asked (user, sdk, schedule_wakeup, …).
    pub source: Text<'a>,
    /// How long it took.
    pub duration_ms: Integer,
    /// When it happened, by the agent's clock: text, or milliseconds since 1970 UTC.
    pub time: Text<'a>,
    /// What a request to a model took.
    pub usage: Raw<'a>,
    /// The model's answer that the usage is of.
    pub response: Text<'a>,
    /// Whether it is Cursor that speaks.
    pub is_cursor: bool,
    /// Members that are not known to be facts.
    pub content: Vec<Member<'a>>,
}

/// Members that stay in the record and are no columns: words, numbers and paths of the agent itself.
const FACTS: &[&str] = &[
    "transcript_path",
    "transcriptPath",
    "agent_transcript_path",
    "cwd",
    "permission_mode",
    "permissionMode",
    "agent_type",
    "is_interrupt",
    "trigger",
    "stop_hook_active",
    "stopReason",
    "notification_type",
    "memory_type",
    "load_reason",
    "traceparent",
    "kind",
    "status",
    "attempt_number",
    "request_id",
    "thread_id",
    "loop_count",
];

/// Members that hold a tool's input, by agent.
pub const INPUTS: &[&str] = &["tool_input", "toolArgs", "toolInput"];
/// Members that hold what came of a call.
pub const RESULTS: &[&str] = &["tool_response", "toolResult", "tool_output", "result_json", "output"];
/// Members that say why a call failed.
pub const ERRORS: &[&str] = &["error", "error_message"];

impl<'a> Payload<'a> {
    /// The content member with this name.
    pub fn member(&self, name: &str) -> Raw<'a> {
        self.content
            .iter()
            .rev()
            .find(|member| member.name == name)
            .map(|member| member.value)
            .filter(|value| value.get() != "null")
    }

    /// The content by the names that it has in the `content` column, which are bounded.
    pub fn named_content(&self) -> impl Iterator<Item = (Cow<'static, str>, &Member<'a>)> {
        self.content.iter().enumerate().map(|(number, member)| {
            let name = match &member.name {
                _ if number >= CONTENT_MEMBERS_MAX => Cow::Borrowed(MORE),
                Cow::Borrowed(usual) => Cow::Borrowed(*usual),
                Cow::Owned(name) => Cow::Owned(shown(name).to_owned()),
            };
            (name, member)
        })
    }

    /// The first of these members that it has.
    pub fn any_member(&self, names: &[&str]) -> Raw<'a> {
        names.iter().find_map(|name| self.member(name))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut payload = Payload::default();
        let mut ends_session = false;
        while let Some(key) = map.next_key::<Text>()? {
            match key.as_str() {
                "hook_event_name" | "hookEventName" | "hookName" => {
                    payload.hook = map.next_value()?;
                    ends_session = payload.hook.as_str().eq_ignore_ascii_case("SessionEnd");
                }
                "session_id" | "sessionId" | "sessionID" | "conversation_id" => payload.session = map.next_value()?,
                "prompt_id" | "turn_id" | "generation_id" => payload.prompt = map.next_value()?,
                "agent_id" | "agentId" => payload.agent = map.next_value()?,
                "tool_name" | "toolName" => payload.tool = map.next_value()?,
                "tool_use_id" | "toolUseId" | "toolCallId" | "callID" => payload.tool_call = map.next_value()?,
                "model" => payload.model = map.next_value()?,
                "source" => payload.source = map.next_value()?,
                "duration_ms" | "duration" => payload.duration_ms = map.next_value()?,
                "timestamp" => payload.time = map.next_value()?,
                "token_usage" => payload.usage = Some(map.next_value()?),
                "response_id" => payload.response = map.next_value()?,
                "cursor_version" => {
                    payload.is_cursor = true;
                    map.next_value::<IgnoredAny>()?;
                }
                name if FACTS.contains(&name) => {
                    map.next_value::<IgnoredAny>()?;
                }
                // The reason of a session's end is a word, that of a denial is a sentence about the call.
                "reason" if ends_session => {
                    map.next_value::<IgnoredAny>()?;
                }
                name => payload.content.push(Member { name: name_of(name), value: map.next_value()? }),
            }
        }
        Ok(payload)
    }
}

/// The name of a member: the usual ones without a copy.
fn name_of(name: &str) -> Cow<'static, str> {
    const USUAL: &[&str] =
        &["prompt", "tool_input", "tool_response", "error", "reason", "message", "last_assistant_message"];
    match USUAL.iter().find(|usual| **usual == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(name.to_owned()),
    }
}
