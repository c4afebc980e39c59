//! A result on its way into bytes of one format: what whoever sends results needs of one, without knowing its columns.

use super::{Format, Writer};
use crate::error::QueryError;
use crate::result_stream::{ResultStream, Statistics};

/// A result that is read as bytes. Dropping it cancels the query.
pub struct Encoded {
    result: ResultStream,
    writer: Box<dyn Writer>,
    ended: bool,
}

impl Encoded {
    /// Writes `result` in this format; `width` is how many columns of characters a table may take.
    pub fn new(result: ResultStream, format: Format, width: Option<usize>) -> Result<Self, QueryError> {
        let writer = format.writer(result.id(), result.schema(), width)?;
        Ok(Self { result, writer, ended: false })
    }

    /// Id of the query, as recorded.
    pub fn id(&self) -> &str {
        self.result.id()
    }

    /// What the query cost, once everything was read; `None` before.
    pub fn statistics(&self) -> Option<Statistics> {
        self.ended.then(|| self.result.statistics())
    }

    /// At least `bytes` more bytes, or all that are left. With an error come the bytes before it; nothing follows it.
    pub async fn pull(&mut self, bytes: usize) -> Result<Vec<u8>, (Vec<u8>, QueryError)> {
        let mut out = Vec::new();
        while !self.ended && out.len() < bytes {
            let step = match self.result.next().await {
                Some(Ok(batch)) => self.writer.batch(&batch, &mut out),
                Some(Err(error)) => Err(error),
                None => {
                    self.ended = true;
                    let statistics = self.result.statistics();
                    self.writer.finish(&statistics, &mut out)
                }
            };
            if let Err(error) = step {
                self.ended = true;
                return Err((out, error));
            }
        }
        Ok(out)
    }

    /// The next bytes of a result of which some were sent, about `bytes` of them; `None` at the end. An error is said in the
    /// format's own words where it has some; where it has none, the receiver must be made to notice in another way, such as a
    /// broken connection.
    pub async fn chunk(&mut self, bytes: usize) -> Result<Option<Vec<u8>>, QueryError> {
        match self.pull(bytes).await {
            Ok(out) => Ok(Some(out).filter(|out| !out.is_empty())),
            Err((mut out, error)) => {
                if self.writer.fail(&error, &mut out) {
                    Ok(Some(out))
                } else {
                    Err(error)
                }
            }
        }
    }
}
