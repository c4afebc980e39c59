//! `tachograph demo`: a real server on a made-up fleet. It reads in thirty days of work over its own intake, then plays six stories among
//! ordinary work, and tells what it finds as it happens. Nothing leaves this machine, and nothing is left behind.
//!
//! ```text
//! generator ── HTTP ──► the server of `serve`, in this process ── sinks ──► inboxes (Slack, PagerDuty, Splunk)
//!     └─ labels ──► score ◄── alerts, over the API ──┘
//! ```
//!
//! Live records carry the time at which they are sent: what is recorded now and says that it happens later would be wrong, and detection
//! counts what is live by when it was recorded. So `--speed` shortens the pauses between records; the server's clock is the only one.

mod directory;
mod gateway;
mod inbox;
mod pages;
mod play;
mod score;
mod screen;
mod sender;
mod setup;
mod tamper;
mod watch;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Args;
use generator::{Generator, Rhythm, Scale, Speed};
use indicatif::HumanCount;
use ledger::{SystemClock, TimeSource as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::alerts::silence::duration;
use crate::exit::{CommandResult, Failure, INTERNAL};
use crate::login;
use crate::serve::{Addresses, Handle, Orders, run_until};
use crate::settings::{self, Listen};
use directory::Directory;
use gateway::Gateway;
use inbox::Inboxes;
use pages::Pages;
use play::{Length, Setting, Stage};
use screen::Screen;
use sender::{Doors, Sender};
use setup::Setup;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many times as fast as in life the stories go on, from 0.1 to 1000.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Where the fleet and everything it does follow from: the same number gives the same.
    #[arg(long, value_name = "NUMBER", default_value_t = 42)]
    seed: u64,
    /// Days of work before now.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=120))]
    days: u32,
    /// Stop playing after so long in the time of the stories, such as 90s, and say what was found.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    until: Option<Duration>,
    /// End then: with exit code 1 if a story was not found, for which it waits a little.
    #[arg(long, requires = "until")]
    exit: bool,
    /// Use this new directory, and keep it.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where the console listens. Without it port 7070 of this machine, or a free one.
    #[arg(long, value_name = "ADDRESS")]
    console: Option<SocketAddr>,
    /// Where intake listens. Without it port 7071 of this machine, or a free one.
    #[arg(long, value_name = "ADDRESS")]
    ingest: Option<SocketAddr>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=1_000.0).contains(speed));
    speed.ok_or_else(|| "it is a number from 0.1 to 1000".to_owned())
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("demo").enable_all().build()?;
    runtime.block_on(show(arguments))
}

/// A server that runs on a thread of its own.
struct Server {
    handle: Handle,
    thread: JoinHandle<CommandResult>,
}

impl Server {
    /// Starts one with the configuration of a setup, and waits until it is ready.
    async fn start(setup: &Setup, inboxes: &Inboxes) -> Result<(Self, Addresses), Failure> {
        let loaded = settings::load(&setup.configuration())?;
        let (orders, handle) = Orders::of_handle();
        let pages = Arc::new(Pages::new(inboxes.clone(), setup.data()));
        let run = move || run_until(loaded, Some(pages), || Ok(orders));
        let thread = std::thread::Builder::new().name("server".to_owned()).spawn(run)?;
        let mut server = Self { handle, thread };
        match server.handle.ready().await {
            Some(addresses) => Ok((server, addresses)),
            None => Err(server.end().await.err().unwrap_or_else(|| anyhow::anyhow!("the server ended").into())),
        }
    }

    /// Has it end in order, and waits until it has.
    async fn end(self) -> Result<(), Failure> {
        self.handle.stop("the end of the demo").await;
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await?;
        ended.unwrap_or_else(|_| Err(anyhow::anyhow!("the server panicked").into())).map(|_| ())
    }
}

async fn show(arguments: &Arguments) -> CommandResult {
    let screen = Screen::new();
    let stop = stop_by_signals()?;
    let directory = Directory::make(arguments.keep.as_deref())?;
    let scale = Scale { days: arguments.days, ..Scale::default() };
    let generator = Arc::new(Generator::new(arguments.seed, scale));
    let now = SystemClock.now().unix_micros();
    let (console, ingest) = addresses(arguments, &screen)?;
    let setup = Setup::new(directory.path(), console, ingest, Rhythm::at(now), Speed::times(arguments.speed));
    let (data, fleet) = (setup.clone(), Arc::clone(&generator));
    let secrets = tokio::task::spawn_blocking(move || data.make(fleet.fleet())).await??;
    let inboxes = Inboxes::default();
    let (server, addresses) = Server::start(&setup, &inboxes).await?;
    let gateway = Gateway::new(&addresses.console.to_string(), secrets.gateway().to_owned(), generator.fleet())?;
    let sender = Sender::new(&addresses.ingest.to_string(), secrets)?;
    let outcome = tokio::select! {
        outcome = tell(arguments, &screen, &directory, (&generator, &setup), (&server, addresses), (sender, gateway, &inboxes), &stop) => outcome,
        // Nothing was told yet that would have to be summed up.
        () = stopped_early(&stop) => Ok(ExitCode::SUCCESS),
    };
    let ended = server.end().await;
    if directory.is_kept() {
        screen.say(&format!("Kept in {}.", directory.path().display()))?;
    }
    drop(directory);
    outcome.and_then(|code| ended.map(|()| code))
}

/// Resolves some time after somebody said stop: by then the stage has ended by itself, if it had begun.
async fn stopped_early(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Cancelled by the signals that end a program.
fn stop_by_signals() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let said = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        said.cancel();
    });
    Ok(stop)
}

