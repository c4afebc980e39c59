//! Examples of `spend.budget`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "an agent uses up its hundred dollars for the day in steps, and the next day starts anew",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":20000000}"#,
            r#"{"second":7200,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":20000000}"#,
            r#"{"second":20000,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":11000000}"#,
            r#"{"second":50000,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":20000000}"#,
            r#"{"second":60000,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":12000000}"#,
            r#"{"second":70000,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":19000000}"#,
            r#"{"second":90000,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":1000000}"#,
        ],
        until: 90_001,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Low,
                count: 1,
                reason: "Agent a1 spent $51.00 of its $100.00 for the day: 51 %.",
            },
            Expected { state: State::Updated, severity: Severity::Medium, count: 3, reason: "83 %" },
            Expected { state: State::Updated, severity: Severity::High, count: 4, reason: "The day ends in 5 h" },
            Expected { state: State::Resolved, severity: Severity::High, count: 4, reason: "is refilled" },
        ],
    },
    Example {
        name: "thirty dollars in an hour are no half of the budget, but will not last",
        events: &[
            r#"{"second":3600,"kind":"model.tokens","family":"gateway","run":"r1","agent":"a1","cost_micros":15000000}"#,
            r#"{"second":5400,"kind":"model.tokens","family":"gateway","run":"r2","agent":"a1","cost_micros":15000000}"#,
        ],
        until: 6_000,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "$30.00 of that went in the last 60 min, 7.2 times the rate at which it would last.",
        }],
    },
    Example {
        name: "an agent that is known by its workspace is shown by the workspace's name",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","workspace":"f2bd4e9f-7e27-4c56-9d3a-0a5b8f1c2d3e","workspace_name":"checkout","cost_micros":60000000}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "Agent checkout spent $60.00 of its $100.00 for the day: 60 %.",
        }],
    },
    Example {
        name: "what the agent says of calls that the gateway has seen is not counted twice",
        events: &[
            r#"{"second":0,"kind":"model.tokens","family":"gateway","agent":"a1","user":"alice","cost_micros":9000000}"#,
            r#"{"second":1,"kind":"model.call","family":"workspace","agent":"a1","user":"alice","cost_micros":90000000}"#,
        ],
        until: 60,
        alerts: &[],
    },
];
