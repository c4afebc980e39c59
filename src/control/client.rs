//! A command's end of the control socket, and its way without a server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use ledger::{AppendError, LedgerError, Options, Store};
use operations::access::Principal;
use operations::triage::{self, Cause, Done, Policy, TriageService};

use super::now;
use super::protocol::{Answer, Appended, ErrorCode, Operation, Request, Status};
use crate::exit::{Failure, INTERNAL, USAGE};
use crate::limits;

/// Records an entry: through the running server, or with the directory's lock if none runs.
pub fn append(data: &Path, entry: &Operation) -> Result<Appended, Failure> {
    match ask(data, &Request::Append { entry: entry.clone() })? {
        Some(Answer::Appended(appended)) => Ok(appended),
        Some(answer) => Err(refused(answer)),
        None => append_alone(data, entry),
    }
}

/// Works on an alert or a silence: through the running server, or with the directory's lock if none runs.
pub fn triage(data: &Path, work: &triage::Request) -> Result<Done, Failure> {
    match ask(data, &Request::Triage { work: work.clone() })? {
        Some(Answer::Done(done)) => Ok(done),
        Some(answer) => Err(refused(answer)),
        None => triage_alone(data, work),
    }
}

/// Asks the running server to send what a sink refused to it once more; `false` if none runs.
pub fn retry(data: &Path, sink: &str) -> Result<bool, Failure> {
    match ask(data, &Request::Retry { sink: sink.to_owned() })? {
        Some(Answer::Retrying) => Ok(true),
        Some(answer) => Err(refused(answer)),
        None => Ok(false),
    }
}

/// How the running server is, `None` if none runs.
pub fn status(data: &Path) -> Result<Option<Status>, Failure> {
    match ask(data, &Request::Status)? {
        Some(Answer::Status(status)) => Ok(Some(status)),
        Some(answer) => Err(refused(answer)),
        None => Ok(None),
    }
}

/// The failure behind an answer that is not the one to the question.
fn refused(answer: Answer) -> Failure {
    match answer {
        Answer::Error { code: ErrorCode::Refused, message } => Failure::usage(message),
        Answer::Error { code, message } => {
            tracing::debug!(?code, "refused");
            Failure::from(anyhow::anyhow!("the server refused: {message}"))
        }
        Answer::Appended(_) | Answer::Retrying | Answer::Done(_) | Answer::Status(_) => {
            Failure::from(anyhow::anyhow!("the server gave an answer to another question"))
                .hint("Is the server of another version? Restart it with this one.")
        }
    }
}

/// Sends one request. `None` if no server listens.
fn ask(data: &Path, request: &Request) -> Result<Option<Answer>, Failure> {
    let path = super::socket_path(data);
    let connected = super::Address::of(data).and_then(|address| UnixStream::connect(&address.path));
    let stream = match connected {
        Ok(stream) => stream,
        // No file: no server. Refused: the file of a server that died.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => {
            let failure =
                anyhow::Error::from(error).context(format!("cannot talk to the server at {}", path.display()));
            return Err(Failure::from(failure).hint("Run the command as the user of the server, or as root."));
        }
    };
    Ok(Some(converse(&stream, request)?))
}

fn converse(mut stream: &UnixStream, request: &Request) -> anyhow::Result<Answer> {
    stream.set_read_timeout(Some(limits::CONTROL_IDLE_MAX))?;
    stream.set_write_timeout(Some(limits::CONTROL_IDLE_MAX))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(limits::CONTROL_ANSWER_BYTES_MAX)).read_until(b'\n', &mut answer)?;
    anyhow::ensure!(answer.ends_with(b"\n"), "the server hung up before it answered");
    Ok(serde_json::from_slice(&answer)?)
}

fn append_alone(data: &Path, entry: &Operation) -> Result<Appended, Failure> {
    alone(data, |store| {
        let append = || -> Result<Appended, AppendError> {
            let group = entry.group(&Principal::local().name)?;
            let receipt = store.operations().appender().try_append(group).map_err(|rejected| rejected.error)?.wait()?;
            Ok(Appended { position: receipt.first.to_string(), recorded: receipt.recorded })
        };
        Ok(append()?)
    })
}

fn triage_alone(data: &Path, work: &triage::Request) -> Result<Done, Failure> {
    alone(data, |store| {
        let operations = store.operations();
        // Whether something may be done does not depend on what hides what, so the configuration is not needed.
        let service = TriageService::new(operations.reader(), Some(operations.appender()), Policy::default());
        service.act(work, &Principal::local(), now()).map_err(|refused| {
            let code = if refused.code().1 == Cause::Ledger { INTERNAL } else { USAGE };
            Failure::new(code, refused)
        })
    })
}

/// Opens the store, does something, and closes it again.
fn alone<T>(data: &Path, work: impl FnOnce(&Store) -> Result<T, Failure>) -> Result<T, Failure> {
    // The reserve is kept for entries such as these.
    let options = Options { reserve_bytes: 0, ..Options::default() };
    let store = Store::open(data, options).map_err(|error| {
        let locked = matches!(error, LedgerError::Locked { .. });
        let failure = Failure::from(error);
        if locked { failure.hint("A server is starting or stopping; try again in a moment.") } else { failure }
    })?;
    let done = work(&store);
    store.stop();
    done
}
