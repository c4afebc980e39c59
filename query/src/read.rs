//! Results as values of our own types, for callers that answer with more than a table: each row is read as JSON, in the words in which
//! results are written as NDJSON.

use std::sync::Arc;

use operations::access::Principal;
use serde::de::DeserializeOwned;

use crate::engine::{AccessCheck, Engine, Limits, Purpose, Request};
use crate::error::QueryError;
use crate::output::{Encoded, Format};
use crate::result_stream::ResultStream;

/// Who asks for a page, and whether that still stands.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Who.
    pub principal: Arc<Principal>,
    /// Whether the token still stands.
    pub access: AccessCheck,
}

impl Asker {
    fn request(&self, sql: String) -> Request {
        Request {
            sql,
            principal: Arc::clone(&self.principal),
            purpose: Purpose::Page,
            limits: Limits::default(),
            access: self.access.clone(),
        }
    }
}

impl Engine {
    /// Runs a statement of ours for a page.
    pub(crate) async fn page(&self, asker: &Asker, sql: String) -> Result<ResultStream, QueryError> {
        self.run(asker.request(sql)).await
    }

    /// The rows of a statement, in order.
    pub async fn read<T: DeserializeOwned>(&self, asker: &Asker, sql: String) -> Result<Vec<T>, QueryError> {
        let mut encoded = Encoded::new(self.page(asker, sql).await?, Format::NdJson, None)?;
        let bytes = encoded.pull(usize::MAX).await.map_err(|(_, error)| error)?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(QueryError::internal)).collect()
    }

    /// The only row of a statement, if it has one.
    pub async fn read_one<T: DeserializeOwned>(&self, asker: &Asker, sql: String) -> Result<Option<T>, QueryError> {
        Ok(self.read(asker, sql).await?.into_iter().next())
    }
}
