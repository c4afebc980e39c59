//! Examples of `spend.rate`: they stand in the reference and are tests. Those with a long past are in `tests`.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// An hour in which an agent spends: when it is, and how many micro-USD.
macro_rules! spend {
    ($second:literal, $micros:literal) => {
        concat!(
            r#"{"second":"#,
            $second,
            r#","kind":"model.tokens","family":"gateway","agent":"a1","team":"core","cost_micros":"#,
            $micros,
            "}"
        )
    };
}

/// Five days with four hours of work each, and what comes after them.
macro_rules! five_days {
    ($micros:literal, $($after:expr),*) => {
        &[
            spend!(32400, $micros), spend!(39600, $micros), spend!(50400, $micros), spend!(57600, $micros),
            spend!(118800, $micros), spend!(126000, $micros), spend!(136800, $micros), spend!(144000, $micros),
            spend!(205200, $micros), spend!(212400, $micros), spend!(223200, $micros), spend!(230400, $micros),
            spend!(291600, $micros), spend!(298800, $micros), spend!(309600, $micros), spend!(316800, $micros),
            spend!(378000, $micros), spend!(385200, $micros), spend!(396000, $micros), spend!(403200, $micros),
            $($after),*
        ]
    };
}

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "an agent whose hours cost a dollar spends eight in one",
        events: five_days!(1000000, spend!(468000, 8000000)),
        until: 468_060,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "The agent a1 spent $8.00 within an hour, about 8.3 times its usual",
        }],
    },
    Example {
        name: "cents are judged as dollars are",
        events: five_days!(10000, spend!(468000, 80000)),
        until: 472_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "Look first at the session and model that cost most",
            },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 1, reason: "20 hours with spend" },
        ],
    },
    Example {
        name: "twice the usual is no spike, and a new agent of an unknown team is judged by nobody",
        events: five_days!(
            1000000,
            spend!(468000, 2000000),
            r#"{"second":468001,"kind":"model.tokens","family":"gateway","agent":"a2","team":"other","cost_micros":60000000}"#
        ),
        until: 472_000,
        alerts: &[],
    },
];
