//! Dialect `native`: Tachograph's own JSON. One object is one event, its keys are the names of the event's columns.
//!
//! NATIVE.md beside this package is the reference for senders; a test holds that it names every key. What Tachograph finds
//! out itself (who sent it, how far it is trusted, costs, fingerprints) is never taken from the sender: such keys, and keys
//! that are not known, stay in the record and are counted.

pub(super) mod fields;
pub(super) mod scalar;

use std::fmt;

use ledger::events::column;
use operations::access::Trust;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::dialect::json::{Text, read, why_not};
use crate::dialect::{Decoded, Dialect, quoted, record_text};
use crate::encoding::FieldPath;
use crate::event::{Action, Draft, Drafts, Record};
use crate::timestamp::Stated;
use fields::{Field, Slot};
use scalar::Scalar;

/// The source of events that name none.
const SOURCE: &str = "native";

/// Dialect `native`.
pub struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn doc(&self) -> &'static str {
        "Tachograph's own JSON: one object per event, with the columns' names as keys. `kind` is required. `content` takes any \
         JSON value, `url` is split into its columns, times are RFC 3339 or numbers since 1970. See NATIVE.md."
    }

    fn trust(&self) -> Trust {
        Trust::ControlPlane
    }

    // Anything may write it, so it says nothing of who did: the token or the configuration does.
    fn trust_unsaid(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "object") {
            Ok(text) => text,
            Err(other) => return other,
        };
        let mut reader = Reader { text, draft: drafts.add(), content: None, refused: None };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_map(&mut reader).and_then(|()| json.end());
        let (content, refused) = (reader.content, reader.refused);
        if let Some(reason) = refused {
            return Decoded::Unparsed(reason);
        }
        if let Err(error) = read {
            return Decoded::Unparsed(why_not(&error));
        }
        match drafts.iter_mut().next().map(|draft| complete(draft, content, received)) {
            Some(Err(reason)) => Decoded::Unparsed(reason),
            _ => Decoded::Events,
        }
    }
}

/// Reads the members of an object into a draft.
struct Reader<'d, 'a> {
    text: &'a str,
    draft: &'d mut Draft,
    content: Option<&'a RawValue>,
    refused: Option<String>,
}

impl<'a> Visitor<'a> for &mut Reader<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'a>>()? {
            match Field::by_name(key.as_str()) {
                Some(Field { slot: Slot::Content, .. }) => {
                    let value: &'a RawValue = map.next_value()?;
                    self.content = Some(value);
                    self.draft.add_content(self.text, "content", FieldPath::member("content"), Some(value));
                }
                Some(field) if field.is_free_text() => {
                    let value: &'a RawValue = map.next_value()?;
                    self.mark(field, value);
                    let scalar = read(value.get()).unwrap_or(Scalar::Other);
                    self.set(field, &scalar);
                }
                Some(field) if field.is_number() => {
                    let value: &'a RawValue = map.next_value()?;
                    let scalar = read(value.get()).unwrap_or(Scalar::Other);
                    if !field.slot.set_number(self.draft, &scalar) {
                        // It may be anything, a secret too, and it stays in the record.
                        self.draft.void(field.name);
                        self.mark(field, value);
                    }
                }
                Some(field) => {
                    let scalar: Scalar<'a> = map.next_value()?;
                    self.set(field, &scalar);
                }
                None => {
                    self.draft.unknown_keys += 1;
                    let value: &'a RawValue = map.next_value()?;
                    self.draft.add_free_text(self.text, "other", FieldPath::root().then(key.as_str()), Some(value));
                }
            }
        }
        Ok(())
    }
}

impl Reader<'_, '_> {
    /// Marks where the secrets of a field may be.
    fn mark(&mut self, field: &Field, value: &RawValue) {
        let path = FieldPath::member(field.name);
        match field.slot {
            Slot::ContentText(_) => self.draft.add_content(self.text, field.name, path, Some(value)),
            _ => self.draft.add_free_text(self.text, field.name, path, Some(value)),
        }
    }

