//! Examples of `sandbox.escape`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "Falco sees that a namespace is changed, first as a notice, then an escape",
        events: &[
            r#"{"second":0,"kind":"sensor.alert","rule":"Change thread namespace","action":"Notice","source":"falco","trust":"host","workspace":"w1"}"#,
            r#"{"second":4,"kind":"sensor.alert","rule":"Detect release_agent File Container Escapes","action":"Critical","source":"falco","trust":"host","workspace":"w1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "enters or makes namespaces" },
            Expected { state: State::Open, severity: Severity::High, count: 1, reason: "falco raised the rule Detect" },
        ],
    },
    Example {
        name: "a program that enters the namespaces of the first process is started",
        events: &[
            r#"{"second":0,"kind":"process.exec","command":"nsenter -t 1 -m -u -n -i sh","source":"tetragon","trust":"host","workspace":"w1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 1, reason: "saw a program start" }],
    },
    Example {
        name: "shells, new programs and outbound connections of ordinary work",
        events: &[
            r#"{"second":0,"kind":"sensor.alert","rule":"Terminal shell in container","action":"Notice","source":"falco","trust":"host","workspace":"w1"}"#,
            r#"{"second":1,"kind":"sensor.alert","rule":"Drop and execute new binary in container","action":"Critical","source":"falco","trust":"host","workspace":"w1"}"#,
            r#"{"second":2,"kind":"process.exec","command":"npm test","source":"tetragon","trust":"host","workspace":"w1"}"#,
            r#"{"second":3,"kind":"process.exec","command":"docker build -t app .","source":"tetragon","trust":"host","workspace":"w1"}"#,
            r#"{"second":4,"kind":"command","command":"nsenter -t 1 sh","source":"claude_code","trust":"agent","workspace":"w1","session":"s"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];
