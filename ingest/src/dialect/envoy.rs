//! Dialect `envoy`: JSON access logs of Envoy AI Gateway, and of agentgateway where it proxies models.
//!
//! | line | kind |
//! |---|---|
//! | with a model, or to a path at which models are asked | `model.call`, with tokens |
//! | with an MCP method `tools/call` | `tool.result` |
//! | with another MCP method | `mcp.call` |
//! | any other request | `egress.http`: denied if the proxy itself answered 401 or 403 |
//!
//! The operator chooses the keys. Those of Envoy AI Gateway's documentation are known (`genai_*` and `mcp_*` of its releases up to
//! 0.3, `gen_ai.*` and `mcp.*` of later ones); members under other keys are content. A line is written when its request ends. Its
//! natural id is the request's. Input tokens include those that were cached, which the log tells only if it is asked to.

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;

use super::gateway::{self, McpCall};
use super::json::{Integer, Raw, Text, read, record, text_of, why_not};
use super::members;
use super::usage::Usage;
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, record_text};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "envoy";

/// Dialect `envoy`.
pub struct Envoy;

impl Dialect for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn doc(&self) -> &'static str {
        "The JSON access log of Envoy AI Gateway: calls of models with tokens and bytes, calls of MCP servers' tools, and other \
         requests. The operator defines the log's keys; those of its documentation are known, and what stands under others is content. \
         Lines that Envoy logs about itself are skipped."
    }

    fn trust(&self) -> Trust {
        Trust::Gateway
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "line") {
            Ok(text) => text,
            Err(other) => return other,
        };
        let start = text.trim_ascii();
        if !start.starts_with('{') {
            // `[time][7][info][main] …` is what Envoy says of itself, `[time] "GET /…` its access log in text.
            let is_own = start.starts_with('[') && start.contains("][");
            return if is_own && !start.contains("] \"") {
                Decoded::Skip(SKIP_SERVER_LINE)
            } else {
                Decoded::Unparsed("the line is not a JSON object; set the access log's format to JSON".to_owned())
            };
        }
        let line: Line = match read(text) {
            Ok(line) => line,
            Err(error) => return Decoded::Unparsed(why_not(&error)),
        };
        if !line.is_access() {
            return if line.level.some().is_some() {
                Decoded::Skip(SKIP_SERVER_LINE)
            } else {
                Decoded::Unparsed(
                    "it has neither method, path nor response_code; add them to the access log".to_owned(),
                )
            };
        }
        line.decode(text, received, drafts.add());
        Decoded::Events
    }
}

