//! Examples of `spend.rate`: they stand in the reference and are tests. Those with a long past are in `tests`.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a new agent of an unknown team spends sixty dollars in two minutes",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":20000000}"#,
            r#"{"second":90,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":40000000}"#,
        ],
        until: 4_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "The agent a1, of which little is known yet, spent $60.00 within five minutes.",
            },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 1, reason: "1 in 16666" },
        ],
    },
    Example {
        name: "a new agent that is known by its workspace is shown by the workspace's name",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","workspace":"f2bd4e9f-7e27-4c56-9d3a-0a5b8f1c2d3e","workspace_name":"checkout","cost_micros":60000000}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "The workspace checkout, of which little is known yet, spent $60.00 within five minutes.",
        }],
    },
    Example {
        name: "a new agent that spends what agents spend is quiet",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":900000}"#,
            r#"{"second":90,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":7000000}"#,
            r#"{"second":400,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":3000000}"#,
        ],
        until: 1_000,
        alerts: &[],
    },
];
