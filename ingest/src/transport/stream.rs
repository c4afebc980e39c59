//! Connections over which records come and to which nobody answers: what `syslog` and `unix` share. Whoever runs the collectors
//! accepts and secures them; how records are told apart is for the transport.
//!
//! There is no acknowledgement, so a sender believes that what it wrote has arrived. It is therefore read only as fast as the
//! ledger takes it, a turn at a time: the next bytes are read when those of the turn before are durable. While the ledger refuses,
//! the turn is held and tried again, from the record after the last that is durable.

mod turn;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use operations::access::Principal;
use operations::standing::State;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant as TokioInstant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Start;
use crate::clock;
use crate::limits;
use crate::pipeline::{Channel, Intake, Lineage, Patience, Pipeline, PipelineError};
use crate::seldom::Seldom;
use turn::Turn;

/// Bytes from a peer and to it, with TLS or without.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A connection that was opened.
pub struct Connected {
    /// What it says.
    pub wire: Box<dyn Wire>,
    /// Who is at its other end, for people.
    pub peer: String,
    /// Cancelled when it is to be read no further: intake stops, or another connection needs its place.
    pub end: CancellationToken,
}

/// What is told apart in the bytes of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A record, and when it was seen if something around it says so.
    Record(Vec<u8>, Option<i64>),
    /// Something that is kept as it is, with the reason for people.
    Kept(Vec<u8>, String),
}

/// The bytes cannot be told apart any more; what begins there is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Defect {
    /// The beginning of what is wrong.
    pub kept: Vec<u8>,
    /// What is wrong, in words of ours: those that are the same are counted together.
    pub reason: String,
}

/// Tells the records of one connection apart, however its bytes arrive.
pub(super) trait Split: Send {
    /// The next piece whose end lies in the chunk; moves the chunk past it. `None` when all of the chunk is taken.
    fn next(&mut self, chunk: &mut &[u8]) -> Option<Result<Piece, Defect>>;

    /// What is left when no more comes; `is_whole` says that the peer ended it, and was not cut off.
    fn finish(&mut self, is_whole: bool) -> Option<Piece>;
}

/// Why a connection is read no further.
#[derive(Debug, thiserror::Error)]
enum End {
    /// The peer ended it.
    #[error("the peer ended it")]
    Peer,
    /// It was told to end.
    #[error("its place is needed, or the server stops")]
    Told,
    #[error("it broke: {0}")]
    Broken(io::Error),
    #[error(transparent)]
    Defect(Defect),
}

/// Reads the connections of one collector. Clones share its turns.
#[derive(Clone)]
pub struct Streams {
    pipeline: Arc<Pipeline>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    stop: CancellationToken,
    splitter: Arc<dyn Fn() -> Box<dyn Split> + Send + Sync>,
    turns: Arc<Semaphore>,
    told: Seldom<String>,
}

impl Streams {
    /// Of a collector whose records are told apart so.
    pub(super) fn new(start: Start<'_>, splitter: impl Fn() -> Box<dyn Split> + Send + Sync + 'static) -> Self {
        Self {
            pipeline: Arc::clone(start.pipeline),
            channel: start.channel,
            principal: start.principal,
            stop: start.stop.clone(),
            splitter: Arc::new(splitter),
            turns: Arc::new(Semaphore::new(limits::STREAM_TURNS_MAX)),
            told: Seldom::new(limits::STREAM_TOLD_EVERY),
        }
    }

    /// Reads a connection to its end. What was read is durable then, unless intake stopped while the ledger did not take it.
    pub async fn read(&self, connection: Connected) {
        let Connected { mut wire, peer, end } = connection;
        let (peer, collector) = (peer.as_str(), self.channel.name());
        tracing::debug!(collector, peer, "a connection begins");
        let mut reading = Reading { streams: self, intake: self.intake(0), split: (self.splitter)(), number: 0 };
        match reading.run(&mut *wire, &end).await {
            Ok(End::Defect(defect)) => {
                let reason = defect.reason;
                if let Some(connections) = self.told.count(reason.clone(), Instant::now()) {
                    tracing::warn!(
                        collector,
                        peer,
                        reason,
                        connections,
                        "connections are ended since they cannot be read"
                    );
                }
            }
            Ok(end) => tracing::debug!(collector, peer, %end, "a connection ends"),
            Err(error) => {
                tracing::warn!(collector, peer, %error, "what a connection said last was not recorded");
            }
        }
        close(&mut *wire).await;
    }

    /// Records what comes after so many records.
    fn intake(&self, position: u64) -> Intake<()> {
        let (pipeline, channel, principal) =
            (Arc::clone(&self.pipeline), Arc::clone(&self.channel), Arc::clone(&self.principal));
        let patience = Patience::Until(self.stop.clone());
        let intake = Intake::new(pipeline, channel, principal, patience, (), position);
        // What is not one workspace's may carry the logs of many.
        if self.principal.workspace.is_some() {
            return intake.carrying(&[Lineage { name: "", is_continued: true }]);
        }
        intake
    }
}