/// Where the server is to listen: what was asked for, else the usual ports, else free ones.
fn addresses(arguments: &Arguments, screen: &Screen) -> std::io::Result<(SocketAddr, SocketAddr)> {
    let usual = Listen::default();
    let mut taken = Vec::new();
    let mut choose = |asked: Option<SocketAddr>, usual: SocketAddr| {
        asked.unwrap_or_else(|| {
            if TcpListener::bind(usual).is_ok() {
                return usual;
            }
            taken.push(usual.to_string());
            SocketAddr::new(usual.ip(), 0)
        })
    };
    let chosen = (choose(arguments.console, usual.console), choose(arguments.ingest, usual.ingest));
    if !taken.is_empty() {
        screen.say(&format!("{} cannot be listened on; the demo takes free ports.", taken.join(" and ")))?;
    }
    Ok(chosen)
}

/// Everything between the server's first and last breath.
async fn tell(
    arguments: &Arguments,
    screen: &Screen,
    directory: &Directory,
    (generator, setup): (&Arc<Generator>, &Setup),
    (server, addresses): (&Server, Addresses),
    (sender, gateway, inboxes): (Sender, Gateway, &Inboxes),
    stop: &CancellationToken,
) -> CommandResult {
    let api = watch::api(&setup.data())?;
    greet(screen, directory, addresses, &login::address_of_link(&api).await?)?;
    let (heard, mut alerts) = mpsc::channel(1_024);
    // It ends with the server.
    tokio::spawn(watch::follow(api.clone(), heard));
    let history = read_in(screen, generator, &sender, &api, &mut alerts).await?;
    // What was read in is verified before anybody looks.
    api.ask("POST", "/api/v1/integrity/verify", &[], String::new()).await?;
    let (data, labels) = (setup.data(), setup.labels());
    let setting = Setting { data: &data, labels: &labels, inboxes, speed: setup.speed() };
    let mut stage = Stage::new(screen, generator.fleet(), setting, gateway)?;
    history.alerts.iter().for_each(|seen| stage.hear(seen));
    setup.configure(Some((inboxes.receive().await?, generator.fleet())))?;
    server.handle.reload().await?;
    screen.headline("Live. A story begins every ten seconds or so, among the work of two dozen agents:")?;
    let mut doors = Doors::new(sender);
    let length = Length { until: arguments.until, waits: arguments.exit };
    stage.play(generator, &mut doors, &mut alerts, length, stop).await?;
    doors.end().await?;
    screen.summary(stage.score(), (history.records, stage.sent))?;
    if arguments.until.is_some() && !arguments.exit && !stop.is_cancelled() {
        screen.say("Nothing new comes from here on. Ctrl-C ends it.")?;
        stop.cancelled().await;
    }
    let is_missed = arguments.exit && !stage.score().is_complete() && !stop.is_cancelled();
    Ok(if is_missed { ExitCode::from(INTERNAL) } else { ExitCode::SUCCESS })
}

/// What people read first.
fn greet(screen: &Screen, directory: &Directory, addresses: Addresses, link: &str) -> std::io::Result<()> {
    let kept = if directory.is_kept() { "kept" } else { "removed on exit" };
    let data = directory.path().join("data").display().to_string();
    screen.headline(&format!("Tachograph is at {link}"))?;
    screen.say(&format!(
        "The link lets you in once; another: tachograph login --data {data}\n\
         Demo data, loopback only, directory {kept}: {}\n\
         What to click first, once you are in:",
        directory.path().display()
    ))?;
    for (path, what) in FIRST_PAGES {
        screen.say(&format!("  http://{}{path:<20} {what}", addresses.console))?;
    }
    screen.say("The same in another terminal:")?;
    for line in first_steps(&data) {
        screen.say(&format!("  {line}"))?;
    }
    screen.say("Try to break it: type b and Enter here. One byte of a copy is changed, and the verifier names where. Ctrl-C ends the demo.")
}

/// Pages to look at first.
const FIRST_PAGES: [(&str, &str); 4] = [
    ("/", "the fleet, live"),
    ("/alerts", "what was found, and why"),
    ("/demo/inbox/slack", "what arrived in Slack"),
    ("/demo/break", "try to break it: one byte of a copy"),
];

/// What to look at first in a terminal.
fn first_steps(data: &str) -> [String; 3] {
    [
        format!("tachograph alerts list --data {data}"),
        format!("tachograph tail --data {data}"),
        format!("tachograph verify {data}"),
    ]
}

/// What the days before brought.
struct History {
    records: u64,
    alerts: Vec<watch::Seen>,
}

/// Reads in the days before now, and waits until detection has lived through them.
async fn read_in(
    screen: &Screen,
    generator: &Arc<Generator>,
    sender: &Sender,
    api: &crate::client::Api,
    alerts: &mut mpsc::Receiver<watch::Seen>,
) -> Result<History, Failure> {
    let days = generator.fleet().scale().days;
    screen.say(&format!("Reading in {days} days of work of {} agents …", generator.fleet().agents().len()))?;
    let begun = Instant::now();
    let reading = async {
        let records = sender.history(generator, SystemClock.now().unix_micros()).await?;
        let sent = begun.elapsed();
        watch::caught_up(api).await?;
        Ok::<_, Failure>((records, sent))
    };
    let mut reading = std::pin::pin!(reading);
    let mut seen = Vec::new();
    let (records, sent) = loop {
        tokio::select! {
            done = &mut reading => break done?,
            Some(alert) = alerts.recv() => seen.push(alert),
        }
    };
    screen.say(&format!(
        "{} records in {:.1} s, each durable; detection had seen them after {:.1} s.",
        HumanCount(records),
        sent.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    ))?;
    Ok(History { records, alerts: seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_have_bounds() {
        assert_eq!(speed("10"), Ok(10.0));
        for wrong in ["0", "-1", "NaN", "1001", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
