//! Tests of losses, notifications, and of what the REST interface says how things stand.

use super::*;
use crate::dialect::coder::examples::{
    AGENT_TIME, API_KEYS_PAGE, BUDGET_NOTICE, BUILDS_LIST, CHAT_WATCH, CHATS_PAGE, GROUPS_LIST, TEMPLATES_LIST,
    USERS_PAGE, WORKSPACES_PAGE,
};

#[test]
fn a_failure_of_the_gateway_is_one_record_that_was_lost_though_it_is_told_twice() {
    check(
        &one(&["failed to record prompt usage"]),
        &[
            ("kind", Some("loss")),
            ("source", Some("coder.gateway")),
            ("trust", Some("gateway")),
            ("action", Some("failed to record prompt usage")),
            ("amount", Some("1")),
            ("interception", None),
            ("content", Some(r#"{"error":"rpc error: deadline exceeded"}"#)),
        ],
    );
    let whole = one(&["failed to record usage"]);
    check(
        &whole,
        &[("kind", Some("loss")), ("target", Some("prompt")), ("amount", None), ("interception", Some(INTERCEPTION))],
    );
    assert!(!whole["record"].contains("Prompt") && whole["content"].contains("[REDACTED:aws_access_key]"));
    check(
        &one(&["content recording is disabled"]),
        &[("kind", Some("loss")), ("action", Some("content_not_exported"))],
    );
    let debug = r#"{"ts":"2026-10-03T08:15:09Z","level":"DEBUG","msg":"failed to record usage","fields":{}}"#;
    assert_eq!(crate::dialect::testing::decoded(&Coder, debug.as_bytes()), Decoded::Skip(SKIP_DEBUG));
}

#[test]
fn a_notice_about_a_budget_is_about_whose_budget_it_is() {
    let notice = events(&Coder, BUDGET_NOTICE).remove(0);
    check(
        &notice,
        &[
            ("source", Some("coder.notification")),
            ("kind", Some("notification")),
            ("action", Some("budget.notice")),
            ("target", Some("AI Budget Threshold Reached")),
            ("user", Some("mira")),
            ("user_id", None),
            ("amount", Some("85")),
            ("amount_max", Some("100")),
            ("source_id", Some("8c1d3e5f-1717-4c9d-8e0f-1a2b3c4d5e6f")),
        ],
    );
    for name in ["\"title\":", "\"body\":", "\"body_markdown\":", "\"labels\":", "\"actions\":"] {
        assert!(notice["content"].contains(name), "{name} in {}", notice["content"]);
    }
    assert!(!notice["record"].contains("Hi Tobias") && !notice["record"].contains("approaching"));
    let other = BUDGET_NOTICE.replace("AI Budget Threshold Reached", "Workspace Deleted");
    check(
        &events(&Coder, &other)[0],
        &[
            ("action", Some("notice")),
            ("user", Some("tobias")),
            ("amount", None),
            ("target", Some("Workspace Deleted")),
        ],
    );
}

#[test]
fn builds_say_who_or_what_began_them_and_how_they_ended() {
    let builds = events(&Coder, BUILDS_LIST);
    assert_eq!(builds.len(), 3);
    check(&builds[0], &[("kind", Some("page")), ("action", Some("list"))]);
    assert!(builds[0]["content"].contains("terraform apply") && !builds[0]["record"].contains("terraform"));
    check(
        &builds[1],
        &[
            ("source", Some("coder.api")),
            ("kind", Some("workspace.build")),
            ("action", Some("stop")),
            ("actor", Some("schedule")),
            ("outcome", Some("error")),
            ("user", Some("mira")),
            ("workspace", Some(WORKSPACE)),
            ("time", Some(&micros("2026-10-04T08:14:09Z"))),
            ("source_id", Some("page/workspace_build/bb5647e0-bbbb-4202-a246-717e04447381/failed")),
        ],
    );
    check(&builds[2], &[("actor", Some("person")), ("outcome", None)]);
    // The audit log says the same of who began it.
    let audit = EXAMPLES.iter().find(|example| example.contains("\"build_reason\":\"initiator\"")).expect("one");
    check(&events(&Coder, &audit.replace("initiator\"", "autostart\""))[0], &[("actor", Some("schedule"))]);
    check(&events(&Coder, audit)[0], &[("actor", None)]);
}

#[test]
fn how_things_stand_is_told_again_when_it_has_changed() {
    // A page, what of it changes without meaning anything, and what is another state.
    for (page, noise, state, expected) in [
        (
            WORKSPACES_PAGE,
            ("\"last_used_at\": \"2026-11-20T10:00:00Z\"", "\"last_used_at\": \"2026-11-20T10:09:00Z\""),
            ("\"status\": \"running\"", "\"status\": \"stopping\""),
            &[
                ("action", Some("workspace")),
                ("workspace", Some(WORKSPACE)),
                ("workspace_name", Some("ledger-rewrite")),
                ("template", Some(TEMPLATE)),
                ("user", Some("mira")),
                ("outcome", Some("success")),
            ][..],
        ),
        (
            USERS_PAGE,
            ("\"last_seen_at\": \"2026-11-20T10:00:00Z\"", "\"last_seen_at\": \"2026-11-20T10:09:00Z\""),
            ("\"owner\"", "\"auditor\""),
            &[("action", Some("user")), ("user", Some("mira")), ("user_id", Some(USER))][..],
        ),
        (
            GROUPS_LIST,
            ("\"last_seen_at\": \"2026-11-20T10:00:00Z\"", "\"last_seen_at\": \"2026-11-20T10:09:00Z\""),
            ("\"id\": \"5b405053", "\"id\": \"6b405053"),
            &[("action", Some("group")), ("team", Some("core"))][..],
        ),
        (
            TEMPLATES_LIST,
            ("with an agent", "with agents"),
            ("\"deprecated\": false", "\"deprecated\": true"),
            &[("action", Some("template")), ("template", Some(TEMPLATE))][..],
        ),
    ] {
        let ids = |page: &str| events(&Coder, page).iter().map(|event| event["source_id"].clone()).collect::<Vec<_>>();
        let first = events(&Coder, page);
        check(&first[0], &[("kind", Some("page")), ("source", Some("coder.api"))]);
        check(&first[1], &[("kind", Some("inventory")), ("trust", Some("control_plane"))]);
        check(&first[1], expected);
        let (again, changed) = (page.replace(noise.0, noise.1), page.replace(state.0, state.1));
        assert_ne!((again.as_str(), changed.as_str()), (page, page));
        assert_eq!(ids(page), ids(&again), "{page}");
        assert!(ids(page).iter().zip(ids(&changed)).all(|(before, after)| *before != after), "{page}");
    }
    let workspaces = events(&Coder, WORKSPACES_PAGE);
    assert!(workspaces[0]["content"].contains("[REDACTED:aws_access_key]"));
    assert!(!workspaces[0]["record"].contains("statuses"));
    // An element of a list that came alone.
    let alone = GROUPS_LIST.trim_matches(['[', ']']);
    assert_eq!(events(&Coder, alone)[1]["source_id"], events(&Coder, GROUPS_LIST)[1]["source_id"]);
}

#[test]
fn members_of_groups_and_keys_are_told_as_enrichment_learns_them() {
    let group = events(&Coder, GROUPS_LIST);
    assert_eq!(group.len(), 3, "the page, the group, its member");
    check(
        &group[2],
        &[
            ("kind", Some("inventory")),
            ("action", Some("group_member")),
            ("target", Some("group/15405053-7777-484a-9ad7-bcb64e7bfde6")),
            ("user_id", Some(USER)),
            ("team", Some("core")),
            ("org", Some("0a2bb67e-aaaa-4168-92e0-58138989a7f5")),
        ],
    );
    let everyone = GROUPS_LIST.replace("15405053-7777-484a-9ad7-bcb64e7bfde6", "0a2bb67e-aaaa-4168-92e0-58138989a7f5");
    assert_eq!(events(&Coder, &everyone).len(), 2, "everybody is in it");
    let members: Vec<String> = (0..3_000).map(|at| format!("{{\"id\":\"m{at}\"}}")).collect();
    let many = GROUPS_LIST.replace("\"members\": [", &format!("\"members\": [{},", members.join(",")));
    let many = events(&Coder, &many);
    check(&many[1], &[("action", Some("group")), ("marks", Some("truncated:members"))]);
    assert_eq!(many.len(), 2 + 2_048);
    let keys = events(&Coder, API_KEYS_PAGE);
    check(&keys[0], &[("kind", Some("page")), ("action", Some("api_keys"))]);
    check(
        &keys[1],
        &[
            ("action", Some("api_key")),
            ("target", Some("api_key/Yq2xT7vLm1")),
            ("user_id", Some(USER)),
            ("workspace", Some(WORKSPACE)),
        ],
    );
    check(&keys[2], &[("action", Some("api_key")), ("user_id", Some(USER)), ("workspace", None)]);
    assert!(!keys[0]["record"].contains("my laptop"), "people name their keys");
}

#[test]
fn chats_tell_who_began_them_and_what_became_of_their_change() {
    let chats = events(&Coder, CHATS_PAGE);
    let kinds: Vec<&str> = chats.iter().map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["page", "chat.status", "review", "chat.status"]);
    let id = "e0b2c3d4-1818-4a7b-8c9d-0e1f2a3b4c5d";
    let shared: &[(&str, Option<&str>)] = &[
        ("source", Some("coder.chat")),
        ("run", Some(id)),
        ("run_kind", Some("coder_chat")),
        ("session", Some(id)),
        ("workspace", Some(WORKSPACE)),
        ("user", Some(USER)),
        ("actor", Some("person")),
    ];
    check(&chats[1], shared);
    check(&chats[2], shared);
    check(
        &chats[1],
        &[
            ("action", Some("error")),
            ("outcome", Some("error")),
            ("status", Some("429")),
            ("provider", Some("anthropic")),
            ("source_id", Some(&format!("page/chat/{id}/{}/error", micros("2026-11-20T10:00:00Z")))),
        ],
    );
    check(
        &chats[2],
        &[
            ("action", Some("pull_request.opened")),
            ("target", Some("acme/billing#7")),
            ("outcome", Some("deny")),
            ("time", Some(&micros("2026-11-20T10:00:05Z"))),
        ],
    );
    check(&chats[3], &[("actor", Some("sub_agent")), ("action", Some("running")), ("outcome", None)]);
    for secret in ["Round", "slow down", "billing\"}"] {
        assert!(!chats[0]["record"].contains(secret), "{secret} in {}", chats[0]["record"]);
    }
    let watched = events(&Coder, CHAT_WATCH);
    check(&watched[1], &[("kind", Some("chat.status")), ("actor", Some("automation"))]);
    check(
        &watched[2],
        &[("action", Some("pull_request.merged")), ("outcome", Some("allow")), ("target", Some("acme/billing#8"))],
    );
    let unreviewed = CHAT_WATCH.replace("\"approved\": true", "\"approved\": false");
    check(&events(&Coder, &unreviewed)[2], &[("action", Some("pull_request.merged")), ("outcome", None)]);
}

#[test]
fn agent_time_is_told_by_day_and_by_who_took_it() {
    let report = events(&Coder, AGENT_TIME);
    assert_eq!(report.len(), 5);
    check(
        &report[1],
        &[
            ("kind", Some("resource")),
            ("action", Some("agent_time.bucket")),
            ("target", Some("day/2026-11-19/2026-11-20")),
            ("amount", Some("3600000")),
            ("time", Some(&micros("2026-11-19T00:00:00Z"))),
        ],
    );
    check(&report[3], &[("amount", None), ("marks", None)]);
    check(&report[4], &[("action", Some("agent_time.share")), ("amount", Some("5400000"))]);
    let grown = events(&Coder, &AGENT_TIME.replace("\"1800000\"", "\"1900000\""));
    let changed: Vec<bool> = report.iter().zip(&grown).map(|(a, b)| a["source_id"] != b["source_id"]).collect();
    assert_eq!(changed, [true, false, true, false, false]);
}
