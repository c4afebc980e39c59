//! The push interface for senders that prove who they are by a signature or a secret of the collector, in place of a token.
//!
//! A body that is signed as a whole is held until its signature was checked: nothing of it is recorded before. How a request is
//! checked stands in `signature`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use operations::access::Principal;
use operations::standing::State as Standing;

use super::body::{Accepted, Chunks};
use super::held::{Held, Room, Taken};
use super::problem::{Counts, Problem};
use super::request::Encoding;
use super::signature::{Claim, Deliveries, Proof, Refused, Signature};
use super::{Push, Routes, Start, read_body};
use crate::clock;
use crate::limits::{SIGNED_BODIES_BYTES_MAX, SIGNED_BODY_BYTES_MAX};
use crate::pipeline::Channel;

/// One collector whose senders show no token.
struct Signed {
    push: Arc<Push>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    signature: Signature,
    room: Room,
    deliveries: Deliveries,
}

/// The routes of a collector with a signature.
pub(super) fn routes(signature: Signature, start: Start<'_>) -> Routes {
    start.tell("what is pushed and proves its sender");
    // Its requests have places of their own, and so have its ids.
    let token = format!("collector:{}", start.channel.name());
    let principal = Principal { name: token.clone(), token, ..Principal::clone(&start.principal) };
    let is_in_path = signature.is_in_path();
    let signed = Arc::new(Signed {
        push: Arc::clone(start.push),
        channel: start.channel,
        principal: Arc::new(principal),
        signature,
        room: Room::new(SIGNED_BODIES_BYTES_MAX, SIGNED_BODY_BYTES_MAX),
        deliveries: Deliveries::default(),
    });
    let path = format!("/v1/events/{}", signed.channel.name());
    // Without the secret it is told what is missing.
    let router = Router::new().route(&path, post(take));
    let router = if is_in_path { router.route(&format!("{path}/{{secret}}"), post(take_at)) } else { router };
    Routes(router.with_state(signed))
}

async fn take(State(signed): State<Arc<Signed>>, headers: HeaderMap, body: Body) -> Response {
    signed.answer(&headers, None, body).await
}

async fn take_at(
    State(signed): State<Arc<Signed>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    signed.answer(&headers, Some(&secret), body).await
}

impl Signed {
    async fn answer(&self, headers: &HeaderMap, in_path: Option<&str>, body: Body) -> Response {
        let answer = self.take(headers, in_path, body).await;
        let status = answer.as_ref().map_or_else(|problem| problem.status, |_| StatusCode::OK);
        self.channel.metrics().answered(status.as_u16());
        answer.map_or_else(|problem| self.push.refuse(Some(&self.channel), problem), IntoResponse::into_response)
    }

    async fn take(&self, headers: &HeaderMap, in_path: Option<&str>, body: Body) -> Result<Accepted, Problem> {
        if self.push.stop.is_cancelled() {
            return Err(Problem::stopping());
        }
        let proof = self.signature.look(headers, in_path, clock::now() / 1_000_000).map_err(|why| self.refused(why))?;
        let Proof::Body(claim) = proof else {
            return self.record(headers, body).await;
        };
        let delivery = claim.delivery.clone();
        let (bytes, _taken) = self.held(claim, body).await?;
        if delivery.as_ref().is_some_and(|id| self.deliveries.has(id)) {
            // Its records are durable since it was taken.
            return Ok(Accepted::of(Counts::default()));
        }
        let accepted = self.record(headers, Body::from(bytes)).await?;
        if let Some(id) = delivery {
            self.deliveries.add(id);
        }
        Ok(accepted)
    }

    /// Records what a sender sends that is proven.
    async fn record(&self, headers: &HeaderMap, body: Body) -> Result<Accepted, Problem> {
        // It can be read again.
        self.channel.set_trouble(None);
        read_body(&self.push, &self.channel, Arc::clone(&self.principal), headers, body).await
    }

    /// The whole body, if it is the one that was signed, as it was sent: what is compressed is signed so. The room is held with it.
    async fn held(&self, claim: Claim, body: Body) -> Result<(Bytes, Option<Taken>), Problem> {
        let (mut chunks, mut held) = (Chunks::new(body, Encoding::Identity), Held::default());
        while let Some(chunk) = self.push.unless_stopped(chunks.next()).await? {
            self.room.extend(&mut held, &chunk)?;
        }
        let (bytes, taken) = held.into_parts();
        if claim.covers(&bytes) {
            return Ok((bytes, taken));
        }
        let detail = "the body is not the one that was signed under the collector's secret";
        Err(Problem::unproven(self.signature.challenge(), detail))
    }

    fn refused(&self, why: Refused) -> Problem {
        match why {
            Refused::Unproven(detail) => Problem::unproven(self.signature.challenge(), detail),
            Refused::Secret(error) => {
                self.channel.set_trouble(Some((Standing::Parked, error.to_string())));
                Problem::secret()
            }
        }
    }
}
