//! Examples of `policy.weak`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a rule for every domain is one alert for its template, however many requests pass",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","rule":"domain=*","template":"t1","workspace":"w1"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","rule":"domain=*","template":"t1","workspace":"w2"}"#,
            r#"{"second":70,"kind":"egress.http","outcome":"allow","method":"GET","domain":"blog.example","rule":"domain=*","template":"t1","workspace":"w1"}"#,
        ],
        until: 100,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "The rule `domain=*` of this template lets requests to every domain through.",
        }],
    },
    Example {
        name: "an agent starts another firewall with real DNS and without audit logs",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","command":"boundary --use-real-dns --disable-audit-logs -- bash","session":"s1"}"#,
        ],
        until: 10,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "real DNS" },
            Expected { state: State::Open, severity: Severity::High, count: 1, reason: "audit logs off" },
        ],
    },
    Example {
        name: "a firewall says that it runs with real DNS, each time that it starts",
        events: &[
            r#"{"second":0,"kind":"boundary.start","action":"use_real_dns","source":"boundary","collector":"boundary","workspace":"w1"}"#,
            r#"{"second":9,"kind":"boundary.start","action":"use_real_dns","source":"boundary","collector":"boundary","workspace":"w1"}"#,
        ],
        until: 10,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "real DNS" }],
    },
    Example {
        name: "an agent writes the firewall's configuration",
        events: &[
            r#"{"second":0,"kind":"file.write","tool":"Write","file":"/home/coder/.config/coder_boundary/config.yaml","session":"s1"}"#,
        ],
        until: 10,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "wrote the firewall's configuration",
        }],
    },
    Example {
        name: "narrow rules, refusals and other commands are quiet",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","rule":"method=GET domain=*.acme.example","workspace":"w1"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"deny","method":"POST","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":2,"kind":"tool.call","command":"boundary --allow domain=acme.example -- claude","session":"s1"}"#,
            r#"{"second":3,"kind":"file.write","file":"/home/coder/app/config.yaml","session":"s1"}"#,
        ],
        until: 100,
        alerts: &[],
    },
];
