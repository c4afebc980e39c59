//! Dialect `otel`: what coding agents and gateways tell over OpenTelemetry, one record for each log record, span or metric in
//! OTLP/JSON, as the transport `otlp` hands them over; or a whole export request on one line, as the Collector's file exporter
//! writes it.
//!
//! ```text
//! {"resource":{"attributes":[…]},"scope":{"name":"…"},"log":{…}}          or "span":{…} or "metric":{…}
//! {"resourceLogs":[…]}                                                     or "resourceSpans" or "resourceMetrics"
//! ```
//!
//! | what is told | kind |
//! |---|---|
//! | a session or sub-agent begins or ends | `session.start`, `subagent.start`, `subagent.end` |
//! | somebody asked | `prompt` |
//! | a permission is decided, or its mode changes | `approval` |
//! | a call ended | `command`, `file.read`, `file.write` by the tool, else `tool.result` |
//! | a request to a model is made or fails | `model.call`, `model.call.end` |
//! | what a request took, in the one record of each agent from which money is counted | `model.tokens` |
//! | the same again, or sums of it | `model.summary`, without counters |
//! | a hook, plugin, skill, setting or MCP server is there, in `target` and `state`; which managed settings are in force | `inventory` |
//! | all that follow of such things are told now, or there is none | `inventory` without `target` |
//! | a plugin or extension is installed, changed or removed | `config.change` |
//! | a hook did not get through | `loss` |
//! | a data point of a metric | `metric` |
//! | an export request as a whole, with the content of its elements | `page` |
//! | anything else that an agent did or was told | `agent.event` |
//!
//! The scope's name says whose an element is, and else the name of the service; whatever has attributes of the semantic conventions
//! for generative AI is read by those. `source` is the agent's word, as in dialect `hooks`, and so are session and call, so that
//! both tell of the same thing. What a program measures of its own inner work is skipped.
//!
//! Every attribute whose key is not known to be a fact is content. `time` is the agent's word; `observed` is when the record was
//! received. Agents watch themselves here: their trust is `agent`; only the gateway's own traces may have more.

mod claude_code;
mod coder;
mod codex;
mod content;
mod copilot;
mod element;
mod examples;
mod facts;
mod gemini;
mod genai;
mod metric;
mod opencode;
mod openhands;
mod told;
mod value;

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::dialect::json::{Raw, Text, read};
use crate::dialect::members::Members;
use crate::dialect::{Decoded, Dialect, SKIP_TELEMETRY, read_record};
use crate::encoding::{FieldPath, Signal};
use crate::event::{Drafts, Record};
use crate::limits::RECORD_EVENTS_MAX;
use crate::timestamp::Stated;
use content::{Content, OF_RESOURCE, OF_SCOPE};
use element::{Element, Events};
use value::Attributes;

/// Every agent and gateway whose telemetry is known; the first that an element is of reads it.
static AGENTS: &[&Agent] = &[
    &claude_code::AGENT,
    &codex::AGENT,
    &gemini::AGENT,
    &copilot::AGENT,
    &opencode::AGENT,
    &openhands::AGENT,
    &coder::AGENT,
];

/// Who tells an element.
struct Agent {
    /// The word in `source` and `agent_kind`.
    name: &'static str,
    /// Whether it stands for agents of which only the conventions are known: then `agent_kind` is the name of the service.
    is_any: bool,
    /// How the names of its scopes begin.
    scopes: &'static [&'static str],
    /// The names of its services.
    services: &'static [&'static str],
    /// Keys of attributes that are facts here, beside those that are facts for all, in order.
    facts: &'static [&'static str],
    /// Adds the events that an element tells; none if it tells nothing of what the agent did.
    tell: fn(&Element, &mut Events),
    /// Whether the metric with this name tells of what the agent did.
    measures: fn(&str) -> bool,
}

