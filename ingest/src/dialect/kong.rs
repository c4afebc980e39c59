//! Dialect `kong`: entries of Kong's log plugins (`http-log`, `file-log`, `tcp-log`) for requests through its AI plugins.
//!
//! | part of the entry | kind | natural id (`source_id`) |
//! |---|---|---|
//! | `ai.proxy`, in older releases `ai.ai-proxy` and `ai.ai-proxy-advanced` | `model.call`, with tokens and money | `request.id` |
//! | each item of `ai.mcp.rpc` | `tool.result`, other methods `mcp.call` | id, `/rpc/`, number |
//! | neither, to a path at which models are asked | `model.call` | `request.id` |
//! | neither, to any other path | `egress.http` | `request.id` |
//!
//! Prompt tokens include what was cached. Headers may hold keys, so they are content, as payloads are.

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use super::gateway::{self, McpCall, McpParams, McpRequest};
use super::json::{Integer, Raw, Text, nested, part, record, text_of};
use super::members;
use super::usage::Usage;
use crate::dialect::{Decoded, Dialect, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "kong";

/// Dialect `kong`.
pub struct Kong;

impl Dialect for Kong {
    fn name(&self) -> &'static str {
        "kong"
    }

    fn doc(&self) -> &'static str {
        "What Kong's log plugins write of requests through its AI gateway: calls of models with tokens and cost, calls of MCP servers' \
         tools, and other requests. Payloads, which are there if the AI plugins log them, and headers are content."
    }

    fn trust(&self) -> Trust {
        Trust::Gateway
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, entry) = match read_record::<Entry>(record, "entry") {
            Ok(read) => read,
            Err(other) => return other,
        };
        match Parts::of(entry) {
            Ok(parts) => {
                parts.decode(text, received, drafts);
                Decoded::Events
            }
            Err(reason) => Decoded::Unparsed(reason),
        }
    }
}

record! {
    /// An entry of the log.
    Entry {
        request: Raw<'a> = "request",
        response: Raw<'a> = "response",
        latencies: Raw<'a> = "latencies",
        started: Text<'a> = "started_at",
        consumer: Raw<'a> = "consumer",
        service: Raw<'a> = "service",
        ai: Raw<'a> = "ai",
    }

    /// The request.
    Request {
        id: Text<'a> = "id",
        method: Text<'a> = "method",
        uri: Raw<'a> = "uri",
        url: Raw<'a> = "url",
        headers: Raw<'a> = "headers",
        size: Integer = "size",
    }

    /// The answer.
    Response {
        status: Integer = "status",
        size: Integer = "size",
    }

    /// How long it took, in milliseconds.
    Latencies {
        request: Integer = "request",
    }

    /// Who asks.
    Consumer {
        name: Text<'a> = "username",
        custom: Text<'a> = "custom_id",
        id: Text<'a> = "id",
    }

    /// What is behind a route.
    Service {
        name: Text<'a> = "name",
    }

    /// What an AI plugin says.
    Proxy {
        usage: Raw<'a> = "usage",
        meta: Raw<'a> = "meta",
        payload: Raw<'a> = "payload",
    }

    /// What the provider answered, if payloads are logged and it is one object.
    Answer {
        usage: Raw<'a> = "usage",
    }

    /// What was counted.
    Counted {
        prompt: Integer = "prompt_tokens" | "input_tokens",
        completion: Integer = "completion_tokens" | "output_tokens",
        cache_read: Integer = "cache_read_input_tokens" | "cached_tokens" | "cache_read_tokens",
        cache_write: Integer = "cache_creation_input_tokens" | "cache_write_tokens" | "cache_creation_tokens",
        of_prompt: Raw<'a> = "prompt_tokens_details" | "input_tokens_details",
        cost: Text<'a> = "cost",
    }

    /// The cached part of a counter.
    Details {
        cached: Integer = "cached_tokens",
    }

    /// Which model was asked.
    Meta {
        provider: Text<'a> = "provider_name",
        request_model: Text<'a> = "request_model" | "model_name",
        response_model: Text<'a> = "response_model",
    }

