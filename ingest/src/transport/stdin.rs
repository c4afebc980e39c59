//! Standard input, line by line: for pipes and for `docker logs`. It cannot be read again.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use operations::standing::State;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Setting, Settings, Start, Transport, Work, read};
use crate::clock;
use crate::frame::{Frame, Framer, Framing};
use crate::limits;
use crate::pipeline::{Channel, Intake, Lineage, Patience, PipelineError};

/// The transport.
pub struct Stdin;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

impl Transport for Stdin {
    fn name(&self) -> &'static str {
        "stdin"
    }

    fn doc(&self) -> &'static str {
        "Reads lines from standard input until it ends. What was read and not yet durable is lost with the process, and a \
         sender that starts again sends everything again, so this is at least once at best. Only one collector can have it."
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        read::<NoSettings>(settings).map(|_| ())
    }

    fn place(&self, _name: &str, _settings: &Settings) -> String {
        "standard input".to_owned()
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        start.tell("what comes from now on");
        let patience = Patience::Until(start.stop.clone());
        let (channel, stop) = (Arc::clone(&start.channel), start.stop.clone());
        let intake = Intake::new(Arc::clone(start.pipeline), start.channel, start.principal, patience, (), 0)
            .carrying(&[Lineage { name: "", is_continued: true }]);
        let chunks = read_ahead(io::stdin()).map_err(|error| format!("standard input cannot be read: {error}"))?;
        Ok(Work::Task(Box::pin(run(intake, channel, chunks, stop))))
    }
}

/// Reads on a thread of its own, since such a read cannot be interrupted; the thread ends with the input or the process.
fn read_ahead(mut input: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<io::Result<Bytes>>> {
    let (sender, receiver) = mpsc::channel(limits::STDIN_CHUNKS_MAX);
    let work = move || {
        let mut buffer = vec![0; limits::READ_BYTES];
        loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => Ok(Bytes::copy_from_slice(&buffer[..read])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(work)?;
    Ok(receiver)
}

async fn run(
    mut intake: Intake<()>,
    channel: Arc<Channel>,
    mut chunks: mpsc::Receiver<io::Result<Bytes>>,
    stop: CancellationToken,
) {
    let ended = take_all(&mut intake, &mut chunks, &stop).await;
    match ended {
        Ok(None) => {
            tracing::info!(collector = channel.name(), records = intake.tally().records(), "standard input ended");
        }
        Ok(Some(error)) => channel.set_trouble(Some((State::Unreadable, format!("standard input: {error}")))),
        Err(PipelineError::Stopping) => {}
        Err(error) => channel.set_trouble(Some((State::Refused, error.to_string()))),
    }
}

/// Takes chunks until the input ends or intake stops; an error of the input is given back.
async fn take_all(
    intake: &mut Intake<()>,
    chunks: &mut mpsc::Receiver<io::Result<Bytes>>,
    stop: &CancellationToken,
) -> Result<Option<io::Error>, PipelineError> {
    let mut framer = Framer::new(Framing::Lines);
    let failed = loop {
        let next = stop.run_until_cancelled(chunks.recv());
        tokio::pin!(next);
        let chunk = if let Ok(chunk) = timeout(limits::QUIET, &mut next).await {
            chunk
        } else {
            intake.finish().await?;
            let chunk =
                if intake.is_gathering() { timeout(limits::GATHER_SILENCE, &mut next).await.ok() } else { None };
            if let Some(chunk) = chunk {
                chunk
            } else {
                intake.end_begun().await?;
                intake.finish().await?;
                next.await
            }
        };
        let bytes = match chunk {
            Some(Some(Ok(bytes))) => bytes,
            Some(Some(Err(error))) => break Some(error),
            Some(None) | None => break None,
        };
        let (received, mut rest) = (clock::now(), &bytes[..]);
        while let Some(Ok(frame)) = framer.next(&mut rest) {
            take(intake, frame, received).await?;
        }
    };
    if let Some(Ok(frame)) = framer.finish() {
        take(intake, frame, clock::now()).await?;
    }
    intake.give_up(clock::now(), 0).await?;
    intake.finish().await?;
    Ok(failed)
}

async fn take(intake: &mut Intake<()>, frame: Frame<'_>, received: i64) -> Result<(), PipelineError> {
    match frame {
        Frame::Record(raw) => intake.record(raw, received, 0).await,
        Frame::TooLong(kept, bytes) => {
            let reason = format!("the line has {bytes} bytes, and {} were kept", kept.len());
            intake.keep(kept, &reason, received, 0).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;
    use crate::fixtures::House;

    #[tokio::test]
    async fn a_pipe_is_read_to_its_end_and_durable_then() {
        let house = House::new("");
        let shared = Arc::clone(house.collectors.pipeline());
        let channel = Channel::new("pipe", dialect::by_name("native").unwrap(), shared.metrics());
        let principal = Arc::new(operations::access::Principal::local());
        let stop = CancellationToken::new();
        let mut intake = Intake::new(shared, channel, principal, Patience::Until(stop.clone()), (), 0);
        let long = "x".repeat(limits::LINE_BYTES_MAX + 9);
        let mut chunks = read_ahead(io::Cursor::new(format!("1\n2\n{long}\nlast"))).unwrap();
        assert!(take_all(&mut intake, &mut chunks, &stop).await.unwrap().is_none());
        assert_eq!(house.records(), ["1", "2", &long[..limits::LINE_BYTES_MAX], "last"]);
        assert_eq!(intake.tally().unparsed, 4);
    }
}
