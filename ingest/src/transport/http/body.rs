//! Reads a body chunk by chunk, decompressed and cut into records, into the pipeline. It never holds the whole body.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use operations::access::Principal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use super::problem::{Counts, Problem};
use super::producer::{Offset, Turn};
use super::request::{Encoding, Form};
use super::shares::Permit;
use crate::clock;
use crate::frame::{Frame, FrameError, Framer, Framing};
use crate::lenient;
use crate::limits;
use crate::pipeline::{Channel, Intake, Lineage, Patience, Pipeline, PipelineError};

/// The body of the answer 200.
pub(super) struct Accepted(Counts);

impl Accepted {
    /// With these numbers of records.
    pub fn of(counts: Counts) -> Self {
        Self(counts)
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A request that is being read.
pub(super) struct Reading {
    pub pipeline: Arc<Pipeline>,
    pub channel: Arc<Channel>,
    pub principal: Arc<Principal>,
    pub form: Form,
    pub turn: Option<Turn>,
    pub stop: CancellationToken,
    /// Held while the body is read.
    pub _permit: Permit,
}

/// Why reading ended early.
pub(super) enum End {
    Pipeline(PipelineError),
    Problem(Problem),
}

impl From<PipelineError> for End {
    fn from(error: PipelineError) -> Self {
        Self::Pipeline(error)
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Reading {
    /// Reads the body to its end or to the first error, and answers after everything is durable.
    pub async fn run(mut self, body: Body) -> Result<Accepted, Problem> {
        let next = self.turn.as_ref().map_or(0, Turn::next);
        let progress = self.turn.as_ref().map(Turn::progress);
        let patience = Patience::For(limits::REQUEST_PATIENCE);
        let principal = Arc::clone(&self.principal);
        let mut intake =
            Intake::new(Arc::clone(&self.pipeline), Arc::clone(&self.channel), principal, patience, progress, next);
        // A token that is not one workspace's may carry the logs of many.
        if self.principal.workspace.is_some() {
            let name = self.form.producer.as_ref().map_or("", |(producer, _)| producer);
            intake = intake.carrying(&[Lineage { name, is_continued: true }]);
        }
        let read = match self.read(body, next, &mut intake).await {
            Ok(()) => intake.finish().await.map_err(End::from),
            // What came before a defect of the body is taken.
            Err(End::Problem(problem)) => Err(intake.finish().await.map_or_else(End::from, |()| End::Problem(problem))),
            Err(end) => Err(end),
        };
        let counts = Counts::new(intake.tally(), self.turn.as_ref().map(|_| intake.durable_position()));
        if let Some(turn) = self.turn.take() {
            turn.end(intake.durable_position());
        }
        match read {
            Ok(()) => Ok(Accepted(counts)),
            Err(End::Problem(problem)) => Err(problem.after(counts)),
            Err(End::Pipeline(error)) => {
                tracing::warn!(collector = self.channel.name(), %error, "a request was not taken whole");
                Err(Problem::pipeline(&error).after(counts))
            }
        }
    }

    /// Reads records; those before `next` are known.
    async fn read(&self, body: Body, next: u64, intake: &mut Intake<Option<Offset>>) -> Result<(), End> {
        let mut chunks = Chunks::new(body, self.form.encoding);
        if self.form.is_relayed {
            return self.read_relayed(&mut chunks, next, intake).await;
        }
        let mut number = self.form.producer.as_ref().map_or(0, |(_, offset)| *offset);
        let (mut framer, mut size) = (None, 0);
        while let Some(chunk) = chunks.next_or_append(intake, &self.stop).await? {
            size += chunk.len() as u64;
            if size > limits::BODY_BYTES_MAX {
                return Err(Problem::body_too_large().into());
            }
            let framer = match &mut framer {
                Some(framer) => framer,
                None => match self.form.framing.or_else(|| guess(&chunk)) {
                    Some(framing) => framer.insert(Framer::new(framing)),
                    // White space before the first record.
                    None => continue,
                },
            };
            let (received, mut rest) = (clock::now(), &chunk[..]);
            while let Some(frame) = framer.next(&mut rest) {
                take(frame, number, next, received, intake).await?;
                number += 1;
            }
        }
        if let Some(frame) = framer.as_mut().and_then(Framer::finish) {
            take(frame, number, next, clock::now(), intake).await?;
            number += 1;
        }
        intake.give_up(clock::now(), number.max(next)).await?;
        Ok(())
    }
}

/// Takes record `number`, unless it is before `next`.
async fn take(
    frame: Result<Frame<'_>, FrameError>,
    number: u64,
    next: u64,
    received: i64,
    intake: &mut Intake<Option<Offset>>,
) -> Result<(), End> {
    match frame.map_err(|error| Problem::framing(error).at(number))? {
        Frame::Record(_) | Frame::TooLong(..) if number < next => intake.known(1),
        Frame::Record(raw) => intake.record(raw, received, number + 1).await?,
        Frame::TooLong(kept, bytes) => {
            let reason = format!("the record has {bytes} bytes, and {} were kept", kept.len());
            intake.keep(kept, &reason, received, number + 1).await?;
            return Err(Problem::record_too_large(bytes).at(number).into());
        }
    }
    Ok(())
}

/// The framing of lines or JSON values without a content type: an array if it begins like one, else lines.
fn guess(chunk: &[u8]) -> Option<Framing> {
    let chunk = chunk.strip_prefix(lenient::BYTE_ORDER_MARK).unwrap_or(chunk);
    let first = chunk.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(if *first == b'[' { Framing::Json } else { Framing::Lines })
}

/// The chunks of a body after decompression.
pub(in crate::transport) enum Chunks {
    Plain(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>),
    Packed(Pin<Box<dyn AsyncRead + Send>>, BytesMut),
}

/// The body as it is sent is longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is too large")]
struct TooLarge;

fn is_too_large(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<TooLarge>())
}

impl Chunks {
    /// Of a body that is compressed so.
    pub fn new(body: Body, encoding: Encoding) -> Self {
        let mut size = 0;
        let stream = body.into_data_stream().map_err(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error));
        let stream = stream.map(move |chunk| {
            size += chunk.as_ref().map_or(0, Bytes::len) as u64;
            if size > limits::BODY_BYTES_MAX { Err(io::Error::other(TooLarge)) } else { chunk }
        });
        let packed = |reader| Self::Packed(reader, BytesMut::new());
        match encoding {
            Encoding::Identity => Self::Plain(Box::pin(stream)),
            Encoding::Gzip => {
                let mut decoder = GzipDecoder::new(StreamReader::new(stream));
                decoder.multiple_members(true);
                packed(Box::pin(decoder))
            }
            Encoding::Zstd => {
                let window = DParameter::window_log_max(limits::ZSTD_WINDOW_LOG_MAX);
                let mut decoder = ZstdDecoder::with_params(StreamReader::new(stream), &[window]);
                decoder.multiple_members(true);
                packed(Box::pin(decoder))
            }
        }
    }

    /// The next chunk, `None` at the end. When it does not come soon, what was taken is made durable meanwhile: others may
    /// wait for it. When intake stops, no more chunks come.
    pub(super) async fn next_or_append(
        &mut self,
        intake: &mut Intake<Option<Offset>>,
        stop: &CancellationToken,
    ) -> Result<Option<Bytes>, End> {
        if stop.is_cancelled() {
            return Err(Problem::stopping().into());
        }
        let next = self.next();
        tokio::pin!(next);
        if let Ok(chunk) = timeout(limits::QUIET, &mut next).await {
            return Ok(chunk?);
        }
        // Only the wait for the sender is given up when intake stops, never an append.
        intake.finish().await?;
        stop.run_until_cancelled(next).await.unwrap_or_else(|| Err(Problem::stopping())).map_err(End::from)
    }

    /// The next chunk, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match timeout(limits::BODY_SILENCE_MAX, self.read()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) if is_too_large(&error) => Err(Problem::body_too_large()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => Err(Problem::cut_off()),
            Ok(Err(_)) => Err(Problem::compression()),
            Err(_) => Err(Problem::silent()),
        }
    }

    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Self::Plain(stream) => stream.next().await.transpose(),
            Self::Packed(reader, buffer) => {
                // The chunk before was dropped by now, so its memory is used again.
                buffer.reserve(limits::READ_BYTES);
                let read = reader.read_buf(buffer).await?;
                Ok((read > 0).then(|| buffer.split().freeze()))
            }
        }
    }
}
