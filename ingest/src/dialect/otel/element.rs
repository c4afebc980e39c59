//! One log record, span or data point of a metric, as agents' tables ask for it, and the events that they make of it.

use std::borrow::Cow;

use ledger::column::handle::Text as TextColumn;
use ledger::events::{TABLE, column};
use operations::access::Trust;
use serde_json::value::RawValue;

use super::Agent;
use super::value::{Attributes, Members};
use crate::dialect::json::{Integer, Text, read};
use crate::event::{Draft, Drafts};
use crate::limits::NAME_BYTES_MAX;
use crate::timestamp::Stated;

/// What kind of element it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// A log record.
    Log,
    /// A span.
    Span,
    /// A metric, or one of its data points.
    Metric,
}

/// One element.
pub struct Element<'e, 'a> {
    /// What it is.
    pub signal: Signal,
    /// The attributes of the program that tells it.
    pub resource: &'e Attributes<'a>,
    /// The event's, span's or metric's name; empty if a log record names no event.
    pub name: Cow<'a, str>,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// Its members.
    pub members: Members<'a>,
    /// As it is written.
    pub raw: &'a RawValue,
}

impl<'a> Element<'_, 'a> {
    /// The text of an attribute.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.attributes.text(key)
    }

    /// The text of an attribute, also of the program's.
    fn anywhere(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        self.attributes.first(keys).or_else(|| self.resource.first(keys))
    }

    /// When it was, by the agent's clock: a span when it ended. A log record that has no time of its own says when it was seen.
    fn time(&self) -> Stated {
        let moment =
            |name| self.members.text(name).some().filter(|text| *text != "0").map_or(Stated::Nothing, Stated::of);
        match self.signal {
            Signal::Log => {
                let said = self.text("event.timestamp").map_or(Stated::Nothing, |text| Stated::of(&text));
                moment("timeUnixNano").or(said).or(moment("observedTimeUnixNano"))
            }
            Signal::Span => moment("endTimeUnixNano").or(moment("startTimeUnixNano")),
            Signal::Metric => moment("timeUnixNano"),
        }
    }

    /// How long it took in microseconds: a span from its beginning to its end, another element as it says.
    fn duration_us(&self) -> Option<i64> {
        if self.signal == Signal::Span {
            let nanos = |name| self.members.get(name).and_then(|raw| read::<Integer>(raw.get()).ok()?.0);
            let (start, end) = (nanos("startTimeUnixNano")?, nanos("endTimeUnixNano")?);
            return Some(end.checked_sub(start)? / 1_000).filter(|duration| *duration >= 0);
        }
        self.attributes.integer("duration_ms").map(|duration| duration.saturating_mul(1_000))
    }

    /// Whether a span says that it failed.
    pub fn has_failed(&self) -> bool {
        let status: Members = self.members.get("status").and_then(|raw| read(raw.get()).ok()).unwrap_or_default();
        matches!(status.text("code").as_str(), "2" | "STATUS_CODE_ERROR")
    }

    /// Whether a span is that of the server, not of whoever asks it.
    pub fn is_servers(&self) -> bool {
        matches!(self.members.text("kind").as_str(), "2" | "SPAN_KIND_SERVER")
    }
}

/// The events that one element makes, behind those of the elements before.
pub struct Events<'d> {
    drafts: &'d mut Drafts,
    received: i64,
    /// Who tells the element that is looked at.
    pub agent: &'static Agent,
}

impl<'d> Events<'d> {
    /// No events; they go to `drafts`.
    pub fn new(drafts: &'d mut Drafts, received: i64, agent: &'static Agent) -> Self {
        Self { drafts, received, agent }
    }

    /// Adds an event of this kind, with what elements of all agents say in the same way.
    pub fn add(&mut self, element: &Element, kind: &str) -> &mut Draft {
        let agent = self.agent;
        let draft = self.begin(element, kind, "workspace", Trust::Agent);
        let service = element.resource.text("service.name").filter(|_| agent.is_any);
        let word = service.map(|name| name.replace(['-', ' ', '.'], "_").to_lowercase());
        set_name(draft, column::AGENT_KIND, Some(word.as_deref().unwrap_or(agent.name)));
        draft
    }

