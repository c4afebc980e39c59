//! Examples of `resource.excess`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a processor that is used up for more than half an hour, then is not",
        events: &[
            r#"{"second":0,"kind":"resource","action":"cpu","amount":3990,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":600,"kind":"resource","action":"cpu","amount":3980,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":1200,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":1900,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":2500,"kind":"resource","action":"cpu","amount":400,"amount_max":4000,"workspace":"w1"}"#,
        ],
        until: 2600,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "used to 100 % for 32 min" },
            Expected { state: State::Resolved, severity: Severity::Low, count: 1, reason: "used up no more" },
        ],
    },
    Example {
        name: "a disk that is nearly full, and a runtime of twice what is allowed",
        events: &[
            r#"{"second":0,"kind":"resource","action":"disk","target":"/home","amount":9700000000,"amount_max":10000000000,"workspace":"w1"}"#,
            r#"{"second":5,"kind":"resource","action":"runtime","amount":57600000,"amount_max":28800000,"workspace":"w2"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "9700 MB of 10 GB" },
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "ran for 16 h; 8 h are allowed",
            },
        ],
    },
    Example {
        name: "a build, memory in use, a runtime within its bound, and what has no bound",
        events: &[
            r#"{"second":0,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":600,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":1200,"kind":"resource","action":"cpu","amount":1000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":1800,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":2400,"kind":"resource","action":"cpu","amount":4000,"amount_max":4000,"workspace":"w1"}"#,
            r#"{"second":2400,"kind":"resource","action":"memory","amount":7000000000,"amount_max":8000000000,"workspace":"w1"}"#,
            r#"{"second":2400,"kind":"resource","action":"disk","target":"/home","amount":4000000000,"amount_max":8000000000,"workspace":"w1"}"#,
            r#"{"second":2400,"kind":"resource","action":"runtime","amount":28800000,"amount_max":28800000,"workspace":"w1"}"#,
            r#"{"second":2400,"kind":"resource","action":"runtime","amount":288000000,"workspace":"w1"}"#,
        ],
        until: 2600,
        alerts: &[],
    },
];
