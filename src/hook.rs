//! `tachograph hook`: one command for the hooks of every agent. It reads the payload, says whose it is and when it came, puts
//! it into a spool and has it delivered behind the agent's back.
//!
//! It never blocks an agent, never makes one of its calls fail and prints nothing that an agent would read: whatever goes wrong
//! is a sentence on standard error and the exit code 0. Of what a hook sends nothing is judged here; that is the dialect's.

mod deliver;
mod files;
mod install;
mod spool;

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

use clap::{Args, Subcommand};
use export::Secret;
use export::tls::ClientTls;
use ledger::{SystemClock, TimeSource};
use serde_json::{Value, json};

use crate::client::Trust;
use crate::exit::{CommandResult, Failure};
use crate::{limits, output};
use spool::Spool;

/// Arguments of `hook`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Whose hook it is: claude_code, codex, gemini, copilot, cursor or opencode [default: as the payload looks].
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Which hook it is of, where the payload does not say.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    #[command(flatten)]
    destination: Destination,
}

/// What else it does.
#[derive(Debug, Subcommand)]
enum Action {
    /// Deliver what waits in the spool.
    Flush(Destination),
    /// Say what waits in the spool, and why.
    Status(Destination),
    /// Print what makes an agent call this command from its hooks.
    Install(install::Arguments),
}

/// Where payloads go.
#[derive(Debug, Clone, Args)]
pub struct Destination {
    /// The address of the server's intake.
    #[arg(long, value_name = "URL", env = "TACHOGRAPH_INGEST", default_value = "http://127.0.0.1:7071")]
    server: String,
    /// The collector, whose dialect is `hooks`.
    #[arg(long, value_name = "NAME", env = "TACHOGRAPH_COLLECTOR", default_value = "hooks")]
    collector: String,
    /// The file with the token's secret [default: the environment's TACHOGRAPH_TOKEN].
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The directory of the spool [default: tachograph/hooks in the user's state directory].
    #[arg(long, value_name = "DIR", env = "TACHOGRAPH_SPOOL")]
    spool: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// A PEM file with a certificate, for an intake that asks senders for one.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CLIENT_CERTIFICATE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The PEM file with the key of that certificate.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CLIENT_KEY", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

/// Whether this command line is a hook's: then nothing of it may end in an exit code that an agent understands as a word.
pub fn is_called() -> bool {
    std::env::args_os().nth(1).is_some_and(|first| first == "hook")
        && !std::env::args_os()
            .nth(2)
            .is_some_and(|second| ["flush", "status", "install"].iter().any(|word| second == *word))
}

/// Says on standard error what went wrong, and goes on.
pub fn excuse(message: &str) -> ExitCode {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "tachograph hook: {}", message.trim_end());
    ExitCode::SUCCESS
}

/// Runs the command.
pub fn run(arguments: Arguments) -> CommandResult {
    match arguments.action {
        None => Ok(std::panic::catch_unwind(|| fire(&arguments)).map_or_else(
            |_| excuse("an error of its own; the payload is lost"),
            |fired| fired.map_or_else(|failure| excuse(&failure.message()), |()| ExitCode::SUCCESS),
        )),
        Some(Action::Flush(destination)) => {
            let delivered = deliver::deliver(&destination)?;
            output::print_line(&format!("{delivered} delivered"))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Action::Status(destination)) => {
            let status = destination.spool()?.status()?;
            let (bytes, files, lost) = (status.bytes, status.files, status.lost);
            output::print_line(&format!("{bytes} bytes wait in {files} files; {lost} records were lost"))?;
            if let Some(reason) = status.failure {
                output::print_line(&format!("the last delivery failed: {}", output::visible(&reason)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Action::Install(arguments)) => install::run(&arguments),
    }
}

/// Takes one payload from standard input.
fn fire(arguments: &Arguments) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "it is called by an agent's hooks; `tachograph hook install --agent NAME` says how",
        ));
    }
    let payload = read();
    let spool = arguments.destination.spool()?;
    spool.append(&envelope(arguments, &payload))?;
    let program = std::env::current_exe()?;
    let Destination { server, collector, token_file, spool: directory, trust, client_certificate, client_key } =
        &arguments.destination;
    let mut flush = std::process::Command::new(program);
    flush.args(["hook", "flush", "--server", server, "--collector", collector]);
    for (option, path) in [
        ("--token-file", token_file),
        ("--spool", directory),
        ("--ca-file", &trust.ca_file),
        ("--client-certificate", client_certificate),
        ("--client-key", client_key),
    ] {
        if let Some(path) = path {
            flush.arg(option).arg(path);
        }
    }
    // In a group of its own, so that an agent that ends its hooks does not end the delivery.
    std::os::unix::process::CommandExt::process_group(&mut flush, 0);
    flush.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok(())
}

/// What comes on standard input, within bounds of size and time. The rest is read and thrown away, so that an agent that
/// writes it does not find its pipe broken.
fn read() -> Vec<u8> {
    let (sender, pieces) = channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut piece = vec![0; 64 << 10];
        while let Ok(bytes @ 1..) = input.read(&mut piece) {
            if sender.send(piece[..bytes].to_vec()).is_err() {
                break;
            }
        }
    });
    let deadline = Instant::now() + limits::HOOK_READ_MAX;
    let mut payload = Vec::new();
    loop {
        match pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(piece) => {
                let room = limits::HOOK_READ_BYTES_MAX - payload.len();
                payload.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return payload,
        }
    }
}

