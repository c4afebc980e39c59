//! The spend log of LiteLLM's proxy: one row for each request, asked for by the time at which the request began.

use std::time::Duration;

use super::cursor::Place;
use super::endpoint::{Api, Ask, Asked, Endpoint, Paging, Reading, never};
use crate::timestamp;

/// The interface.
pub static API: Api = Api { name: "litellm", header: "Authorization", scheme: "Bearer ", endpoints: ENDPOINTS };

const ENDPOINTS: &[Endpoint] = &[Endpoint {
    name: "spend",
    paths: &["/spend/logs/v2", "/spend/logs/ui"],
    // A row is written when the request is over, up to a minute later, and is found by when the request began.
    reading: Reading::Log { overlap: Duration::from_mins(30), has_windows: true, is_sorted: true, is_open: never },
    paging: Paging::Number,
    rows: "data",
    wrap: "",
    id: &["/request_id"],
    time: &["/startTime"],
    version: &[],
    every: 1,
    limit: 100,
    ask: spend,
    is_recorded: true,
    details: &[],
}];

fn spend(ask: &Ask<'_>) -> Asked {
    let page = if let Place::Number(page) = ask.place { *page } else { 1 };
    // Both ends must be said; the last one lies far enough ahead to be none.
    let to = ask.span.to.unwrap_or_else(|| ask.span.from.saturating_add(AHEAD.as_micros() as i64));
    Asked {
        query: vec![
            ("start_date", second(ask.span.from)),
            ("end_date", second(to)),
            ("page", page.to_string()),
            ("page_size", ask.limit.to_string()),
            ("sort_by", "startTime".to_owned()),
            ("sort_order", "desc".to_owned()),
        ],
        ..Asked::default()
    }
}

/// The end of a part that has none.
const AHEAD: Duration = Duration::from_hours(24 * 366);

/// A time as the interface reads it: in UTC, to the second.
fn second(micros: i64) -> String {
    timestamp::format(micros).chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::transport::poll::cursor::Span;

    #[test]
    fn a_page_is_asked_for_by_its_number_and_both_ends() {
        let span = Span { from: 1_789_000_000_000_000, to: Some(1_789_100_000_000_000) };
        let asked = spend(&Ask { span, place: &Place::Number(3), limit: 50, row: &Value::Null });
        let query: Vec<&str> = asked.query.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(query, ["2026-09-10 00:26:40", "2026-09-11 04:13:20", "3", "50", "startTime", "desc"]);
    }
}
