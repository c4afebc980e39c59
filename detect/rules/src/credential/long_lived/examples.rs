//! Examples of `credential.long_lived`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "keys that are too old, by your limit and by their own",
        events: &[
            r#"{"second":0,"kind":"credential","action":"used","target":"key-1","amount":9504000,"source":"coder.audit","user":"ana"}"#,
            r#"{"second":1,"kind":"credential","action":"used","target":"key-2","amount":864000,"amount_max":86400,"source":"coder.audit","user":"ana"}"#,
        ],
        until: 60,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Low,
                count: 1,
                reason: "at least 110 days old; it may be 90 days",
            },
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "10 days old; it may be 1 day",
            },
        ],
    },
    Example {
        name: "a key that is made for ten years",
        events: &[
            r#"{"second":0,"kind":"credential","action":"created","target":"key-3","amount_max":315360000,"source":"litellm","user":"ana"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "good for 3650 days" }],
    },
    Example {
        name: "an agent uses a person's key",
        events: &[
            r#"{"second":0,"kind":"credential","action":"used","target":"key-4","rule":"person","actor":"cloud_agent","source":"github","user":"ana"}"#,
            r#"{"second":9,"kind":"credential","action":"used","target":"key-4","rule":"person","actor":"cloud_agent","source":"github","user":"ana"}"#,
        ],
        until: 14,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "a key of its own" }],
    },
    Example {
        name: "young keys, a person's own, an agent's own, one that was refused, and one that is made for a month",
        events: &[
            r#"{"second":0,"kind":"credential","action":"created","target":"key-1","amount_max":2592000,"source":"litellm","user":"ana"}"#,
            r#"{"second":1,"kind":"credential","action":"used","target":"key-1","amount":3600,"source":"litellm","user":"ana","session":"s"}"#,
            r#"{"second":2,"kind":"credential","action":"used","target":"key-2","rule":"person","actor":"person","source":"github","user":"ana","session":"s"}"#,
            r#"{"second":3,"kind":"credential","action":"used","target":"key-3","rule":"agent","actor":"automation","source":"github","session":"s"}"#,
            r#"{"second":4,"kind":"credential","action":"used","target":"key-4","amount":95040000,"outcome":"deny","source":"github"}"#,
            r#"{"second":5,"kind":"credential","action":"deleted","target":"key-5","amount":95040000,"source":"github"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];
