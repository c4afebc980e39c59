//! Examples of `egress.slow_post`: they stand in the reference and are tests. The first is the demo's story.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "slow exfiltration: after reading a file with secrets, a few kilobytes go to a stranger every ten minutes",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w2"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w3"}"#,
            r#"{"second":2,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w4"}"#,
            r#"{"second":3,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w5"}"#,
            r#"{"second":60,"kind":"file.read","file":"/home/coder/app/.env","workspace":"w1"}"#,
            r#"{"second":120,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3600,"path":"/collect"}"#,
            r#"{"second":130,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":720,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3617,"path":"/collect"}"#,
            r#"{"second":730,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":1320,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3634,"path":"/collect"}"#,
            r#"{"second":1330,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":1920,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3651,"path":"/collect"}"#,
            r#"{"second":1930,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":2520,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3668,"path":"/collect"}"#,
            r#"{"second":2530,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":3120,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3685,"path":"/collect"}"#,
            r#"{"second":3130,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":3720,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3702,"path":"/collect"}"#,
            r#"{"second":3730,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
            r#"{"second":4320,"kind":"egress.http","outcome":"allow","method":"POST","domain":"attacker-logger.com","workspace":"w1","bytes_out":3719,"path":"/collect"}"#,
            r#"{"second":4330,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w1"}"#,
        ],
        until: 40_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Critical,
                count: 6,
                reason: "6 writes to attacker-logger.com went out over 50 min, in 6 separate stretches of 5 min. Together they \
                         are 22 kB, at most 3685 bytes each; nothing else was asked for there. None of about 4 other \
                         workspaces asked for that domain in 52 min. The same workspace read a file whose name says that it \
                         holds secrets (events/0/4).",
            },
            Expected { state: State::Resolved, severity: Severity::Critical, count: 8, reason: "8 writes to" },
        ],
    },
    Example {
        name: "one upload, however large, and a service that is read as much as it is written to, are quiet",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":2,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":3,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":4,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":5,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":6,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":7,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":8,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":9,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":10,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":11,"kind":"egress.http","outcome":"allow","method":"PUT","domain":"attacker-logger.com","workspace":"w1","bytes_out":900000}"#,
            r#"{"second":100,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":101,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":700,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":701,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1300,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1301,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1900,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":1901,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2500,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":2501,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3100,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3101,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3700,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":3701,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":4300,"kind":"egress.http","outcome":"allow","method":"POST","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":4301,"kind":"egress.http","outcome":"allow","method":"GET","domain":"acme.example","workspace":"w1"}"#,
        ],
        until: 10_000,
        alerts: &[],
    },
];
