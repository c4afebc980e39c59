//! The examples of `injection.planted`, which are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples that the reference shows.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a note that agents must obey and users must not see",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"mcp__memory__add","tool_call":"c1","effects":["remember"],"text_signs":["wrote.instructions","wrote.secrecy","wrote.addressed"],"session":"s1"}"#,
            r#"{"second":2,"kind":"tool.result","outcome":"success","tool":"mcp__memory__add","tool_call":"c1","effects":["remember"],"text_signs":["wrote.instructions","wrote.secrecy","wrote.addressed"],"session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "asked to write" },
            Expected { state: State::Updated, severity: Severity::High, count: 1, reason: "kept from the user" },
        ],
    },
    Example {
        name: "instructions for agents as projects have them, and a note about such attacks",
        events: &[
            r#"{"second":0,"kind":"file.write","outcome":"success","tool":"Write","file":"/w/AGENTS.md","effects":["remember"],"text_signs":["wrote.instructions","wrote.addressed"],"session":"s1"}"#,
            r#"{"second":9,"kind":"tool.result","outcome":"success","tool":"mcp__memory__add","effects":["remember"],"text_signs":["wrote.instructions","wrote.addressed","wrote.about"],"session":"s1"}"#,
            r#"{"second":20,"kind":"tool.result","outcome":"success","tool":"mcp__memory__add","effects":["remember"],"session":"s1"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];
