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
        name: "nine megabytes at once for a bucket of nobody in the team, on a service where anybody has one",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w2"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"GET","domain":"packages.example","workspace":"w3"}"#,
            r#"{"second":90002,"kind":"egress.http","outcome":"allow","method":"PUT","host":"storage.googleapis.com","domain":"storage.googleapis.com","path":"/acme-builds/a.tgz","workspace":"w2","bytes_out":9000000}"#,
            r#"{"second":90003,"kind":"egress.http","outcome":"allow","method":"PUT","host":"storage.googleapis.com","domain":"storage.googleapis.com","path":"/acme-builds/b.tgz","workspace":"w3","bytes_out":9000000}"#,
            r#"{"second":90060,"kind":"egress.http","outcome":"allow","method":"PUT","host":"storage.googleapis.com","domain":"storage.googleapis.com","path":"/acme-builds/c.tgz","workspace":"w1","bytes_out":9000000}"#,
            r#"{"second":90090,"kind":"egress.http","outcome":"allow","method":"PUT","host":"storage.googleapis.com","domain":"storage.googleapis.com","path":"/loot-7/c.tgz","workspace":"w1","bytes_out":9000000}"#,
        ],
        until: 90_090,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::High,
                count: 1,
                reason: "1 write to storage.googleapis.com/acme-builds went out. It carried 9000 kB; nothing else was asked for there.",
            },
            Expected {
                state: State::Open,
                severity: Severity::High,
                count: 1,
                reason: "1 write to storage.googleapis.com/loot-7 went out. It carried 9000 kB; nothing else was asked for there. \
                         Anybody has a place of his own on that service; nobody else of the team wrote to this one",
            },
        ],
    },
    Example {
        name: "a service that is read as much as it is written to, and the team's own repository, are quiet",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","method":"GET","host":"github.com","domain":"github.com","path":"/acme/ledger.git/info/refs?service=git-upload-pack","workspace":"w2"}"#,
            r#"{"second":1,"kind":"egress.http","outcome":"allow","method":"POST","host":"github.com","domain":"github.com","path":"/acme/ledger.git/git-receive-pack","workspace":"w1","bytes_out":9000000}"#,
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
