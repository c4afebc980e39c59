//! Records of several lines in files: they end with silence, and a restart in the middle of one reads it whole.

use super::*;

fn line(serial: u32, kind: &str, rest: &str) -> String {
    format!("type={kind} msg=audit(1791015321.512:{serial}): {rest}\n")
}

#[tokio::test]
async fn a_record_of_several_lines_is_read_whole_over_restarts() {
    let begin = |serial| line(serial, "SYSCALL", "arch=c000003e syscall=59 success=yes exe=\"/usr/bin/ls\"");
    let end = |serial| line(serial, "PROCTITLE", "proctitle=\"ls\"");
    let arguments = |serial| line(serial, "EXECVE", "argc=2 a0=\"ls\" a1=\"-l\"");
    let ids = ["1791015321.512:1/SYSCALL", "1791015321.512:2/SYSCALL", "1791015321.512:3/SYSCALL"];
    let mut fixture = Fixture::new("auditd", Origin::Beginning);
    for act in [
        write("auditd", &(begin(1) + &begin(2) + &arguments(1) + &end(1))),
        Step,
        Restart,
        write("auditd", &arguments(2)),
        Step,
        Restart,
        write("auditd", &end(2)),
        Step,
        // Nothing says that this one has ended.
        write("auditd", &begin(3)),
        Step,
    ] {
        fixture = fixture.act(act).await;
    }
    assert_eq!(fixture.house.column(column::SOURCE_ID), ids[..2]);
    assert_eq!(fixture.house.column(column::COMMAND), ["ls -l", "ls -l"]);
    for act in [Wait(2), Step, Restart, Step] {
        fixture = fixture.act(act).await;
    }
    assert_eq!(fixture.house.column(column::SOURCE_ID), ids);
}