impl Agent {
    /// Whose an element is.
    fn of(scope: &str, service: &str, element: &Element) -> Option<&'static Self> {
        // `codex` is `codex_otel.log_only` and `codex::metrics`, and not `codexes`.
        let is_in =
            |start: &&str| scope.strip_prefix(*start).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        let find = |is: &dyn Fn(&Agent) -> bool| AGENTS.iter().copied().find(|agent| is(agent));
        find(&|agent| agent.scopes.iter().any(is_in))
            .or_else(|| find(&|agent| agent.services.contains(&service)))
            .or_else(|| genai::is_told(element).then_some(&genai::AGENT))
    }
}

/// Dialect `otel`.
pub struct Otel;

impl Dialect for Otel {
    fn name(&self) -> &'static str {
        "otel"
    }

    fn doc(&self) -> &'static str {
        "What coding agents and gateways tell over OpenTelemetry: logs, spans and metrics of Claude Code, Codex, Gemini CLI, Copilot, \
         opencode, OpenHands, Coder's AI gateway, and of whatever follows the semantic conventions for generative AI and MCP. Records are \
         elements in OTLP/JSON, or export requests as the Collector's file exporter writes them."
    }

    fn trust(&self) -> Trust {
        Trust::Gateway
    }

    fn trust_unsaid(&self) -> Trust {
        Trust::Agent
    }

    fn examples(&self) -> &'static [&'static str] {
        &examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, line) = match read_record::<Members>(record, "record") {
            Ok(read) => read,
            Err(other) => return other,
        };
        let is_request = Signal::ALL.iter().any(|signal| line.get(signal.lists()[0]).is_some());
        if is_request {
            add_page(text, received, drafts);
        }
        let mut reader = Reader { content: Content::new(text), received, drafts };
        if let Err(reason) = reader.line(&line) {
            return Decoded::Unparsed(reason);
        }
        let content = reader.content.into_fields();
        match drafts.iter_mut().next() {
            Some(first) => first.content = content,
            None => return Decoded::Skip(SKIP_TELEMETRY),
        }
        if is_request && drafts.len() == 1 { Decoded::Skip(SKIP_TELEMETRY) } else { Decoded::Events }
    }
}

/// Adds the event of an export request itself, which carries the record and the content of all its elements: that of one must not be
/// taken for another's.
fn add_page(text: &str, received: i64, drafts: &mut Drafts) {
    let draft = drafts.add();
    draft.set_origin("otel", "workspace", "page");
    draft.limit_trust(Trust::Agent);
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    draft.columns.set_text(column::ACTION, "export");
    // A request that is sent again in the same bytes is the same one.
    draft.identity.push_str(text);
}

/// The objects of a list, each with its path.
fn each<'a>(raw: Raw<'a>, path: &FieldPath, name: &str) -> Result<Vec<(Members<'a>, FieldPath)>, String> {
    let list: Vec<Members> = match raw {
        Some(raw) => read(raw.get()).map_err(|_| format!("its {name} are no list of objects"))?,
        None => Vec::new(),
    };
    Ok(list.into_iter().enumerate().map(|(number, members)| (members, path.item(number))).collect())
}

/// Reads a record into events and its content.
struct Reader<'a, 'd> {
    content: Content<'a>,
    received: i64,
    drafts: &'d mut Drafts,
}

