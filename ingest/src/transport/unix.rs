//! A stream socket in the file system: whoever may write to it is a sender on this machine. Records are told apart as the dialect
//! says, as lines or as frames of a length.

mod socket;

use std::path::PathBuf;

use operations::standing::State;

use super::stream::{Defect, Piece, Split, Streams};
use super::{Setting, Settings, Start, Transport, Work, read};
use crate::frame::{Frame, Framer, Framing};
use crate::health::Trouble;
pub use socket::{BoundSocket, Placed, SocketError, SocketFile};

/// The transport.
pub struct Unix;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    path: PathBuf,
    #[serde(default)]
    mode: Option<String>,
}

/// The mode of a socket of which the settings say nothing: the server's own user.
const MODE: u32 = 0o600;

impl Options {
    fn of(settings: &Settings) -> Result<SocketFile, String> {
        let options: Self = read(settings)?;
        let mode = match &options.mode {
            None => MODE,
            Some(text) => {
                u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && text.len() >= 3).ok_or_else(|| {
                    format!("`mode` is {text:?}, not the permissions of a file in octal digits, such as \"0660\"")
                })?
            }
        };
        SocketFile::new(options.path, mode)
    }
}

impl Transport for Unix {
    fn name(&self) -> &'static str {
        "unix"
    }

    fn doc(&self) -> &'static str {
        "Takes records over a stream socket in the file system: lines, or frames with a length where the dialect has them. Whoever may write to \
         the file is a sender, and there is no token: set `trust`, `workspace` and so on for all that comes. A socket that is left \
         of a process that died is replaced; one on which somebody answers, or a file that is no socket, is not. Nothing is acknowledged: a connection \
         is read only as fast as the ledger takes it, and what was read and not yet durable is lost with the process."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            Setting {
                name: "path",
                required: true,
                doc: "The socket. Its directory must be there.",
                example: "\"/run/tachograph/boundary.sock\"",
            },
            Setting {
                name: "mode",
                required: false,
                doc: "Who may write to it, as the mode of a file in octal digits; by default `0600`, the server's own user.",
                example: "\"0660\"",
            },
        ]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        Options::of(settings).map(|_| ())
    }

    fn missing(&self, settings: &Settings) -> Option<String> {
        Options::of(settings).ok()?.missing()
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        Options::of(settings).map(|file| file.path().display().to_string()).unwrap_or_default()
    }

    fn takes(&self, framing: Framing) -> bool {
        matches!(framing, Framing::Lines | Framing::Tagged)
    }

    fn look(&self, settings: &Settings) -> Option<Trouble> {
        Some((State::Missing, self.missing(settings)?))
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let file = Options::of(start.settings)?;
        let framing = start.channel.dialect().encoding().framing();
        start.tell("what is sent");
        Ok(Work::Socket(file, Streams::new(start, move || Box::new(Records(Framer::new(framing))))))
    }
}

/// Tells records apart as a dialect says.
struct Records(Framer);

impl Split for Records {
    fn next(&mut self, chunk: &mut &[u8]) -> Option<Result<Piece, Defect>> {
        let found = self.0.next(chunk).map(|frame| frame.map(piece))?;
        Some(found.map_err(|error| Defect { kept: self.0.partial().to_vec(), reason: error.to_string() }))
    }

    fn finish(&mut self, is_whole: bool) -> Option<Piece> {
        let cut = || "the connection ended within a record".to_owned();
        match self.0.finish().map(|frame| frame.map(piece)) {
            Some(Ok(Piece::Record(bytes, seen))) if is_whole => Some(Piece::Record(bytes, seen)),
            Some(Ok(Piece::Record(bytes, _))) => Some(Piece::Kept(bytes, cut())),
            Some(Ok(kept)) => Some(kept),
            Some(Err(_)) => Some(Piece::Kept(self.0.partial().to_vec(), cut())),
            None => None,
        }
    }
}

fn piece(frame: Frame<'_>) -> Piece {
    match frame {
        Frame::Record(bytes) => Piece::Record(bytes.to_vec(), None),
        Frame::TooLong(kept, bytes) => {
            let reason = format!("the record has {bytes} bytes, and {} were kept", kept.len());
            Piece::Kept(kept.to_vec(), reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::events::column;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{UnixListener, UnixStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::dialect::{self, testing};
    use crate::fixtures::House;
    use crate::transport::stream::Connected;

    #[tokio::test]
    async fn frames_that_come_over_a_socket_are_events() {
        let config = "[[collectors]]\nname = \"b\"\ntransport = \"unix\"\ndialect = \"boundary_socket\"\nworkspace = \"w-1\"\n\
                      path = \"{dir}/b.sock\"";
        let mut house = House::new(config);
        let (name, file, streams) = house.collectors.take_sockets().remove(0);
        assert_eq!(
            (name.as_str(), house.collectors.watch().status()[0].place.as_str()),
            ("b", file.path().to_str().unwrap())
        );
        let bound = file.bind().unwrap();
        let listener = UnixListener::from_std(bound.listener).unwrap();
        let mut peer = UnixStream::connect(file.path()).await.unwrap();
        let wire = Box::new(listener.accept().await.unwrap().0);
        let end = CancellationToken::new();
        let read = tokio::spawn(async move { streams.read(Connected { wire, peer: String::new(), end }).await });
        let dialect = dialect::by_name("boundary_socket").unwrap();
        let frames: Vec<_> = dialect.examples().iter().map(|example| testing::bytes(dialect, example)).collect();
        // A batch whose writing failed comes again, and then boundary is gone.
        for bytes in [&frames[0], &frames[1], &frames[2], &frames[0], &frames[2], &frames[0][..9].to_vec()] {
            peer.write_all(bytes).await.unwrap();
        }
        drop(peer);
        read.await.unwrap();
        let kinds = house.column(column::KIND);
        assert_eq!(kinds, ["egress.http", "egress.http", "loss", "loss", "egress.http", "unparsed"]);
        assert_eq!(house.column(column::ACTION)[5], "the connection ended within a record");
        assert!(house.column(column::WORKSPACE).iter().all(|workspace| workspace == "w-1"));
    }

    #[test]
    fn a_path_and_a_mode_that_can_be_ones() {
        let check = |settings: &str, want: Result<(&str, u32), &str>| {
            let found = Options::of(&serde_json::from_str(settings).unwrap());
            match (found, want) {
                (Ok(file), Ok((path, mode))) => {
                    assert_eq!((file.path().to_str(), file.mode()), (Some(path), mode), "{settings}");
                }
                (Err(found), Err(want)) => assert!(found.contains(want), "{found}"),
                (found, want) => panic!("{settings}: {found:?}, not {want:?}"),
            }
        };
        check(r#"{"path":"/run/a.sock"}"#, Ok(("/run/a.sock", 0o600)));
        check(r#"{"path":"/run/a.sock","mode":"0666"}"#, Ok(("/run/a.sock", 0o666)));
        check(r#"{"path":"/run/a.sock","mode":"770"}"#, Ok(("/run/a.sock", 0o770)));
        for mode in ["", "6", "4755", "-1", "rw", "999"] {
            check(&format!(r#"{{"path":"/run/a.sock","mode":{mode:?}}}"#), Err("octal"));
        }
        check(r#"{"path":""}"#, Err("no name of a socket"));
        check(&format!(r#"{{"path":"/{}"}}"#, "x".repeat(103)), Err("at most 103 bytes"));
    }
}
