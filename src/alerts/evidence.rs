//! `tachograph alerts evidence`: the events behind an alert, as rows.

use std::process::ExitCode;

use clap::Args;

use crate::client::{Target, segment};
use crate::exit::{CommandResult, Failure};
use crate::output;
use crate::sql::{self, Shape};

/// Arguments of `alerts evidence`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Id of the alert, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// The columns of `events` to show, with commas between them.
    #[arg(
        long,
        value_name = "COLUMNS",
        default_value = "position,time,kind,outcome,user,workspace_name,session,tool,method,host,path"
    )]
    columns: String,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(arguments: &Arguments) -> CommandResult {
    let path = format!("/api/v1/alerts/{}", segment(&arguments.alert));
    let alert = arguments.target.get(&path, &[]).await?;
    let positions: Vec<&str> =
        alert["evidence"].as_array().into_iter().flatten().filter_map(|at| at.as_str()).collect();
    let Some(sql) = question(&arguments.columns, &positions)? else {
        output::print_line("The alert names no events.")?;
        return Ok(ExitCode::SUCCESS);
    };
    sql::ask(&arguments.target, &sql, &arguments.shape, serde_json::Map::new()).await
}

/// The question for these events; `None` if there are none.
fn question(columns: &str, positions: &[&str]) -> Result<Option<String>, Failure> {
    let mut names = Vec::new();
    for name in columns.split(',').map(str::trim) {
        if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
            return Err(Failure::usage(format!("{name:?} is no column")));
        }
        names.push(format!("\"{name}\""));
    }
    // Whoever wrote the alert chose its evidence: what is no position stays out.
    let places: Vec<String> =
        positions.iter().filter_map(|at| at.parse::<ledger::Position>().ok()).map(|at| format!("'{at}'")).collect();
    if places.is_empty() {
        return Ok(None);
    }
    let (names, places) = (names.join(", "), places.join(", "));
    Ok(Some(format!("SELECT {names} FROM events WHERE position IN ({places}) ORDER BY seq")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_and_positions_reach_the_question() {
        let check = |columns: &str, positions: &[&str], expected: Option<&str>| {
            assert_eq!(question(columns, positions).expect("columns").as_deref(), expected, "{columns}");
        };
        check(
            "time, user",
            &["events/0/2", "x') OR true --", "events/0/9"],
            Some("SELECT \"time\", \"user\" FROM events WHERE position IN ('events/0/2', 'events/0/9') ORDER BY seq"),
        );
        check("time", &[], None);
        assert!(question("time; DROP", &["events/0/2"]).is_err());
    }
}