    /// Sets a column; a value of the wrong kind is the reason why the event is not taken.
    fn set(&mut self, field: &Field, value: &Scalar) {
        if matches!(value, Scalar::Null) {
            return;
        }
        if !field.slot.set_text(self.draft, value) && self.refused.is_none() {
            self.refused = Some(format!("{} must be {}", quoted(field.name), field.slot.expected()));
        }
    }
}

/// Sets what follows from the members.
fn complete(draft: &mut Draft, content: Option<&RawValue>, received: i64) -> Result<(), String> {
    let kind = draft.columns.text(column::KIND).ok_or("it has no kind")?.to_owned();
    if draft.columns.text(column::SOURCE).is_none() {
        draft.columns.set_text(column::SOURCE, SOURCE);
    }
    if draft.columns.text(column::FAMILY).is_none() {
        let family = match kind.split('.').next() {
            Some("egress" | "dns") => "boundary",
            Some("model" | "prompt") => "gateway",
            _ => "workspace",
        };
        draft.columns.set_text(column::FAMILY, family);
    }
    let [time, observed] =
        [column::TIME, column::OBSERVED].map(|column| draft.columns.time(column).map_or(Stated::Nothing, Stated::At));
    draft.set_times(time, observed, received);
    let who = [column::USER, column::WORKSPACE, column::TEAM, column::ORG];
    if who.into_iter().any(|column| draft.columns.text(column).is_some()) {
        draft.columns.set_text(column::ATTRIBUTION, "direct");
    }
    set_fingerprints(draft, &kind, content.map(RawValue::get));
    Ok(())
}

/// Says what makes the fingerprints: a call by its tool and input, a command by itself, a change of a file by what is written, a result by
/// its content.
pub(super) fn set_fingerprints(draft: &mut Draft, kind: &str, content: Option<&str>) {
    let text = |column| draft.columns.text(column).unwrap_or_default().to_owned();
    match kind {
        "tool.call" => {
            let input = content.map_or_else(|| text(column::COMMAND), str::to_owned);
            draft.action = Some(Action { tool: text(column::TOOL), input });
        }
        "command" | "tool.result" | "file.read" | "file.write" => {
            let named = Some(text(column::COMMAND)).filter(|command| !command.is_empty());
            // What is written is part of the call: two changes of one file are not the same.
            let on_file = || match content.filter(|_| kind == "file.write") {
                Some(content) => [&text(column::FILE), "\n", content].concat(),
                None => text(column::FILE),
            };
            let input = named.unwrap_or_else(on_file);
            if !input.is_empty() {
                draft.action = Some(Action { tool: text(column::TOOL), input });
            }
            draft.result = content.map(str::to_owned);
        }
        _ => {}
    }
}

static EXAMPLES: &[&str] = &[
    r#"{"kind":"egress.http","time":"2026-10-03T08:15:04.118Z","source":"acme.proxy","source_id":"req-81","user":"mira","workspace":"w-17","session":"s-4","method":"POST","url":"https://drop.attacker-logger.com/collect?token=c2VjcmV0","outcome":"deny","rule":"default","status":403,"bytes_out":"5120"}"#,
    r#"{"kind":"model.tokens","time":1791015304118000,"source":"acme.gateway","source_id":"call-9","session":"s-4","provider":"anthropic","model":"claude-sonnet-5","tokens_in":10,"tokens_out":500,"tokens_cache_read":18001,"tokens_cache_write":2001,"cost_source_micros":20433}"#,
    r#"{"kind":"tool.call","session":"s-4","stream":"s-4","stream_seq":7,"tool":"Bash","tool_call":"c-1","command":"GITHUB_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz make test","content":{"command":"make test"}}"#,
    r#"{"kind":"file.write","session":"s-4","tool":"Write","file":"/home/coder/ledger/ledger.go","outcome":"success","content":"package ledger\n"}"#,
    r#"{"kind":"acme.custom","agent":"a-1","acme_field":{"nested":[1,2]},"trust":"control_plane"}"#,
];

#[cfg(test)]
mod tests;
