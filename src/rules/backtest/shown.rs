//! What `rules backtest` and `rules diff` print for people. Texts of alerts are attacker-written and made visible here.

use std::fmt::Write as _;

use detect_runner::backtest::{Change, Found, Report, RuleReport};
use indicatif::HumanCount;

use super::BacktestResult;
use crate::output::{Table, time, visible};

/// What the rules would have found, rule by rule.
pub fn backtest(result: &BacktestResult) -> String {
    let mut text = head(result);
    text.push_str(&table(&result.report));
    text.push_str(&notes(result));
    text
}

/// What a change of rules changes.
pub fn diff(result: &BacktestResult) -> String {
    let mut text = String::new();
    if result.changes.is_empty() {
        text.push_str("The rules are those that run now.\n");
    }
    for change in &result.changes {
        text.push_str(&say_change(change));
    }
    text.push('\n');
    text.push_str(&head(result));
    let mut quiet = 0;
    for rule in &result.report.rules {
        if rule.new + rule.gone == 0 {
            quiet += 1;
            continue;
        }
        let RuleReport { rule: name, new, gone, same, .. } = rule;
        let _ = writeln!(text, "{name}: {same} same, {new} new, {gone} gone");
        examples(&mut text, '+', &rule.examples_new, *new);
        examples(&mut text, '-', &rule.examples_gone, *gone);
    }
    match quiet {
        0 => {}
        1 => text.push_str("1 other rule gives the same alerts.\n"),
        quiet => _ = writeln!(text, "{quiet} other rules give the same alerts."),
    }
    text.push_str(&notes(result));
    text
}

fn head(result: &BacktestResult) -> String {
    let report = &result.report;
    if report.events == 0 {
        return "There are no events in this part of the history.\n".to_owned();
    }
    let days = report.last_recorded.since(report.first_recorded).as_secs_f64() / 86_400.0;
    format!(
        "{} events recorded from {} to {} ({days:.1} days), {} agent-days\n{:.1} s, {} events/s\n\n",
        HumanCount(report.events),
        time(report.first_recorded),
        time(report.last_recorded),
        HumanCount(report.agent_days),
        result.seconds,
        HumanCount(result.events_per_second as u64),
    )
}

fn table(report: &Report) -> String {
    let mut table =
        Table::new(&["rule", "alerts", "per agent-day", "by severity", "now", "same", "new", "gone", "recorded"]);
    let mut sum = RuleReport { rule: "all".to_owned(), ..RuleReport::default() };
    for rule in &report.rules {
        row(&mut table, rule);
        sum.alerts += rule.alerts;
        sum.per_agent_day += rule.per_agent_day;
        sum.current += rule.current;
        sum.same += rule.same;
        sum.new += rule.new;
        sum.gone += rule.gone;
        sum.recorded += rule.recorded;
        sum.recorded_same += rule.recorded_same;
        for (severity, count) in &rule.by_severity {
            *sum.by_severity.entry(severity).or_default() += count;
        }
    }
    row(&mut table, &sum);
    table.render()
}

fn row(table: &mut Table, rule: &RuleReport) {
    let count = |severity: &'static str| rule.by_severity.get(severity).map(|count| format!("{count} {severity}"));
    let severities = ["critical", "high", "medium", "low", "info"].into_iter().filter_map(count);
    let recorded = match rule.recorded {
        0 => "0".to_owned(),
        recorded => format!("{recorded} ({} again)", rule.recorded_same),
    };
    let numbers = [rule.current, rule.same, rule.new, rule.gone].map(|count| count.to_string());
    let [now, same, new, gone] = &numbers;
    table.row([
        rule.rule.as_str(),
        &rule.alerts.to_string(),
        &format!("{:.4}", rule.per_agent_day),
        &severities.collect::<Vec<_>>().join(", "),
        now,
        same,
        new,
        gone,
        &recorded,
    ]);
}

fn notes(result: &BacktestResult) -> String {
    let mut text = String::new();
    if !result.runs_now {
        text.push_str("No server ran on this directory yet: \"now\" are the built-in rules with their defaults.\n");
    }
    if result.report.compared_in_part {
        text.push_str("There were too many alerts to compare them all; counts of alerts are whole.\n");
    }
    for (rule, count) in &result.report.condition_failures {
        let _ = writeln!(text, "{rule}: its condition could not be computed for {count} events");
    }
    text
}

fn examples(text: &mut String, sign: char, examples: &[Found], total: u64) {
    for Found { severity, title, reason, position, recorded } in examples {
        let (title, reason) = (visible(title), visible(reason));
        let _ = writeln!(text, "  {sign} {} {severity} {position} {title}\n      {reason}", time(*recorded));
    }
    let more = total.saturating_sub(examples.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "  {sign} and {more} more");
    }
}

fn say_change(change: &Change) -> String {
    let Change { rule, parameter, from, to } = change;
    let value = |value: &Option<serde_json::Value>| match value {
        None => "not set".to_owned(),
        Some(value) => visible(&value.to_string()),
    };
    match (parameter, from) {
        (Some(parameter), _) => format!("{rule}: {parameter}: {} → {}\n", value(from), value(to)),
        (None, None) => format!("{rule}: added\n"),
        (None, Some(_)) => format!("{rule}: removed\n"),
    }
}
