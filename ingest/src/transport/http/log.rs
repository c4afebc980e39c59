//! What is told of the log to machines that send: its newest checkpoint, and that it grew out of the one that they know. Whoever sends
//! can so refuse a server that forgot what it acknowledged.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use ledger::{Ledger, LedgerError, LogTree};
use operations::access::Role;

use super::problem::Problem;
use super::{Push, request};
use crate::relay;

/// The log of the ledger that events are recorded in, if that is here.
pub(super) struct Log(Option<Arc<Mutex<LogTree>>>);

impl Log {
    pub fn new(ledger: Option<&Ledger>) -> Self {
        Self(ledger.map(|ledger| Arc::new(Mutex::new(LogTree::new(ledger.reader().clone())))))
    }
}

/// Sizes of the log.
#[derive(serde::Deserialize)]
pub(super) struct Sizes {
    from: u64,
    to: u64,
}

/// `GET /v1/checkpoint`: the newest signed checkpoint of the log of events, as a C2SP signed note; the header `Tachograph-Log-Key` names
/// the key that signed it.
pub(super) async fn checkpoint(State(push): State<Arc<Push>>, headers: HeaderMap) -> Response {
    let answer = push.ask(&headers, |log| log.checkpoint()).await;
    match answer {
        Ok(Some((note, key))) => {
            let mut response =
                ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], note).into_response();
            if let Ok(key) = HeaderValue::from_str(&key) {
                response.headers_mut().insert(relay::LOG_KEY, key);
            }
            response
        }
        Ok(None) => push.refuse(None, Problem::no_log("no checkpoint is signed yet")),
        Err(problem) => push.refuse(None, problem),
    }
}

/// `GET /v1/consistency?from=SIZE&to=SIZE`: the RFC 9162 proof that the log of one size begins with that of the other.
pub(super) async fn consistency(
    State(push): State<Arc<Push>>,
    headers: HeaderMap,
    sizes: Result<Query<Sizes>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Sizes { from, to })) = sizes else {
        let problem =
            Problem::no_request("the path is /v1/consistency?from=SIZE&to=SIZE with two sizes of the log".to_owned());
        return push.refuse(None, problem);
    };
    match push.ask(&headers, move |log| log.consistency(from, to)).await {
        Ok(Some(path)) => {
            let path: Vec<String> = path.iter().map(|digest| hex::encode(digest.0)).collect();
            axum::Json(serde_json::json!({"from": from, "to": to, "path": path})).into_response()
        }
        Ok(None) => push.refuse(None, Problem::no_log("the sizes are 1 ≤ from ≤ to ≤ size of the newest checkpoint")),
        Err(problem) => push.refuse(None, problem),
    }
}

impl Push {
    /// Asks the log, for somebody who may send.
    async fn ask<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        ask: impl FnOnce(&mut LogTree) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Problem> {
        let principal = request::bearer(headers).and_then(|secret| self.authorize.authorize(secret));
        let principal = principal.ok_or_else(Problem::unauthorized)?;
        if !principal.may(Role::Ingest) {
            return Err(Problem::role());
        }
        let log = self.log.0.clone().ok_or_else(|| Problem::no_log("this machine passes events on and has no log"))?;
        let share = self.open(&principal.token)?;
        let _permit = share.permit().await?;
        // It reads files.
        let work = move || ask(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
        let answer = tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?;
        answer.map_err(|error| {
            tracing::warn!(%error, "the log cannot be read for a machine that sends");
            Problem::internal()
        })
    }
}
