//! `tachograph route explain`: to which receivers an alert goes, and why; or what hides it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use export::Considered;
use ledger::{LedgerName, Reader, SystemClock, TimeSource, Timestamp};
use operations::triage::{Found, Notify, Refused, Triage, TriageService, Triaged};
use serde::Serialize;

use crate::cli::Output;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};
use crate::settings;

/// The commands on routes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show to which sinks an alert goes, and what each route makes of it.
    Explain(Explain),
}

/// Arguments of `route explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The alert: its id or the beginning of it.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// What becomes of an alert now.
#[derive(Debug, Serialize)]
struct Explained {
    alert: String,
    /// What hides it: then nobody is told, whatever the routes say.
    hidden_by: Option<String>,
    routes: Vec<Considered>,
    /// The sinks that it goes to.
    receivers: Vec<String>,
    /// The steps of escalation: those that happened, and those to come if nobody acknowledges it.
    escalation: Vec<StepOf>,
}

/// A step of escalation of one alert.
#[derive(Debug, Serialize)]
struct StepOf {
    step: String,
    /// When it happened, or will.
    at: String,
    happened: bool,
    receivers: Vec<String>,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let Command::Explain(arguments) = command;
    let settings = settings::load(&arguments.config)?.settings;
    let operations = Reader::open(&settings.store.data, LedgerName::Operations)?;
    let service = TriageService::new(operations, None, settings.alerts.clone());
    let explained = service.read(|triage| explain(triage, &arguments.alert, &settings.sinks()))?;
    let explained = explained.map_err(Failure::usage)?;
    match arguments.output.format {
        Format::Json => output::print_json(&explained)?,
        Format::Table => output::print(&table(&explained))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(triage: &Triage, id: &str, config: &export::Config) -> Result<Explained, Refused> {
    let triaged = match triage.find(id) {
        Found::One(triaged) => triaged,
        Found::Several => return Err(Refused::AmbiguousAlert(id.to_owned())),
        Found::Unknown => return Err(Refused::UnknownAlert(id.to_owned())),
    };
    let (alert, now) = (&triaged.alert, SystemClock.now());
    let hidden_by = match triage.notify(alert, now) {
        Notify::Notify => None,
        Notify::Hidden { by, .. } => Some(by.to_string()),
    };
    Ok(Explained {
        alert: alert.id.clone(),
        hidden_by,
        routes: config.routes.explain(alert, now).routes,
        receivers: config.receivers(alert, now),
        escalation: steps(triage, triaged, config, now),
    })
}

fn steps(triage: &Triage, triaged: &Triaged, config: &export::Config, now: Timestamp) -> Vec<StepOf> {
    let steps = triage.escalation_steps(triaged, now).into_iter();
    steps
        .map(|step| StepOf {
            // A step that names nobody tells those to whom routes lead, with the severity that it gives the alert.
            receivers: if step.receivers.is_empty() { config.receivers(&step.alert, step.at) } else { step.receivers },
            step: step.name,
            at: output::time(step.at),
            happened: step.happened,
        })
        .collect()
}

fn table(explained: &Explained) -> String {
    let mut table = Table::new(&["route", "matched", "why"]);
    for route in &explained.routes {
        table.row([route.route.as_str(), if route.matched { "yes" } else { "no" }, &route.why]);
    }
    let names = |receivers: &[String]| match receivers {
        [] => "no sink".to_owned(),
        names => output::visible(&names.join(", ")),
    };
    let to = names(&explained.receivers);
    let routes = if explained.routes.is_empty() { String::new() } else { table.render() + "\n" };
    let fate = match &explained.hidden_by {
        Some(by) => format!("Now it is hidden by {}; without that it goes to {to}.\n", output::visible(by)),
        None => format!("It goes to {to}.\n"),
    };
    let steps = explained.escalation.iter().map(|step| {
        let (name, to) = (output::visible(&step.step), names(&step.receivers));
        if step.happened {
            format!("Nobody acknowledged it: at {} step {name} told {to}.\n", step.at)
        } else {
            format!("If nobody acknowledges it, at {} step {name} tells {to}.\n", step.at)
        }
    });
    routes + &fate + &steps.collect::<String>()
}