    /// What the MCP plugin says.
    Mcp {
        session: Text<'a> = "mcp_session_id",
        rpc: Raw<'a> = "rpc",
    }

    /// One request to an MCP server.
    Rpc {
        method: Text<'a> = "method",
        tool: Text<'a> = "tool_name",
        latency: Integer = "latency",
        size: Integer = "response_body_size",
        error: Raw<'a> = "error",
        payload: Raw<'a> = "payload",
    }

    /// What was sent and answered, each as JSON or as a text with JSON in it.
    Payload {
        request: Raw<'a> = "request",
        response: Raw<'a> = "response",
    }
}

/// Members of an entry, and of the objects in it, that stay in the record.
const FACTS: &[&str] = &[
    "request",
    "response",
    "upstream_uri",
    "upstream_status",
    "latencies",
    "tries",
    "client_ip",
    "started_at",
    "consumer",
    "service",
    "route",
    "authenticated_entity",
    "workspace",
    "workspace_name",
    "source",
    "ai",
];
const REQUEST_FACTS: &[&str] = &["id", "method", "uri", "url", "size", "tls"];
const RESPONSE_FACTS: &[&str] = &["status", "size"];
const PLUGIN_FACTS: &[&str] = &["usage", "meta", "mcp_session_id", "rpc"];
const RPC_FACTS: &[&str] = &["id", "method", "tool_name", "latency", "response_body_size"];
/// Names under which AI plugins that ask models write.
const PROXIES: &[&str] = &["proxy", "ai-proxy-advanced", "ai-proxy"];

/// The parts of an entry, read.
struct Parts<'a> {
    entry: Entry<'a>,
    request: Request<'a>,
    response: Response<'a>,
    service: Service<'a>,
    /// What each AI plugin wrote, by the plugin's name.
    plugins: Vec<(Text<'a>, &'a RawValue)>,
    mcp: Mcp<'a>,
}

impl<'a> Parts<'a> {
    fn of(entry: Entry<'a>) -> Result<Self, String> {
        entry.request.ok_or("it has no request; it is no entry of a log plugin")?;
        let plugins: Vec<_> = entry.ai.map(|ai| members::of(ai.get()).collect()).unwrap_or_default();
        let mcp = plugins.iter().find(|(name, _)| name.as_str() == "mcp");
        Ok(Self {
            request: part(entry.request),
            response: part(entry.response),
            service: part(entry.service),
            mcp: part(mcp.map(|(_, value)| *value)),
            plugins,
            entry,
        })
    }

    fn decode(&self, text: &str, received: i64, drafts: &mut Drafts) {
        let named = |name: &&str| self.plugins.iter().find(|(found, _)| found.as_str() == *name);
        let proxy = PROXIES.iter().find_map(named).map(|(_, value)| part::<Proxy>(Some(value)));
        let calls: Vec<Rpc> = part(self.mcp.rpc);
        let id = self.request.id.some();
        if proxy.is_some() || calls.is_empty() {
            let draft = drafts.add();
            self.set_shared(draft, received);
            self.set_request(draft, proxy.as_ref());
            draft.columns.set_text_if(column::SOURCE_ID, id);
        }
        for (number, call) in calls.iter().enumerate() {
            let draft = drafts.add();
            self.set_shared(draft, received);
            call.set(draft, self.service.name.some());
            if let Some(id) = id {
                draft.columns.set_text(column::SOURCE_ID, &format!("{id}/rpc/{number}"));
            }
        }
        if let Some(first) = drafts.iter_mut().next() {
            self.add_content(first, text);
        }
    }

    /// Sets what all events of an entry have.
    fn set_shared(&self, draft: &mut Draft, received: i64) {
        draft.set_times(self.entry.started.time(), Stated::Nothing, received);
        gateway::set_status(draft, self.response.status.0);
        gateway::set_duration_ms(draft, part::<Latencies>(self.entry.latencies).request.0);
        let headers = gateway::headers(self.request.headers);
        gateway::set_client(draft, headers.user_agent.some());
        let consumer: Consumer = part(self.entry.consumer);
        let user = consumer.name.some().or(consumer.custom.some()).or(consumer.id.some());
        let columns = &mut draft.columns;
        columns.set_text_if(column::USER, user);
        columns.set_text_if(column::SESSION, headers.session.some().or(self.mcp.session.some()));
        if user.is_some() {
            columns.set_text(column::ATTRIBUTION, "direct");
        }
    }

