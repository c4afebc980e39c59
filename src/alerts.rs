//! `tachograph alerts`: what is wrong, who looks after it, and what nobody wants to hear of for now.
//!
//! Reading goes through the HTTP API, of a server or over a data directory. Work on an alert is an entry of `operations`: by the
//! owner of the token on a server, by `local` on a directory.

mod evidence;
mod show;
pub mod silence;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use operations::filter::{Filter, Subject};
use operations::kind::alert_step::CloseReason;
use operations::triage::{Matcher, Request, Status};

use crate::cli::Output;
use crate::client::{Target, segment};
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format};

/// The commands on alerts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List alerts, newest first; those that are resolved or closed only with --all.
    List(List),
    /// Show one alert: why, on what evidence, and what people did about it.
    Show(Show),
    /// Show the events behind an alert.
    Evidence(evidence::Arguments),
    /// Look after an alert.
    Ack(Ack),
    /// Say who is to look after an alert.
    Assign(Assign),
    /// Write something about an alert.
    Note(Note),
    /// Close an alert: say what it was.
    Resolve(Resolve),
    /// Take back that an alert was closed.
    Reopen(Ack),
    /// Hide alerts for a while; says first how many of the last 7 days it would have hidden.
    Silence(silence::Arguments),
    /// List silences and maintenance windows.
    Silences(silence::List),
    /// End a silence or a maintenance window early.
    Unsilence(silence::End),
}

/// Arguments of `alerts list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only alerts for which this holds, such as 'team:payments severity>=high -user:bob'; matchers such as rule~egress.* or
    /// team!=red are taken too. All must hold.
    #[arg(value_name = "FILTER")]
    matchers: Vec<String>,
    /// Only alerts that stand there: open, acknowledged, resolved or closed; may be given several times.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Vec<Status>,
    /// Also those that are resolved or closed.
    #[arg(long, conflicts_with = "status")]
    all: bool,
    /// Only alerts that this person is to look after.
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Only alerts that are hidden now (true), or that are not (false).
    #[arg(long, value_name = "BOOL")]
    hidden: Option<bool>,
    /// The most alerts in the list.
    #[arg(short = 'n', long, value_name = "ALERTS", default_value_t = 100)]
    limit: u64,
    /// Go on after the page that ended with this cursor.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

fn status(text: &str) -> Result<Status, String> {
    let found = Status::ALL.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| format!("it is one of {}", Status::ALL.map(Status::as_str).join(", ")))
}

/// Arguments of `alerts show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Id of the alert, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// What all work on one alert has.
#[derive(Debug, Args)]
pub struct Work {
    /// Id of the alert, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// Refuse if something happened to the alert since this version.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `alerts ack` and `alerts reopen`.
#[derive(Debug, Args)]
pub struct Ack {
    /// What to remember.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    work: Work,
}

/// Arguments of `alerts assign`.
#[derive(Debug, Args)]
pub struct Assign {
    #[command(flatten)]
    work: Work,
    /// Who is to look after it.
    #[arg(value_name = "NAME", required_unless_present = "nobody")]
    assignee: Option<String>,
    /// Nobody is to look after it any more.
    #[arg(long, conflicts_with = "assignee")]
    nobody: bool,
}

/// Arguments of `alerts note`.
#[derive(Debug, Args)]
pub struct Note {
    #[command(flatten)]
    work: Work,
    /// What to remember.
    #[arg(value_name = "TEXT")]
    note: String,
}

/// Arguments of `alerts resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// What it was: `true_positive`, benign, `false_positive` or duplicate.
    #[arg(long, value_name = "REASON")]
    reason: CloseReason,
    /// The alert that says the same.
    #[arg(long, value_name = "ALERT")]
    duplicate_of: Option<String>,
    /// What to remember.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    work: Work,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::List(arguments) => list(&arguments).await,
            Command::Show(arguments) => show(&arguments).await,
            Command::Evidence(arguments) => evidence::run(&arguments).await,
            Command::Ack(Ack { note, work }) => {
                work.ask("Acknowledged", |alert, if_version| Request::Ack { alert, note, if_version }).await
            }
            Command::Assign(Assign { work, assignee, nobody: _ }) => {
                work.ask("Assigned", |alert, if_version| Request::Assign { alert, assignee, if_version }).await
            }
            Command::Note(Note { work, note }) => {
                work.ask("Noted on", |alert, if_version| Request::Note { alert, note, if_version }).await
            }
            Command::Resolve(Resolve { reason, duplicate_of, note, work }) => {
                let request = |alert, if_version| Request::Resolve { alert, reason, duplicate_of, note, if_version };
                work.ask("Closed", request).await
            }
            Command::Reopen(Ack { note, work }) => {
                work.ask("Reopened", |alert, if_version| Request::Reopen { alert, note, if_version }).await
            }
            Command::Silence(arguments) => silence::begin(&arguments).await,
            Command::Silences(arguments) => silence::list(&arguments).await,
            Command::Unsilence(arguments) => silence::end(&arguments).await,
        }
    })
}

impl Work {
    async fn ask(self, done: &str, request: impl FnOnce(String, Option<u64>) -> Request) -> CommandResult {
        let request = request(self.alert, self.if_version);
        let answer = self.target.triage(&request).await?;
        match self.output.format {
            Format::Json => output::print_json(&answer)?,
            Format::Table => {
                let text = |name: &str| output::visible(&show::text(&answer[name]));
                let (id, status, position) = (text("id"), text("status"), text("position"));
                output::print_line(&format!("{done} {id}: it is {status}, recorded at {position}."))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(arguments: &List) -> CommandResult {
    let mut parameters = vec![("limit", arguments.limit.to_string())];
    let chosen: &[Status] = match (&arguments.status[..], arguments.all) {
        ([], false) => &[Status::Open, Status::Acknowledged],
        (chosen, _) => chosen,
    };
    parameters.extend(chosen.iter().map(|status| ("status", status.as_str().to_owned())));
    let (matchers, terms): (Vec<&String>, Vec<&String>) =
        arguments.matchers.iter().partition(|text| text.parse::<Matcher>().is_ok());
    parameters.extend(matchers.into_iter().map(|matcher| ("match", matcher.clone())));
    if !terms.is_empty() {
        let filter = terms.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        Filter::parse_for(Subject::Alerts, &filter).map_err(|error| Failure::usage(error.to_string()))?;
        parameters.push(("filter", filter));
    }
    parameters.extend(arguments.assignee.iter().map(|name| ("assignee", name.clone())));
    parameters.extend(arguments.hidden.iter().map(|hidden| ("hidden", hidden.to_string())));
    parameters.extend(arguments.cursor.iter().map(|cursor| ("cursor", cursor.clone())));
    let page = arguments.target.get("/api/v1/alerts", &parameters).await?;
    output::print_page(&page, "alerts", arguments.output.format, show::table)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Show) -> CommandResult {
    let path = format!("/api/v1/alerts/{}", segment(&arguments.alert));
    let alert = arguments.target.get(&path, &[]).await?;
    match arguments.output.format {
        Format::Json => output::print_json(&alert)?,
        Format::Table => output::print(&show::whole(&alert))?,
    }
    Ok(ExitCode::SUCCESS)
}
