//! Where secrets stand: records of dialects with a text of ours in one place of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::dialect::coder::Coder;
use crate::dialect::hooks::ClaudeCode;
use crate::dialect::native::Native;
use crate::dialect::testing::{columns, events, unparsed};

/// The columns of the events of a record.
type Events = Vec<BTreeMap<&'static str, String>>;

/// One place.
pub struct Place {
    /// What the page calls it.
    pub name: &'static str,
    make: fn(&str) -> Events,
}

impl Place {
    /// What becomes of a record with the text in this place.
    pub fn events(&self, text: &str) -> Events {
        (self.make)(text)
    }
}

/// A hook of a tool call with this input and this response.
fn hook(input: &serde_json::Value, response: &serde_json::Value, cwd: &str) -> Events {
    let record = json!({"session_id": "s", "cwd": cwd, "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": input,
        "tool_response": response, "tool_use_id": "t"});
    events(&ClaudeCode, &record.to_string())
}

/// A request through a boundary.
fn request(url: &str) -> Events {
    let fields =
        json!({"decision": "deny", "http_method": "GET", "http_url": url, "event_time": "2026-10-03T08:16:07.890Z"});
    let line = json!({"ts": "2026-10-03T08:16:07.890Z", "level": "INFO", "msg": "boundary_request", "fields": fields});
    let events = events(&Coder, &line.to_string());
    assert_eq!(events[0].get("host").map(String::as_str), Some("drop.example"), "{url}");
    events
}

/// A text as a client puts it into an address.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Every place.
pub static PLACES: &[Place] = &[
    Place {
        name: "prompt",
        make: |text| {
            let record =
                json!({"session_id": "s", "prompt_id": "p", "hook_event_name": "UserPromptSubmit", "prompt": text});
            events(&ClaudeCode, &record.to_string())
        },
    },
    Place { name: "command", make: |text| hook(&json!({ "command": text }), &json!("ok"), "/home/coder") },
    Place {
        name: "command in a list",
        make: |text| hook(&json!({ "command": ["bash", "-lc", text] }), &json!("ok"), "/home/coder"),
    },
    Place {
        name: "output",
        make: |text| hook(&json!({"command": "ls"}), &json!({"stdout": format!("first\n{text}\nlast")}), "/home/coder"),
    },
    Place {
        name: "JSON in JSON",
        make: |text| {
            let inner = json!({"note": json!({ "text": text }).to_string()}).to_string();
            hook(&json!({ "command": "run", "arguments": inner }), &json!("ok"), "/home/coder")
        },
    },
    Place { name: "fact of a hook", make: |text| hook(&json!({"command": "ls"}), &json!("ok"), text) },
    Place {
        name: "unknown key",
        make: |text| events(&Native, &json!({"kind": "acme.note", "acme_extra": {"list": [text]}}).to_string()),
    },
    Place {
        name: "columns of facts",
        make: |text| {
            let record = json!({"kind": "acme.note", "action": text, "target": text, "client": text, "session": text, "user": text,
                "source_id": text, "stream": text, "stream_seq": 1, "rule": text, "model": text});
            events(&Native, &record.to_string())
        },
    },
    Place {
        name: "tool of a gateway",
        make: |text| {
            let input = json!({ "command": text }).to_string();
            let fields = json!({"record_type": "tool_usage", "interception_id": "i", "msg_id": "m", "tool": "Bash", "tool_call_id": "c",
                "input": input, "injected": false, "created_at": "2026-10-03T08:16:07.890Z"});
            let line =
                json!({"ts": "2026-10-03T08:16:07.890Z", "level": "INFO", "msg": "interception log", "fields": fields});
            events(&Coder, &line.to_string())
        },
    },
    Place { name: "path of a request", make: |text| request(&format!("https://drop.example/a/{}", encoded(text))) },
    Place {
        name: "query of a request",
        make: |text| request(&format!("https://drop.example/a?q={}&n=1", encoded(text))),
    },
    Place { name: "fragment of a request", make: |text| request(&format!("https://drop.example/#{}", encoded(text))) },
    Place {
        name: "not understood",
        make: |text| vec![columns(&unparsed(format!("broken {{ {text}\nnext").as_bytes(), "not JSON"))],
    },
];
