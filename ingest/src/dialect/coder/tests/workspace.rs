//! Tests of audit and connection logs in both feeds.

use super::*;
use crate::dialect::coder::examples::{AUDIT_PAGE, CONNECTION_PAGE};

#[test]
fn audit_logs_in_both_spellings() {
    check(
        &one(&["audit_log", "workspace_build"]),
        &[
            ("source", Some("coder.audit")),
            ("family", Some("workspace")),
            ("kind", Some("workspace.build")),
            ("trust", Some("control_plane")),
            ("action", Some("start")),
            ("target", Some("workspace_build/ba5647e0-bbbb-4202-a246-717e04447380")),
            ("outcome", Some("success")),
            ("status", Some("200")),
            ("org", Some("0a2bb67e-aaaa-4168-92e0-58138989a7f5")),
            ("user", Some("mira")),
            ("user_id", Some(USER)),
            ("workspace", Some(WORKSPACE)),
            ("workspace_name", Some("ledger-rewrite")),
            ("source_id", Some("043a9ffa-9999-4c10-8ec3-2aaf9e6d741b")),
            ("content", None),
        ],
    );
    check(
        &one(&["audit_log", "login"]),
        &[
            ("kind", Some("audit")),
            ("action", Some("login")),
            ("target", Some("api_key/")),
            ("outcome", Some("deny")),
            ("status", Some("401")),
            ("org", None),
            ("user", Some("mira")),
            ("user_id", Some(USER)),
            ("content", Some(r#"{"diff":{"hashed_secret":{"old":"","new":"","secret":true}}}"#)),
        ],
    );
    let build = EXAMPLES
        .iter()
        .find(|example| example.contains("workspace_build") && example.contains("audit_log\""))
        .expect("one");
    let behalf =
        build.replace("\"actor\":", "\"onBehalfOf\":{\"id\":\"99405053-7777-484a-9ad7-bcb64e7bfde6\"},\"actor\":");
    check(
        &events(&Coder, &behalf)[0],
        &[("user", Some("99405053-7777-484a-9ad7-bcb64e7bfde6")), ("agent", Some(USER))],
    );
}

#[test]
fn a_page_of_audit_logs_is_itself_and_its_rows() {
    let events = events(&Coder, AUDIT_PAGE);
    assert_eq!(events.len(), 3);
    check(&events[0], &[("kind", Some("page")), ("action", Some("audit_logs")), ("source", Some("coder.audit"))]);
    assert!(events[0]["content"].starts_with("{\"diff\":"), "{}", events[0]["content"]);
    let log = one(&["audit_log", "workspace_build"]);
    for name in [
        "source",
        "source_id",
        "kind",
        "time",
        "action",
        "target",
        "outcome",
        "status",
        "user",
        "workspace",
        "workspace_name",
        "org",
    ] {
        assert_eq!(events[1].get(name), log.get(name), "{name} is the same in both feeds");
    }
    check(&events[1], &[("record", None), ("content", None)]);
    check(
        &events[2],
        &[
            ("kind", Some("audit")),
            ("run", Some("d0a4d9f1-1212-4a52-9a49-6f1d0d4b7c13")),
            ("run_kind", Some("coder_task")),
            ("source_id", Some("page/143a9ffa-9999-4c10-8ec3-2aaf9e6d741c")),
        ],
    );
}

#[test]
fn connections_in_both_feeds() {
    check(
        &one(&["connection_log"]),
        &[
            ("source", Some("coder.connection")),
            ("kind", Some("connection")),
            ("action", Some("connected")),
            ("target", Some("ssh")),
            ("outcome", Some("allow")),
            ("user", Some(USER)),
            ("workspace", Some(WORKSPACE)),
            ("agent", Some("main")),
            ("source_id", Some("ba5dfc63-eeee-463a-bb3e-38526866fd4b/connected")),
            ("exit_code", None),
            ("status", None),
        ],
    );
    let rows = events(&Coder, CONNECTION_PAGE);
    assert_eq!(rows.len(), 3);
    check(&rows[0], &[("kind", Some("page"))]);
    check(
        &rows[1],
        &[
            ("action", Some("connected")),
            ("time", Some(&micros("2026-10-03T08:15:04Z"))),
            ("org", Some("0a2bb67e-aaaa-4168-92e0-58138989a7f5")),
        ],
    );
    check(
        &rows[2],
        &[
            ("action", Some("disconnected")),
            ("time", Some(&micros("2026-10-03T08:20:04Z"))),
            ("duration_us", Some("300000000")),
            ("exit_code", Some("0")),
            ("outcome", Some("success")),
            ("source_id", Some("page/ba5dfc63-eeee-463a-bb3e-38526866fd4b/disconnected")),
        ],
    );
    let tunnel = EXAMPLES.iter().find(|example| example.contains("connection_log\"")).expect("one");
    let denied = tunnel
        .replace("\"ssh\",\"Code\":null", "\"tunnel\",\"Code\":\"403\"")
        .replace("\"UserID\":null", &format!("\"UserID\":\"{AGENT_SESSION}\""));
    check(
        &events(&Coder, &denied)[0],
        &[("status", Some("403")), ("outcome", Some("deny")), ("user", Some(AGENT_SESSION))],
    );
}
