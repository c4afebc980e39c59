//! Delivers what waits in the spool, each record exactly once: the server skips what it has, by producer and number.
//!
//! It goes to the server directly and through no proxy: around an agent the proxy of the environment is the firewall that
//! watches it, which knows nothing of this server.

use anyhow::Context;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::Destination;
use super::spool::{Segment, Spool, lines};
use crate::client::{client_builder, not_reached};
use crate::exit::Failure;
use crate::limits;

/// The server as one delivery meets it.
struct Server {
    client: Client,
    url: Url,
    token: String,
}

/// What the server says of a request, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    detail: String,
    title: String,
}

/// How a segment fared.
enum Fate {
    /// The server has it.
    Delivered,
    /// The server does not know what came before it.
    Unknown,
    /// The server will never take it.
    Refused(String),
}

/// Delivers everything; says how many records. Whoever comes while another delivers leaves it to that one.
pub fn deliver(destination: &Destination) -> Result<u64, Failure> {
    let spool = destination.spool()?;
    let mut delivered = 0;
    // A line that came after the last look, whose own deliverer saw that we were here, is ours.
    while spool.status()?.bytes > 0 {
        let Some(lock) = spool.deliverer()? else { break };
        let outcome = runtime()?.block_on(deliver_all(destination, &spool));
        let failure = outcome.as_ref().err().map(Failure::in_one_line);
        spool.note(failure.as_deref())?;
        delivered += outcome?;
        drop(lock);
    }
    Ok(delivered)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn deliver_all(destination: &Destination, spool: &Spool) -> Result<u64, Failure> {
    let segments = spool.segments()?;
    if segments.is_empty() {
        return Ok(0);
    }
    let server = Server::new(destination)?;
    let mut delivered = 0;
    for mut segment in segments {
        let bytes = std::fs::read(&segment.path)?;
        let count = lines(&bytes);
        let mut fate = server.send(&segment, &bytes).await?;
        if matches!(fate, Fate::Unknown) {
            segment = spool.renumber(&segment)?;
            fate = server.send(&segment, &bytes).await?;
        }
        match fate {
            Fate::Delivered => spool.delivered(&segment, count)?,
            Fate::Unknown => return Err(anyhow::anyhow!("the server knows no beginning of a new producer").into()),
            Fate::Refused(reason) => {
                spool.refused(&segment, count)?;
                return Err(
                    anyhow::anyhow!("the server refused {count} records, which are kept aside: {reason}").into()
                );
            }
        }
        delivered += count;
    }
    Ok(delivered)
}

impl Server {
    fn new(destination: &Destination) -> Result<Self, Failure> {
        let base = Url::parse(&destination.server)
            .map_err(|error| Failure::usage(format!("--server {:?}: {error}", destination.server)))?;
        let client = client_builder(&base, &destination.tls())?.no_proxy().timeout(limits::HOOK_SEND_MAX).build()?;
        let url =
            base.join(&format!("/v1/events/{}", destination.collector)).context("the collector's name is no path")?;
        Ok(Self { client, url, token: destination.token()? })
    }

    /// Sends a segment in pieces of whole lines.
    async fn send(&self, segment: &Segment, bytes: &[u8]) -> Result<Fate, Failure> {
        let mut number = segment.first;
        for piece in pieces(bytes, limits::HOOK_REQUEST_BYTES_MAX) {
            let request = self
                .client
                .post(self.url.clone())
                .header("authorization", format!("Bearer {}", self.token))
                .header("content-type", "application/x-ndjson")
                .header("tachograph-producer", &segment.producer)
                .header("tachograph-offset", number.to_string())
                .body(piece.to_vec());
            let response = request.send().await.map_err(|error| not_reached(&self.url, error))?;
            match judge(response).await? {
                Fate::Delivered => number += lines(piece),
                other => return Ok(other),
            }
        }
        Ok(Fate::Delivered)
    }
}

/// What an answer means; an error is one after which the same is tried again later.
async fn judge(response: Response) -> Result<Fate, Failure> {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
    let said = if answer.detail.is_empty() { answer.title } else { answer.detail };
    let said = format!("{status}: {}", said.chars().take(limits::HOOK_REASON_CHARS_MAX).collect::<String>());
    Ok(match status {
        StatusCode::OK => Fate::Delivered,
        StatusCode::CONFLICT => Fate::Unknown,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Fate::Refused(said)
        }
        // A token, a collector or a dialect that is not there yet may come; the spool has a bound.
        _ => return Err(anyhow::anyhow!(said).into()),
    })
}

/// The bytes in pieces of whole lines, each at most `most` long unless one line is longer.
fn pieces(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let window = &rest[..rest.len().min(most)];
        let end = if window.len() == rest.len() {
            rest.len()
        } else {
            let inside = window.iter().rposition(|byte| *byte == b'\n');
            let behind = || rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len() - 1);
            inside.unwrap_or_else(behind) + 1
        };
        let (piece, others) = rest.split_at(end);
        pieces.push(piece);
        rest = others;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_are_whole_lines_and_everything(lines in proptest::collection::vec("[a-z]{0,9}", 0..40), most in 1usize..30) {
            let text = lines.join("\n") + if lines.is_empty() { "" } else { "\n" };
            let pieces = pieces(text.as_bytes(), most);
            prop_assert_eq!(pieces.concat(), text.as_bytes());
            for piece in pieces {
                prop_assert!(piece.ends_with(b"\n"));
                prop_assert!(piece.len() <= most || super::lines(piece) == 1);
            }
        }
    }
}
