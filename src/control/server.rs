//! The server's end of the control socket. Whoever can open it is the principal `local`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use export::{Retries, RetryError};
use ledger::Appender;
use operations::access::{Principal, Tokens};
use operations::triage::{self, Desk};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::now;
use super::protocol::{Answer, Appended, ErrorCode, KINDS, Operation, Request, Status};
use crate::connections::{Connection, Connections, Holder};
use crate::limits;

/// Answers the question how the server is.
pub type StatusSource = Arc<dyn Fn() -> Status + Send + Sync>;

/// Answers the question which sinks run, that is, can send dead letters once more.
pub type RetrySource = Arc<dyn Fn() -> Retries + Send + Sync>;

/// The socket while it is open; dropping it removes the file.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// What requests act on.
#[derive(Clone)]
pub struct Context {
    /// Appends to `operations`.
    pub operations: Appender,
    /// Has to know an entry before it is acknowledged.
    pub tokens: Tokens,
    /// Where alerts are worked on.
    pub desk: Arc<Desk>,
    /// Answers `status`.
    pub status: StatusSource,
    /// The sinks that run.
    pub retries: RetrySource,
}

impl Control {
    /// Opens the socket. The caller holds the directory's lock, so a file that is there belongs to a process that died.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = super::socket_path(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(super::Address::of(data)?.path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves requests until it is told to stop, then finishes those that it has read.
    pub async fn serve(self, context: Context, stop: CancellationToken) {
        let places = Connections::new(limits::CONTROL_CONNECTIONS_MAX);
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener) => accepted,
                () = stop.cancelled() => break,
            };
            let Some(stream) = accepted else { continue };
            // All peers are this machine's: when every place is taken, the one that was silent for longest loses its own.
            let place = places.enter(IpAddr::from(Ipv4Addr::LOCALHOST));
            let (context, stop) = (context.clone(), stop.clone());
            connections.spawn(async move {
                if let Err(error) = converse(stream, &place, &context, &stop).await {
                    tracing::debug!(%error, "a connection to the control socket ended");
                }
            });
        }
        connections.close();
        connections.wait().await;
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // It may be gone already; the next start removes what is left.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: &UnixListener) -> Option<UnixStream> {
    match listener.accept().await {
        Ok((stream, _)) if is_trusted(&stream) => Some(stream),
        Ok(_) => {
            tracing::warn!("refused a connection to the control socket from another user");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the control socket could not accept a connection");
            // Out of file handles, most likely: trying again at once would only burn time.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            None
        }
    }
}

/// The file's mode says the same; this also holds for the moment between its creation and the change of its mode.
fn is_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn converse(
    stream: UnixStream,
    connection: &Connection,
    context: &Context,
    stop: &CancellationToken,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(limits::CONTROL_LINE_BYTES_MAX as u64 + 1);
        let read = tokio::select! {
            read = tokio::time::timeout(limits::CONTROL_IDLE_MAX, bounded.read_until(b'\n', &mut line)) => read,
            () = stop.cancelled() => return Ok(()),
            () = connection.end.cancelled() => return Ok(()),
        };
        let _permit = connection.begin(Holder::Address(connection.address));
        match read {
            Ok(Ok(0)) | Err(_) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
        }
        let too_long = line.len() > limits::CONTROL_LINE_BYTES_MAX;
        let answer = if too_long {
            refuse(ErrorCode::BadRequest, "the request is too long")
        } else {
            answer(&line, context).await
        };
        let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
        text.push(b'\n');
        writer.write_all(&text).await?;
        if too_long {
            return Ok(());
        }
    }
}

async fn answer(line: &[u8], context: &Context) -> Answer {
    match serde_json::from_slice(line) {
        Ok(Request::Append { entry }) => append(&entry, context).await,
        Ok(Request::Triage { work }) => triage(work, context).await,
        Ok(Request::Retry { sink }) => retry(&sink, context).await,
        Ok(Request::Status) => Answer::Status((context.status)()),
        Err(error) => refuse(ErrorCode::BadRequest, format!("not a request of this version: {error}")),
    }
}

async fn append(entry: &Operation, context: &Context) -> Answer {
    if !KINDS.contains(&entry.kind.as_str()) {
        return refuse(ErrorCode::Forbidden, format!("entries of kind {:?} are not appended by commands", entry.kind));
    }
    let appended = match entry.group(&Principal::local().name) {
        Ok(group) => context.operations.append(group).await,
        Err(error) => Err(error),
    };
    match appended {
        Ok(receipt) => {
            if let Err(error) = context.tokens.refresh() {
                tracing::error!(%error, "the tokens cannot be read");
            }
            Answer::Appended(Appended { position: receipt.first.to_string(), recorded: receipt.recorded })
        }
        Err(error) => refuse(ErrorCode::of(&error), error.to_string()),
    }
}

async fn triage(work: triage::Request, context: &Context) -> Answer {
    let desk = Arc::clone(&context.desk);
    // It waits for an fsync, which blocks.
    let done = tokio::task::spawn_blocking(move || desk.act(&work, &Principal::local(), now())).await;
    match done {
        Ok(Ok(done)) => Answer::Done(done),
        Ok(Err(refused)) => refuse(ErrorCode::of_refusal(&refused), refused.to_string()),
        Err(error) => refuse(ErrorCode::Stopping, error.to_string()),
    }
}

