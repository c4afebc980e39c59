//! `tachograph budgets`: what hard budgets hold, what is kept for calls, and what was spent past them.
//!
//! All goes through the HTTP API, of a server or over a data directory. Most budgets are set by the configuration; money is reserved by
//! gateways.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use operations::Money;
use serde_json::{Map, Value};

use crate::cli::Output;
use crate::client::{Target, segment};
use crate::exit::CommandResult;
use crate::output::{self, Format, Table};

/// The commands on budgets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the hard budgets and how they stand.
    List(List),
    /// Show one budget and its open reservations.
    Show(Show),
    /// Open a budget, or change its cap
    ///
    /// Of a budget that the configuration names, the cap alone can be changed; that holds until the configuration says something new of
    /// it. Takes the role admin.
    Set(Set),
    /// Close a budget that no configuration names
    Close(Show),
    /// Set a budget as the configuration has it
    Reset(Show),
}

/// Arguments of `budgets set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Name of the budget.
    #[arg(value_name = "BUDGET")]
    budget: String,
    /// The hard cap in dollars, to the millionth.
    #[arg(long = "cap", value_name = "DOLLARS")]
    cap: Money,
    /// It is full again when the next one begins: day or month. Of a new budget it is the day.
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// A period begins this many minutes before midnight UTC.
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true)]
    utc_offset_minutes: Option<i16>,
    /// Only what this team spends counts.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only what this organisation spends counts.
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Only what agents of this person spend counts.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what this agent spends counts.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `budgets list`.
#[derive(Debug, Args)]
pub struct List {
    /// The most budgets in the list.
    #[arg(short = 'n', long, value_name = "BUDGETS", default_value_t = 100)]
    limit: u64,
    /// Go on after the page that ended with this cursor.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `budgets show`, `close` and `reset`.
#[derive(Debug, Args)]
pub struct Show {
    /// Name of the budget.
    #[arg(value_name = "BUDGET")]
    budget: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::List(arguments) => list(&arguments).await,
            Command::Show(arguments) => show(&arguments).await,
            Command::Set(arguments) => set(&arguments).await,
            Command::Close(arguments) => change(&arguments, "close").await,
            Command::Reset(arguments) => change(&arguments, "reset").await,
        }
    })
}

async fn list(arguments: &List) -> CommandResult {
    let mut parameters = vec![("limit", arguments.limit.to_string())];
    parameters.extend(arguments.cursor.clone().map(|cursor| ("cursor", cursor)));
    let page = arguments.target.get("/api/v1/budgets", &parameters).await?;
    output::print_page(&page, "budgets", arguments.output.format, table)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Show) -> CommandResult {
    let path = format!("/api/v1/budgets/{}", segment(&arguments.budget));
    print(&arguments.target.get(&path, &[]).await?, arguments.output.format)
}

async fn set(arguments: &Set) -> CommandResult {
    let Set { budget, cap, period, utc_offset_minutes, team, org, user, agent, target, output } = arguments;
    let mut body = Map::from_iter([("cap_micros".to_owned(), cap.as_micros().into())]);
    body.extend(utc_offset_minutes.map(|minutes| ("utc_offset_minutes".to_owned(), minutes.into())));
    for (name, value) in [("period", period), ("team", team), ("org", org), ("user", user), ("agent", agent)] {
        body.extend(value.as_deref().map(|value| (name.to_owned(), value.into())));
    }
    let path = format!("/api/v1/budgets/{}/set", segment(budget));
    print(&target.post(&path, Value::Object(body).to_string()).await?, output.format)
}

async fn change(arguments: &Show, work: &str) -> CommandResult {
    let path = format!("/api/v1/budgets/{}/{work}", segment(&arguments.budget));
    print(&arguments.target.post(&path, "{}".to_owned()).await?, arguments.output.format)
}

fn print(budget: &Value, format: Format) -> CommandResult {
    match format {
        Format::Json => output::print_json(budget)?,
        Format::Table => output::print(&whole(budget))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Money in dollars, with as many digits as it needs.
fn dollars(micros: &Value) -> String {
    micros.as_u64().map_or_else(|| "-".to_owned(), |micros| Money::from_micros(micros).exact())
}

const AMOUNTS: [(&str, &str); 6] = [
    ("cap", "cap_micros"),
    ("available", "available_micros"),
    ("reserved", "reserved_micros"),
    ("committed", "committed_micros"),
    ("unreserved", "unreserved_micros"),
    ("observed", "observed_micros"),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn table(budgets: &[Value]) -> String {
    let headings = [&["budget", "state"], &AMOUNTS.map(|(heading, _)| heading)[..], &["period", "resets"]].concat();
    let mut table = Table::new(&headings);
    for budget in budgets {
        let amounts = AMOUNTS.map(|(_, member)| dollars(&budget[member]));
        let cells =
            [text(&budget["name"]), text(&budget["state"])].into_iter().chain(amounts.iter().map(String::as_str));
        table.row(cells.chain([text(&budget["period"]), text(&budget["resets"])]));
    }
    table.render()
}

fn whole(budget: &Value) -> String {
    let mut lines = Vec::new();
    let mut line =
        |name: &str, value: &str| lines.push(format!("{:<14}{}", format!("{name}:"), output::visible(value)));
    for name in ["name", "state", "period", "starts", "resets", "set_by", "position"] {
        if let Some(value) = budget[name].as_str() {
            line(&name.replace('_', " "), value);
        }
    }
    for (name, member) in AMOUNTS {
        line(name, &dollars(&budget[member]));
    }
    if budget["configured_cap_micros"].is_u64() && budget["configured_cap_micros"] != budget["cap_micros"] {
        line("configured", &dollars(&budget["configured_cap_micros"]));
    }
    for (name, value) in budget["scope"].as_object().into_iter().flatten() {
        line(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let mut text_of = lines.join("\n") + "\n";
    let open = budget["reservations"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !open.is_empty() {
        let mut table = Table::new(&["reservation", "owner", "keeps", "expires"]);
        for open in open {
            table.row([text(&open["id"]), text(&open["owner"]), &dollars(&open["micros"]), text(&open["expires"])]);
        }
        text_of.push('\n');
        text_of.push_str(&table.render());
    }
    let all = budget["open_reservations"].as_u64().unwrap_or_default();
    if all > open.len() as u64 {
        text_of.extend([open.len().to_string(), format!(" of {all}; the view reservations has them all\n")]);
    }
    text_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn money_and_names_are_shown_whole_and_harmless() {
        let shown = [0, 1_500_000, 1_234_567].map(|micros| dollars(&json!(micros)));
        assert_eq!(shown, ["$0.00", "$1.50", "$1.234567"]);
        let budget = json!({"name": "a\u{1b}[2J", "state": "open", "cap_micros": 5, "scope": {"team": "red", "families": ["gateway"]},
            "open_reservations": 1_001, "reservations": [{"id": "x\ny", "owner": "gateway", "micros": 2_000_000, "expires": "then"}]});
        let shown = whole(&budget) + &table(&[budget]);
        assert!(!shown.contains('\u{1b}') && shown.contains("cap:          $0.000005\n"), "{shown}");
        assert!(shown.contains("1 of 1001; the view reservations has them all\n"), "{shown}");
        assert!(shown.contains("x\\ny") && shown.contains("team:         red\n"), "{shown}");
    }
}
