//! Records that belong together: two feeds that tell of one call.

use super::*;
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
