//! Questions to receivers whose answers are long: they are read piece by piece, and whoever reads says how much is kept. What is asked and what
//! an answer means is the sinks' business.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;

use super::{Guarded, Request, Response, failure};
use crate::connections::{Reach, SendError};
use crate::limits::{ANSWER_BYTES_MAX, READ_BACK_MAX};

/// Asks over the client of a sink: what it may reach, and whom it believes, is the same.
#[derive(Debug)]
pub struct Asking {
    guarded: Guarded,
    /// The time that one piece of an answer may take.
    timeout: Duration,
}

impl Asking {
    /// Prepares it.
    pub fn new(reach: &Reach) -> Result<Self, SendError> {
        Ok(Self { guarded: Guarded::new(reach).map_err(SendError::Refused)?, timeout: reach.timeout })
    }

    /// Asks. A refusal is read to its end, and is an error that says what was answered.
    pub async fn ask(&self, method: Method, request: Request) -> Result<Pieces, SendError> {
        // The whole answer may take long; each piece of it may not.
        let request = self.guarded.request(method, request)?.timeout(READ_BACK_MAX);
        let response = in_time(self.timeout, async { request.send().await.map_err(failure) }).await?;
        let status = response.status().as_u16();
        let mut pieces = Pieces { response, timeout: self.timeout };
        if (200..300).contains(&status) {
            return Ok(pieces);
        }
        let body = pieces.start(ANSWER_BYTES_MAX).await?;
        let said = Response { status, retry_after: None, body: String::from_utf8_lossy(&body).into_owned() };
        Err(SendError::Refused(said.to_string()))
    }
}

/// An answer on its way.
#[derive(Debug)]
pub struct Pieces {
    response: reqwest::Response,
    timeout: Duration,
}

impl Pieces {
    /// The next piece of it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SendError> {
        in_time(self.timeout, async { self.response.chunk().await.map_err(failure) }).await
    }

    /// All of it, which is an error if it is longer than so many bytes.
    pub async fn whole(mut self, bytes_max: usize) -> Result<Vec<u8>, SendError> {
        let body = self.start(bytes_max + 1).await?;
        if body.len() > bytes_max {
            return Err(SendError::Refused(format!("an answer has more than {bytes_max} bytes")));
        }
        Ok(body)
    }

    /// At most so many bytes of it, from its start on.
    async fn start(&mut self, bytes_max: usize) -> Result<Vec<u8>, SendError> {
        let mut body = Vec::new();
        while body.len() < bytes_max {
            let Some(piece) = self.next().await? else { break };
            body.extend_from_slice(piece.get(..bytes_max - body.len()).unwrap_or(&piece));
        }
        Ok(body)
    }
}

async fn in_time<T>(timeout: Duration, answer: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
    let late = || SendError::Uncertain(format!("no answer in {} seconds", timeout.as_secs()));
    tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| Err(late()))
}