async fn retry(sink: &str, context: &Context) -> Answer {
    match (context.retries)().retry(sink, &Principal::local().name).await {
        Ok(()) => Answer::Retrying,
        Err(RetryError::Append(error)) => refuse(ErrorCode::of(&error), error.to_string()),
        Err(error) => refuse(ErrorCode::Refused, error.to_string()),
    }
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Answer {
    Answer::Error { code, message: message.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use ledger::{Options, Store};

    /// A server on the socket of a new store, for as long as the closure runs.
    fn with_server(check: impl FnOnce(&Path) + Send + 'static) {
        with_server_in("data", check);
    }

    /// The same in a data directory of this name.
    fn with_server_in(name: &str, check: impl FnOnce(&Path) + Send + 'static) {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join(name);
        Store::init(&data, "test.example/agents").unwrap();
        let store = Store::open(&data, Options::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let tokens = Tokens::load(store.operations().reader()).unwrap();
            let status: StatusSource = Arc::new(|| Status {
                version: "0".to_owned(),
                process: 1,
                console: String::new(),
                ingest: String::new(),
                not_ready: None,
                stopped: BTreeMap::new(),
                endpoints: Vec::new(),
                sinks: Vec::new(),
            });
            let operations = store.operations().appender();
            let desk =
                Arc::new(Desk::new(store.operations().reader(), Some(operations.clone()), triage::Policy::default()));
            let none = export::Exporter::new(&export::Config::default(), store.events(), store.operations(), [0; 32]);
            let none = none.unwrap().retries();
            let context = Context { operations, tokens, desk, status, retries: Arc::new(move || none.clone()) };
            let stop = CancellationToken::new();
            let served = tokio::spawn(Control::open(&data).unwrap().serve(context, stop.clone()));
            let path = data.clone();
            tokio::task::spawn_blocking(move || check(&path)).await.unwrap();
            stop.cancel();
            served.await.unwrap();
            assert!(!super::super::socket_path(&data).exists(), "the socket goes with the server");
        });
        store.stop();
    }

    /// What the server answers to these bytes.
    fn say(data: &Path, bytes: &[u8]) -> String {
        use std::io::{BufRead, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(super::super::socket_path(data)).unwrap();
        // The server hangs up before it has read all of a line that is too long.
        let _ = stream.write_all(bytes);
        let mut answer = String::new();
        let _ = std::io::BufReader::new(stream).read_line(&mut answer);
        answer
    }

    #[test]
    fn a_data_directory_of_any_length_has_its_socket() {
        with_server_in(&"long and ünusual %23#? ".repeat(9), |data| {
            let status = crate::control::client::status(data).unwrap_or_else(|failure| panic!("{}", failure.message()));
            assert_eq!(status.map(|status| status.process), Some(1));
            assert!(super::super::socket_path(data).exists());
        });
    }

    #[test]
    fn requests_are_answered_by_what_the_command_can_do() {
        with_server(|data| {
            let mode = std::fs::metadata(super::super::socket_path(data)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let check = |line: &str, says: &str| {
                let answer = say(data, format!("{line}\n").as_bytes());
                assert!(answer.contains(says), "{line}: {answer}");
            };
            check("{\"request\":\"status\"}", "\"process\":1");
            check("", "bad_request");
            check("{\"request\":\"reboot\"}", "bad_request");
            let triage = |work: &str| format!(r#"{{"request":"triage","work":{work}}}"#);
            check(&triage(r#"{"action":"hide"}"#), "bad_request");
            check(&triage(r#"{"action":"ack","alert":"a"}"#), "refused");
            check("{\"request\":\"retry\",\"sink\":\"siem\"}", "no sink siem is running");
            let entry = |kind: &str| {
                format!(
                    r#"{{"request":"append","entry":{{"kind":"{kind}","subject":"s","revision":1,"to":"active","record":{{}}}}}}"#
                )
            };
            check(&entry("alert"), "forbidden");
            check(&entry("token"), "operations/0/0");
            check(&entry("token"), "operations/0/1");
        });
    }

    #[test]
    fn peers_that_say_nothing_delay_nobody() {
        with_server(|data| {
            let connect = || std::os::unix::net::UnixStream::connect(super::super::socket_path(data)).unwrap();
            let idle: Vec<_> = (0..4 * limits::CONTROL_CONNECTIONS_MAX).map(|_| connect()).collect();
            assert!(say(data, b"{\"request\":\"status\"}\n").contains("process"));
            drop(idle);
        });
    }

    #[test]
    fn a_line_without_end_is_cut_off() {
        with_server(|data| {
            let answer = say(data, &vec![b'x'; limits::CONTROL_LINE_BYTES_MAX + 2]);
            assert!(answer.is_empty() || answer.contains("too long"), "{answer}");
            assert!(say(data, b"{\"request\":\"status\"}\n").contains("process"), "it goes on with others");
        });
    }
}
