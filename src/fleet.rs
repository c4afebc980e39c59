//! `tachograph fleet`: what every agent does now, whoever needs a person first; with --watch again and again in place.
//!
//! It asks `/api/v1/fleet`, so it says what the page and the view `agents` say. Every text of an agent is attacker-written and is made
//! visible before it reaches a terminal.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use query::fleet::AgentState;
use serde_json::Value;

use crate::client::Target;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};

/// How often --watch asks.
const EVERY: Duration = Duration::from_secs(1);
/// Lines above the agents: the sums, and the headings of the table.
const HEAD_LINES: usize = 4;

/// Arguments of `fleet`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only agents whose name begins like this.
    #[arg(value_name = "AGENT")]
    agent: Option<String>,
    /// Ask again each second until it is interrupted, and show what is newest in place.
    #[arg(short, long)]
    watch: bool,
    /// Only agents of this team; may be given several times.
    #[arg(long, value_name = "TEAM")]
    team: Vec<String>,
    /// Only agents that stand so: working, waiting, quiet, repeating, stuck, `over_budget`, done, failed or lost; may be given several times.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<AgentState>,
    /// Also what they were asked and what they run, which is content: that it was read is recorded.
    #[arg(long, conflicts_with = "watch")]
    content: bool,
    /// The most agents in the list.
    #[arg(short = 'n', long, value_name = "AGENTS", default_value_t = 100)]
    limit: u64,
    /// Go on after the page that ended with this cursor.
    #[arg(long, value_name = "CURSOR", conflicts_with = "watch")]
    cursor: Option<String>,
    /// The form of the output; with --watch, JSON is one line for each answer.
    #[arg(short = 'o', long = "output", value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