impl<'a> Reader<'a, '_> {
    fn line(&mut self, line: &Members<'a>) -> Result<(), String> {
        let root = FieldPath::root();
        let mut known = vec!["resource", "scope", "schemaUrl"];
        let mut is_otlp = false;
        for signal in Signal::ALL {
            let (alone, [resources, scopes, elements]) = (signal.member(), signal.lists());
            if let Some(raw) = line.get(alone) {
                let resource = self.resource(line.get("resource"), &root);
                let scope = self.scope(line.get("scope"), &root);
                self.element(signal, raw, &resource, &scope, &root.then(alone))?;
                known.push(alone);
                is_otlp = true;
            }
            for (of_resource, path) in each(line.get(resources), &root.then(resources), resources)? {
                let resource = self.resource(of_resource.get("resource"), &path);
                self.content.add_members(&of_resource, &["resource", "schemaUrl", scopes], &path);
                for (of_scope, path) in each(of_resource.get(scopes), &path.then(scopes), scopes)? {
                    let scope = self.scope(of_scope.get("scope"), &path);
                    self.content.add_members(&of_scope, &["scope", "schemaUrl", elements], &path);
                    self.elements(signal, of_scope.get(elements), &resource, &scope, &path.then(elements))?;
                }
            }
            if line.get(resources).is_some() {
                known.push(resources);
                is_otlp = true;
            }
        }
        self.content.add_members(line, &known, &root);
        if is_otlp {
            return Ok(());
        }
        Err("it is neither a log record, span or metric nor an export request of OTLP".to_owned())
    }

    fn elements(
        &mut self,
        signal: Signal,
        raw: Raw<'a>,
        resource: &Attributes<'a>,
        scope: &str,
        path: &FieldPath,
    ) -> Result<(), String> {
        let list: Vec<&RawValue> = match raw {
            Some(raw) => read(raw.get()).map_err(|_| "its elements are no list".to_owned())?,
            None => Vec::new(),
        };
        for (number, raw) in list.into_iter().enumerate() {
            self.element(signal, raw, resource, scope, &path.item(number))?;
        }
        Ok(())
    }

    /// The attributes of the program that tells, which stand at `resource` of the object at this path.
    fn resource(&mut self, raw: Raw<'a>, path: &FieldPath) -> Attributes<'a> {
        self.described(raw, OF_RESOURCE, &path.then("resource")).1
    }

    /// The name of the scope, which stands at `scope` of the object at this path.
    fn scope(&mut self, raw: Raw<'a>, path: &FieldPath) -> Cow<'a, str> {
        let Text(name) = self.described(raw, OF_SCOPE, &path.then("scope")).0.text("name");
        name
    }

    /// The members and the attributes of what tells.
    fn described(&mut self, raw: Raw<'a>, known: &[&str], path: &FieldPath) -> (Members<'a>, Attributes<'a>) {
        let Some(raw) = raw else { return Default::default() };
        let Ok(members) = read::<Members>(raw.get()) else {
            self.content.add("resource", path.clone(), raw);
            return Default::default();
        };
        let attributes = Attributes::of(members.get("attributes"));
        self.content.add_members(&members, known, path);
        self.content.add_attributes(&attributes, &[], path);
        (members, attributes)
    }

    fn element(
        &mut self,
        signal: Signal,
        raw: &'a RawValue,
        resource: &Attributes<'a>,
        scope: &str,
        path: &FieldPath,
    ) -> Result<(), String> {
        let members: Members = read(raw.get()).map_err(|_| "an element of it is no object".to_owned())?;
        let attributes = Attributes::of(members.get("attributes"));
        let name = match signal {
            Signal::Log => attributes.text("event.name").unwrap_or_else(|| members.text("eventName").0),
            Signal::Span | Signal::Metric => members.text("name").0,
        };
        let element = Element { signal, resource, name, attributes, members, raw };
        let service = resource.text("service.name").unwrap_or_default();
        let agent = Agent::of(scope, &service, &element);
        let facts = agent.map_or(&[][..], |agent| agent.facts);
        match signal {
            Signal::Log => self.content.add_log(&element, facts, path),
            Signal::Span => self.content.add_span(&element, facts, path),
            Signal::Metric => self.content.add_metric(&element.members, facts, path),
        }
        // More events than a record may have are not taken in any case.
        if let Some(agent) = agent.filter(|_| self.drafts.len() <= RECORD_EVENTS_MAX) {
            let mut events = Events::new(self.drafts, self.received, agent);
            match signal {
                Signal::Metric => metric::tell(element, &mut events),
                Signal::Log | Signal::Span => (agent.tell)(&element, &mut events),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
