//! A hook's payload: the members that are facts, and all others as content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::dialect::json::{Integer, Text};

/// The members that become columns, and the content.
#[derive(Debug, Default)]
pub struct Payload<'a> {
    /// `hook_event_name`.
    pub hook: Text<'a>,
    /// `session_id`.
    pub session: Text<'a>,
    /// `prompt_id`.
    pub prompt: Text<'a>,
    /// `agent_id` of a sub-agent.
    pub agent: Text<'a>,
    /// `tool_name`.
    pub tool: Text<'a>,
    /// `tool_use_id`.
    pub tool_call: Text<'a>,
    /// `model`.
    pub model: Text<'a>,
    /// `source` of a session's start: startup, resume, clear, compact.
    pub source: Text<'a>,
    /// `duration_ms`.
    pub duration_ms: Integer,
    /// Members that are not known to be facts, by name.
    pub content: Vec<(Cow<'static, str>, &'a RawValue)>,
}

/// Members that stay in the record and are no columns: words, numbers and paths of the agent itself.
const FACTS: &[&str] = &[
    "transcript_path",
    "agent_transcript_path",
    "cwd",
    "permission_mode",
    "agent_type",
    "is_interrupt",
    "trigger",
    "stop_hook_active",
    "notification_type",
];

/// More members than this are read and kept in the record without a name of their own.
const CONTENT_MEMBERS_MAX: usize = 32;
/// The longest name of a content value.
const NAME_CHARS_MAX: usize = 64;

impl<'a> Payload<'a> {
    /// The content member with this name.
    pub fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.content
            .iter()
            .rev()
            .find(|(other, _)| other == name)
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
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
                "hook_event_name" => {
                    payload.hook = map.next_value()?;
                    ends_session = payload.hook.as_str() == "SessionEnd";
                }
                "session_id" => payload.session = map.next_value()?,
                "prompt_id" => payload.prompt = map.next_value()?,
                "agent_id" => payload.agent = map.next_value()?,
                "tool_name" => payload.tool = map.next_value()?,
                "tool_use_id" => payload.tool_call = map.next_value()?,
                "model" => payload.model = map.next_value()?,
                "source" => payload.source = map.next_value()?,
                "duration_ms" => payload.duration_ms = map.next_value()?,
                name if FACTS.contains(&name) => {
                    map.next_value::<IgnoredAny>()?;
                }
                // The reason of a session's end is a word, that of a denial is a sentence about the call.
                "reason" if ends_session => {
                    map.next_value::<IgnoredAny>()?;
                }
                name => {
                    let name =
                        if payload.content.len() < CONTENT_MEMBERS_MAX { name_of(name) } else { Cow::Borrowed("more") };
                    payload.content.push((name, map.next_value()?));
                }
            }
        }
        Ok(payload)
    }
}

/// The name of a content value: the usual ones without a copy, others bounded.
fn name_of(name: &str) -> Cow<'static, str> {
    const USUAL: &[&str] =
        &["prompt", "tool_input", "tool_response", "error", "reason", "message", "last_assistant_message"];
    match USUAL.iter().find(|usual| **usual == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(name.chars().take(NAME_CHARS_MAX).collect()),
    }
}
