//! What each class says of a record beside who and when. What a finding says stands in `finding`.

use serde_json::{Value, json};

use super::classes::{Class, Version};
use super::columns::Columns;
use super::event::{Event, object, text};
use super::table::Row;
use super::who::{UNKNOWN, Who};
use crate::record::Record;

/// A record on its way into an event.
pub struct Source<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its columns.
    pub columns: Columns<'a>,
    /// What becomes of its kind.
    pub row: &'static Row,
    /// Who it was.
    pub who: Who<'a>,
}

impl Source<'_> {
    /// Sets what the class of the event says of the record.
    pub fn set(&self, event: &mut Event) {
        match event.class {
            Class::Http | Class::Network | Class::Dns => super::network::set(self, event),
            Class::Api => self.set_api(event),
            Class::Process => self.set_process(event),
            Class::File => event.set("file", self.file()),
            Class::Lifecycle => self.set_lifecycle(event),
            Class::Entity => self.set_entity(event),
            Class::Authentication => self.set_authentication(event),
            Class::Authorization => self.set_authorization(event),
            Class::Log => {
                event.set("log_name", self.columns.take("stream").map_or_else(|| self.record.stream(), Into::into));
                event.set_if("log_provider", self.columns.text("source"));
            }
            Class::Finding => super::finding::set(self, event),
            Class::Base | Class::Error | Class::Config => {}
        }
    }

    fn set_api(&self, event: &mut Event) {
        let columns = &self.columns;
        let kind = self.record.kind();
        let usual = if kind.starts_with("tool.") { "tools/call" } else { kind };
        let operation = columns.take("action").unwrap_or(usual);
        let service = columns.take_first(&["mcp_server", "provider"]).or_else(|| columns.text("source"));
        let response = columns.take_count("status").map(|code| json!({"code": code}));
        let api = [
            ("operation", Some(operation.into())),
            ("service", service.map(|name| json!({"name": name}))),
            ("request", columns.take_first(&["tool_call", "interception"]).map(|uid| json!({"uid": uid}))),
            ("response", response),
        ];
        event.set_if("api", object(api));
        let named = [("tool", "tool"), ("target", "target"), ("subject", "subject")];
        let resources: Vec<Value> = named
            .into_iter()
            .filter_map(|(column, kind)| Some(json!({"name": columns.take(column)?, "type": kind})))
            .collect();
        event.set_if("resources", (!resources.is_empty()).then_some(resources));
        event.set("src_endpoint", self.who.endpoint().unwrap_or_else(super::who::nowhere));
        event.set_if("dst_endpoint", super::network::destination(columns, event.version));
        self.set_message(event);
    }

    /// What was said to a model and by it, and how many tokens it took.
    fn set_message(&self, event: &mut Event) {
        let columns = &self.columns;
        let counts =
            ["tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write"].map(|name| columns.count(name));
        let kind = self.record.kind();
        let role = match kind {
            "prompt" => (1, "User"),
            "tool.call" | "tool.result" | "mcp.call" => (3, "Tool"),
            _ if kind.starts_with("model.") => (2, "Assistant"),
            _ => return,
        };
        let program = columns.take("client").or_else(|| self.who.program()).or_else(|| columns.text("source"));
        let total = counts.iter().flatten().copied().reduce(i64::saturating_add);
        let prompt = (kind == "prompt" && event.version >= Version::V1_9).then(|| columns.take("content")).flatten();
        let [tokens_in, tokens_out] = ["tokens_in", "tokens_out"].map(|name| columns.take_count(name));
        let context = [
            ("application", Some(json!({"name": program.unwrap_or(UNKNOWN)}))),
            ("ai_role_id", Some(role.0.into())),
            ("ai_role", Some(role.1.into())),
            ("prompt_tokens", tokens_in.map(Value::from)),
            ("completion_tokens", tokens_out.map(Value::from)),
            ("total_tokens", total.filter(|total| *total <= super::canonical::INTEGER_MAX).map(Value::from)),
            ("prompt_text", text(prompt)),
        ];
        event.set_if("message_context", object(context));
    }

    fn set_process(&self, event: &mut Event) {
        let columns = &self.columns;
        // Of a program that a sensor saw the target is its file.
        let program = if self.record.kind().starts_with("process.") { columns.take("target") } else { None };
        let uid = columns.take("tool_call").map_or_else(|| self.record.position.to_string(), Into::into);
        let process = [
            ("uid", Some(uid.into())),
            ("cmd_line", text(columns.take("command"))),
            ("name", program.map(|path| base_name(path).into())),
            ("file", program.map(file)),
        ];
        event.set_if("process", object(process));
        event.set_if("exit_code", columns.integer("exit_code").inspect(|_| columns.said("exit_code")));
    }

    /// The file that an event is about.
    fn file(&self) -> Value {
        let path = self.columns.take("file").or_else(|| self.columns.take("target"));
        if path.is_some() && self.columns.text("target") == path {
            self.columns.said("target");
        }
        path.map_or_else(|| json!({"name": UNKNOWN, "type_id": 0, "type": UNKNOWN}), file)
    }

    fn set_lifecycle(&self, event: &mut Event) {
        let workspace = self.who.workspace().filter(|_| self.row.thing == "workspace");
        let (uid, name) = match (workspace, self.record.kind()) {
            (Some(workspace), _) => workspace,
            (None, "subagent.start" | "subagent.end") => (None, self.columns.take("target")),
            _ => (None, Some(self.row.thing).filter(|thing| !thing.is_empty())),
        };
        let name = name.or_else(|| self.who.program()).or_else(|| self.columns.text("source")).unwrap_or(UNKNOWN);
        let vendor = (event.version == Version::V1_1).then(|| UNKNOWN.into());
        event.set_if("app", object([("name", Some(name.into())), ("uid", text(uid)), ("vendor_name", vendor)]));
    }

    fn set_entity(&self, event: &mut Event) {
        let thing = self.row.thing;
        let target = self.columns.take_first(&["target", "subject"]);
        let (kind, uid, name) = match (self.who.workspace().filter(|_| thing == "workspace"), target) {
            (Some((uid, name)), target) => {
                // The workspace says what was built, the target which build it was.
                event.set_unmapped_if("target", text(target));
                (thing, uid, name)
            }
            (None, Some(target)) => match target.split_once('/') {
                Some((kind, uid)) if thing == "resource" && !kind.is_empty() && !uid.is_empty() => {
                    (kind, Some(uid), None)
                }
                _ => (thing, None, Some(target)),
            },
            (None, None) => (thing, None, Some(self.record.kind())),
        };
        let type_id = (event.version > Version::V1_1).then(|| 99.into());
        let entity = [
            ("type_id", type_id),
            ("type", Some(kind.into())),
            ("uid", text(uid)),
            ("name", text(name.or(uid.is_none().then_some(UNKNOWN)))),
        ];
        event.set_if("entity", object(entity));
    }

    fn set_authentication(&self, event: &mut Event) {
        let columns = &self.columns;
        event.set("user", self.who.some_user());
        event.set("service", json!({"name": columns.text("source").unwrap_or("Tachograph")}));
        if columns.record_text("via") == Some("oidc") {
            event.set_enum("auth_protocol_id", "auth_protocol", (4, "OpenID"));
        }
        let refused = self.record.kind() == "login.refused";
        let address = if refused { columns.text("subject") } else { columns.record_text("address") };
        if let Some(address) = address {
            let (member, value) = super::who::host(address, event.version);
            event.set("src_endpoint", json!({member: value}));
        } else {
            event.set_if("src_endpoint", self.who.endpoint());
        }
        event.set_if("status_detail", columns.record_text("reason"));
        let count = columns.record("count").and_then(Value::as_i64);
        event.set_if("count", count.filter(|count| (1..=super::canonical::INTEGER_MAX).contains(count)));
        let session = columns.text("subject").filter(|_| !refused).map(|uid| json!({"uid": uid}));
        event.set_if("session", session.or_else(|| self.who.session()));
    }

    fn set_authorization(&self, event: &mut Event) {
        event.set("user", self.who.some_user());
        event.set_if("session", self.who.session());
        let privilege = self.columns.take_first(&["tool", "target"]).unwrap_or(self.record.kind());
        event.set("privileges", json!([privilege]));
    }
}

/// A file by its path.
pub fn file(path: &str) -> Value {
    json!({"name": base_name(path), "path": path, "type_id": 0, "type": UNKNOWN})
}

/// The last part of a path; all of it if that is empty.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}
