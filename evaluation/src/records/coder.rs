//! What Coder logs: requests at the firewall of a workspace and calls of models at the AI Gateway. And what stands beside it in
//! the network: a proxy that counts bytes, and a resolver.

use ingest::timestamp;
use serde_json::{Value, json};

use super::{Feed, Moment, Teller};
use crate::values::{drawn, uuid};

const OWN_GATEWAY: &str = "https://coder.acme.example/api/v2/aibridge";

impl Teller<'_> {
    /// A request at the firewall.
    pub(super) fn boundary(&mut self, moment: &Moment, method: &str, url: &str, denied: bool) {
        let mut fields = json!({
            "owner": self.agent.user, "workspace_name": self.agent.workspace_name, "agent_name": "main",
            "decision": if denied { "deny" } else { "allow" },
            "session_id": self.session.boundary, "sequence_number": self.session.requests,
            "workspace_id": self.agent.workspace, "template_id": self.agent.template,
            "template_version_id": "0ba39c92-1f1b-4c32-aa3e-9925d7713eb1",
            "http_method": method, "http_url": url, "event_time": timestamp::format(moment.micros),
            "request_id": uuid(&mut self.numbers),
        });
        if !denied && let Some(host) = url.split('/').nth(2) {
            fields["matched_rule"] = json!(format!("domain={host}"));
        }
        self.session.requests += 1;
        self.line(moment, 60_000, "boundary_request", "agentapi.(*BoundaryLogsAPI).ReportBoundaryLogs", &fields);
    }

    /// A request that a proxy counted.
    pub(super) fn proxied(&mut self, moment: &Moment, method: &str, url: &str, denied: bool, bytes_out: i64) {
        let event = json!({
            "kind": "egress.http", "source": "acme.proxy", "source_id": uuid(&mut self.numbers),
            "time": timestamp::format(moment.micros), "user": self.agent.user, "workspace": self.agent.workspace,
            "session": self.session.id, "method": method, "url": url, "outcome": if denied { "deny" } else { "allow" },
            "status": if denied { 403 } else { 200 }, "bytes_out": bytes_out, "bytes_in": 200 + self.numbers.below(2_000),
        });
        self.push(moment, 40_000, Feed::Network, event.to_string());
    }

    /// A name that was looked up.
    pub(super) fn lookup(&mut self, moment: &Moment, name: &str, record: &str) {
        let event = json!({
            "kind": "dns.query", "source": "acme.resolver", "source_id": uuid(&mut self.numbers),
            "time": timestamp::format(moment.micros), "user": self.agent.user, "workspace": self.agent.workspace,
            "session": self.session.id, "host": name, "action": record, "target": name, "outcome": "allow",
        });
        self.push(moment, 20_000, Feed::Network, event.to_string());
    }

    /// A call of the model before an act, with these tokens or with usual ones.
    pub(super) fn model_call(&mut self, moment: &Moment, tokens: Option<(i64, i64)>) {
        let (provider, model, client) = self.agent.product.model();
        let (interception, message) =
            (uuid(&mut self.numbers), drawn(&mut self.numbers, b"0123456789abcdefghijkmnp", 22));
        let at = |before: i64| timestamp::format(moment.micros - before);
        let start = json!({
            "record_type": "interception_start", "interception_id": interception, "initiator_id": self.agent.user_id,
            "api_key_id": self.agent.api_key, "provider": provider, "model": model, "client": client,
            "client_session_id": self.session.id, "started_at": at(240_000),
            "metadata": {}, "correlating_tool_call_id": "",
        });
        let path = if provider == "anthropic" { "anthropic/v1/messages" } else { "openai/v1/responses" };
        let early = Moment { micros: moment.micros - 245_000, label: moment.label };
        self.boundary(&early, "POST", &format!("{OWN_GATEWAY}/{path}"), false);
        self.line(moment, -235_000, "interception log", "aibridgedserver.(*Server).RecordInterception", &start);
        let (tokens_in, tokens_out) =
            tokens.unwrap_or_else(|| (4 + self.numbers.below(3_000) as i64, 40 + self.numbers.below(900) as i64));
        let cached = 14_000 + self.numbers.below(60_000) as i64;
        let usage = json!({
            "record_type": "token_usage", "interception_id": interception, "msg_id": format!("msg_{message}"),
            "input_tokens": tokens_in, "output_tokens": tokens_out, "cache_read_input_tokens": cached,
            "cache_write_input_tokens": 200 + self.numbers.below(2_500), "created_at": at(40_000), "metadata": {},
        });
        self.line(moment, -35_000, "interception log", "aibridgedserver.(*Server).RecordTokenUsage", &usage);
        let end = json!({ "record_type": "interception_end", "interception_id": interception, "ended_at": at(30_000) });
        self.line(moment, -25_000, "interception log", "aibridgedserver.(*Server).RecordInterceptionEnded", &end);
    }

    /// A line of coderd's log, written so long after the moment. Go writes the members in this order.
    fn line(&mut self, moment: &Moment, after: i64, message: &str, function: &str, fields: &Value) {
        let ts = timestamp::format(moment.micros + after);
        let text = format!(
            "{{\"ts\":\"{ts}\",\"level\":\"INFO\",\"msg\":\"{message}\",\
             \"func\":\"github.com/coder/coder/v2/coderd/{function}\",\"logger_names\":[\"coderd\"],\"fields\":{fields}}}"
        );
        self.push(moment, after, Feed::Coder, text);
    }
}
