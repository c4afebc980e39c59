//! `tachograph collectors`: lists the collectors, and helps to connect a source: what to write on both sides, a token for its sender, and
//! when its first event arrived. What each source needs is in `dashboards::recipes`, which the console shows, too.

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use dashboards::recipes::{self, Need, OTLP, Places, Recipe};
use operations::access::{NewToken, Role, Trust};
use serde_json::Value;

use crate::cli::Output;
use crate::client::Target;
use crate::endpoints::{Endpoint, Role as EndpointRole};
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};
use crate::status::Status;

/// How often it is asked whether something came.
const EVERY: Duration = Duration::from_millis(500);

/// The commands on collectors.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the collectors, and how each stands.
    List(List),
    /// Say how to connect a source, make a token for its sender, and wait for its first event.
    Add(Add),
}

/// Arguments of `collectors list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `collectors add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The source.
    #[arg(value_name = "SOURCE", value_parser = PossibleValuesParser::new(recipes::names()))]
    source: String,
    /// Name of the sender, for its token [default: the source].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The workspace that its records belong to, whatever they say.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// The team that its records belong to, whatever they say.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// The organisation that its records belong to, whatever they say.
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// How senders reach this machine, such as `tachograph.acme.example`, if not by the addresses of the configuration.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Only say what to write: make no token, and wait for nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not wait for the first event.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::List(arguments) => list(&arguments).await,
            Command::Add(arguments) => add(arguments).await,
        }
    })
}

async fn list(arguments: &List) -> CommandResult {
    let status = status(&arguments.target).await?;
    let collectors = status.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Collector);
    if arguments.output.format == Format::Json {
        output::print_json(&serde_json::to_value(collectors.collect::<Vec<_>>())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["collector", "transport", "dialect", "state", "records", "unparsed", "last", "place"]);
    for Endpoint { name, kind, dialect, state, records, unparsed, last_event, place, .. } in collectors {
        let last = last_event.map_or_else(String::new, |moment| output::exact_time(moment.0));
        let dialect = dialect.as_deref().unwrap_or_default();
        let (records, unparsed) = (records.to_string(), unparsed.to_string());
        table.row([name, kind, dialect, state.as_str(), &records, &unparsed, &last, place]);
    }
    output::print(&table.render())?;
    Ok(ExitCode::SUCCESS)
}

async fn status(target: &Target) -> Result<Status, Failure> {
    Ok(serde_json::from_value(target.get("/api/v1/status", &[]).await?)?)
}

async fn add(arguments: Add) -> CommandResult {
    let Some(recipe) = recipes::all().find(|recipe| recipe.name == arguments.source) else {
        return Err(Failure::config(format!("there is no source {}", arguments.source)));
    };
    let status = status(&arguments.target).await?;
    let collectors: Vec<Option<&Endpoint>> = recipe.needs.iter().map(|need| of(&status, need)).collect();
    let missing: Vec<&Need> =
        recipe.needs.iter().zip(&collectors).filter(|(_, found)| found.is_none()).map(|(need, _)| need).collect();
    if !missing.is_empty() {
        output::print_line("Add this to the configuration of the server, and start it anew:")?;
        for need in &missing {
            output::print_line(&format!("\n{}", need.configuration()))?;
        }
        output::print_line("")?;
    }
    let places = places(&status, recipe, arguments.host.as_deref());
    for name in without_http(&status, recipe) {
        output::print_line(&format!(
            "The collector {name} takes OTLP over gRPC only, and what follows sends it over HTTP. Add this to it, and start the server anew:\n\nhttp = \"{OTLP}\"\n"
        ))?;
    }
    let made = if recipe.needs_token() && !arguments.dry_run { Some(token(&arguments, recipe).await?) } else { None };
    let secret = made.as_ref().and_then(|made| made["secret"].as_str()).unwrap_or("$TACHOGRAPH_TOKEN");
    output::print_line(&recipe.told(&places, secret))?;
    if let Some(id) = made.as_ref().and_then(|made| made["id"].as_str()) {
        eprintln!("The token is {id}; this is the only time that its secret is shown.");
    }
    if !missing.is_empty() || arguments.dry_run || arguments.no_wait {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<String> = collectors.iter().flatten().map(|endpoint| endpoint.name.clone()).collect();
    wait(&arguments.target, &status, &names).await
}

/// The collector that a source may use; of several that take OTLP, one that takes it over HTTP.
fn of<'a>(status: &'a Status, need: &Need) -> Option<&'a Endpoint> {
    let fits = |endpoint: &&Endpoint| {
        let dialect = endpoint.dialect.as_deref().unwrap_or_default();
        endpoint.role == EndpointRole::Collector && endpoint.kind == need.transport && dialect == need.dialect
    };
    let mut fitting = status.endpoints.iter().filter(fits);
    let first = fitting.next()?;
    if http_of(first).is_some() { Some(first) } else { fitting.find(|other| http_of(other).is_some()).or(Some(first)) }
}

/// Where a collector takes OTLP over HTTP, of the addresses that its place names.
fn http_of(endpoint: &Endpoint) -> Option<&str> {
    endpoint.place.split(", ").find_map(|part| part.strip_prefix("http "))
}

