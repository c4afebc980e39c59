//! `tachograph session show`: what one session did, step by step, as lines or as a story to read.
//!
//! It asks `/api/v1/sessions/{id}` and its records, page by page, in the order of the page.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::Output;
use crate::client::{Target, segment};
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, visible};

/// How often a session that goes on is asked for more.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// The commands on sessions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a session did, in order, with the alerts about it.
    Show(Show),
}

/// Arguments of `session show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Id of the session.
    #[arg(value_name = "SESSION")]
    session: String,
    /// Only records for which this holds, such as 'outcome:deny host:*.example.com'.
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Go on with what is recorded until it is stopped.
    #[arg(long)]
    follow: bool,
    /// As text to read: prompts as headings, what led to what indented.
    #[arg(long)]
    story: bool,
    /// Also content: prompts, commands, files. It needs the permission, and is recorded.
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let Command::Show(arguments) = command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = show(&arguments) => ended,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn show(arguments: &Show) -> CommandResult {
    let path = format!("/api/v1/sessions/{}", segment(&arguments.session));
    let session = arguments.target.get(&path, &[]).await?;
    match arguments.output.format {
        Format::Json => output::print_json(&session)?,
        Format::Table => output::print(&head(&session))?,
    }
    let mut cursor = None::<String>;
    loop {
        let page = page(arguments, &path, cursor.as_deref()).await?;
        let rows = page["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        for row in rows {
            match arguments.output.format {
                Format::Json => output::print_json_text(&row.to_string())?,
                Format::Table if arguments.story => output::print(&told(row))?,
                Format::Table => output::print_line(&line(row))?,
            }
        }
        let last = rows.iter().rev().find_map(last_of).or(cursor);
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None if arguments.follow => {
                cursor = last;
                tokio::time::sleep(FOLLOW_EVERY).await;
            }
            None => break,
        }
    }
    if matches!(arguments.output.format, Format::Table) && session["has_end"] != true {
        output::print_line(&format!("no end event; last event {}", text(&session["last"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn page(arguments: &Show, path: &str, cursor: Option<&str>) -> Result<Value, Failure> {
    // While it is followed each record is told as it comes, so that none is told twice.
    let mut parameters = vec![("limit", "1000".to_owned()), ("fold", (!arguments.follow).to_string())];
    parameters.push(("content", arguments.content.to_string()));
    parameters.extend(arguments.filter.iter().map(|filter| ("filter", filter.clone())));
    parameters.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    arguments.target.get(&format!("{path}/records"), &parameters).await
}

/// Where one goes on after a row.
fn last_of(row: &Value) -> Option<String> {
    row["cursor"].as_str().map(str::to_owned)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Null => String::new(),
        other => visible(&other.to_string()),
    }
}

/// Micro-USD as people read them.
fn dollars(value: &Value) -> String {
    value
        .as_i64()
        .map_or_else(|| "no price known".to_owned(), |micros| format!("${:.4} estimated", micros as f64 / 1e6))
}

fn head(session: &Value) -> String {
    let number = |name: &str| text(&session[name]);
    let first = [
        ("session", "session"),
        ("for", "user"),
        ("team", "team"),
        ("workspace", "workspace_name"),
        ("client", "client"),
    ];
    let who = first
        .iter()
        .filter(|(_, name)| !session[*name].is_null())
        .map(|(word, name)| format!("{word} {}", number(name)));
    format!(
        "{}\nfrom {} to {}: {} records, {} requests allowed, {} denied, {}\n",
        who.collect::<Vec<_>>().join(", "),
        number("started"),
        number("last"),
        number("records"),
        number("allowed"),
        number("denied"),
        dollars(&session["cost_micros"])
    )
}

/// The outcome as pages say it.
fn outcome(row: &Value) -> String {
    match row["outcome"].as_str() {
        Some("deny" | "blocked") => "Denied ".to_owned(),
        Some("allow") => "Allowed ".to_owned(),
        Some("error") => "Failed ".to_owned(),
        _ => String::new(),
    }
}

/// How often, and after which pause.
fn beside(row: &Value) -> (String, Option<String>) {
    let times = row["repeated"]["times"].as_u64().map(|times| format!("×{times} ")).unwrap_or_default();
    let gap = row["gap_us"].as_i64().map(|gap| format!("{} s without a record", gap / 1_000_000));
    (times, gap)
}

fn line(row: &Value) -> String {
    let (times, gap) = beside(row);
    let gap = gap.map(|gap| format!("  ({gap})\n")).unwrap_or_default();
    let [time, lane, summary, told] = ["time", "lane", "summary", "told_by"].map(|name| text(&row[name]));
    format!("{gap}{time}  {lane:8}  {times}{}{summary}  [{told}]", outcome(row))
}

fn told(row: &Value) -> String {
    let (times, gap) = beside(row);
    let gap = gap.map(|gap| format!("\n({gap})\n")).unwrap_or_default();
    let [time, summary, told] = ["time", "summary", "told_by"].map(|name| text(&row[name]));
    let flagged = if row["alerts"].as_array().is_some_and(|alerts| !alerts.is_empty()) { " (flagged)" } else { "" };
    match row["lane"].as_str() {
        Some("prompts") => format!("{gap}\n{time} {summary}\n"),
        Some("alerts") => format!("{gap}  ! {time} {summary}\n"),
        _ => format!("{gap}    {time} {times}{}{summary}{flagged}, told by the {told}\n", outcome(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_told_and_obey_nothing() {
        let row = json!({
            "lane": "egress", "time": "2026-11-24T14:02:30Z", "summary": "POST a.example/\u{1b}[2J", "outcome": "deny", "told_by": "firewall",
            "gap_us": 92_000_000, "alerts": ["a"], "repeated": { "times": 46 }
        });
        let expected = "\n(92 s without a record)\n    2026-11-24T14:02:30Z ×46 Denied POST a.example/\\u{1b}[2J (flagged), told by the firewall\n";
        assert_eq!(told(&row), expected);
        assert!(line(&row).contains("egress    ×46 Denied POST a.example/\\u{1b}[2J  [firewall]"));
        assert_eq!(told(&json!({"lane": "prompts", "time": "t", "summary": "fix it"})), "\nt fix it\n");
    }
}
