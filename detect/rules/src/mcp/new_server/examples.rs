//! Examples of `mcp.new_server`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a team that used one server for days has another one, and calls it",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"mcp__github__create_issue","mcp_server":"github","team":"red","workspace":"w1","session":"s1"}"#,
            r#"{"second":90000,"kind":"inventory","action":"mcp_server","target":"helper","mcp_server":"helper","team":"red","workspace":"w2","session":"s2"}"#,
            r#"{"second":90060,"kind":"tool.call","tool":"mcp__helper__run","mcp_server":"helper","team":"red","workspace":"w2","session":"s2"}"#,
            r#"{"second":90070,"kind":"tool.call","tool":"mcp__helper__run","mcp_server":"helper","team":"red","workspace":"w3","session":"s3"}"#,
        ],
        until: 90075,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Low,
                count: 1,
                reason: "An agent has the MCP server helper",
            },
            Expected { state: State::Updated, severity: Severity::Low, count: 2, reason: "An agent calls" },
        ],
    },
    Example {
        name: "an address that is not encrypted",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"search","mcp_server":"https://mcp.acme.example/v1","team":"red","workspace":"w1","session":"s1"}"#,
            r#"{"second":90000,"kind":"tool.call","tool":"search","mcp_server":"http://mcp.attacker.example:8080/sse","team":"red","workspace":"w1","session":"s1"}"#,
        ],
        until: 90004,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "not encrypted" }],
    },
    Example {
        name: "the first days, what the team knows, and servers on the machine itself",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"x","mcp_server":"github","team":"red","workspace":"w1","session":"s1"}"#,
            r#"{"second":90,"kind":"inventory","action":"mcp_server","target":"linear","mcp_server":"linear","team":"red","workspace":"w1","session":"s1"}"#,
            r#"{"second":90000,"kind":"tool.call","tool":"x","mcp_server":"GitHub","team":"red","workspace":"w2","session":"s2"}"#,
            r#"{"second":90001,"kind":"tool.call","tool":"x","mcp_server":"http://localhost:4000/mcp","team":"red","workspace":"w2","session":"s2"}"#,
            r#"{"second":90002,"kind":"tool.call","tool":"Bash","team":"red","workspace":"w2","session":"s2"}"#,
        ],
        until: 90100,
        alerts: &[],
    },
];
