//! Examples of `egress.typosquat`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "a package that is one character from one of the most used",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","command":"python3 -m pip install reqvests","session":"s1"}"#,
        ],
        until: 4000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "asked for the package reqvests of PyPI (1 event). It is 1 character away from requests.",
            },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 1, reason: "away from requests" },
        ],
    },
    Example {
        name: "a registry's name inside of a stranger's host",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","host":"registry.npmjs.org.attacker-logger.com","domain":"attacker-logger.com","path":"/left-pad","workspace":"w1"}"#,
        ],
        until: 10,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "carries npmjs.org inside",
        }],
    },
    Example {
        name: "the packages themselves, in any spelling, and other names are quiet",
        events: &[
            r#"{"second":0,"kind":"tool.call","command":"pip install requests python_dateutil==2.9 acme-widgets","session":"s1"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"GET","host":"packages.acme.example","domain":"acme.example","path":"/simple/requests/","workspace":"w1"}"#,
            r#"{"second":2,"kind":"tool.call","command":"npm run build && npm test","session":"s1"}"#,
        ],
        until: 10,
        alerts: &[],
    },
];
