//! Tests of webhooks: what happened to which pull request, and whether a person did it.

use super::examples::EXAMPLES;
use super::*;
use crate::dialect::SKIP_BLANK;
use crate::dialect::testing::{Columns, check, decoded, events};
use crate::timestamp;

fn one(number: usize) -> Columns {
    let mut events = events(&Github, EXAMPLES[number]);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn micros(time: &str) -> String {
    timestamp::parse(time).expect(time).to_string()
}

#[test]
fn a_pull_request_is_opened_and_merged() {
    let opened = one(0);
    check(
        &opened,
        &[
            ("source", Some("github")),
            ("family", Some("workspace")),
            ("kind", Some("review")),
            ("trust", Some("control_plane")),
            ("action", Some("pull_request.opened")),
            ("target", Some("acme/billing#7")),
            ("user", Some("Copilot")),
            ("org", Some("acme")),
            ("actor", Some("cloud_agent")),
            ("agent", Some("Copilot")),
            ("agent_kind", Some("github_copilot")),
            ("outcome", None),
            ("time", Some(&micros("2026-11-20T10:00:00Z"))),
        ],
    );
    for text in ["Round half up", "AKIA", "billing\"}]", "Bills"] {
        assert!(!opened["record"].contains(text), "{text} in {}", opened["record"]);
    }
    assert!(opened["record"].contains("\"additions\":41") && opened["content"].contains("Round half up"));
    check(
        &one(1),
        &[
            ("action", Some("pull_request.merged")),
            ("target", Some("acme/billing#7")),
            ("user", Some("mira")),
            ("actor", Some("person")),
            ("agent", Some("Copilot")),
            ("agent_kind", Some("github_copilot")),
            ("time", Some(&micros("2026-11-20T11:00:00Z"))),
        ],
    );
    let closed = EXAMPLES[1].replace("\"merged\":true", "\"merged\":false");
    check(&events(&Github, &closed)[0], &[("action", Some("pull_request.closed"))]);
    // The same delivery again is the same, another one is not.
    assert_eq!(one(0)["source_id"], opened["source_id"]);
    assert_ne!(events(&Github, &closed)[0]["source_id"], one(1)["source_id"]);
}

#[test]
fn a_review_is_a_verdict_when_it_is_submitted() {
    check(
        &one(2),
        &[
            ("kind", Some("review")),
            ("action", Some("review.changes_requested")),
            ("outcome", Some("deny")),
            ("user", Some("tobias")),
            ("actor", Some("person")),
            ("agent", Some("Copilot")),
            ("target", Some("acme/billing#7")),
            ("time", Some(&micros("2026-11-20T10:30:00Z"))),
        ],
    );
    check(
        &one(3),
        &[
            ("action", Some("review.approved")),
            ("outcome", Some("allow")),
            ("actor", Some("cloud_agent")),
            ("agent", Some("coderabbitai[bot]")),
            ("target", Some("acme/billing#8")),
        ],
    );
    for (action, state, want, outcome) in [
        ("submitted", "COMMENTED", "review.commented", None),
        ("dismissed", "dismissed", "review.dismissed", None),
        ("edited", "approved", "review.edited", None),
    ] {
        let review = EXAMPLES[3].replace("submitted\",\"review", &format!("{action}\",\"review"));
        let review = review.replace("\"state\":\"approved\"", &format!("\"state\":\"{state}\""));
        check(&events(&Github, &review)[0], &[("action", Some(want)), ("outcome", outcome)]);
    }
}

#[test]
fn checks_end_in_many_words() {
    let failed = one(4);
    check(
        &failed,
        &[
            ("kind", Some("check.result")),
            ("action", Some("check_run.completed")),
            ("rule", Some("test")),
            ("outcome", Some("error")),
            ("target", Some("acme/billing#7")),
            ("duration_us", Some("120000000")),
            ("actor", Some("automation")),
            ("agent_kind", None),
        ],
    );
    assert!(!failed["record"].contains("TestRound"));
    check(
        &one(5),
        &[
            ("kind", Some("check.pending")),
            ("action", Some("check_run.created")),
            ("outcome", None),
            ("duration_us", None),
            ("target", Some("acme/billing@6dcb09b5b57875f334f61aebed695e2e4193db5e")),
        ],
    );
    check(
        &one(6),
        &[
            ("kind", Some("check.result")),
            ("action", Some("check_suite.completed")),
            ("rule", Some("github-actions")),
            ("outcome", Some("success")),
        ],
    );
    for (conclusion, outcome) in
        [("neutral", Some("success")), ("timed_out", Some("error")), ("cancelled", None), ("stale", None)]
    {
        let ended = EXAMPLES[4].replace("\"failure\"", &format!("\"{conclusion}\""));
        check(&events(&Github, &ended)[0], &[("kind", Some("check.result")), ("outcome", outcome)]);
    }
}

#[test]
fn a_push_is_dated_by_github_and_not_by_its_commits() {
    check(
        &one(7),
        &[
            ("kind", Some("push")),
            ("action", Some("push.forced")),
            ("target", Some("acme/billing@refs/heads/main")),
            ("amount", Some("1")),
            ("user", Some("mira")),
            ("time", Some("1795168800000000")),
        ],
    );
    for (flags, action) in [
        ("\"created\":true,\"deleted\":false,\"forced\":false", "ref.created"),
        ("\"created\":false,\"deleted\":true,\"forced\":false", "ref.deleted"),
        ("\"created\":false,\"deleted\":false,\"forced\":false", "push"),
    ] {
        let push = EXAMPLES[7].replace("\"created\":false,\"deleted\":false,\"forced\":true", flags);
        check(&events(&Github, &push)[0], &[("action", Some(action))]);
    }
}

#[test]
fn whoever_has_the_name_of_an_agent_is_one_only_as_a_bot() {
    for (login, kind, actor, agent) in [
        ("devin-ai-integration[bot]", "Bot", Some("cloud_agent"), Some("devin")),
        ("claude", "User", Some("person"), None),
        ("renovate[bot]", "Bot", Some("automation"), None),
        ("renovate[bot]", "", Some("automation"), None),
        ("acme", "Organization", None, None),
    ] {
        let push = EXAMPLES[7].replace(
            r#"{"login":"mira","id":21031067,"type":"User"}"#,
            &format!(r#"{{"login":"{login}","id":1,"type":"{kind}"}}"#),
        );
        let event = events(&Github, &push).remove(0);
        check(&event, &[("user", Some(login)), ("actor", actor), ("agent_kind", agent)]);
    }
}

#[test]
fn other_webhooks_are_kept_and_pings_are_none() {
    assert_eq!(decoded(&Github, br#"{"zen":"Keep it simple.","hook_id":1}"#), Decoded::Skip(SKIP_SERVER_LINE));
    assert_eq!(decoded(&Github, b" "), Decoded::Skip(SKIP_BLANK));
    for (record, reason) in [
        (r#"{"action":"starred","repository":{"full_name":"acme/billing"}}"#, "have only these sent"),
        (r#"{"action":"opened","pull_request":{"number":7}}"#, "no repository"),
        (r#"{"pull_request":{},"repository":{"full_name":"a/b"}}"#, "no action"),
        ("payload=%7B%7D", "not JSON"),
    ] {
        assert!(
            matches!(decoded(&Github, record.as_bytes()), Decoded::Unparsed(found) if found.contains(reason)),
            "{record}"
        );
    }
}
