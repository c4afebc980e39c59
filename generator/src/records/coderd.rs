//! What coderd logs: requests at the firewall of a workspace, calls of models at the AI Gateway, builds and connections.

use serde_json::{Value, json};

use super::{Teller, time};
use crate::fleet::ORGANISATION;

const GATEWAY: &str = "https://coder.acme.example/api/v2/ai-gateway";
const VERSION: &str = "0d6a6b2e-4b1f-46f3-b3be-7a55c2b0a2d8";

/// What a call of a model takes.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write: i64,
}

impl Teller<'_> {
    /// A request at the firewall.
    pub fn request(&mut self, moment: i64, method: &str, url: &str, denied: bool) {
        let at = self.at(moment);
        let agent = self.agent;
        let mut fields = json!({
            "owner": agent.user, "workspace_name": agent.name, "agent_name": "main",
            "decision": if denied { "deny" } else { "allow" },
            "session_id": self.boundary, "sequence_number": self.requests,
            "workspace_id": agent.workspace, "template_id": agent.template, "template_version_id": VERSION,
            "http_method": method, "http_url": url, "event_time": time(at), "request_id": self.numbers.uuid(),
        });
        if !denied && let Some(host) = url.split('/').nth(2) {
            fields["matched_rule"] = json!(format!("domain={host}"));
        }
        self.requests += 1;
        self.line(at, 5_000, "boundary_request", "agentapi.(*BoundaryLogsAPI).ReportBoundaryLogs", &fields);
    }

    /// A call of the model of this size that an agent's step usually takes.
    pub fn model(&mut self, moment: i64) {
        let numbers = &mut self.numbers;
        let tokens = Tokens {
            input: numbers.between(300, 4_200),
            output: numbers.between(180, 1_900),
            cache_read: numbers.between(24_000, 110_000),
            cache_write: numbers.between(600, 5_200),
        };
        self.model_of(moment, tokens);
    }

    /// A call of the model: the request to the gateway, its start, its tokens and its end.
    pub fn model_of(&mut self, moment: i64, tokens: Tokens) {
        let (provider, model) = self.model;
        let path = if provider == "anthropic" { "anthropic/v1/messages" } else { "openai/v1/chat/completions" };
        self.request(moment, "POST", &format!("{GATEWAY}/{path}"), false);
        let took = self.numbers.between(900_000, 3_400_000);
        let (begun, told, ended) = (self.at(moment) + 40_000, self.at(moment + took), self.at(moment + took) + 20_000);
        // However fast time passes, a call ends after it began.
        let (told, ended) = (told.max(begun + 10_000), ended.max(begun + 30_000));
        let (interception, message) = (self.numbers.uuid(), self.numbers.letters(22));
        let start = json!({
            "record_type": "interception_start", "interception_id": interception, "initiator_id": self.agent.user_id,
            "api_key_id": self.agent.api_key, "provider": provider, "model": model, "client": "Claude Code",
            "client_session_id": self.session, "started_at": time(begun),
            "metadata": { "request_user_agent": "claude-cli/2.1.240 (external, cli)" }, "correlating_tool_call_id": "",
        });
        self.line(begun, 5_000, "interception log", "aibridgedserver.(*Server).RecordInterception", &start);
        let usage = json!({
            "record_type": "token_usage", "interception_id": interception, "msg_id": format!("msg_01{message}"),
            "input_tokens": tokens.input, "output_tokens": tokens.output,
            "cache_read_input_tokens": tokens.cache_read, "cache_write_input_tokens": tokens.cache_write,
            "created_at": time(told), "metadata": {},
        });
        self.line(told, 5_000, "interception log", "aibridgedserver.(*Server).RecordTokenUsage", &usage);
        let end =
            json!({ "record_type": "interception_end", "interception_id": interception, "ended_at": time(ended) });
        self.line(ended, 5_000, "interception log", "aibridgedserver.(*Server).RecordInterceptionEnded", &end);
    }

    /// The workspace is started for the day, and its person connects.
    pub fn build(&mut self, moment: i64) {
        self.transition(moment, "start", "initiator");
        let agent = self.agent;
        let connection = self.numbers.uuid();
        let at = self.at(moment + 41_000_000);
        let connected = json!({
            "request_id": self.numbers.uuid(), "ID": self.numbers.uuid(), "OrganizationID": ORGANISATION,
            "WorkspaceOwnerID": agent.user_id, "WorkspaceID": agent.workspace, "WorkspaceName": agent.name,
            "AgentName": "main", "Type": "ssh", "Code": null, "Ip": "fd7a:115c:a1e0:4c10:8d3e:21a:5b70:91c4",
            "UserAgent": "", "UserID": null, "SlugOrPort": "", "ConnectionID": connection, "DisconnectReason": "",
            "Time": time(at), "ConnectionStatus": "connected",
        });
        self.line(at, 0, "connection_log", "audit/backends.(*SlogExporter).ExportStruct", &connected);
    }

    /// The workspace is stopped by its schedule.
    pub fn stop(&mut self, moment: i64) {
        self.transition(moment, "stop", "autostop");
    }

    /// A build of the workspace succeeded.
    fn transition(&mut self, moment: i64, action: &str, reason: &str) {
        let at = self.at(moment);
        let agent = self.agent;
        let (id, resource, request) = (self.numbers.uuid(), self.numbers.uuid(), self.numbers.uuid());
        let audit = json!({
            "ID": id, "Time": time(at), "UserID": agent.user_id, "OrganizationID": ORGANISATION, "Ip": "10.20.4.17",
            "UserAgent": "Go-http-client/1.1", "ResourceType": "workspace_build", "ResourceID": resource,
            "ResourceTarget": "", "Action": action, "Diff": {}, "StatusCode": 200,
            "AdditionalFields": { "workspace_name": agent.name, "build_number": "1", "build_reason": reason,
                "workspace_owner": agent.user, "workspace_id": agent.workspace },
            "RequestID": request, "ResourceIcon": "",
            "actor": { "id": agent.user_id, "email": format!("{}@acme.example", agent.user), "username": agent.user },
        });
        self.line(at, 0, "audit_log", "audit/backends.(*SlogExporter).ExportStruct", &audit);
    }

    /// A line of coderd's log, written so long after the moment. Go writes the members in this order.
    fn line(&mut self, at: i64, after: i64, message: &str, function: &str, fields: &Value) {
        let written = at + after;
        let text = format!(
            "{{\"ts\":\"{}\",\"level\":\"INFO\",\"msg\":\"{message}\",\
             \"func\":\"github.com/coder/coder/v2/coderd/{function}\",\"logger_names\":[\"coderd\"],\"fields\":{fields}}}",
            time(written)
        );
        self.send(written, self.agent.control_plane(), text);
    }
}
