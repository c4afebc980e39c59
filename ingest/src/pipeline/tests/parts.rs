//! Records that belong together: two feeds that tell of one call, and lines that are one record.

use super::*;
use crate::dialect::auditd::Auditd;
use crate::dialect::litellm::LiteLlm;

async fn feed_lite(house: &House, token: &str, record: &str) -> Tally {
    let principal = Principal { token: token.to_owned(), trust: Trust::Gateway, ..Principal::local() };
    let mut intake = intake_of(house, &LiteLlm, principal);
    intake.record(record.as_bytes(), clock::now(), 0).await.unwrap();
    intake.finish().await.unwrap();
    intake.tally()
}

#[tokio::test]
async fn a_call_that_two_feeds_tell_is_counted_once() {
    let (callback, row) = (LiteLlm.examples()[0], LiteLlm.examples()[4]);
    for (first, second) in [(callback, row), (row, callback)] {
        let mut house = House::new("");
        assert_eq!(feed_lite(&house, "t-callback", first).await.events, 1);
        for _ in 0..2 {
            assert_eq!(feed_lite(&house, "t-database", second).await.conflicts, 0);
            house = house.reopen().await;
        }
        let rows = house.rows();
        let calls: Vec<_> = rows.iter().filter(|row| row.text(column::KIND) == Some("model.call")).collect();
        assert_eq!(calls.len(), 1);
        for money in [column::COST_SOURCE_MICROS, column::COST_MICROS, column::TOKENS_OUT] {
            assert_eq!(rows.iter().filter(|row| row.integer(money).is_some()).count(), 1, "{second}");
        }
        // What the second one alone knows of who it was stands beside the call.
        let more: Vec<_> = rows.iter().filter(|row| row.text(column::KIND) == Some("model.call.more")).collect();
        assert_eq!(more.len(), usize::from(second == callback), "{second}");
    }
}

#[tokio::test]
async fn the_lines_of_an_event_are_one_record_and_none_is_lost() {
    let house = House::new("");
    let line = |serial: u32, kind: &str, rest: &str| format!("type={kind} msg=audit(1791015321.512:{serial}): {rest}");
    let lines = [
        line(1, "SYSCALL", "arch=c000003e syscall=59 success=yes exit=0 exe=\"/usr/bin/ls\""),
        line(2, "SYSCALL", "arch=c000003e syscall=59 success=yes exit=0 exe=\"/usr/bin/id\""),
        line(1, "EXECVE", "argc=2 a0=\"ls\" a1=\"-l\""),
        line(2, "PROCTITLE", "proctitle=6964"),
        line(2, "EOE", ""),
        line(1, "PROCTITLE", "proctitle=\"ls\""),
        line(3, "SYSCALL", "arch=c000003e syscall=59 success=no exit=-13 exe=\"/root/x\""),
    ];
    let mut intake = intake(&house, &Auditd);
    let mut positions = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        intake.record(line.as_bytes(), clock::now(), number as u64 + 1).await.unwrap();
        intake.finish().await.unwrap();
        positions.push(intake.durable_position());
    }
    // The first event is held until its title comes, and the second one stands between its lines.
    assert_eq!(positions, [0, 0, 0, 0, 0, 6, 6]);
    assert!(intake.is_gathering());
    intake.end_begun().await.unwrap();
    intake.finish().await.unwrap();
    assert_eq!((intake.durable_position(), intake.is_gathering()), (7, false));
    assert_eq!((intake.tally().accepted, intake.tally().skipped, intake.tally().unparsed), (3, 1, 0));
    let commands = house.column(column::COMMAND);
    assert_eq!(commands, ["id", "ls -l", ""]);
    let again = feed_in(&house, &Auditd, &lines).await;
    assert_eq!((again.duplicates, again.events), (3, 0));
}