    /// Sets the call of a model, or the request if it is none.
    fn set_request(&self, draft: &mut Draft, proxy: Option<&Proxy>) {
        let url = self.request.url.or(self.request.uri).map_or(Cow::Borrowed(""), text_of);
        let method = self.request.method.some();
        let columns = &mut draft.columns;
        columns.set_text_if(column::ACTION, method);
        columns.set_text_if(column::METHOD, method);
        for (column, bytes) in [(column::BYTES_OUT, self.request.size.0), (column::BYTES_IN, self.response.size.0)] {
            if let Some(bytes) = bytes {
                columns.set_integer(column, bytes);
            }
        }
        if proxy.is_some() || gateway::asks_model(&url) {
            draft.set_origin(SOURCE, "gateway", "model.call");
            draft.columns.set_text_if(column::INTERCEPTION, self.request.id.some());
            draft.columns.set_text_if(column::TARGET, url.split('?').next());
            if let Some(proxy) = proxy {
                proxy.set(draft);
            }
            return;
        }
        draft.set_origin(SOURCE, "gateway", "egress.http");
        draft.url.push_str(&url);
        if draft.columns.text(column::OUTCOME) == Some("success") {
            draft.columns.set_text(column::OUTCOME, "allow");
        }
    }

    fn add_content(&self, draft: &mut Draft, text: &str) {
        let root = FieldPath::root();
        draft.add_free_text(text, "url", "/request/url", self.request.url);
        draft.add_free_text(text, "url", "/request/uri", self.request.uri);
        members::add_others(draft, text, &root, text, FACTS);
        let Entry { request, response, .. } = &self.entry;
        for (name, raw, facts) in [("request", request, REQUEST_FACTS), ("response", response, RESPONSE_FACTS)] {
            if let Some(raw) = raw {
                members::add_others(draft, text, &root.then(name), raw.get(), facts);
            }
        }
        for (name, plugin) in &self.plugins {
            let path = root.then("ai").then(name.as_str());
            members::add_others(draft, text, &path, plugin.get(), PLUGIN_FACTS);
            let Some((_, calls)) = members::of(plugin.get()).find(|(name, _)| name.as_str() == "rpc") else { continue };
            let calls: Vec<&RawValue> = part(Some(calls));
            for (number, call) in calls.iter().enumerate() {
                members::add_others(draft, text, &path.then("rpc").item(number), call.get(), RPC_FACTS);
            }
        }
    }
}

impl Proxy<'_> {
    fn set(&self, draft: &mut Draft) {
        let (meta, counted): (Meta, Counted) = (part(self.meta), part(self.usage));
        let model = meta.response_model.some().or(meta.request_model.some());
        let columns = &mut draft.columns;
        columns.set_text_if(column::PROVIDER, meta.provider.some());
        columns.set_text_if(column::MODEL, model);
        columns.set_text_if(column::TARGET, meta.request_model.some().or(model));
        if let Some(micros) = gateway::micros(&counted.cost) {
            columns.set_integer(column::COST_SOURCE_MICROS, micros);
        }
        // What Kong does not tell of the cache, the provider may have told.
        let (mut response, payload): (String, Payload) = (String::new(), part(self.payload));
        let answer: Answer = nested(payload.response, &mut response);
        let answered: Counted = part(answer.usage);
        let usage = Usage {
            input: counted.prompt.0,
            output: counted.completion.0,
            cache_read: counted.cache_read().or(answered.cache_read()),
            cache_write: counted.cache_write.0.or(answered.cache_write.0),
            reasoning: None,
        };
        usage.without_cached_if_held().set(draft);
    }
}

impl Counted<'_> {
    fn cache_read(&self) -> Option<i64> {
        self.cache_read.0.or(part::<Details>(self.of_prompt).cached.0)
    }
}

