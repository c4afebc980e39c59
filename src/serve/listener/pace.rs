//! How fast a peer must send the body of a request: a body that trickles would hold its place for as long as its sender likes.
//!
//! Only the time counts in which we waited for the peer, so nobody is blamed for a disk that was busy.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits;

/// How long a body may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Seconds that everybody has.
    pub grace: Duration,
    /// Each of these many bytes earns another second.
    pub bytes_per_second: u64,
}

impl Pace {
    /// For somebody who showed a token.
    pub const KNOWN: Self = Self { grace: limits::BODY_GRACE_KNOWN, bytes_per_second: limits::BODY_RATE_KNOWN_MIN };
    /// For everybody else.
    pub const UNKNOWN: Self =
        Self { grace: limits::BODY_GRACE_UNKNOWN, bytes_per_second: limits::BODY_RATE_UNKNOWN_MIN };

    /// How long the peer may have kept us waiting once this many bytes have come.
    fn allowed(self, bytes: u64) -> Duration {
        self.grace + Duration::from_millis(bytes.saturating_mul(1_000) / self.bytes_per_second)
    }
}

/// The peer sent too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly: {bytes} bytes while the server waited for {waited_seconds} s")]
pub struct TooSlow {
    bytes: u64,
    waited_seconds: u64,
}

/// A body that fails if it comes too slowly.
pub struct Paced {
    body: Body,
    pace: Pace,
    bytes: u64,
    waited: Duration,
    /// Since when we wait, and until when at most.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Paced {
    /// Reads `body` at this pace.
    pub fn wrap(body: Body, pace: Pace) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Self { body, pace, bytes: 0, waited: Duration::ZERO, waiting: None })
    }
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(context);
        let now = Instant::now();
        if polled.is_ready() {
            if let Some((since, _)) = this.waiting.take() {
                this.waited += now - since;
            }
            if let Poll::Ready(Some(Ok(frame))) = &polled {
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return polled;
        }
        let (bytes, waited, pace) = (this.bytes, this.waited, this.pace);
        let left = pace.allowed(bytes).saturating_sub(waited);
        let (_, sleep) = this.waiting.get_or_insert_with(|| (now, Box::pin(sleep_until(now + left))));
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => {
                let waited_seconds = (waited + left).as_secs();
                Poll::Ready(Some(Err(axum::Error::new(TooSlow { bytes, waited_seconds }))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use http_body_util::BodyExt;

    /// A body of `pieces` pieces of `bytes` bytes, each after a pause of `seconds`.
    fn body(pieces: usize, bytes: usize, seconds: u64) -> Body {
        let pieces = futures::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, std::io::Error>(vec![b'x'; bytes])
        });
        Body::from_stream(pieces)
    }

    const PACE: Pace = Pace { grace: Duration::from_secs(5), bytes_per_second: 100 };

    async fn check(body: Body, expected: Option<usize>) {
        let read = Paced::wrap(body, PACE).collect().await;
        match (read, expected) {
            (Ok(read), Some(bytes)) => assert_eq!(read.to_bytes().len(), bytes),
            (Err(error), None) => assert!(error.to_string().contains("too slowly"), "{error}"),
            (read, expected) => panic!("{read:?} instead of {expected:?} bytes"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        check(body(1, 10, 4), Some(10)).await;
        check(body(1, 10, 6), None).await;
        check(body(100, 100, 1), Some(10_000)).await;
        check(body(40, 90, 1), Some(3_600)).await;
        check(body(100, 50, 1), None).await;
        check(Body::empty(), Some(0)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_pauses_are_nobodys_fault() {
        let mut body = Paced::wrap(
            Body::from_stream(futures::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 10])))),
            PACE,
        );
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
    }
}
