//! Examples of `egress.new_domain`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "after two days of learning, one workspace writes to a domain that nobody ever wrote to",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1","team":"red"}"#,
            r#"{"second":9,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w2","team":"red"}"#,
            r#"{"second":172800,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","team":"red"}"#,
            r#"{"second":172860,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","team":"red"}"#,
        ],
        until: 180_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "never wrote there, nor did anybody of team red; none of about 1 others did in 48 h.",
            },
            Expected {
                state: State::Resolved,
                severity: Severity::Medium,
                count: 2,
                reason: "went out twice in 60 s.",
            },
        ],
    },
    Example {
        name: "new domains that are only read share one alert that is worth knowing",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":90000,"kind":"egress.http","outcome":"allow","method":"GET","domain":"docs.example","workspace":"w1"}"#,
            r#"{"second":90001,"kind":"egress.http","outcome":"allow","method":"GET","domain":"docs.example","workspace":"w1"}"#,
            r#"{"second":90002,"kind":"egress.http","outcome":"allow","method":"GET","domain":"blog.example","workspace":"w1"}"#,
        ],
        until: 90_010,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Info,
            count: 1,
            reason: "read from docs.example",
        }],
    },
    Example {
        name: "a write to an address is told even if the domain list would not know it",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":90000,"kind":"egress.http","outcome":"allow","method":"PUT","host":"203.0.113.7","workspace":"w1"}"#,
        ],
        until: 90_010,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "an address instead of a name",
        }],
    },
    Example {
        name: "the metadata service hands out credentials",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":90000,"kind":"egress.http","outcome":"allow","method":"GET","host":"169.254.169.254","path":"/latest/meta-data/iam/","workspace":"w1"}"#,
        ],
        until: 90_010,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 1, reason: "hands out credentials" }],
    },
    Example {
        name: "while the fleet is learned, for what a colleague used, and for what was refused, it is quiet",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1","team":"red"}"#,
            r#"{"second":90000,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w2","team":"red"}"#,
            r#"{"second":90001,"kind":"egress.http","outcome":"deny","method":"POST","domain":"attacker-logger.com","workspace":"w2","team":"red"}"#,
            r#"{"second":90002,"kind":"egress.http","outcome":"allow","method":"GET","host":"localhost","workspace":"w2","team":"red"}"#,
        ],
        until: 95_000,
        alerts: &[],
    },
];
