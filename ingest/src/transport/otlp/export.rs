//! Takes an export request into the pipeline and says what became of it: the same for HTTP and for gRPC.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use operations::access::Principal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::element::{Element, Format, RecordWriter, Signal, SplitError, split};
use crate::clock;
use crate::lenient;
use crate::limits;
use crate::pipeline::{Channel, Intake, Patience, PipelineError};
use crate::transport::http::{Permit, Problem, Push};

/// One collector that is exported to.
#[derive(Clone)]
pub(super) struct Target {
    pub push: Arc<Push>,
    pub channel: Arc<Channel>,
    /// Room for bodies that are held, in KiB.
    pub room: Arc<Semaphore>,
}

/// What was not taken of a request that was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub rejected: u64,
    /// What happened to them, and what to do.
    pub message: String,
}

/// A body that is held as far as it came, and the room that it takes.
#[derive(Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Target {
    /// Holds more of a body, if there is room for it.
    pub fn extend(&self, held: &mut Held, chunk: &[u8]) -> Result<(), Problem> {
        if held.bytes.len() + chunk.len() > limits::OTLP_BODY_BYTES_MAX {
            return Err(Problem::larger_than(limits::OTLP_BODY_BYTES_MAX as u64));
        }
        let taken = held.bytes.len().div_ceil(1 << 10);
        let more = (held.bytes.len() + chunk.len()).div_ceil(1 << 10) - taken;
        if more > 0 {
            let permit = Arc::clone(&self.room).try_acquire_many_owned(more as u32);
            let permit = permit.map_err(|_| Problem::busy(limits::RETRY_AFTER))?;
            match &mut held.room {
                Some(room) => room.merge(permit),
                none => *none = Some(permit),
            }
        }
        held.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Takes a request; what it brought is durable when it was taken. A client that goes away does not end it.
    pub async fn take(
        &self,
        principal: Arc<Principal>,
        (format, signal): (Format, Signal),
        body: Held,
        permit: Permit,
    ) -> Result<Outcome, Problem> {
        let target = self.clone();
        let task = self.push.spawn(async move {
            let outcome = target.export(principal, format, signal, body.bytes.into()).await;
            drop((body.room, permit));
            outcome
        });
        task.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    async fn export(
        &self,
        principal: Arc<Principal>,
        format: Format,
        signal: Signal,
        body: Bytes,
    ) -> Result<Outcome, Problem> {
        let body = readable(&body, format);
        let elements = split(&body, format, signal).map_err(|error| match error {
            SplitError::TooLarge => Problem::too_many_elements(error.to_string()),
            _ => Problem::no_request(error.to_string()),
        })?;
        let patience = Patience::For(limits::REQUEST_PATIENCE);
        let (pipeline, channel) = (self.push.pipeline(), Arc::clone(&self.channel));
        let mut intake = Intake::new(pipeline, channel, principal, patience, (), 0);
        let (mut writer, mut outcome) = (RecordWriter::new(format, signal), Outcome::default());
        let taken = async {
            for element in &elements {
                take(&mut intake, &mut writer, element, (format, signal), &mut outcome).await?;
            }
            intake.finish().await
        };
        taken.await.map_err(|error| {
            tracing::warn!(collector = self.channel.name(), %error, "a request was not taken whole");
            Problem::pipeline(&error)
        })?;
        Ok(outcome)
    }
}

/// The body as it can be cut; JSON is mended where strict readers refuse it.
fn readable(body: &[u8], format: Format) -> Cow<'_, [u8]> {
    if format == Format::Protobuf {
        return Cow::Borrowed(body);
    }
    let body = body.strip_prefix(lenient::BYTE_ORDER_MARK).unwrap_or(body);
    match std::str::from_utf8(body) {
        Ok(_) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => Cow::Borrowed(body),
        _ => lenient::mend(body).map_or(Cow::Borrowed(body), |mended| Cow::Owned(mended.text.into_bytes())),
    }
}

async fn take<'a>(
    intake: &mut Intake<()>,
    writer: &mut RecordWriter<'a>,
    element: &Element<'a>,
    (format, signal): (Format, Signal),
    outcome: &mut Outcome,
) -> Result<(), PipelineError> {
    let received = clock::now();
    let too_long = |bytes: usize| format!("the element has {bytes} bytes, and {} were kept", limits::LINE_BYTES_MAX);
    let (kept, reason) = if element.bytes() > limits::LINE_BYTES_MAX {
        (element.alone(format, signal), too_long(element.bytes()))
    } else {
        match writer.write(element) {
            Ok(record) if record.len() <= limits::LINE_BYTES_MAX => return intake.record(record, received, 0).await,
            Ok(record) => (record.to_vec(), too_long(record.len())),
            Err(error) => {
                return intake.keep(&element.alone(format, signal), &error.to_string(), received, 0).await;
            }
        }
    };
    outcome.rejected += 1;
    outcome.message = format!(
        "{} elements with their resource and scope are longer than {} bytes; only their beginning was kept, as `unparsed`",
        outcome.rejected,
        limits::LINE_BYTES_MAX
    );
    intake.keep(&kept[..kept.len().min(limits::LINE_BYTES_MAX)], &reason, received, 0).await
}
