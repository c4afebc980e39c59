//! Reports of Agent Time, the runtime that Coder bills (`GET /api/v2/agent-time`, `…/organizations/{org}/agent-time`, Coder 2.38):
//! buckets of days or longer, and whose share it is.
//!
//! A bucket that is not complete grows, so its event carries how much it was; the latest of a bucket counts, and nothing is to be summed
//! over events of one bucket.

use ledger::events::column;

use super::SOURCE_API;
use super::pages;
use crate::dialect::json::{Integer, Text, read, record, why_not};
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

record! {
    /// A report.
    Report {
        start: Text<'a> = "start_date",
        end: Text<'a> = "end_date",
        interval: Text<'a> = "interval",
        buckets: Option<Vec<Bucket<'a>>> = "buckets",
        shares: Option<Vec<Share<'a>>> = "rows",
    }

    /// A part of the time that it is about, in whole days of UTC.
    Bucket {
        start: Text<'a> = "start_date",
        end: Text<'a> = "end_date",
        time: Integer = "agent_time_ms",
        complete: Text<'a> = "complete",
    }

    /// The share of an organization or a person.
    Share {
        id: Text<'a> = "id",
        time: Integer = "agent_time_ms",
    }
}

/// Decodes a report: each bucket and each share is an event.
pub fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let report: Report = read(text).map_err(|error| why_not(&error))?;
    let (start, end, interval) = (report.start.as_str(), report.end.as_str(), report.interval.as_str());
    *drafts.add() = pages::page(SOURCE_API, "agent_time", "", received);
    for bucket in report.buckets.iter().flatten() {
        let (start, end) = (bucket.start.some().ok_or("a bucket has no start_date")?, bucket.end.as_str());
        let draft = drafts.add();
        set(draft, "agent_time.bucket", start, bucket.time, received);
        draft.columns.set_text(column::TARGET, &[interval, start, end].join("/"));
        draft.identity = ["agent_time", interval, start, end, &shown(bucket.time), bucket.complete.as_str()].join("\n");
    }
    for share in report.shares.iter().flatten() {
        let id = share.id.id().ok_or("a share has no id")?;
        let draft = drafts.add();
        set(draft, "agent_time.share", start, share.time, received);
        draft.columns.set_text(column::TARGET, &[id, start, end].join("/"));
        draft.identity = ["agent_time", id, start, end, &shown(share.time)].join("\n");
    }
    pages::identify(drafts);
    Ok(())
}

fn set(draft: &mut Draft, action: &str, start: &str, time: Integer, received: i64) {
    draft.set_origin(SOURCE_API, "workspace", "resource");
    let midnight = if start.is_empty() { String::new() } else { [start, "T00:00:00Z"].concat() };
    draft.set_times(Stated::of(&midnight), Stated::Nothing, received);
    draft.columns.set_text(column::ACTION, action);
    if let Some(milliseconds) = time.0 {
        draft.columns.set_integer(column::AMOUNT, milliseconds);
    }
}

fn shown(time: Integer) -> String {
    time.0.map(|milliseconds| milliseconds.to_string()).unwrap_or_default()
}
