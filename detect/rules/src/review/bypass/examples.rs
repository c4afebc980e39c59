//! Examples of `review.bypass`; they are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

/// Examples.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "an agent merges what nobody approved, where changes are approved",
        events: &[
            r#"{"second":0,"kind":"review","action":"review.approved","target":"acme/billing#6","source":"github","user":"ana"}"#,
            r#"{"second":9,"kind":"review","action":"pull_request.merged","target":"acme/billing#6","source":"github","user":"ana","actor":"person"}"#,
            r#"{"second":60,"kind":"review","action":"pull_request.opened","target":"acme/billing#7","source":"github","actor":"cloud_agent"}"#,
            r#"{"second":90,"kind":"review","action":"pull_request.merged","target":"acme/billing#7","source":"github","actor":"cloud_agent"}"#,
            r#"{"second":95,"kind":"review","action":"pull_request.merged","target":"acme/billing#7","source":"github","actor":"cloud_agent"}"#,
        ],
        until: 100,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "acme/billing#7 was merged by an agent; nobody approved it",
        }],
    },
    Example {
        name: "a merge against a review, and one with a check that failed",
        events: &[
            r#"{"second":0,"kind":"review","action":"review.changes_requested","target":"acme/billing#8","source":"github","user":"ana"}"#,
            r#"{"second":9,"kind":"review","action":"pull_request.merged","target":"acme/billing#8","source":"github","user":"bob","actor":"person"}"#,
            r#"{"second":20,"kind":"check.result","target":"acme/web#3","rule":"test","outcome":"error","source":"github"}"#,
            r#"{"second":21,"kind":"check.result","target":"acme/web#3","rule":"lint","outcome":"success","source":"github"}"#,
            r#"{"second":30,"kind":"review","action":"pull_request.merged","target":"acme/web#3","rule":"approved","source":"github","user":"bob","actor":"person"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "asks for changes" },
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "1 check failed last" },
        ],
    },
    Example {
        name: "approved, a repository without reviews, a check that passed in the end, and checks of a commit",
        events: &[
            r#"{"second":0,"kind":"review","action":"review.changes_requested","target":"acme/billing#6","source":"github","user":"ana"}"#,
            r#"{"second":1,"kind":"review","action":"review.approved","target":"acme/billing#6","source":"github","user":"ana"}"#,
            r#"{"second":2,"kind":"check.result","target":"acme/billing#6","rule":"test","outcome":"error","source":"github"}"#,
            r#"{"second":3,"kind":"check.result","target":"acme/billing#6","rule":"test","outcome":"success","source":"github"}"#,
            r#"{"second":3,"kind":"check.result","target":"acme/billing#6","rule":"lint","outcome":"error","source":"github"}"#,
            r#"{"second":3,"kind":"review","action":"pull_request.synchronize","target":"acme/billing#6","source":"github"}"#,
            r#"{"second":4,"kind":"check.result","target":"acme/billing@9f2c41d","rule":"test","outcome":"error","source":"github"}"#,
            r#"{"second":9,"kind":"review","action":"pull_request.merged","target":"acme/billing#6","source":"github","user":"ana","actor":"person"}"#,
            r#"{"second":10,"kind":"review","action":"pull_request.merged","target":"ana/notes#1","rule":"not_approved","source":"github","user":"ana","actor":"person"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];