/// The collectors of a source that take OTLP, and not over HTTP.
fn without_http<'a>(status: &'a Status, recipe: &Recipe) -> Vec<&'a str> {
    let telemetry = recipe.needs.iter().filter(|need| need.transport == "otlp").filter_map(|need| of(status, need));
    telemetry.filter(|endpoint| http_of(endpoint).is_none()).map(|endpoint| endpoint.name.as_str()).collect()
}

/// The addresses of a server, or the same under another host.
fn places(status: &Status, recipe: &Recipe, host: Option<&str>) -> Places {
    let scheme = if status.tls { "https" } else { "http" };
    let at = |address: &str| {
        let port = address.rsplit(':').next().unwrap_or_default();
        host.map_or_else(|| format!("{scheme}://{address}"), |host| format!("{scheme}://{host}:{port}"))
    };
    let telemetry = recipe.needs.iter().find(|need| need.transport == "otlp");
    let http = telemetry.and_then(|need| of(status, need)).and_then(http_of);
    Places { ingest: at(&status.ingest), otlp: at(http.unwrap_or(OTLP)) }
}

async fn token(arguments: &Add, recipe: &Recipe) -> Result<Value, Failure> {
    let new = NewToken {
        name: arguments.name.clone().unwrap_or_else(|| recipe.name.to_owned()),
        roles: vec![Role::Ingest],
        content: false,
        dialects: recipe.needs.iter().map(|need| need.dialect.to_owned()).collect(),
        trust: recipe.trust.unwrap_or(Trust::Agent),
        workspace: arguments.workspace.clone(),
        user: None,
        team: arguments.team.clone(),
        org: arguments.org.clone(),
    };
    arguments.target.post("/api/v1/tokens", serde_json::to_string(&new)?).await
}

/// Waits until one of these collectors got something that it understood; says so for each.
async fn wait(target: &Target, before: &Status, names: &[String]) -> CommandResult {
    eprintln!("Waiting for the first event of {}; Ctrl-C ends it.", names.join(" and "));
    let count = |status: &Status, name: &str| {
        let mine = |endpoint: &&Endpoint| endpoint.role == EndpointRole::Collector && endpoint.name == name;
        status.endpoints.iter().find(mine).map_or((0, 0), |endpoint| (endpoint.events, endpoint.unparsed))
    };
    loop {
        tokio::time::sleep(EVERY).await;
        let now = status(target).await?;
        for name in names {
            let ((events, unparsed), (events_before, unparsed_before)) = (count(&now, name), count(before, name));
            // A server that was started anew counts from nothing.
            if events == events_before || events == 0 {
                continue;
            }
            let unparsed = unparsed.saturating_sub(unparsed_before);
            output::print_line(&format!("{name}: the first event arrived and is recorded."))?;
            if unparsed > 0 {
                output::print_line(&format!(
                    "{name}: {unparsed} records were not understood; `tachograph doctor` shows why. Is its dialect the sender's?"
                ))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_source_has_a_configuration_that_is_taken() {
        for recipe in recipes::all() {
            let mut shows_token = false;
            for need in recipe.needs {
                let settings: Settings = toml::from_str(&need.configuration()).unwrap();
                assert_eq!(settings.intake().check(), [], "{}", recipe.name);
                let transport = ingest::transport::by_name(need.transport).unwrap();
                let collector = &settings.intake().collectors[0];
                shows_token |= transport.is_pushed() && !transport.declares_sender(&collector.settings);
            }
            assert_eq!(recipe.needs_token(), shows_token, "{}", recipe.name);
        }
    }

    /// The status of a server with these collectors of OTLP, each with its place.
    fn status(places: &[&str]) -> Status {
        let endpoint = |(at, place): (usize, &&str)| {
            json!({ "role": "collector", "name": format!("t{at}"), "kind": "otlp", "dialect": "otel", "ledger": "events",
                "state": "ok", "place": place, "refused_requests": 0, "dead_records": 0 })
        };
        let endpoints: Vec<Value> = places.iter().enumerate().map(endpoint).collect();
        let status = json!({ "version": "1", "process": 1, "console": "127.0.0.1:7070", "tls": true, "ingest": "127.0.0.1:7071",
            "endpoints": endpoints });
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn what_sends_over_http_is_sent_to_an_address_that_speaks_it() {
        let recipe = recipes::all().find(|recipe| recipe.name == "opentelemetry").unwrap();
        let check = |collectors: &[&str], otlp: &str, without: &[&str]| {
            let status = status(collectors);
            assert_eq!(places(&status, recipe, None).otlp, otlp, "{collectors:?}");
            assert_eq!(without_http(&status, recipe), without, "{collectors:?}");
        };
        check(&[], "https://127.0.0.1:4318", &[]);
        check(&["http 127.0.0.1:5318, grpc 127.0.0.1:5317"], "https://127.0.0.1:5318", &[]);
        check(&["grpc 127.0.0.1:5317"], "https://127.0.0.1:4318", &["t0"]);
        check(&["grpc 127.0.0.1:5317", "http 127.0.0.1:6318"], "https://127.0.0.1:6318", &[]);
        let places = places(&status(&["http 127.0.0.1:5318"]), recipe, Some("tachograph.acme.example"));
        assert_eq!(places.otlp, "https://tachograph.acme.example:5318");
        assert_eq!(places.ingest, "https://tachograph.acme.example:7071");
    }
}
