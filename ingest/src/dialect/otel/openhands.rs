//! OpenHands (SDK 1.58.2): spans of Laminar's library (0.7.66, scope `lmnr.tracer`), with attributes of its own (`lmnr.*`) beside those of the semantic
//! conventions. Other programs with that library look the same and are told as this one.
//!
//! Money is counted from the spans of LiteLLM (`litellm.completion`), which have the counters; the span around each (`llm.<model>`) repeats what was
//! cached and adds a cost. Calls of tools are spans of type `TOOL` with the call in `lmnr.span.input`. Steps and runs are the program's own.

use std::borrow::Cow;

use ledger::events::column;
use serde_json::value::RawValue;

use super::Agent;
use super::element::{Element, Events, set_name};
use super::told::{set_call, set_ended, usage};
use crate::dialect::json::{Raw, Text, part, read, record, text_of};
use crate::dialect::tool::ToolKind;
use crate::encoding::Signal;
use crate::event::Draft;

/// OpenHands.
pub static AGENT: Agent = Agent {
    name: "openhands",
    is_any: false,
    scopes: &["lmnr"],
    services: &[],
    facts: FACTS,
    tell,
    measures: |_| false,
};

const FACTS: &[&str] = &[
    "gen_ai.request.reasoning_effort",
    "gen_ai.usage.cost",
    "llm.usage.total_tokens",
    "lmnr.association.properties.metadata.tool_call_id",
    "lmnr.association.properties.session_id",
    "lmnr.span.ids_path",
    "lmnr.span.instrumentation_scope.name",
    "lmnr.span.instrumentation_scope.version",
    "lmnr.span.instrumentation_source",
    "lmnr.span.language_version",
    "lmnr.span.parent_ids_path",
    "lmnr.span.parent_path",
    "lmnr.span.path",
    "lmnr.span.sdk_version",
    "lmnr.span.type",
];

record! {
    /// What a tool is given.
    Input {
        call: Raw<'a> = "tool_input",
    }

    /// A call.
    Call {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        arguments: Raw<'a> = "arguments",
    }
}

fn tell(element: &Element, events: &mut Events) {
    if element.signal != Signal::Span {
        return;
    }
    let kind = element.text("lmnr.span.type").unwrap_or_default();
    let draft = match (kind.as_ref(), element.name.as_ref()) {
        ("LLM", _) => tell_request(element, events),
        ("TOOL", _) => tell_call(element, events),
        (_, "conversation.send_message") => events.add(element, "prompt"),
        (_, "conversation") => events.add(element, "agent.event"),
        _ => return,
    };
    let session = element.text("lmnr.association.properties.session_id");
    set_name(draft, column::SESSION, session.as_deref());
}

fn tell_request<'d>(element: &Element, events: &'d mut Events) -> &'d mut Draft {
    let usage = usage(element);
    let kind = match (usage.input.or(usage.output), element.has_failed()) {
        (Some(_), _) => "model.tokens",
        (None, true) => "model.call",
        (None, false) => "model.summary",
    };
    let draft = events.add(element, kind);
    if kind == "model.tokens" {
        usage.set(draft);
    }
    set_name(draft, column::PROVIDER, element.attributes.first(&["gen_ai.provider.name", "gen_ai.system"]).as_deref());
    set_name(draft, column::INTERCEPTION, element.text("gen_ai.response.id").as_deref());
    set_ended(draft, Some(!element.has_failed()), None);
    draft
}

fn tell_call<'d>(element: &Element, events: &'d mut Events) -> &'d mut Draft {
    let said = element.text("lmnr.span.input").unwrap_or_default();
    let input: Input = read(&said).unwrap_or_default();
    let call: Call = part(input.call);
    let id = element.text("lmnr.association.properties.metadata.tool_call_id");
    let id = id.as_deref().or(call.id.some());
    // Without a call the span is named after what the tool does.
    let tool = call.name.some().unwrap_or(&element.name);
    let draft = events.add(element, ToolKind::of(tool).result_kind());
    let arguments = call.arguments.map(text_of);
    set_call(draft, tool, arguments.as_deref(), id);
    // A result says of itself that it is an error in its text only.
    set_ended(draft, element.has_failed().then_some(false), None);
    draft.result = element.text("lmnr.span.output").map(|output| said_to_model(&output).unwrap_or(output.into_owned()));
    draft
}

record! {
    /// What the model is told of a call.
    Told {
        parts: Option<Vec<&'a RawValue>> = "content",
    }

    /// A part of it.
    Part {
        text: Raw<'a> = "text",
    }
}

/// The texts of what the model is told; none if it is no such message.
fn said_to_model(output: &str) -> Option<String> {
    let told: Told = read(output).ok()?;
    let parts = told.parts?;
    let texts = parts.iter().filter_map(|raw| part::<Part>(Some(raw)).text).map(text_of);
    Some(texts.collect::<Vec<Cow<str>>>().join("\n"))
}
