//! Examples of `source.disagreement`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "the gateway sees forty calls after the agent's last word",
        events: &[
            r#"{"second":0,"kind":"prompt","source":"claude_code","family":"workspace","trust":"agent","session":"s1"}"#,
            r#"{"second":5,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"s1"}"#,
            r#"{"second":8,"kind":"tool.call","source":"claude_code","family":"workspace","trust":"agent","tool":"Bash","session":"s1"}"#,
            r#"{"second":300,"repeat":30,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"s1"}"#,
            r#"{"second":900,"repeat":10,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"s1"}"#,
            r#"{"second":950,"kind":"tool.call","source":"claude_code","family":"workspace","trust":"agent","tool":"Bash","session":"s1"}"#,
        ],
        until: 960,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 31, reason: "saw 31 calls" },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 40, reason: "was heard of again" },
        ],
    },
    Example {
        name: "a session of which the agent tells nothing, where three before were told by both",
        events: &[
            r#"{"second":0,"repeat":3,"kind":"prompt","source":"claude_code","family":"workspace","trust":"agent","team":"red","session":"s{n}"}"#,
            r#"{"second":5,"repeat":3,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","client":"Claude Code","tokens_out":9,"team":"red","session":"s{n}"}"#,
            r#"{"second":9,"repeat":25,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","client":"Claude Code","tokens_out":9,"team":"red","session":"x"}"#,
            r#"{"second":700,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","client":"Claude Code","tokens_out":9,"team":"red","session":"x"}"#,
        ],
        until: 720,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Low,
            count: 26,
            reason: "3 were told by both lately",
        }],
    },
    Example {
        name: "an agent tells of calls that its gateway never saw",
        events: &[
            r#"{"second":0,"kind":"model.tokens","source":"litellm","family":"gateway","trust":"gateway","tokens_out":9,"session":"s1"}"#,
            r#"{"second":9,"repeat":22,"kind":"model.tokens","source":"codex","family":"workspace","trust":"agent","tokens_out":9,"session":"s1"}"#,
        ],
        until: 20,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "reported 22 calls of models in this session, and the gateway saw 1 call",
        }],
    },
    Example {
        name: "only the gateway is a source, only the agent is, and two that agree",
        events: &[
            r#"{"second":0,"repeat":90,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"s{n}"}"#,
            r#"{"second":1,"repeat":90,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"alone"}"#,
            r#"{"second":1,"repeat":90,"kind":"model.tokens","source":"codex","family":"workspace","trust":"agent","tokens_out":9,"session":"agent"}"#,
            r#"{"second":1,"kind":"prompt","source":"codex","family":"workspace","trust":"agent","session":"both"}"#,
            r#"{"second":2,"repeat":90,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"both"}"#,
            r#"{"second":300,"kind":"command","source":"codex","family":"workspace","trust":"agent","tool":"Bash","session":"both"}"#,
            r#"{"second":700,"repeat":19,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"both"}"#,
            r#"{"second":1200,"repeat":2,"kind":"model.tokens","source":"coder.gateway","family":"gateway","trust":"gateway","tokens_out":9,"session":"alone"}"#,
        ],
        until: 1300,
        alerts: &[],
    },
];
