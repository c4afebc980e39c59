//! `tachograph doctor`: looks at what usually goes wrong, one line for each thing, with what to do about it.

use std::fmt::Display;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use ledger::identity::Identity;
use ledger::{LedgerName, Reader};
use operations::Money;
use operations::standing::State;
use query::attribution::Attribution;
use query::compute::Summary;
use serde::Serialize;

use crate::certificate::{self, Certificate, Trouble};
use crate::cli::{DataLocation, Output};
use crate::client;
use crate::endpoints::{self, Endpoint};
use crate::exit::{CommandResult, Failure, INTERNAL};
use crate::limits;
use crate::output::{self, Format, Table};
use crate::settings::{self, Settings};
use crate::status::Status;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    location: DataLocation,
    #[command(flatten)]
    output: Output,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Good,
    Look,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    grade: Grade,
    finding: String,
}

impl Check {
    fn of(what: &str, result: Result<String, (Grade, String)>) -> Self {
        let (grade, finding) = result.map_or_else(|worse| worse, |finding| (Grade::Good, finding));
        Self { what: what.to_owned(), grade, finding }
    }

    /// A collector or a sink.
    fn of_endpoint(endpoint: &Endpoint) -> Self {
        let grade = match endpoint.state {
            State::Paused => Grade::Look,
            state if state.is_trouble() => Grade::Bad,
            // Somebody tries to send, and nothing of it is taken.
            _ if endpoint.refused_requests > 0 && endpoint.last_event.is_none() => Grade::Look,
            _ => Grade::Good,
        };
        Self { what: endpoint.title(), grade, finding: endpoint.finding() }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let mut checks = Vec::new();
    let mut settings = Settings::default();
    if let Some(config) = &arguments.location.config {
        let loaded = settings::load(config).map(|loaded| {
            settings = loaded.settings;
            format!("sha256 {}", loaded.hash)
        });
        checks.push(Check::of("configuration", loaded.map_err(|failure| (Grade::Bad, failure.message()))));
    }
    // A configuration that is wrong was told above; the rest looks at the default place then.
    let data = arguments.location.data().unwrap_or_else(|_| settings::Store::default().data);
    checks.push(Check::of("certificate", certificate(&settings.listen)));
    checks.push(Check::of("prices", prices(&settings.intake())));
    checks.push(Check::of("data directory", identity(&data)));
    checks.push(Check::of("private keys", keys(&data)));
    checks.push(Check::of("free space", space(&data, settings.store.reserve_bytes)));
    for name in LedgerName::ALL {
        checks.push(Check::of(name.as_str(), ledger(&data, name)));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let running = runtime.block_on(client::status(&data));
    checks.push(Check::of("server", server(&running)));
    checks.extend(endpoints(&data, &settings, running.ok().flatten()));
    let asked = runtime.block_on(client::spend(&data, settings));
    let asked = asked.map_err(|failure| (Grade::Look, failure.message()));
    let (whose, compute) = match asked {
        Ok((whose, summary)) => (attribution(whose), compute(&summary)),
        Err(finding) => (Err(finding.clone()), Err(finding)),
    };
    checks.push(Check::of("attribution", whose));
    checks.push(Check::of("compute", compute));
    match arguments.output.format {
        Format::Json => output::print_json(&checks)?,
        Format::Table => {
            let mut table = Table::new(&["what", "how", "finding"]);
            for check in &checks {
                let word = match check.grade {
                    Grade::Good => "good",
                    Grade::Look => "look",
                    Grade::Bad => "BAD",
                };
                table.row([check.what.as_str(), word, &check.finding]);
            }
            output::print(&table.render())?;
        }
    }
    let bad = checks.iter().any(|check| check.grade == Grade::Bad);
    Ok(if bad { ExitCode::from(INTERNAL) } else { ExitCode::SUCCESS })
}

fn bad(error: impl Display) -> (Grade, String) {
    (Grade::Bad, error.to_string())
}

fn identity(data: &Path) -> Result<String, (Grade, String)> {
    let identity = Identity::read(data).map_err(bad)?;
    Ok(format!("{} of the log {}, format {}", data.display(), identity.log, identity.format))
}

/// The certificate that the listeners show, or would show.
fn certificate(listen: &settings::Listen) -> Result<String, (Grade, String)> {
    let troubles = certificate::troubles(listen);
    let refused = troubles.iter().any(|trouble| matches!(trouble, Trouble::Refused(_)));
    let grade = if refused { Grade::Bad } else { Grade::Look };
    if !troubles.is_empty() {
        let messages: Vec<&str> = troubles.iter().map(Trouble::message).collect();
        return Err((grade, messages.join("; ")));
    }
    Ok(match Certificate::load(listen).map_err(bad)? {
        Some(found) => {
            format!("{}, sha256 {}, valid until {}", found.file.display(), found.sha256, found.valid_until())
        }
        None => "none: the listeners speak plain HTTP on this machine only".to_owned(),
    })
}

/// Which prices would be in force, and whether they are old.
fn prices(intake: &ingest::config::Config) -> Result<String, (Grade, String)> {
    let table = ingest::collectors::prices(intake).map_err(bad)?;
    let from = intake.prices.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    let text = format!("version {} with {} models, {from}", table.version(), table.models());
    let begin = ingest::timestamp::parse(&format!("{}T00:00:00Z", table.version()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let days = begin.and_then(|begin| i64::try_from(now).ok()?.checked_sub(begin)).unwrap_or(0) / 86_400_000_000;
    if days <= limits::PRICES_DAYS_MAX {
        return Ok(text);
    }
    Err((Grade::Look, format!("{text}: {days} days old; name a newer file under [ingest] prices")))
}

fn keys(data: &Path) -> Result<String, (Grade, String)> {
    let keys = data.join("keys");
    let files = std::fs::read_dir(&keys).map_err(|error| bad(format!("{}: {error}", keys.display())))?;
    for file in files.flatten() {
        let mode = file.metadata().map_err(bad)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = file.path();
            return Err((
                Grade::Bad,
                format!("{} has mode {mode:o}; chmod 600 it, and think of the key as known", path.display()),
            ));
        }
    }
    Ok("readable by the server's user only".to_owned())
}

fn space(data: &Path, reserve: u64) -> Result<String, (Grade, String)> {
    let system = rustix::fs::statvfs(data).map_err(bad)?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let text = format!("{} MiB free, {} MiB of them reserved", free >> 20, reserve >> 20);
    match free {
        _ if free < reserve => Err((Grade::Bad, format!("{text}: events are refused; make space"))),
        _ if free < 4 * reserve => Err((Grade::Look, format!("{text}: make space soon"))),
        _ => Ok(text),
    }
}

fn ledger(data: &Path, name: LedgerName) -> Result<String, (Grade, String)> {
    let durable = Reader::open(data, name).and_then(|reader| reader.durable()).map_err(bad)?;
    Ok(format!("{} entries in {} closed batches", durable.next_seq, durable.batches))
}

fn server(running: &Result<Option<Status>, Failure>) -> Result<String, (Grade, String)> {
    match running.as_ref().map_err(|failure| bad(failure.message()))? {
        None => Err((Grade::Look, "none runs on this directory".to_owned())),
        Some(status) => match &status.not_ready {
            Some(reason) => Err((Grade::Bad, format!("process {} takes no events: {reason}", status.process))),
            None => Ok(format!("process {}, console {}, ingest {}", status.process, status.console, status.ingest)),
        },
    }
}

/// Whose money it was, and what to do about what is nobody's.
fn attribution(found: Attribution) -> Result<String, (Grade, String)> {
    let Attribution { days, cost_micros, attributed_micros, rules, missing } = found;
    let dollars = |micros: i64| Money::try_from(micros).unwrap_or_default();
    let percent = |micros: i64| i128::from(micros) * 100 / i128::from(cost_micros.max(1));
    if cost_micros == 0 {
        return Ok(format!("nothing was spent in {days} days"));
    }
    let rules: Vec<String> =
        rules.iter().map(|part| format!("{} {} %", part.rule, percent(part.cost_micros))).collect();
    let share = format!("{} % of {} in {days} days has a person", percent(attributed_micros), dollars(cost_micros));
    let text = if rules.is_empty() { share } else { format!("{share} ({})", rules.join(", ")) };
    if percent(attributed_micros) >= i128::from(limits::ATTRIBUTED_PERCENT_MIN) {
        return Ok(text);
    }
    let rest = missing.iter().take(3);
    let rest: Vec<String> =
        rest.map(|part| format!("{} {}: {}", part.source, dollars(part.cost_micros), part.remedy)).collect();
    Err((Grade::Look, format!("{text}; {}", rest.join(" "))))
}

/// What workspaces cost, and for which of them nobody said a rate.
fn compute(found: &Summary) -> Result<String, (Grade, String)> {
    let Summary { days, version, workspaces, running_seconds, unrated_seconds, cost_micros, storage_micros, unrated } =
        found;
    let hours = |seconds: i64| format!("{}.{} h", seconds / 3_600, seconds % 3_600 / 360);
    if *workspaces == 0 {
        return Ok(format!("no workspace was built or kept in {days} days"));
    }
    let ran = format!("{workspaces} workspaces ran {} in {days} days", hours(*running_seconds));
    let Some(version) = version else {
        let what = "and nothing says what that costs; name a table of rates under [compute] rates, see docs/compute.md";
        return Err((Grade::Look, format!("{ran} {what}")));
    };
    let money = |micros: Option<i64>| micros.and_then(|micros| Money::try_from(micros).ok());
    let parts = [("", money(*cost_micros)), (" for storage", money(*storage_micros))];
    let parts: Vec<String> = parts.into_iter().filter_map(|(what, money)| Some(format!("{}{what}", money?))).collect();
    let cost = if parts.is_empty() { "nothing that has a rate".to_owned() } else { parts.join(" and ") };
    let text = format!("{ran}: {cost} by rates {version}");
    if *unrated_seconds == 0 {
        return Ok(text);
    }
    let named = unrated.iter().take(3).map(|part| {
        let template = part
            .template
            .as_deref()
            .map_or_else(|| "workspaces of no known template".to_owned(), |id| format!("template {id}"));
        format!("{template} ({} workspaces, {})", part.workspaces, hours(part.seconds))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let what = "has no rate; add a [[rate]] for it, or one without `templates` at the end for the rest";
    Err((Grade::Look, format!("{text}; {} of them without: {named} {what}", hours(*unrated_seconds))))
}

/// Collectors, sinks and what else of the running server has stopped; without one, what can be seen from here.
fn endpoints(data: &Path, settings: &Settings, running: Option<Status>) -> Vec<Check> {
    let Some(Status { stopped, endpoints, .. }) = running else {
        let readers = LedgerName::ALL.map(|name| Reader::open(data, name).ok());
        let readers = if let [Some(events), Some(operations)] = &readers { Some([events, operations]) } else { None };
        let endpoints = endpoints::idle(&settings.collectors, &settings.sinks(), readers);
        return endpoints.iter().map(Check::of_endpoint).collect();
    };
    let stopped =
        stopped.into_iter().map(|(part, reason)| Check::of(&format!("part {part}"), Err((Grade::Bad, reason))));
    stopped.chain(endpoints.iter().map(Check::of_endpoint)).collect()
}