/// One line: what is known of the payload and, when a session starts, of the files that the agent reads; and the payload.
fn envelope(arguments: &Arguments, payload: &[u8]) -> Vec<u8> {
    let mut told = json!({ "time": output::exact_time(SystemClock.now()), "version": env!("CARGO_PKG_VERSION") });
    let host = rustix::system::uname();
    told["host"] = host.nodename().to_string_lossy().into();
    for (name, value) in [("agent", &arguments.agent), ("event", &arguments.event)] {
        if let Some(value) = value {
            told[name] = value.as_str().into();
        }
    }
    if let Some(files) = files::at_start(arguments.event.as_deref(), payload) {
        told["files"] = files;
    }
    let mut line = format!("{{\"tachograph_hook\":{told},\"payload\":").into_bytes();
    line.extend_from_slice(&one_line(payload));
    line.push(b'}');
    line
}

/// A payload as one JSON value on one line. What is an object stays as it is but for line breaks, which are white space in
/// JSON; what is none is a string, which no dialect understands and the server keeps.
fn one_line(payload: &[u8]) -> Vec<u8> {
    let payload = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload).trim_ascii();
    let mut payload = if payload.starts_with(b"{") && payload.ends_with(b"}") {
        payload.to_vec()
    } else {
        Value::from(String::from_utf8_lossy(payload)).to_string().into_bytes()
    };
    if payload.len() > limits::HOOK_PAYLOAD_BYTES_MAX {
        payload = shortened(&payload);
    }
    payload.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    payload
}

/// A payload that is too large, with its longest texts cut.
fn shortened(payload: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into());
    let mut most = limits::HOOK_PAYLOAD_BYTES_MAX / 4;
    loop {
        cut(&mut value, most);
        let text = value.to_string().into_bytes();
        if text.len() <= limits::HOOK_PAYLOAD_BYTES_MAX || most == 0 {
            return text;
        }
        most /= 2;
    }
}

fn cut(value: &mut Value, most: usize) {
    match value {
        Value::String(text) if text.len() > most => {
            let cut = text.len() - most;
            text.truncate(text.floor_char_boundary(most));
            *text += &["… [", &cut.to_string(), " bytes were cut]"].concat();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, most)),
        Value::Object(members) => members.values_mut().for_each(|member| cut(member, most)),
        _ => {}
    }
}

impl Destination {
    /// The spool, made if it is not there.
    fn spool(&self) -> Result<Spool, Failure> {
        let directory = self.spool.clone().unwrap_or_else(|| {
            let home = std::env::home_dir().map(|home| home.join(".local/state"));
            let state =
                std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|state| state.is_absolute()).or(home);
            match state {
                Some(state) => state.join("tachograph/hooks"),
                None => std::env::temp_dir().join(format!("tachograph-hooks-{}", rustix::process::getuid().as_raw())),
            }
        });
        Spool::open(&directory).map_err(|error| {
            Failure::from(anyhow::Error::from(error).context(format!("the spool {}", directory.display())))
        })
    }

    /// Whom a delivery believes, and what it shows.
    fn tls(&self) -> ClientTls {
        let identity = self.client_certificate.clone().zip(self.client_key.clone().map(Secret::File));
        ClientTls { identity, ..self.trust.client() }
    }

    /// The token's secret.
    fn token(&self) -> Result<String, Failure> {
        let secret = match &self.token_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| anyhow::Error::from(error).context(format!("the token in {}", file.display())))?,
            None => std::env::var("TACHOGRAPH_TOKEN").unwrap_or_default(),
        };
        match secret.trim() {
            "" => Err(Failure::usage("there is no token; set TACHOGRAPH_TOKEN or --token-file")),
            secret => Ok(secret.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(payload: &[u8]) -> String {
        String::from_utf8_lossy(&one_line(payload)).into_owned()
    }

    #[test]
    fn payloads_are_one_value_on_one_line() {
        assert_eq!(of(b"{\n \"a\": 1\r\n}\n"), "{  \"a\": 1  }");
        assert_eq!(of(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(of(b"not JSON\n\xff"), "\"not JSON\\n\u{fffd}\"");
        assert_eq!(of(b""), "\"\"");
        assert_eq!(of(br#"{"a":"\ud83d"}"#), r#"{"a":"\ud83d"}"#, "what is odd is the server's to mend");
    }

    #[test]
    fn a_payload_that_is_too_large_loses_its_longest_texts_only() {
        let payload = json!({"session_id": "s", "tool_input": {"command": "ls"}, "tool_response": "x".repeat(3 << 20)});
        let short: Value = serde_json::from_str(&of(payload.to_string().as_bytes())).unwrap();
        assert_eq!((&short["session_id"], &short["tool_input"]["command"]), (&json!("s"), &json!("ls")));
        assert!(short["tool_response"].as_str().unwrap().ends_with("bytes were cut]"));
        assert!(of(&[b'[', b'"'].repeat(2 << 20)).len() <= limits::HOOK_PAYLOAD_BYTES_MAX + 64);
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_line(payload: Vec<u8>) {
            let line = one_line(&payload);
            prop_assert!(!line.contains(&b'\n') && !line.is_empty());
        }
    }
}
