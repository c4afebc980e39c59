//! Examples of `loop.repeat`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "the same failing test three times, then five times, then its result changes",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","action_fp":11,"result_fp":71,"outcome":"error","session":"s1"}"#,
            r#"{"second":9,"kind":"command","tool":"Bash","action_fp":11,"result_fp":71,"outcome":"error","session":"s1"}"#,
            r#"{"second":18,"kind":"command","tool":"Bash","action_fp":11,"result_fp":71,"outcome":"error","session":"s1"}"#,
            r#"{"second":27,"kind":"command","tool":"Bash","action_fp":11,"result_fp":71,"outcome":"error","session":"s1"}"#,
            r#"{"second":36,"kind":"command","tool":"Bash","action_fp":11,"result_fp":71,"outcome":"error","session":"s1"}"#,
            r#"{"second":45,"kind":"command","tool":"Bash","action_fp":11,"result_fp":72,"outcome":"success","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 3, reason: "The same call came 3 times" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 5, reason: "came 5 times" },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 5, reason: "a result changed" },
        ],
    },
    Example {
        name: "two steps in turn, with another one in between, while the model costs money",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","action_fp":1,"result_fp":5,"session":"s1"}"#,
            r#"{"second":1,"kind":"file.write","tool":"Edit","action_fp":2,"result_fp":6,"session":"s1"}"#,
            r#"{"second":2,"kind":"model.tokens","cost_micros":7000000,"session":"s1"}"#,
            r#"{"second":3,"kind":"file.read","tool":"Read","action_fp":1,"result_fp":5,"session":"s1"}"#,
            r#"{"second":4,"kind":"file.write","tool":"Edit","action_fp":2,"result_fp":6,"session":"s1"}"#,
            r#"{"second":5,"kind":"model.tokens","cost_micros":7000000,"session":"s1"}"#,
            r#"{"second":6,"kind":"tool.result","tool":"Grep","action_fp":9,"result_fp":9,"session":"s1"}"#,
            r#"{"second":7,"kind":"file.read","tool":"Read","action_fp":1,"result_fp":5,"session":"s1"}"#,
            r#"{"second":8,"kind":"file.write","tool":"Edit","action_fp":2,"result_fp":6,"session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Critical, count: 7, reason: "cost $14.00" }],
    },
    Example {
        name: "polling whose result changes, work on many files, and two sessions that do the same are no loops",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","action_fp":1,"result_fp":10,"session":"s1"}"#,
            r#"{"second":30,"kind":"command","tool":"Bash","action_fp":1,"result_fp":20,"session":"s1"}"#,
            r#"{"second":60,"kind":"command","tool":"Bash","action_fp":1,"result_fp":30,"session":"s1"}"#,
            r#"{"second":90,"kind":"command","tool":"Bash","action_fp":1,"result_fp":40,"session":"s1"}"#,
            r#"{"second":91,"kind":"file.read","tool":"Read","action_fp":2,"result_fp":3,"session":"s1"}"#,
            r#"{"second":92,"kind":"file.read","tool":"Read","action_fp":4,"result_fp":3,"session":"s1"}"#,
            r#"{"second":93,"kind":"file.read","tool":"Read","action_fp":5,"result_fp":3,"session":"s1"}"#,
            r#"{"second":94,"kind":"file.read","tool":"Read","action_fp":5,"result_fp":3,"session":"s1"}"#,
            r#"{"second":95,"kind":"file.read","tool":"Read","action_fp":5,"result_fp":3,"session":"s2"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
    Example {
        name: "another file changed each time, and the same check that passes",
        events: &[
            r#"{"second":0,"kind":"file.write","tool":"Edit","action_fp":21,"result_fp":5,"outcome":"success","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","action_fp":9,"result_fp":9,"outcome":"success","session":"s1"}"#,
            r#"{"second":2,"kind":"file.write","tool":"Edit","action_fp":22,"result_fp":5,"outcome":"success","session":"s1"}"#,
            r#"{"second":3,"kind":"command","tool":"Bash","action_fp":9,"result_fp":9,"outcome":"success","session":"s1"}"#,
            r#"{"second":4,"kind":"file.write","tool":"Edit","action_fp":23,"result_fp":5,"outcome":"success","session":"s1"}"#,
            r#"{"second":5,"kind":"command","tool":"Bash","action_fp":9,"result_fp":9,"outcome":"success","session":"s1"}"#,
            r#"{"second":6,"kind":"file.write","tool":"Edit","action_fp":24,"result_fp":5,"outcome":"success","session":"s1"}"#,
            r#"{"second":7,"kind":"command","tool":"Bash","action_fp":9,"result_fp":9,"outcome":"success","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];
