//! `tachograph alerts silence`, `silences` and `unsilence`.

use std::process::ExitCode;
use std::time::Duration;

use chrono::DateTime;
use clap::Args;
use operations::filter::{Filter, FilterError};
use operations::kind::window::WindowKind;
use operations::triage::{Matcher, NewSilence, Request};
use serde_json::Value;

use super::show::text;
use crate::cli::Output;
use crate::client::Target;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};
use ledger::{SystemClock, TimeSource, Timestamp};

/// Arguments of `alerts silence`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What is hidden, such as 'rule:egress.denied_post team:payments', or matchers such as workspace~build-*; all must hold.
    #[arg(value_name = "FILTER", required = true)]
    matchers: Vec<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, such as 90m, 8h or 3d.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, required_unless_present = "until")]
    duration: Option<Duration>,
    /// Until when, such as 2026-11-21T18:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "duration")]
    until: Option<Timestamp>,
    /// It is planned work: it may start later and come back.
    #[arg(long)]
    maintenance: bool,
    /// From when on; from now on if not given.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "maintenance")]
    starts: Option<Timestamp>,
    /// From one start to the next, such as 1d or 7d.
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "last")]
    every: Option<Duration>,
    /// When the repetition ends.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "every")]
    last: Option<Timestamp>,
    /// Only say how many alerts it would have hidden.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `alerts silences`.
#[derive(Debug, Args)]
pub struct List {
    /// Also those that are over.
    #[arg(long)]
    all: bool,
    /// The most silences in the list.
    #[arg(short = 'n', long, value_name = "SILENCES", default_value_t = 100)]
    limit: u64,
    /// Go on after the page that ended with this cursor.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `alerts unsilence`.
#[derive(Debug, Args)]
pub struct End {
    /// Id of the silence or maintenance window.
    #[arg(value_name = "SILENCE")]
    silence: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// More seconds are no duration that times of the ledger can tell.
const SECONDS_MAX: u64 = i64::MAX as u64 / 1_000_000;

/// A duration: a number and its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    };
    let parse = || {
        let unit = text.chars().last()?;
        let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok().filter(|number| *number > 0)?;
        number.checked_mul(seconds(unit)?).filter(|seconds| *seconds <= SECONDS_MAX).map(Duration::from_secs)
    };
    parse().ok_or_else(|| "it is a number with s, m, h or d, such as 8h".to_owned())
}

/// A moment.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|time| Timestamp::from_unix_micros(time.timestamp_micros()));
    parsed.map_err(|_| "it is a time such as 2026-11-21T18:00:00Z".to_owned())
}

impl Arguments {
    /// The request; what is wrong with it is said as clap would.
    fn checked(&self, dry_run: bool) -> Result<Request, Failure> {
        self.request(dry_run).map_err(|error| Failure::usage(error.to_string()))
    }

    fn request(&self, dry_run: bool) -> Result<Request, FilterError> {
        let starts = self.starts.unwrap_or_else(|| SystemClock.now());
        let ends = self.until.or_else(|| self.duration.map(|duration| starts.saturating_add(duration)));
        let matchers: Vec<Matcher> = self.matchers.iter().filter_map(|text| text.parse().ok()).collect();
        let terms: Vec<&str> =
            self.matchers.iter().map(String::as_str).filter(|text| text.parse::<Matcher>().is_err()).collect();
        let filter = if terms.is_empty() { None } else { Some(Filter::parse_for_delivery(&terms.join(" "))?) };
        Ok(Request::Silence(NewSilence {
            kind: if self.maintenance { WindowKind::Maintenance } else { WindowKind::Silence },
            matchers,
            filter,
            reason: self.reason.clone(),
            starts: self.starts,
            ends,
            every_seconds: self.every.map(|every| every.as_secs()),
            until: self.last,
            dry_run,
        }))
    }
}

/// Says how many alerts the silence would have hidden, and records it unless it is only tried.
pub async fn begin(arguments: &Arguments) -> CommandResult {
    let tried = arguments.target.triage(&arguments.checked(true)?).await?;
    let alerts = match tried["would_have_hidden"].as_u64().unwrap_or_default() {
        1 => "1 alert".to_owned(),
        count => format!("{count} alerts"),
    };
    let hidden = format!("It would have hidden {alerts} of the last 7 days.");
    if arguments.dry_run {
        match arguments.output.format {
            Format::Json => output::print_json(&tried)?,
            Format::Table => output::print_line(&hidden)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{hidden}");
    let answer = arguments.target.triage(&arguments.checked(false)?).await?;
    match arguments.output.format {
        Format::Json => output::print_json(&answer)?,
        Format::Table => output::print_line(&recorded("Recorded", &answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn recorded(done: &str, answer: &Value) -> String {
    let text = |name: &str| output::visible(&text(&answer[name]));
    format!("{done} {} at {}.", text("id"), text("position"))
}

/// Lists them.
pub async fn list(arguments: &List) -> CommandResult {
    let mut parameters = vec![("limit", arguments.limit.to_string()), ("all", arguments.all.to_string())];
    parameters.extend(arguments.cursor.iter().map(|cursor| ("cursor", cursor.clone())));
    let page = arguments.target.get("/api/v1/silences", &parameters).await?;
    output::print_page(&page, "silences", arguments.output.format, table)?;
    Ok(ExitCode::SUCCESS)
}

fn table(silences: &[Value]) -> String {
    let headings =
        ["silence", "state", "by", "starts", "ends", "comes back", "would have hidden", "matchers", "reason"];
    let mut table = Table::new(&headings);
    for silence in silences {
        let back = match (silence["every_seconds"].as_u64(), &silence["until"]) {
            (Some(seconds), until) => format!("every {seconds} s until {}", text(until)),
            (None, _) => String::new(),
        };
        let filter = Some(&silence["filter"]).filter(|filter| !filter.is_null());
        let matchers = silence["matchers"].as_array().into_iter().flatten().chain(filter);
        let matchers = matchers.map(text).collect::<Vec<_>>().join(" ");
        let cells = [
            text(&silence["id"]),
            text(&silence["state"]),
            text(&silence["by"]),
            text(&silence["starts"]),
            text(&silence["ends"]),
            back,
            text(&silence["would_have_hidden"]),
            matchers,
            text(&silence["reason"]),
        ];
        table.row(cells.iter().map(String::as_str));
    }
    table.render()
}

/// Ends one early.
pub async fn end(arguments: &End) -> CommandResult {
    let answer = arguments.target.triage(&Request::Expire { silence: arguments.silence.clone() }).await?;
    match arguments.output.format {
        Format::Json => output::print_json(&answer)?,
        Format::Table => output::print_line(&recorded("Ended", &answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("90m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("3d"), Ok(Duration::from_hours(3 * 24)));
        for wrong in ["", "m", "5", "-1h", "0h", "1.5h", "1w", "9223372036854775807d", "1ü"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment("2026-11-21T13:00:00+01:00"), Ok(Timestamp::from_unix_seconds(1_795_262_400)));
        assert!(moment("tomorrow").is_err());
    }
}
