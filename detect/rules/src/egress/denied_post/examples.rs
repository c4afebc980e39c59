//! Examples of `egress.denied_post`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "an agent posts to a stranger; the firewall refuses, and it stays quiet afterwards",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","host":"packages.acme.example","domain":"acme.example","workspace":"w1","user":"alice"}"#,
            r#"{"second":5,"kind":"egress.http","outcome":"deny","method":"POST","host":"attacker-logger.com","domain":"attacker-logger.com","path":"/collect","workspace":"w1","user":"alice"}"#,
        ],
        until: 700,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::High,
                count: 1,
                reason: "no request of this workspace to this domain was ever allowed",
            },
            Expected { state: State::Resolved, severity: Severity::High, count: 1, reason: "was refused once" },
        ],
    },
    Example {
        name: "it read a file with secrets first, and tries again",
        events: &[
            r#"{"second":0,"kind":"file.read","file":"/home/coder/app/.env","session":"s1"}"#,
            r#"{"second":40,"kind":"egress.http","outcome":"deny","method":"POST","host":"attacker-logger.com","domain":"attacker-logger.com","session":"s1"}"#,
            r#"{"second":41,"kind":"egress.http","outcome":"deny","method":"POST","host":"attacker-logger.com","domain":"attacker-logger.com","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::High, count: 1, reason: "events/0/0" },
            Expected {
                state: State::Updated,
                severity: Severity::Critical,
                count: 2,
                reason: "whose name says that it holds secrets",
            },
        ],
    },
    Example {
        name: "reading from the domain is allowed, writing is not: the policy, rather than an attack",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","host":"api.acme.example","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":9,"kind":"egress.http","outcome":"deny","method":"PUT","host":"api.acme.example","domain":"acme.example","workspace":"w1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "than exfiltration." }],
    },
    Example {
        name: "refused reads, allowed writes and other kinds are quiet",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"deny","method":"GET","host":"attacker-logger.com","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"POST","host":"api.acme.example","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2,"kind":"audit","outcome":"deny","method":"POST","workspace":"w1"}"#,
        ],
        until: 1000,
        alerts: &[],
    },
];
