//! OTLP over gRPC: the three services of the collector protocol. A message is taken as its bytes, so that no request is held twice.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::routing::post;
use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use prost::Message as _;
use tonic::Status;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::answer::{ExportResponse, grpc_code};
use super::element::Format;
use super::export::{Admitted, Target};
use crate::encoding::Signal;
use crate::limits;
use crate::transport::http::{Problem, Taken};

/// The routes of a collector.
pub(super) fn routes(target: Target) -> Router {
    let take = |signal: Signal| {
        post(move |State(target): State<Target>, request: Request<Body>| export(target, signal, request))
    };
    let path = target.clone();
    let routes =
        Signal::ALL.into_iter().fold(Router::new(), |router, signal| router.route(signal.method(), take(signal)));
    routes
        .with_state(target)
        .fallback(async move || refused(&path, &Problem::unknown_otlp_path()).into_http::<tonic::body::Body>())
}

async fn export(target: Target, signal: Signal, request: Request<Body>) -> Response<tonic::body::Body> {
    // Who may not send, or finds no room for the longest message, is told so before anything of the message is read.
    let admitted = target.admit(request.headers()).await;
    let admitted = admitted.and_then(|admitted| Ok((admitted, target.room.take(limits::OTLP_MESSAGE_BYTES_MAX)?)));
    let admitted = match admitted {
        Ok(admitted) => Some(admitted),
        Err(problem) => return refused(&target, &problem).into_http(),
    };
    let mut grpc = Grpc::new(Messages)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .apply_max_message_size_config(Some(limits::OTLP_MESSAGE_BYTES_MAX), None);
    grpc.unary(Export { target, signal, admitted }, request).await
}

/// One call.
struct Export {
    target: Target,
    signal: Signal,
    /// Taken when the message has come, which it does once.
    admitted: Option<(Admitted, Taken)>,
}

impl UnaryService<Bytes> for Export {
    type Response = ExportResponse;
    type Future = BoxFuture<'static, Result<tonic::Response<ExportResponse>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (target, signal, admitted) = (self.target.clone(), self.signal, self.admitted.take());
        Box::pin(async move {
            let taken = match admitted {
                Some((admitted, room)) => {
                    let body = (request.into_inner(), Some(room));
                    target.take(admitted, (Format::Protobuf, signal), body).await
                }
                None => Err(Problem::internal()),
            };
            match taken {
                Ok(outcome) => {
                    target.channel.metrics().answered(200);
                    Ok(tonic::Response::new(ExportResponse::of(outcome)))
                }
                Err(problem) => Err(refused(&target, &problem)),
            }
        })
    }
}

/// Counts and tells that a call is refused, and says it in the words of gRPC.
fn refused(target: &Target, problem: &Problem) -> Status {
    target.channel.metrics().answered(problem.status.as_u16());
    target.push.note(Some(&target.channel), problem);
    match problem.retry_after() {
        Some(retry_after) => {
            let details = ErrorDetails::with_retry_info(Some(retry_after));
            Status::with_error_details(grpc_code(problem), problem.detail(), details)
        }
        None => Status::new(grpc_code(problem), problem.detail()),
    }
}

/// Requests as bytes, answers as messages.
struct Messages;

impl Codec for Messages {
    type Encode = ExportResponse;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Messages {
    type Item = ExportResponse;
    type Error = Status;

    fn encode(&mut self, answer: ExportResponse, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        answer.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Messages {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
