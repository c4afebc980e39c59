//! What the dialects of gateways share: money, who calls by headers and user agent, outcomes, and calls of MCP servers.

use ledger::events::column;
use serde_json::value::RawValue;

use super::json::{Raw, Text, part, record, whole_of_text};
use super::tool;
use crate::bounds::NO_NUMBER;
use crate::event::Draft;

record! {
    /// The headers of a request that say who asks.
    Headers {
        session: Text<'a> = "x-claude-code-session-id" | "X-Claude-Code-Session-Id" | "agent-session-id" | "Agent-Session-Id"
            | "x-session-id" | "X-Session-Id" | "session-id" | "session_id" | "Session-Id" | "x-litellm-session-id",
        user_agent: Text<'a> = "user-agent" | "User-Agent",
    }

    /// A JSON-RPC request to an MCP server.
    McpRequest {
        method: Text<'a> = "method",
        params: Raw<'a> = "params",
    }

    /// What it asks for, and with what.
    McpParams {
        name: Text<'a> = "name" | "uri",
        arguments: Raw<'a> = "arguments",
    }
}

/// Reads the headers of a request.
pub fn headers(raw: Raw<'_>) -> Headers<'_> {
    part(raw)
}

/// Dollars as whole micro-USD, rounded to the nearest. What is no amount is [`NO_NUMBER`], which voids its column.
pub fn micros(dollars: &Text) -> Option<i64> {
    let text = dollars.some()?;
    let micros = text.trim().parse::<f64>().map_or(f64::NAN, |dollars| (dollars * 1e6).round());
    // Floats count whole numbers exactly up to 2^53, and no column of money goes that far.
    Some(if micros.abs() < 9_007_199_254_740_992.0 { micros as i64 } else { NO_NUMBER })
}

/// Agents by the beginning of their user agents.
const AGENTS: &[(&str, &str)] = &[
    ("claude-cli", "claude_code"),
    ("claude-code", "claude_code"),
    ("codex", "codex"),
    ("gemini", "gemini"),
    ("copilot", "copilot"),
    ("githubcopilot", "copilot"),
    ("opencode", "opencode"),
    ("cursor", "cursor"),
];

/// Sets the client, and what kind of agent that is, by its user agent.
pub fn set_client(draft: &mut Draft, user_agent: Option<&str>) {
    let Some(name) = user_agent.and_then(|agent| agent.split_whitespace().next()) else { return };
    draft.columns.set_text(column::CLIENT, name);
    let word = name.to_ascii_lowercase();
    let known = AGENTS.iter().find(|(begins, _)| word.starts_with(begins));
    draft.columns.set_text_if(column::AGENT_KIND, known.map(|(_, kind)| *kind));
}

/// Sets the status of an answer and what it says of the outcome.
pub fn set_status(draft: &mut Draft, status: Option<i64>) {
    // Proxies write 0 where the client went away before there was an answer.
    let Some(status) = status.filter(|status| *status != 0) else { return };
    draft.columns.set_integer(column::STATUS, status);
    if status > 0 {
        draft.columns.set_text(column::OUTCOME, outcome(status));
    }
}

/// The outcome behind an HTTP status.
pub fn outcome(status: i64) -> &'static str {
    match status {
        ..=399 => "success",
        401 | 403 => "deny",
        _ => "error",
    }
}

/// Sets how long something took, in milliseconds.
pub fn set_duration_ms(draft: &mut Draft, millis: Option<i64>) {
    if let Some(millis) = millis {
        let micros = if millis == NO_NUMBER { NO_NUMBER } else { millis.saturating_mul(1_000) };
        draft.columns.set_integer(column::DURATION_US, micros);
    }
}

/// A duration as a number of milliseconds, or as text with its unit: `653ms`.
pub fn millis(duration: &Text) -> Option<i64> {
    duration.some().map(|text| whole_of_text(text.strip_suffix("ms").unwrap_or(text)))
}

/// Ends of the paths at which models are asked, whatever stands before them.
const MODEL_PATHS: &[&str] = &[
    "/v1/messages",
    "/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    ":generateContent",
    ":streamGenerateContent",
    "/converse",
    "/converse-stream",
    "/invoke",
];

/// Whether a request to this path asks a model.
pub fn asks_model(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    MODEL_PATHS.iter().any(|end| path.ends_with(end))
}

