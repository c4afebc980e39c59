//! Elements as agents and gateways send them, in the canonical form, with values of our own: from what the agents sent to a receiver of
//! ours, and from their documentation. One file for each.

pub mod claude_code;
pub mod coder;
pub mod codex;
pub mod copilot;
pub mod gemini;
pub mod genai;
pub mod opencode;
pub mod openhands;

use std::sync::LazyLock;

/// A whole export request on one line, as the Collector's file exporter writes it: two events of a session and one that says nothing.
pub const REQUEST: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"codex_cli_rs"}},{"key":"process.command_args","value":{"arrayValue":{"values":[{"stringValue":"codex"},{"stringValue":"my own words"}]}}}]},"scopeLogs":[{"scope":{"name":"codex_otel.log_only"},"logRecords":[{"observedTimeUnixNano":"1789378202000000657","attributes":[{"key":"event.name","value":{"stringValue":"codex.user_prompt"}},{"key":"prompt","value":{"stringValue":"say hello"}},{"key":"event.timestamp","value":{"stringValue":"2026-09-14T09:30:02.000Z"}},{"key":"conversation.id","value":{"stringValue":"019dabc6-8fef-7681-a054-b5bb75fcb97d"}}]},{"observedTimeUnixNano":"1789378203000000657","attributes":[{"key":"event.name","value":{"stringValue":"codex.sse_event"}},{"key":"event.kind","value":{"stringValue":"response.output_text.delta"}},{"key":"delta","value":{"stringValue":"a text that streams"}}]},{"observedTimeUnixNano":"1789378208000000657","attributes":[{"key":"event.name","value":{"stringValue":"codex.tool_result"}},{"key":"tool_name","value":{"stringValue":"exec_command"}},{"key":"call_id","value":{"stringValue":"call_1"}},{"key":"success","value":{"stringValue":"true"}},{"key":"arguments","value":{"stringValue":"{\"cmd\":\"npm test\"}"}},{"key":"output","value":{"stringValue":"ok"}},{"key":"event.timestamp","value":{"stringValue":"2026-09-14T09:30:08.000Z"}},{"key":"conversation.id","value":{"stringValue":"019dabc6-8fef-7681-a054-b5bb75fcb97d"}}]}]}]}]}"#;

/// Every example that gives events.
pub static EXAMPLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let lists = [
        claude_code::SESSION,
        claude_code::OTHERS,
        codex::SESSION,
        codex::OTHERS,
        gemini::SESSION,
        gemini::OTHERS,
        copilot::SESSION,
        opencode::SESSION,
        opencode::OTHERS,
        openhands::SESSION,
        genai::SPANS,
        coder::SPANS,
        &[REQUEST],
    ];
    lists.concat()
});