fn state(text: &str) -> Result<AgentState, String> {
    let words = AgentState::ALL.map(AgentState::as_str).join(", ");
    AgentState::by_word(text).ok_or_else(|| format!("it is one of {words}"))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if !arguments.watch {
            return list(arguments).await;
        }
        tokio::select! {
            ended = watch(arguments) => ended,
            _ = tokio::signal::ctrl_c() => {
                // The shell's next line begins below the list.
                output::print_line("")?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn ask(arguments: &Arguments) -> Result<Value, Failure> {
    let mut parameters = vec![("limit", arguments.limit.to_string())];
    parameters.extend(arguments.team.iter().map(|team| ("team", team.clone())));
    parameters.extend(arguments.state.iter().map(|state| ("state", state.as_str().to_owned())));
    parameters.extend(arguments.agent.iter().map(|agent| ("agent", agent.clone())));
    parameters.extend(arguments.cursor.iter().map(|cursor| ("cursor", cursor.clone())));
    if arguments.content {
        parameters.push(("content", "true".to_owned()));
    }
    arguments.target.get("/api/v1/fleet", &parameters).await
}

async fn list(arguments: &Arguments) -> CommandResult {
    let page = ask(arguments).await?;
    if arguments.format == Format::Table {
        output::print(&(sums(&page) + "\n"))?;
    }
    output::print_page(&page, "agents", arguments.format, |rows| coloured(&table(rows, &page), output::colours()))?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(arguments: &Arguments) -> CommandResult {
    let is_terminal = std::io::stdout().is_terminal();
    loop {
        let page = ask(arguments).await?;
        match arguments.format {
            Format::Json => output::print_json_text(&page.to_string())?,
            Format::Table => {
                let rows = page["agents"].as_array().map(Vec::as_slice).unwrap_or_default();
                let text = sums(&page) + &coloured(&table(rows, &page), output::colours());
                output::print(&if is_terminal { in_place(&text, lines()) } else { text + "\n" })?;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// How many lines of agents fit on the terminal.
fn lines() -> usize {
    let height = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
    height.saturating_sub(1).max(HEAD_LINES + 1)
}

/// The text over what the terminal shows: from its upper corner, each line cleared to its end, and nothing below.
fn in_place(text: &str, lines: usize) -> String {
    let shown: Vec<&str> = text.lines().take(lines).collect();
    format!("\u{1b}[H{}\u{1b}[K\u{1b}[J", shown.join("\u{1b}[K\n"))
}

/// What all agents come to.
fn sums(page: &Value) -> String {
    let counters = &page["counters"];
    let number = |name: &str| counters[name].as_u64().unwrap_or(0);
    let counted = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let need = number("need_a_person");
    let mut line = format!(
        "{} in {}. {need} need{} a person now.\n",
        counted(number("agents"), "agent"),
        counted(number("teams"), "team"),
        if need == 1 { "s" } else { "" }
    );
    let standing = AgentState::ALL.into_iter().filter_map(|state| {
        let count = counters["states"][state.as_str()].as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {}", title(state.as_str()).to_lowercase()))
    });
    let mut parts: Vec<String> = standing.collect();
    parts.push(format!("{} denied in 10 min", number("denied")));
    parts.push(format!("${} today, estimated", dollars(number("micros_today"))));
    if number("unpriced_today") > 0 {
        parts.push(format!("{} calls unpriced", number("unpriced_today")));
    }
    if let Some(lag) = counters["ingest_lag_p99_micros"].as_u64() {
        parts.push(format!("lag p99 {:.1} s", lag as f64 / 1e6));
    }
    if number("behind") > 0 {
        parts.push(format!("{} events are not looked at yet", number("behind")));
    }
    line.push_str(&parts.join(", "));
    line.push('\n');
    line
}

/// The agents as a table.
fn table(rows: &[Value], page: &Value) -> String {
    let headings = ["state", "agent", "team", "task and now", "ev/min", "$/min", "$ est.", "tests", "egress", "last"];
    let mut table = Table::new(&headings);
    let at = moment(&page["at"]);
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let number = |name: &str| row[name].as_u64().unwrap_or(0);
        let names = ["workspace_name", "agent", "workspace", "session", "id"];
        let name = names.into_iter().map(text).find(|name| !name.is_empty()).unwrap_or_default();
        let last = at.zip(moment(&row["last_seen"])).map(|(at, last)| age((at - last).num_seconds()));
        table.row([
            title(text("state")),
            name,
            text("team"),
            &doing(row),
            &number("events_per_minute").to_string(),
            &dollars(number("micros_per_minute")),
            &dollars(number("micros_session")),
            &tests(row),
            &egress(row),
            &last.unwrap_or_default(),
        ]);
    }
    table.render()
}

/// What it was asked and what it does now, in one line.
fn doing(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().filter(|text| !text.is_empty());
    let waits = text("waiting_tool").map(|tool| format!("asks for {tool}"));
    let alert = text("alert_title").map(str::to_owned);
    let does = ["command", "file", "last_summary"].into_iter().find_map(text).map(str::to_owned);
    let mut now = waits.or(alert).or(does).unwrap_or_default();
    if let Some(repeats) = row["repeats"].as_u64().filter(|repeats| *repeats > 2) {
        now = format!("{now} ×{repeats}");
    }
    [text("task").or_else(|| text("run")), Some(now.as_str())].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn tests(row: &Value) -> String {
    match (row["tests_passed"].as_u64(), row["tests_total"].as_u64(), row["check_passed"].as_bool()) {
        (Some(passed), Some(total), _) => format!("{passed}/{total}"),
        (_, _, Some(true)) => "passed".to_owned(),
        (_, _, Some(false)) => "failed".to_owned(),
        _ => "-".to_owned(),
    }
}

fn egress(row: &Value) -> String {
    let number = |name: &str| row[name].as_u64().unwrap_or(0);
    match (number("denied"), number("new_domains")) {
        (0, 0) => number("allowed").to_string(),
        (0, new) => format!("{new} new"),
        (denied, _) => format!("{denied} denied"),
    }
}

/// The word of a state, for people.
fn title(state: &str) -> &'static str {
    match AgentState::by_word(state) {
        Some(AgentState::Working) => "Working",
        Some(AgentState::Waiting) => "Waiting",
        Some(AgentState::Quiet) => "Quiet",
        Some(AgentState::Repeating) => "Repeating",
        Some(AgentState::Stuck) => "Stuck",
        Some(AgentState::OverBudget) => "Over budget",
        Some(AgentState::Done) => "Done",
        Some(AgentState::Failed) => "Failed",
        Some(AgentState::Lost) => "Lost",
        None => "?",
    }
}

/// The table with the states in the colours that they have on the page.
fn coloured(table: &str, colours: bool) -> String {
    const COLOURS: [(&str, u8); 7] = [
        ("Waiting", 34),
        ("Repeating", 35),
        ("Stuck", 31),
        ("Over budget", 33),
        ("Done", 32),
        ("Failed", 31),
        ("Lost", 33),
    ];
    if !colours {
        return table.to_owned();
    }
    let line = |line: &str| {
        let found = COLOURS.iter().find_map(|(word, code)| Some((word, code, line.strip_prefix(word)?)));
        found.map_or_else(|| line.to_owned(), |(word, code, rest)| format!("\u{1b}[{code}m{word}\u{1b}[0m{rest}"))
    };
    table.lines().map(|text| line(text) + "\n").collect()
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// A time that passed, for people.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn dollars(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page() -> Value {
        json!({
            "at": "2026-11-24T14:03:12Z",
            "counters": { "agents": 2, "teams": 1, "need_a_person": 1, "states": { "working": 1, "waiting": 1 }, "denied": 2,
                "micros_today": 318_420_000, "ingest_lag_p99_micros": 400_000, "behind": 0, "unpriced_today": 0 },
            "agents": [
                { "state": "waiting", "agent": "ag-21", "team": "payments", "waiting_tool": "Bash", "last_seen": "2026-11-24T13:45:12Z",
                  "micros_session": 3_200_000, "tests_passed": 64, "tests_total": 64, "allowed": 11 },
                { "state": "working", "id": "session:s", "session": "\u{1b}[2Jred", "last_summary": "GET evil\n.example", "repeats": 3,
                  "events_per_minute": 84, "micros_per_minute": 80_000, "denied": 2, "last_seen": "2026-11-24T14:03:10Z" },
            ],
        })
    }

    #[test]
    fn agents_are_told_in_one_line_each_and_command_no_terminal() {
        let page = page();
        let text = table(page["agents"].as_array().unwrap(), &page);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for word in ["Waiting", "ag-21", "payments", "asks for Bash", "3.20", "64/64", "11", "18 min"] {
            assert!(lines[1].contains(word), "{word}: {text}");
        }
        for word in ["Working", "\\u{1b}[2Jred", "GET evil\\n.example ×3", "84", "0.08", "2 denied", "2 s"] {
            assert!(lines[2].contains(word), "{word}: {text}");
        }
        assert_eq!(
            sums(&page),
            "2 agents in 1 team. 1 needs a person now.\n1 working, 1 waiting, 2 denied in 10 min, $318.42 today, estimated, lag p99 0.4 s\n"
        );
        assert!(!coloured(&text, false).contains('\u{1b}'));
        assert!(coloured(&text, true).contains("\u{1b}[34mWaiting\u{1b}[0m "));
        assert_eq!(in_place("a\nb\nc\n", 2), "\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\u{1b}[J");
    }
}
