//! One session of RELP: its opening, messages with as many unanswered as the window allows, and its end.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::codec::{Decoder, Frame, TXNR_MAX, put};
use crate::connections::dial::{Dialer, Duplex};
use crate::connections::{SendError, excerpt};
use crate::limits::RELP_WINDOW;

/// What we say of ourselves and want of the other side.
const OFFER: &str =
    concat!("relp_version=0\nrelp_software=tachograph,", env!("CARGO_PKG_VERSION"), "\ncommands=syslog");

/// An open session.
pub struct Session {
    read: ReadHalf<Box<dyn Duplex>>,
    write: WriteHalf<Box<dyn Duplex>>,
    decoder: Decoder,
    /// The number of the next transaction.
    txnr: u32,
}

/// How sending went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every message has its answer; the first that was refused, and what was said.
    Answered(Option<(usize, String)>),
    /// The session is over, and some messages have no answer.
    Broken(String),
}

impl Session {
    /// Opens one. No message is sent.
    pub async fn open(dialer: &Dialer, host: &str, port: u16, encrypted: bool) -> Result<Self, SendError> {
        let stream = dialer.open(host, port, encrypted).await?;
        let (read, write) = tokio::io::split(stream);
        let mut session = Self { read, write, decoder: Decoder::default(), txnr: 1 };
        let not_sent = |error: io::Error| SendError::NotSent(error.to_string());
        let frame = session.ask("open", OFFER.as_bytes()).await.map_err(not_sent)?;
        let said = String::from_utf8_lossy(&frame.data).into_owned();
        let takes = said.lines().any(|line| {
            line.strip_prefix("commands=")
                .is_some_and(|commands| commands.split(',').any(|command| command == "syslog"))
        });
        if said.starts_with("200") && takes {
            Ok(session)
        } else {
            Err(SendError::NotSent(format!("it opens no session for syslog: {}", excerpt(&said))))
        }
    }

    /// One transaction alone, and its answer.
    async fn ask(&mut self, command: &str, data: &[u8]) -> io::Result<Frame> {
        let (mut bytes, txnr) = (Vec::new(), self.next_txnr());
        put(txnr, command, data, &mut bytes);
        self.write.write_all(&bytes).await?;
        self.write.flush().await?;
        loop {
            if let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                let is_ours = frame.txnr == txnr && frame.command == "rsp";
                return is_ours.then_some(frame).ok_or_else(|| io::Error::other("it answers another transaction"));
            }
            self.receive().await?;
        }
    }

    fn next_txnr(&mut self) -> u32 {
        let txnr = self.txnr;
        self.txnr += 1;
        txnr
    }

    async fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4_096];
        match self.read.read(&mut buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.decoder.push(buffer.get(..length).unwrap_or_default());
                Ok(())
            }
        }
    }

    /// Sends messages, and calls `acknowledged` with the number of each that the other side has.
    pub async fn carry(&mut self, messages: &[&[u8]], mut acknowledged: impl FnMut(usize)) -> Ended {
        match self.exchange(messages, &mut acknowledged).await {
            Ok(refused) => Ended::Answered(refused),
            Err(error) => Ended::Broken(error.to_string()),
        }
    }

    async fn exchange(
        &mut self,
        messages: &[&[u8]],
        acknowledged: &mut impl FnMut(usize),
    ) -> io::Result<Option<(usize, String)>> {
        let mut waiting: VecDeque<(u32, usize)> = VecDeque::new();
        let mut rest = messages.iter().enumerate();
        let (mut out, mut written, mut flushed, mut refused) = (Vec::new(), 0, true, None);
        loop {
            while waiting.len() < RELP_WINDOW {
                // Whoever numbers transactions to the end begins a new session.
                if self.txnr >= TXNR_MAX {
                    break;
                }
                let Some((number, message)) = rest.next() else { break };
                let txnr = self.next_txnr();
                put(txnr, "syslog", message, &mut out);
                waiting.push_back((txnr, number));
            }
            if waiting.is_empty() {
                let is_all = rest.next().is_none();
                return if is_all { Ok(refused) } else { Err(io::Error::other("the session has no numbers left")) };
            }
            let mut buffer = [0; 4_096];
            tokio::select! {
                read = self.read.read(&mut buffer) => {
                    let length = read?;
                    if length == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.decoder.push(buffer.get(..length).unwrap_or_default());
                    while let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                        settle(&frame, &mut waiting, &mut refused, acknowledged)?;
                    }
                }
                wrote = advance(&mut self.write, out.get(written..).unwrap_or_default()), if written < out.len() || !flushed => {
                    match wrote? {
                        0 => flushed = true,
                        wrote => (written, flushed) = (written + wrote, false),
                    }
                    if written == out.len() {
                        (written, out) = (0, Vec::new());
                    }
                }
            }
        }
    }

    /// The session for the next messages; `None` if it has no numbers left for many more, and was closed.
    pub async fn reusable(mut self) -> Option<Self> {
        if self.txnr < TXNR_MAX / 2 {
            return Some(self);
        }
        // Everything is answered, so how it ends changes nothing.
        let _ = self.ask("close", b"").await;
        let _ = self.write.shutdown().await;
        None
    }
}

/// Writes some of the bytes and says how many; if there are none, what is held back on the way goes out.
async fn advance(write: &mut WriteHalf<Box<dyn Duplex>>, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return write.flush().await.map(|()| 0);
    }
    match write.write(bytes).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        wrote => Ok(wrote),
    }
}

/// Takes one frame: the answer to a transaction that waits for one, or that the other side ends the session.
fn settle(
    frame: &Frame,
    waiting: &mut VecDeque<(u32, usize)>,
    refused: &mut Option<(usize, String)>,
    acknowledged: &mut impl FnMut(usize),
) -> io::Result<()> {
    if frame.command != "rsp" {
        return Err(io::Error::other("the receiver ends the session"));
    }
    let at = waiting.iter().position(|(txnr, _)| *txnr == frame.txnr);
    let Some((_, number)) = at.and_then(|at| waiting.remove(at)) else {
        return Err(io::Error::other("it answers a transaction that nobody began"));
    };
    // Three digits, and a text behind a space.
    let code: &[u8] = frame.data.split(|byte| *byte == b' ').next().unwrap_or_default();
    match code {
        b"200" => acknowledged(number),
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => {
            let before = refused.as_ref().is_none_or(|(first, _)| number < *first);
            if before {
                *refused = Some((number, String::from_utf8_lossy(&frame.data).into_owned()));
            }
        }
        _ => return Err(io::Error::other("an answer has no code")),
    }
    Ok(())
}
