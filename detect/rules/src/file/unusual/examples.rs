//! Examples of `file.unusual`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "it reads cloud credentials and changes a workflow",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","file":"/home/coder/.aws/credentials","session":"s1"}"#,
            r#"{"second":5,"kind":"file.write","tool":"Edit","file":"/w/.github/workflows/release.yml","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "usually hold secrets" },
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "continuous integration" },
        ],
    },
    Example {
        name: "sixty deleted files",
        events: &[r#"{"second":0,"repeat":60,"kind":"file.delete","file":"/w/src/a.rs","session":"s1"}"#],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 50, reason: "deletes many files" }],
    },
    Example {
        name: "ordinary files, and a workflow that is only read",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","file":"/w/.github/workflows/release.yml","session":"s1"}"#,
            r#"{"second":1,"kind":"file.write","tool":"Edit","file":"/w/src/main.rs","session":"s1"}"#,
            r#"{"second":2,"kind":"file.read","tool":"Read","file":"/usr/include/stdio.h","session":"s1"}"#,
            r#"{"second":3,"kind":"file.read","tool":"Read","file":"/w/.env.example","session":"s1"}"#,
            r#"{"second":4,"repeat":20,"kind":"file.delete","file":"/w/src/a.rs","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
    Example {
        name: "it writes into another project than the one that it runs in",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","file":"/home/coder/app/main.go","session":"s1","record":"{\"cwd\":\"/home/coder/app\"}"}"#,
            r#"{"second":5,"kind":"file.write","tool":"Edit","file":"/home/coder/app/main.go","session":"s1"}"#,
            r#"{"second":9,"kind":"file.write","tool":"Write","file":"/home/coder/app/../payments/main.go","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Low,
            count: 1,
            reason: "outside of its workspace",
        }],
    },
    Example {
        name: "one command deletes what is not committed",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c1","command":"git clean -fdx","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","tool_call":"c1","command":"git clean -fdx","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "asked for a call" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 1, reason: "git clean" },
        ],
    },
    Example {
        name: "secrets that a command reads, and one whose reading was refused",
        events: &[
            r#"{"second":0,"kind":"command","outcome":"success","tool":"Bash","command":"cd ~/.aws && base64 credentials","session":"s1"}"#,
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c2","command":"sudo cat /e?c/shadow","session":"s2"}"#,
            r#"{"second":5,"kind":"approval","outcome":"deny","tool":"Bash","tool_call":"c2","session":"s2"}"#,
        ],
        until: 60,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "reads files or stores that usually hold",
            },
            Expected {
                state: State::Open,
                severity: Severity::Low,
                count: 1,
                reason: "Whether it ran is not known yet",
            },
            Expected {
                state: State::Updated,
                severity: Severity::Low,
                count: 1,
                reason: "was refused and did not run",
            },
        ],
    },
    Example {
        name: "secrets that are only named, used or made",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"ls ~/.ssh; test -f .env || cp .env.example .env","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","command":"ssh -i ~/.ssh/id_ed25519 web uptime; echo .env >> .gitignore","session":"s1"}"#,
            r#"{"second":2,"kind":"command","tool":"Bash","command":"set -a; . ./.env; make","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
    Example {
        name: "commands that delete what is built again, and a few files; temporary files outside of the workspace",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"rm -rf target/debug node_modules && make","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","command":"rm -rf docs/old; rm a.txt b.txt","session":"s1"}"#,
            r#"{"second":2,"kind":"command","tool":"Bash","command":"cd /tmp/check && rm -rf *","session":"s1"}"#,
            r#"{"second":3,"kind":"file.write","tool":"Write","file":"/home/coder/app/a.go","session":"s1","record":"{\"cwd\":\"/home/coder/app\"}"}"#,
            r#"{"second":4,"kind":"file.write","tool":"Write","file":"/tmp/check/a.go","session":"s1"}"#,
            r#"{"second":5,"kind":"file.write","tool":"Write","file":"/home/coder/.claude/plans/a.md","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];