/// Tells the peer that nothing more is read. A sender that looks before it writes, as rsyslog does, keeps what it has for the next
/// connection then; what it wrote before is still read.
async fn close(wire: &mut (dyn Wire + '_)) {
    // Whoever does not take the end does not need it.
    let _ = timeout(limits::STREAM_CLOSE_MAX, wire.shutdown()).await;
}

/// One connection that is being read.
struct Reading<'a> {
    streams: &'a Streams,
    intake: Intake<()>,
    split: Box<dyn Split>,
    /// Pieces that were taken: a piece's number is the position after it.
    number: u64,
}

impl Reading<'_> {
    async fn run(&mut self, wire: &mut (dyn Wire + '_), end: &CancellationToken) -> Result<End, PipelineError> {
        let mut buffer = vec![0; limits::STREAM_READ_BYTES];
        // Until when it is read at most, once it was told to end.
        let mut last: Option<TokioInstant> = None;
        let ended = loop {
            // As long as the peer is silent nothing is held for it but this buffer and a record that is not finished.
            let first = match last {
                None => tokio::select! {
                    biased;
                    () = end.cancelled() => {
                        last = Some(TokioInstant::now() + limits::STREAM_CLOSE_MAX);
                        close(wire).await;
                        continue;
                    }
                    read = wire.read(&mut buffer) => read,
                },
                Some(last) => {
                    match timeout_at(last.min(TokioInstant::now() + limits::QUIET), wire.read(&mut buffer)).await {
                        Ok(read) => read,
                        Err(_) => break End::Told,
                    }
                }
            };
            let _turn = self.streams.turns.acquire().await;
            let mut turn = Turn::after(self.number);
            let ended = self.fill(&mut turn, wire, &mut buffer, first).await;
            self.take(&turn).await?;
            if let Some(ended) = ended {
                break ended;
            }
        };
        let mut turn = Turn::after(self.number);
        if !matches!(ended, End::Defect(_))
            && let Some(piece) = self.split.finish(matches!(ended, End::Peer))
        {
            turn.add(piece, clock::now());
        }
        let _turn = self.streams.turns.acquire().await;
        self.take(&turn).await?;
        self.intake.give_up(clock::now(), self.number).await?;
        self.intake.finish().await?;
        Ok(ended)
    }

    /// Reads until nothing comes for a moment, or the turn is over. Says whether the connection is.
    async fn fill(
        &mut self,
        turn: &mut Turn,
        wire: &mut (dyn Wire + '_),
        buffer: &mut [u8],
        first: io::Result<usize>,
    ) -> Option<End> {
        let over = TokioInstant::now() + limits::STREAM_TURN_MAX;
        let (mut read, mut bytes) = (first, 0);
        loop {
            let count = match read {
                Ok(0) => return Some(End::Peer),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                // A peer of TLS that goes away without saying so may have been cut off.
                Err(error) => return Some(End::Broken(error)),
            };
            bytes += count;
            let (received, mut rest) = (clock::now(), &buffer[..count]);
            while let Some(piece) = self.split.next(&mut rest) {
                match piece {
                    Ok(piece) => turn.add(piece, received),
                    Err(defect) => {
                        turn.add(Piece::Kept(defect.kept.clone(), defect.reason.clone()), received);
                        return Some(End::Defect(defect));
                    }
                }
            }
            if bytes >= limits::STREAM_TURN_BYTES {
                return None;
            }
            let quiet = over.min(TokioInstant::now() + limits::QUIET);
            read = timeout_at(quiet, wire.read(buffer)).await.ok()?;
        }
    }

    /// Records a turn. What the disk refuses is tried again until it is taken or intake stops.
    async fn take(&mut self, turn: &Turn) -> Result<(), PipelineError> {
        let (channel, stop) = (&self.streams.channel, &self.streams.stop);
        let mut was_refused = false;
        loop {
            match turn.record(&mut self.intake).await {
                Ok(()) => break,
                Err(PipelineError::Append(error)) if error.is_of_disk() => {
                    channel.set_trouble(Some((State::Refused, error.to_string())));
                    was_refused = true;
                    if stop.run_until_cancelled(sleep(limits::ERROR_PAUSE)).await.is_none() {
                        return Err(error.into());
                    }
                    self.intake = self.streams.intake(self.intake.durable_position());
                }
                Err(error @ PipelineError::Stopping) => return Err(error),
                Err(error) => {
                    channel.set_trouble(Some((State::Refused, error.to_string())));
                    return Err(error);
                }
            }
        }
        if was_refused {
            channel.set_trouble(None);
        }
        self.number = turn.end();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