    /// Adds an event that a gateway saw.
    pub fn add_of_gateway(&mut self, element: &Element, kind: &str) -> &mut Draft {
        self.begin(element, kind, "gateway", Trust::Gateway)
    }

    fn begin(&mut self, element: &Element, kind: &str, family: &str, trust: Trust) -> &mut Draft {
        let time = element.time();
        let draft = self.drafts.add();
        draft.set_origin(self.agent.name, family, kind);
        draft.limit_trust(trust);
        // What the agent's library says of when it saw the event is said by the agent, too.
        draft.set_times(time, Stated::Nothing, self.received);
        set_name(draft, column::ACTION, Some(&element.name));
        set_who(draft, element);
        let session = element.anywhere(&["session.id", "conversation.id", "gen_ai.conversation.id"]);
        set_name(draft, column::SESSION, session.as_deref());
        set_name(
            draft,
            column::AGENT,
            element.attributes.first(&["agent_id", "gen_ai.agent.id", "agent.name"]).as_deref(),
        );
        set_name(draft, column::MODEL, model(element).as_deref());
        if let Some(duration) = element.duration_us() {
            draft.columns.set_integer(column::DURATION_US, duration);
        }
        set_identity(draft, element, time);
        draft
    }
}

fn model<'a>(element: &Element<'_, 'a>) -> Option<Cow<'a, str>> {
    element.attributes.first(&["model", "gen_ai.response.model", "gen_ai.request.model"])
}

/// Sets for whom and where the agent works, by the record's own word: ids that workspaces are told to add, and who is logged in.
fn set_who(draft: &mut Draft, element: &Element) {
    let said = |keys: &[&str]| element.anywhere(keys).filter(|text| text.len() <= NAME_BYTES_MAX);
    let places = [
        (column::WORKSPACE, "coder.workspace_id"),
        (column::WORKSPACE_NAME, "coder.workspace_name"),
        (column::TEMPLATE, "coder.template_id"),
        (column::ORG, "coder.organization_id"),
        (column::TEAM, "team.id"),
    ];
    let mut is_said = false;
    for (column, key) in places {
        let value = said(&[key]);
        is_said |= value.is_some();
        draft.columns.set_text_if(column, value.as_deref());
    }
    for (key, kind) in [("coder.task_id", "coder_task"), ("coder.chat_id", "coder_chat")] {
        if let Some(run) = said(&[key]) {
            draft.columns.set_text(column::RUN, &run);
            draft.columns.set_text(column::RUN_KIND, kind);
        }
    }
    let (id, name) = (said(&["coder.owner_id"]), said(&["coder.owner_name", "user.email"]));
    is_said |= id.is_some() || name.is_some();
    draft.set_user(id.as_deref(), name.as_deref());
    if is_said {
        draft.columns.set_text(column::ATTRIBUTION, "direct");
    }
}

/// A span is known by its ids, another element by all that it says, if it says when. Agents that number their events say so later.
fn set_identity(draft: &mut Draft, element: &Element, time: Stated) {
    let member = |name| element.members.text(name);
    let (trace, span): (Text, Text) = (member("traceId"), member("spanId"));
    if let (Signal::Span, Some(trace), Some(span)) = (element.signal, trace.some(), span.some()) {
        set_name(draft, column::SOURCE_ID, Some(&[trace, span].join("/")));
    } else if time.micros().is_some() {
        let program = element.resource.first(&["service.instance.id", "process.pid"]).unwrap_or_default();
        let program = if program.len() <= NAME_BYTES_MAX { program.as_ref() } else { "" };
        let name = draft.columns.text(column::ACTION).unwrap_or_default();
        draft.identity = [program, name, element.raw.get()].join("\n");
    }
}

/// Sets a column that holds a name. One record may have thousands of events and say a name once for all of them, so a text that
/// is too long for a name is not repeated in each.
pub fn set_name(draft: &mut Draft, column: TextColumn, name: Option<&str>) {
    match name {
        Some(name) if name.len() > NAME_BYTES_MAX => {
            draft.void(TABLE.by_id(column.id()).map_or("name", |column| column.name));
        }
        name => draft.columns.set_text_if(column, name),
    }
}
