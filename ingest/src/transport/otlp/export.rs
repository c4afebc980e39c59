//! Takes an export request into the pipeline and says what became of it: the same for HTTP and for gRPC.

use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use operations::access::Principal;

use super::element::{Element, Format, RecordWriter, SplitError, split};
use crate::clock;
use crate::encoding::Signal;
use crate::lenient;
use crate::limits;
use crate::pipeline::{Channel, Intake, Patience, PipelineError};
use crate::transport::http::{Permit, Problem, Push, Room, Taken};

/// One collector that is exported to.
#[derive(Clone)]
pub(super) struct Target {
    pub push: Arc<Push>,
    pub channel: Arc<Channel>,
    /// Room for bodies that are held.
    pub room: Room,
}

/// What was not taken of a request that was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub rejected: u64,
    /// What happened to them, and what to do.
    pub message: String,
}

/// Who sends, and the place that was found for the request.
pub(super) struct Admitted {
    principal: Arc<Principal>,
    permit: Permit,
}

impl Target {
    /// Lets a request in: before anything of its body is read.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<Admitted, Problem> {
        let principal = self.push.admit(Some(&self.channel), headers)?;
        let permit = self.push.open(&principal.token)?.permit().await?;
        Ok(Admitted { principal, permit })
    }

    /// Takes a request; what it brought is durable when it was taken. A client that goes away does not end it. The room is taken for as
    /// long as the body is held.
    pub async fn take(
        &self,
        admitted: Admitted,
        (format, signal): (Format, Signal),
        (body, room): (Bytes, Option<Taken>),
    ) -> Result<Outcome, Problem> {
        let target = self.clone();
        let task = self.push.spawn(async move {
            let Admitted { principal, permit } = admitted;
            let outcome = target.export(principal, format, signal, &body).await;
            drop((body, room, permit));
            outcome
        });
        task.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    async fn export(
        &self,
        principal: Arc<Principal>,
        format: Format,
        signal: Signal,
        body: &[u8],
    ) -> Result<Outcome, Problem> {
        let mended;
        let elements = match split(body, format, signal) {
            Err(SplitError::Json) => {
                mended = lenient::mend(body.strip_prefix(lenient::BYTE_ORDER_MARK).unwrap_or(body));
                let text = mended.as_ref().map_or("", |mended| &mended.text);
                split(text.as_bytes(), format, signal)
            }
            split => split,
        };
        let elements = elements.map_err(|error| match error {
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
        if outcome.rejected > 0 {
            outcome.message = format!(
                "{} elements with their resource and scope are longer than {} bytes; only their beginning was kept, as `unparsed`",
                outcome.rejected,
                limits::LINE_BYTES_MAX
            );
        }
        Ok(outcome)
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
    intake.keep(&kept[..kept.len().min(limits::LINE_BYTES_MAX)], &reason, received, 0).await
}
