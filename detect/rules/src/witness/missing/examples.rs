//! Examples of `coverage.missing`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a session without hooks, where those of the team have them",
        events: &[
            r#"{"second":0,"repeat":6,"kind":"tool.call","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s{n}"}"#,
            r#"{"second":700,"repeat":6,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s0"}"#,
            r#"{"second":701,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s0"}"#,
            r#"{"second":702,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s1"}"#,
            r#"{"second":703,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s2"}"#,
            r#"{"second":704,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s3"}"#,
            r#"{"second":705,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w1","session":"s4"}"#,
            r#"{"second":706,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w7","session":"x"}"#,
            r#"{"second":1400,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w7","session":"x"}"#,
            r#"{"second":1500,"kind":"tool.call","family":"workspace","trust":"agent","source":"claude_code","team":"red","workspace":"w7","session":"x"}"#,
        ],
        until: 1600,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "5 of the team's latest sessions had it",
            },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 1, reason: "Then it was heard of" },
        ],
    },
    Example {
        name: "hooks fail again and again",
        events: &[
            r#"{"second":0,"repeat":4,"kind":"loss","action":"hook_failed","target":"PreToolUse","amount":1,"source":"claude_code","trust":"agent","workspace":"w1","session":"s1"}"#,
            r#"{"second":9,"kind":"loss","action":"hook_failed","target":"PostToolUse","amount":3,"source":"claude_code","trust":"agent","workspace":"w1","session":"s1"}"#,
            r#"{"second":12,"kind":"loss","action":"hook_failed","target":"PostToolUse","amount":60,"source":"claude_code","trust":"agent","workspace":"w1","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "Hooks failed 7 times" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 2, reason: "Hooks failed 67 times" },
        ],
    },
    Example {
        name: "a firewall says that it is off, and a gateway that it keeps no content",
        events: &[
            r#"{"second":0,"kind":"inventory","action":"firewall","target":"disabled","outcome":"deny","family":"boundary","team":"red","template":"t1","workspace":"w1"}"#,
            r#"{"second":0,"kind":"inventory","action":"firewall","target":"disabled","outcome":"deny","family":"boundary","team":"red","template":"t1","workspace":"w2"}"#,
            r#"{"second":5,"kind":"loss","action":"content_recording_disabled","source":"coder.gateway","family":"gateway","collector":"coderd"}"#,
        ],
        until: 60,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Low,
                count: 1,
                reason: "The firewall of template t1 is turned off",
            },
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "records no prompts" },
        ],
    },
    Example {
        name: "managed settings that were in force are gone",
        events: &[
            r#"{"second":0,"repeat":6,"kind":"inventory","action":"managed_settings","target":"remote","source":"claude_code","trust":"agent","team":"red","workspace":"w1","session":"s{n}"}"#,
            r#"{"second":9,"kind":"inventory","action":"managed_settings","target":"none","rule":"managed_settings","source":"claude_code","trust":"agent","team":"red","workspace":"w7","session":"x"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "no managed settings are in force; 6 of",
        }],
    },
    Example {
        name: "a fleet that has one witness only, never had managed settings, and hooks that fail once",
        events: &[
            r#"{"second":0,"repeat":20,"kind":"inventory","action":"managed_settings","target":"none","rule":"managed_settings","source":"claude_code","trust":"agent","workspace":"w1","session":"s{n}"}"#,
            r#"{"second":1,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","workspace":"w1","session":"a"}"#,
            r#"{"second":2,"repeat":20,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","workspace":"w1","session":"b"}"#,
            r#"{"second":3,"kind":"loss","action":"hook_failed","target":"Stop","amount":1,"source":"claude_code","trust":"agent","workspace":"w1","session":"a"}"#,
            r#"{"second":4,"repeat":20,"kind":"model.tokens","family":"gateway","trust":"gateway","source":"litellm","tokens_in":9,"user":"u","session":"c"}"#,
            r#"{"second":700,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","workspace":"w1","session":"a"}"#,
            r#"{"second":700,"kind":"command","family":"workspace","trust":"agent","source":"claude_code","workspace":"w1","session":"b"}"#,
            r#"{"second":700,"kind":"model.tokens","family":"gateway","trust":"gateway","source":"litellm","tokens_in":9,"user":"u","session":"c"}"#,
        ],
        until: 800,
        alerts: &[],
    },
];
