//! Reads every document of a sink back: a scroll over its indices, which sees them as they were when it began.
//!
//! A point in time with `search_after` would need a last sort key that no two documents share. Elasticsearch has one (`_shard_doc`), OpenSearch has not, and
//! by any of ours a record that is there twice would be passed over at the end of a page. A scroll in the order of the index needs none, and both have it.

use std::time::Duration;

use async_trait::async_trait;
use ledger::Position;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Elasticsearch;
use crate::capabilities::ReadBack;
use crate::connections::Reach;
use crate::connections::http::Request;
use crate::connections::http::ask::Asking;
use crate::limits::{READ_BACK_ANSWER_MAX, READ_BACK_RECORDS};
use crate::receipts::ReceiptsError;
use crate::receipts::copy::Copy;

/// How long a scroll is kept between two pages.
const KEPT: &str = "5m";
/// How long a document may not be found after it was acknowledged: indices are made to be searched once a second, or as their owner says.
const SETTLING: Duration = Duration::from_mins(1);
/// What an answer is reduced to.
const FILTER: &str = "filter_path=_scroll_id,timed_out,_shards.failed,_shards.failures.reason.reason,hits.total,hits.hits._index,hits.hits._id,hits.hits._source";

/// A page of documents.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(rename = "_scroll_id")]
    scroll: Option<String>,
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards", default)]
    shards: Shards,
    #[serde(default)]
    hits: Hits,
}

/// Whether every shard was asked.
#[derive(Debug, Default, Deserialize)]
struct Shards {
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    failures: Vec<Value>,
}

/// The documents.
#[derive(Debug, Default, Deserialize)]
struct Hits {
    total: Option<Total>,
    #[serde(default)]
    hits: Vec<Hit>,
}

/// How many there are.
#[derive(Debug, Deserialize)]
struct Total {
    value: u64,
}

/// A document.
#[derive(Debug, Deserialize)]
struct Hit {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source", default)]
    source: Value,
}

impl Elasticsearch {
    /// A question to the cluster.
    async fn ask(&self, asking: &Asking, method: Method, path: &str, body: &Value) -> Result<Vec<u8>, ReceiptsError> {
        let url = format!("{}/{path}", self.url.trim_end_matches('/'));
        let request = Request::post(&url, body.to_string().into_bytes()).header("content-type", "application/json");
        let request = self.credentials(|credentials| credentials.put(request))?;
        Ok(asking.ask(method, request).await?.whole(READ_BACK_ANSWER_MAX).await?)
    }

    async fn page(&self, asking: &Asking, path: &str, body: &Value) -> Result<Page, ReceiptsError> {
        let answer = self.ask(asking, Method::POST, path, body).await?;
        let page: Page = serde_json::from_slice(&answer)
            .map_err(|error| ReceiptsError::Unanswered(format!("the answer is no page of a search: {error}")))?;
        if page.timed_out || page.shards.failed > 0 {
            let why = page.shards.failures.first().map(Value::to_string).unwrap_or_default();
            return Err(ReceiptsError::Unanswered(format!(
                "{} shards did not answer{} {why}",
                page.shards.failed,
                if page.timed_out { " in time" } else { "" }
            )));
        }
        Ok(page)
    }

    /// Whether a document may be one of this sink, by its index and its id: another log that shares the index has another prefix.
    fn is_ours(&self, hit: &Hit) -> bool {
        let (before, position) = split(&hit.id);
        self.place.may_be(&hit.index) && (position.is_none() || before == self.id_prefix)
    }

    async fn pages(&self, asking: &Asking, copy: &mut Copy, scroll: &mut Option<String>) -> Result<(), ReceiptsError> {
        let everything =
            json!({"size": READ_BACK_RECORDS, "sort": ["_doc"], "track_total_hits": true, "query": {"match_all": {}}});
        let options = "ignore_unavailable=false&allow_no_indices=true&allow_partial_search_results=false";
        let first = format!("{}/_search?scroll={KEPT}&{options}&{FILTER}", self.place.pattern());
        let mut page = self.page(asking, &first, &everything).await?;
        let total = page.hits.total.as_ref().map_or(0, |total| total.value);
        let mut read = 0;
        loop {
            *scroll = page.scroll.take().or(scroll.take());
            if page.hits.hits.is_empty() {
                break;
            }
            for hit in &page.hits.hits {
                let at = || format!("{}/{}", hit.index, hit.id);
                if self.is_ours(hit) { copy.value(&hit.source, at)? } else { copy.foreign(at) }
            }
            read += page.hits.hits.len() as u64;
            let Some(id) = scroll.as_deref() else { break };
            let next = json!({"scroll": KEPT, "scroll_id": id});
            page = self.page(asking, &format!("_search/scroll?{FILTER}"), &next).await?;
        }
        if read == total {
            return Ok(());
        }
        Err(ReceiptsError::Unanswered(format!("it gave {read} of {total} documents")))
    }
}

/// What stands before the position in an id, and the position, if there is one.
fn split(id: &str) -> (&str, Option<Position>) {
    let ledgers = ledger::LedgerName::ALL.iter().filter_map(|ledger| id.rfind(&format!("{ledger}-")));
    let Some((before, rest)) = ledgers.max().and_then(|at| id.split_at_checked(at)) else { return (id, None) };
    match rest.replace('-', "/").parse() {
        Ok(position) => (before, Some(position)),
        Err(_) => (id, None),
    }
}

#[async_trait]
impl ReadBack for Elasticsearch {
    fn settling(&self) -> Duration {
        SETTLING
    }

    async fn read_back(&self, reach: &Reach, copy: &mut Copy) -> Result<(), ReceiptsError> {
        let asking = Asking::new(reach)?;
        let mut scroll = None;
        let read = self.pages(&asking, copy, &mut scroll).await;
        if let Some(id) = scroll {
            // The cluster forgets it by itself, later.
            let _ = self.ask(&asking, Method::DELETE, "_search/scroll", &json!({"scroll_id": [id]})).await;
        }
        read
    }
}

#[cfg(test)]
mod tests;