record! {
    /// The members that become columns, by all keys under which they are documented.
    Line {
        level: Text<'a> = "level",
        time: Text<'a> = "start_time" | "time" | "timestamp",
        method: Text<'a> = "method" | ":method" | "http.method",
        path: Raw<'a> = "x-envoy-origin-path" | "x-envoy-original-path" | "path" | ":path" | "http.path",
        authority: Text<'a> = ":authority" | "authority" | "host" | "http.host",
        scheme: Text<'a> = "scheme" | ":scheme" | "x-forwarded-proto",
        status: Integer = "response_code" | "http.status",
        details: Text<'a> = "response_code_details",
        bytes_received: Integer = "bytes_received",
        bytes_sent: Integer = "bytes_sent",
        duration: Text<'a> = "duration",
        request: Text<'a> = "x-request-id" | "request_id",
        user_agent: Text<'a> = "user-agent" | "user_agent",
        session: Text<'a> = "session.id" | "session_id" | "agent-session-id" | "x-session-id",
        user: Text<'a> = "user.id" | "x-user-id" | "jwt.sub",
        provider: Text<'a> = "gen_ai.provider.name" | "genai_backend_name" | "gen_ai.system",
        request_model: Text<'a> = "gen_ai.request.model" | "genai_model_name",
        response_model: Text<'a> = "gen_ai.response.model" | "genai_response_model",
        override_model: Text<'a> = "genai_model_name_override",
        tokens_in: Integer = "gen_ai.usage.input_tokens" | "genai_tokens_input",
        tokens_out: Integer = "gen_ai.usage.output_tokens" | "genai_tokens_output",
        tokens_cache_read: Integer = "gen_ai.usage.cache_read.input_tokens" | "gen_ai.usage.cached_input_tokens" | "gen_ai.usage.cached_tokens"
            | "genai_tokens_cached_input" | "genai_tokens_cached",
        tokens_cache_write: Integer = "gen_ai.usage.cache_write.input_tokens" | "gen_ai.usage.cache_creation.input_tokens"
            | "gen_ai.usage.cache_creation_input_tokens" | "genai_tokens_cache_creation_input" | "genai_tokens_cache_creation",
        tokens_reasoning: Integer = "gen_ai.usage.reasoning.output_tokens" | "gen_ai.usage.reasoning_tokens" | "genai_tokens_reasoning",
        mcp_method: Text<'a> = "mcp.method.name" | "mcp_method" | "mcp.method",
        mcp_server: Text<'a> = "mcp.provider.name" | "mcp_backend" | "mcp.backend.name" | "mcp.target",
        mcp_tool: Text<'a> = "mcp.tool.name" | "mcp_tool_name" | "gen_ai.tool.name",
        mcp_resource: Text<'a> = "mcp.resource.name",
        mcp_session: Text<'a> = "mcp.session.id" | "mcp_session_id",
    }
}

/// Members that stay in the record, beside those that become columns.
const FACTS: &[&str] = &[
    "level",
    "start_time",
    "time",
    "timestamp",
    "method",
    ":method",
    "http.method",
    "x-envoy-origin-path",
    "x-envoy-original-path",
    "path",
    ":path",
    "http.path",
    ":authority",
    "authority",
    "host",
    "http.host",
    "scheme",
    ":scheme",
    "x-forwarded-proto",
    "response_code",
    "http.status",
    "response_code_details",
    "bytes_received",
    "bytes_sent",
    "duration",
    "x-request-id",
    "request_id",
    "user-agent",
    "user_agent",
    "session.id",
    "session_id",
    "agent-session-id",
    "x-session-id",
    "user.id",
    "x-user-id",
    "jwt.sub",
    "gen_ai.provider.name",
    "genai_backend_name",
    "gen_ai.system",
    "gen_ai.request.model",
    "genai_model_name",
    "gen_ai.response.model",
    "genai_model_name_override",
    "genai_response_model",
    "gen_ai.operation.name",
    "gen_ai.usage.input_tokens",
    "genai_tokens_input",
    "gen_ai.usage.output_tokens",
    "genai_tokens_output",
    "gen_ai.usage.total_tokens",
    "genai_tokens_total",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.cached_tokens",
    "genai_tokens_cached_input",
    "genai_tokens_cached",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "genai_tokens_cache_creation_input",
    "genai_tokens_cache_creation",
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "genai_tokens_reasoning",
    "mcp.method.name",
    "mcp_method",
    "mcp.method",
    "mcp.provider.name",
    "mcp_backend",
    "mcp.backend.name",
    "mcp.target",
    "mcp.tool.name",
    "mcp_tool_name",
    "gen_ai.tool.name",
    "mcp.resource.name",
    "mcp.resource.type",
    "mcp.session.id",
    "mcp_session_id",
    "mcp_request_id",
    "jsonrpc.request.id",
    "protocol",
    "response_flags",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
    "gateway",
    "listener",
    "route",
    "route_rule",
    "endpoint",
    "src.addr",
    "http.version",
    "scope",
    "trace.id",
    "span.id",
];

