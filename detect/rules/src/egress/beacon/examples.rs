//! Examples of `egress.beacon`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "one workspace calls a domain that nobody else asks for every five minutes, give or take a few seconds",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w2"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w3"}"#,
            r#"{"second":10,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":313,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":606,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":912,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":1216,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":1508,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":1810,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":2115,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":2404,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":2711,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":3013,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":3309,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":3614,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":3907,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":4212,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
            r#"{"second":4510,"kind":"egress.http","outcome":"allow","method":"GET","domain":"attacker-logger.com","workspace":"w1"}"#,
        ],
        until: 30_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 16,
                reason: "about every 5 min, and has been regular for 75 min: 15 of the latest 15 intervals",
            },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 16, reason: "None of about 2 other" },
        ],
    },
    Example {
        name: "an agent at work has no rhythm",
        events: &[
            r#"{"second":3,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":43,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":52,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":352,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":374,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":382,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1582,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1587,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1648,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1662,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1669,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2149,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2182,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2188,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2338,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2428,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2439,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3139,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3164,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3173,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
        ],
        until: 5_000,
        alerts: &[],
    },
];