/// What a record says of a request to an MCP server.
#[derive(Debug, Default)]
pub struct McpCall<'a> {
    /// The server, by its name or address.
    pub server: Option<&'a str>,
    /// The JSON-RPC method.
    pub method: &'a str,
    /// The tool, the resource or the prompt.
    pub name: Option<&'a str>,
    /// The tool's arguments.
    pub arguments: Option<&'a RawValue>,
    /// What the server answered.
    pub result: Option<&'a RawValue>,
    /// Whether the record was made after the answer.
    pub has_ended: bool,
}

impl McpCall<'_> {
    /// Sets what happened: the call of a tool, its end, or any other request to an MCP server.
    pub fn set(&self, draft: &mut Draft, source: &str) {
        let is_tool = self.method == "tools/call";
        let kind = match (is_tool, self.has_ended) {
            (true, true) => "tool.result",
            (true, false) => "tool.call",
            (false, _) => "mcp.call",
        };
        draft.set_origin(source, "gateway", kind);
        // Without arguments all calls of a tool would look like the same one.
        if let (true, Some(name), Some(arguments)) = (is_tool, self.name, self.arguments) {
            tool::set_call(draft, name, arguments.get());
        }
        if is_tool && let Some(result) = self.result {
            draft.result = Some(result.get().to_owned());
        }
        let columns = &mut draft.columns;
        columns.set_text_if(column::ACTION, Some(self.method));
        columns.set_text_if(column::TOOL, self.name.filter(|_| is_tool));
        columns.set_text_if(column::MCP_SERVER, self.server);
        columns.set_text_if(column::TARGET, self.name.or(self.server));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn dollars_are_whole_micros() {
        let check = |text: &'static str, want| assert_eq!(micros(&Text(Cow::Borrowed(text))), want, "{text}");
        check("0.02045055", Some(20_451));
        check("2e-5", Some(20));
        check("0", Some(0));
        check("-1", Some(-1_000_000));
        check("", None);
        for odd in ["free", "NaN", "inf", "1e30"] {
            check(odd, Some(NO_NUMBER));
        }
    }

    #[test]
    fn agents_are_known_by_their_user_agents() {
        let check = |agent: &str, client: Option<&str>, kind: Option<&str>| {
            let mut draft = Draft::default();
            set_client(&mut draft, Some(agent));
            let columns = &draft.columns;
            assert_eq!((columns.text(column::CLIENT), columns.text(column::AGENT_KIND)), (client, kind), "{agent}");
        };
        check("claude-cli/2.1.332 (external, cli)", Some("claude-cli/2.1.332"), Some("claude_code"));
        check("codex_cli_rs/0.171.0 (Linux)", Some("codex_cli_rs/0.171.0"), Some("codex"));
        check("GeminiCLI/0.61.0", Some("GeminiCLI/0.61.0"), Some("gemini"));
        check("Go-http-client/1.1", Some("Go-http-client/1.1"), None);
        check(" ", None, None);
    }

    #[test]
    fn models_are_asked_at_known_paths() {
        for path in
            ["/v1/messages?beta=true", "/openai/deployments/x/chat/completions", "/v1beta/models/g:generateContent"]
        {
            assert!(asks_model(path), "{path}");
        }
        for path in ["/v1/models", "/", "", "/?x=/v1/messages"] {
            assert!(!asks_model(path), "{path}");
        }
        let text = |text: &'static str| millis(&Text(Cow::Borrowed(text)));
        assert_eq!((text("653ms"), text("653"), text(""), text("1s")), (Some(653), Some(653), None, Some(NO_NUMBER)));
    }

    #[test]
    fn a_call_without_arguments_has_no_fingerprint() {
        let mut draft = Draft::default();
        let mut call = McpCall { method: "tools/call", name: Some("create_issue"), ..McpCall::default() };
        call.set(&mut draft, "x");
        assert!(draft.action.is_none());
        assert_eq!(draft.columns.text(column::KIND), Some("tool.call"));
        call = McpCall { method: "resources/read", server: Some("docs"), has_ended: true, ..McpCall::default() };
        draft.clear();
        call.set(&mut draft, "x");
        assert_eq!((draft.columns.text(column::KIND), draft.columns.text(column::TOOL)), (Some("mcp.call"), None));
        assert_eq!(draft.columns.text(column::TARGET), Some("docs"));
    }
}