impl Line<'_> {
    fn is_access(&self) -> bool {
        self.status.0.is_some()
            || self.mcp_method.some().is_some()
            || (self.method.some().is_some() && self.path.is_some())
    }

    fn decode(&self, text: &str, received: i64, draft: &mut Draft) {
        draft.set_times(self.time.time(), Stated::Nothing, received);
        let path = self.path.map_or(Cow::Borrowed(""), text_of);
        gateway::set_status(draft, self.status.0);
        if let Some(method) = self.mcp_method.some() {
            let (server, name) = (self.mcp_server.some(), self.mcp_tool.some().or(self.mcp_resource.some()));
            McpCall { server, method, name, has_ended: true, ..McpCall::default() }.set(draft, SOURCE);
        } else if self.request_model.some().or(self.response_model.some()).is_some() || gateway::asks_model(&path) {
            self.set_model_call(draft, &path);
        } else {
            self.set_request(draft, &path);
        }
        gateway::set_duration_ms(draft, gateway::millis(&self.duration));
        gateway::set_client(draft, self.user_agent.some());
        let columns = &mut draft.columns;
        columns.set_text_if(column::SOURCE_ID, self.request.some());
        columns.set_text_if(column::SESSION, self.session.some().or(self.mcp_session.some()));
        columns.set_text_if(column::USER, self.user.some());
        // What the proxy receives is what the agent sends.
        for (column, bytes) in [(column::BYTES_OUT, self.bytes_received.0), (column::BYTES_IN, self.bytes_sent.0)] {
            if let Some(bytes) = bytes {
                columns.set_integer(column, bytes);
            }
        }
        draft.add_free_text(text, "url", self.path_key(text), self.path);
        members::add_others(draft, text, &FieldPath::root(), text, FACTS);
    }

    fn set_model_call(&self, draft: &mut Draft, path: &str) {
        draft.set_origin(SOURCE, "gateway", "model.call");
        let columns = &mut draft.columns;
        let model = self.response_model.some().or(self.override_model.some()).or(self.request_model.some());
        columns.set_text_if(column::ACTION, self.method.some());
        columns.set_text_if(column::METHOD, self.method.some());
        columns.set_text_if(column::MODEL, model);
        columns.set_text_if(column::TARGET, self.request_model.some().or(model).or(path.split('?').next()));
        columns.set_text_if(column::PROVIDER, self.provider.some().map(backend));
        columns.set_text_if(column::INTERCEPTION, self.request.some());
        let usage = Usage {
            input: self.tokens_in.0,
            output: self.tokens_out.0,
            cache_read: self.tokens_cache_read.0,
            cache_write: self.tokens_cache_write.0,
            reasoning: self.tokens_reasoning.0,
        };
        usage.without_cached_if_held().set(draft);
    }

    fn set_request(&self, draft: &mut Draft, path: &str) {
        draft.set_origin(SOURCE, "gateway", "egress.http");
        draft.url = match self.authority.some() {
            Some(host) => format!("{}://{host}{path}", self.scheme.some().unwrap_or("https")),
            None => path.to_owned(),
        };
        let columns = &mut draft.columns;
        columns.set_text_if(column::ACTION, self.method.some());
        columns.set_text_if(column::METHOD, self.method.some());
        columns.set_text_if(column::RULE, self.details.some().filter(|details| *details != "via_upstream"));
        // What the other side answered was let through, whatever it said.
        let outcome = match self.status.0.filter(|status| *status > 0).map(gateway::outcome) {
            Some("deny") if self.details.as_str() != "via_upstream" => "deny",
            Some("error") if !matches!(self.details.as_str(), "" | "via_upstream") => "error",
            Some(_) => "allow",
            None => return,
        };
        columns.set_text(column::OUTCOME, outcome);
    }

    /// Under which of its keys the path stands.
    fn path_key(&self, text: &str) -> FieldPath {
        let same =
            |value: &serde_json::value::RawValue| self.path.is_some_and(|path| std::ptr::eq(path.get(), value.get()));
        let key = members::of(text).find(|(_, value)| same(value));
        key.map_or(FieldPath::member("path"), |(key, _)| FieldPath::root().then(key.as_str()))
    }
}