impl Rpc<'_> {
    fn set(&self, draft: &mut Draft, server: Option<&str>) {
        let payload: Payload = part(self.payload);
        let mut request = String::new();
        let message: McpRequest = nested(payload.request, &mut request);
        let params: McpParams = part(message.params);
        let call = McpCall {
            server,
            method: self.method.some().unwrap_or("unknown"),
            name: self.tool.some(),
            arguments: params.arguments,
            result: payload.response,
            has_ended: true,
        };
        call.set(draft, SOURCE);
        gateway::set_duration_ms(draft, self.latency.0);
        if let Some(size) = self.size.0 {
            draft.columns.set_integer(column::BYTES_IN, size);
        }
        if self.error.is_some_and(|error| !text_of(error).is_empty()) {
            draft.columns.set_text(column::OUTCOME, "error");
        }
    }
}

static EXAMPLES: &[&str] = &[
    r#"{"request":{"id":"b1b2c3d4e5f60718293a4b5c6d7e8f90","method":"POST","uri":"/anthropic/v1/messages","url":"https://ai.acme.example:8443/anthropic/v1/messages","headers":{"user-agent":"claude-cli/2.1.332","x-claude-code-session-id":"4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80","x-api-key":"hunter2"},"size":"10512"},"response":{"status":200,"size":"4432","headers":{"content-type":"text/event-stream"}},"upstream_status":"200","latencies":{"request":4790,"kong":19,"proxy":4771},"client_ip":"10.4.7.22","started_at":1791015304118,"consumer":{"id":"c-1","username":"mira"},"workspace":"default","ai":{"proxy":{"usage":{"prompt_tokens":20012,"completion_tokens":500,"total_tokens":20512,"prompt_tokens_details":{"cached_tokens":18001},"cost":0.02045,"time_per_token":9.8,"time_to_first_token":812},"meta":{"plugin_id":"6e5e5e5e-0000-4000-8000-000000000001","provider_name":"anthropic","request_model":"claude-sonnet-5","response_model":"claude-sonnet-5","request_mode":"stream","llm_latency":4771},"payload":{"request":"{\"messages\":[{\"content\":\"The tests fail.\"}]}","response":"I look."}}}}"#,
    r#"{"request":{"id":"c1b2","method":"POST","uri":"/mcp","size":200},"response":{"status":200,"size":10300},"latencies":{"request":700},"started_at":1791015314200,"consumer":{"username":"mira"},"service":{"name":"github"},"ai":{"mcp":{"mcp_session_id":"9267461134f2","rpc":[{"id":"3","method":"tools/call","tool_name":"create_issue","latency":653,"response_body_size":10255,"error":"","payload":{"request":"{\"jsonrpc\":\"2.0\",\"params\":{\"name\":\"create_issue\",\"arguments\":{\"repo\":\"acme/ledger\",\"title\":\"tests fail\"}}}","response":"{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"created 7\"}]}}"}},{"id":"4","method":"tools/list","latency":3,"error":"no such session"}]}}}"#,
    r#"{"request":{"id":"d1b2","method":"POST","uri":"/v1/chat/completions","size":"90"},"response":{"status":401,"size":"30"},"latencies":{"request":2},"started_at":1791015320000}"#,
    r#"{"request":{"id":"e1b2","method":"GET","uri":"/raw?token=hunter2","url":"https://files.acme.example/raw?token=hunter2"},"response":{"status":200},"started_at":1791015321000,"ai":{"ai-rag":{"documents":["a page"]}}}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::testing::{check, decoded, events};

    #[test]
    fn a_model_call_has_tokens_and_money() {
        let event = &events(&Kong, EXAMPLES[0])[0];
        check(
            event,
            &[
                ("source", Some("kong")),
                ("family", Some("gateway")),
                ("kind", Some("model.call")),
                ("trust", Some("gateway")),
                ("source_id", Some("b1b2c3d4e5f60718293a4b5c6d7e8f90")),
                ("interception", Some("b1b2c3d4e5f60718293a4b5c6d7e8f90")),
                ("time", Some("1791015304118000")),
                ("duration_us", Some("4790000")),
                ("provider", Some("anthropic")),
                ("model", Some("claude-sonnet-5")),
                ("target", Some("claude-sonnet-5")),
                ("tokens_in", Some("2011")),
                ("tokens_cache_read", Some("18001")),
                ("tokens_out", Some("500")),
                ("cost_source_micros", Some("20450")),
                ("user", Some("mira")),
                ("session", Some("4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80")),
                ("agent_kind", Some("claude_code")),
                ("status", Some("200")),
                ("outcome", Some("success")),
                ("bytes_out", Some("10512")),
                ("bytes_in", Some("4432")),
            ],
        );
        assert!(!event["record"].contains("The tests fail") && event["content"].contains("The tests fail"));
        assert!(!event["record"].contains("x-api-key"));
        for old in ["ai-proxy", "ai-proxy-advanced"] {
            let old = EXAMPLES[0].replace("\"proxy\":{\"usage\"", &format!("\"{old}\":{{\"usage\""));
            check(&events(&Kong, &old)[0], &[("tokens_out", Some("500")), ("model", Some("claude-sonnet-5"))]);
        }
        check(
            &events(&Kong, EXAMPLES[2])[0],
            &[("kind", Some("model.call")), ("outcome", Some("deny")), ("target", Some("/v1/chat/completions"))],
        );
    }

    #[test]
    fn what_kong_does_not_tell_of_the_cache_the_provider_may_have_told() {
        let told = r#""prompt_tokens_details":{"cached_tokens":18001},"#;
        for (answer, cached) in [
            (r#"{"usage":{"input_tokens":2011,"cache_read_input_tokens":18001}}"#, Some("18001")),
            (r#"{"usage":{"prompt_tokens_details":{"cached_tokens":18001}}}"#, Some("18001")),
            ("data: {}", None),
        ] {
            let silent = EXAMPLES[0].replace(told, "").replace("\"I look.\"", &serde_json::json!(answer).to_string());
            let input = if cached.is_some() { "2011" } else { "20012" };
            check(&events(&Kong, &silent)[0], &[("tokens_cache_read", cached), ("tokens_in", Some(input))]);
        }
    }

    #[test]
    fn each_request_to_a_server_is_an_event() {
        let events = events(&Kong, EXAMPLES[1]);
        assert_eq!(events.len(), 2);
        check(
            &events[0],
            &[
                ("kind", Some("tool.result")),
                ("source_id", Some("c1b2/rpc/0")),
                ("tool", Some("create_issue")),
                ("mcp_server", Some("github")),
                ("session", Some("9267461134f2")),
                ("duration_us", Some("653000")),
                ("bytes_in", Some("10255")),
                ("outcome", Some("success")),
            ],
        );
        assert!(events[0].contains_key("action_fp") && events[0].contains_key("result_fp"));
        assert!(events[0]["content"].contains("tests fail") && !events[0]["record"].contains("tests fail"));
        check(
            &events[1],
            &[
                ("kind", Some("mcp.call")),
                ("action", Some("tools/list")),
                ("outcome", Some("error")),
                ("content", None),
            ],
        );
        let both = EXAMPLES[1].replace("\"ai\":{", "\"ai\":{\"proxy\":{\"meta\":{\"request_model\":\"m\"}},");
        assert_eq!(crate::dialect::testing::events(&Kong, &both).len(), 3);
    }

    #[test]
    fn other_requests_are_egress_and_others_are_told() {
        let event = &events(&Kong, EXAMPLES[3])[0];
        check(
            event,
            &[
                ("kind", Some("egress.http")),
                ("host", Some("files.acme.example")),
                ("path", Some("/raw?token=[REDACTED:url_query]")),
                ("outcome", Some("allow")),
            ],
        );
        assert!(event["content"].contains("a page"));
        for (record, word) in [(r#"{"a":1}"#, "log plugin"), ("{", "ends early"), ("x", "JSON")] {
            assert!(matches!(decoded(&Kong, record.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)));
        }
        check(&events(&Kong, r#"{"request":{},"ai":[7]}"#)[0], &[("kind", Some("egress.http")), ("source_id", None)]);
    }
}