/// The backend in the name that the gateway gives it: `namespace/backend/route/…`.
fn backend(name: &str) -> &str {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(backend), Some("route")) => backend,
        _ => name,
    }
}

static EXAMPLES: &[&str] = &[
    r#"{":authority":"api.acme.example","bytes_received":10512,"bytes_sent":4432,"connection_termination_details":null,"downstream_local_address":"127.0.0.1:1975","downstream_remote_address":"10.4.7.22:64484","duration":4771,"gen_ai.provider.name":"default/anthropic/route/r/rule/0/ref/0","gen_ai.request.model":"claude-sonnet-5","gen_ai.response.model":"claude-sonnet-5","gen_ai.usage.input_tokens":20012,"gen_ai.usage.output_tokens":500,"gen_ai.usage.cached_input_tokens":18001,"gen_ai.usage.cache_creation_input_tokens":2001,"gen_ai.usage.reasoning_tokens":null,"session.id":"4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80","method":"POST","protocol":"HTTP/1.1","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"httproute/default/r/rule/0/match/0/*","start_time":"2026-10-03T08:15:04.118Z","upstream_cluster":"httproute/default/r/rule/0","upstream_host":"192.0.2.10:443","user-agent":"claude-cli/2.1.332","x-envoy-origin-path":"/v1/messages?beta=true","x-envoy-upstream-service-time":"4451","x-forwarded-for":"10.4.7.22","x-request-id":"93b63da3-45a9-4196-98b8-1a7f697d6d80"}"#,
    r#"{"bytes_received":165,"bytes_sent":10255,"mcp.provider.name":"github","mcp.method.name":"tools/call","mcp.tool.name":"create_issue","jsonrpc.request.id":"3","mcp.session.id":null,"session.id":"4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80","method":"POST","response_code":401,"duration":653,"start_time":"2026-10-03T08:15:14.200Z","upstream_host":"192.0.2.66:443","user-agent":"Go-http-client/1.1","x-envoy-origin-path":"/mcp","x-request-id":"df2c0454-6290-498e-af6c-e32a611b5da0"}"#,
    r#"{"duration":1526,"genai_backend_name":"default/tars/route/run/rule/0/ref/0","genai_model_name":"gpt-5.2","genai_model_name_override":null,"genai_tokens_input":15,"genai_tokens_output":7,"genai_tokens_total":22,"mcp_method":null,"mcp_backend":null,"method":"POST","response_code":200,"start_time":"2026-10-03T08:15:20.894Z","x-envoy-origin-path":"/v1/chat/completions","x-request-id":"13b63da3-45a9-4196-98b8-1a7f697d6d81"}"#,
    r#"{":authority":"drop.attacker-logger.com","method":"POST","response_code":403,"response_code_details":"rbac_access_denied_matched_policy[none]","bytes_received":2048,"bytes_sent":19,"duration":1,"start_time":"2026-10-03T08:15:21.733Z","x-envoy-origin-path":"/collect?token=hunter2","x-request-id":"23b63da3-45a9-4196-98b8-1a7f697d6d82","prompt":"the first words"}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::testing::{Columns, decoded, events};

    fn check(record: &str, expected: &[(&str, Option<&str>)]) -> Columns {
        let event = events(&Envoy, record).remove(0);
        crate::dialect::testing::check(&event, expected);
        event
    }

    #[test]
    fn a_model_call_has_tokens_and_bytes() {
        check(
            EXAMPLES[0],
            &[
                ("source", Some("envoy")),
                ("family", Some("gateway")),
                ("kind", Some("model.call")),
                ("trust", Some("gateway")),
                ("source_id", Some("93b63da3-45a9-4196-98b8-1a7f697d6d80")),
                ("interception", Some("93b63da3-45a9-4196-98b8-1a7f697d6d80")),
                ("time", Some("1791015304118000")),
                ("duration_us", Some("4771000")),
                ("provider", Some("anthropic")),
                ("model", Some("claude-sonnet-5")),
                ("target", Some("claude-sonnet-5")),
                ("session", Some("4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80")),
                ("tokens_in", Some("10")),
                ("tokens_out", Some("500")),
                ("tokens_cache_read", Some("18001")),
                ("tokens_cache_write", Some("2001")),
                ("tokens_reasoning", None),
                ("status", Some("200")),
                ("outcome", Some("success")),
                ("bytes_out", Some("10512")),
                ("bytes_in", Some("4432")),
                ("client", Some("claude-cli/2.1.332")),
                ("agent_kind", Some("claude_code")),
                ("content", None),
            ],
        );
        check(
            EXAMPLES[2],
            &[
                ("kind", Some("model.call")),
                ("provider", Some("tars")),
                ("model", Some("gpt-5.2")),
                ("tokens_in", Some("15")),
            ],
        );
        // The gateway refused it before it knew the model.
        let refused = r#"{"method":"POST","path":"/v1/messages","response_code":429,"x-request-id":"r"}"#;
        check(
            refused,
            &[
                ("kind", Some("model.call")),
                ("outcome", Some("error")),
                ("target", Some("/v1/messages")),
                ("model", None),
            ],
        );
    }

    #[test]
    fn a_call_of_a_tool_is_one() {
        check(
            EXAMPLES[1],
            &[
                ("kind", Some("tool.result")),
                ("tool", Some("create_issue")),
                ("mcp_server", Some("github")),
                ("action", Some("tools/call")),
                ("target", Some("create_issue")),
                ("status", Some("401")),
                ("outcome", Some("deny")),
                ("duration_us", Some("653000")),
                ("action_fp", None),
            ],
        );
        let list = EXAMPLES[1].replace("tools/call", "tools/list").replace("\"mcp.tool.name\":\"create_issue\",", "");
        check(&list, &[("kind", Some("mcp.call")), ("tool", None), ("target", Some("github"))]);
        let old = r#"{"mcp_method":"tools/call","mcp_backend":"context7","mcp_session_id":"m-1","response_code":200}"#;
        check(old, &[("kind", Some("tool.result")), ("mcp_server", Some("context7")), ("session", Some("m-1"))]);
    }

    #[test]
    fn other_requests_are_egress() {
        let event = check(
            EXAMPLES[3],
            &[
                ("kind", Some("egress.http")),
                ("host", Some("drop.attacker-logger.com")),
                ("path", Some("/collect?token=[REDACTED:url_query]")),
                ("method", Some("POST")),
                ("outcome", Some("deny")),
                ("rule", Some("rbac_access_denied_matched_policy[none]")),
                ("bytes_out", Some("2048")),
            ],
        );
        assert!(!event["record"].contains("the first words") && event["content"].contains("the first words"));
        let through = EXAMPLES[3].replace("rbac_access_denied_matched_policy[none]", "via_upstream");
        check(&through, &[("outcome", Some("allow")), ("rule", None), ("status", Some("403"))]);
        let broken = EXAMPLES[3].replace("403", "503");
        check(&broken, &[("outcome", Some("error"))]);
        check(&EXAMPLES[3].replace("403", "0"), &[("outcome", None), ("status", None)]);
    }

    #[test]
    fn lines_about_itself_are_skipped() {
        for line in [
            "[2026-10-03 08:15:04.118][1][info][main] starting main dispatch loop",
            r#"{"level":"info","ts":1,"msg":"started"}"#,
        ] {
            assert_eq!(decoded(&Envoy, line.as_bytes()), Decoded::Skip(SKIP_SERVER_LINE), "{line}");
        }
        for (line, word) in [
            (r#"[2026-10-03T08:15:04Z] "GET / HTTP/1.1" 200"#, "format"),
            (r#"{"a":1}"#, "response_code"),
            ("{", "ends early"),
        ] {
            assert!(
                matches!(decoded(&Envoy, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
                "{line}"
            );
        }
    }
}
