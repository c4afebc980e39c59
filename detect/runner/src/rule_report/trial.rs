//! Stricter values of a rule's numbers, each tried over the stored history: which alerts that people closed would not have come.
//!
//! A rule knows no direction of its parameters, so each number is tried larger and smaller; what gives more alerts, or the same, is
//! no proposal. Each value runs alone from the start of the history, and all values of a rule in one pass.

use std::collections::{BTreeMap, BTreeSet};

use detect_core::alert_budget::AlertBudget;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::Rules;
use detect_rules::rule_set::RuleSet;
use detect_rules::user::{Form, Rule};
use ledger::{LedgerError, Reader, Seq, Timestamp};
use operations::alert::State;
use serde::Serialize;
use serde_json::{Number, Value};

use super::Proposals;
use super::record::{AlertRecord, subject};
use crate::backtest::{BacktestProgress, RuleSetRun, read_events};
use crate::limits::{REPORT_PROPOSALS_MAX, REPORT_TRIALS_MAX};

/// By what a number is multiplied.
const FACTORS: [f64; 6] = [1.5, 2.0, 4.0, 1.0 / 1.5, 0.5, 0.25];
/// Numbers that say nothing of what is found: a version, and how long an episode lasts, which only puts alerts together.
const NO_TRIALS: [&str; 2] = ["version", "quiet_seconds"];

/// What one value of one parameter would have changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// The parameter, with dots where tables stand in each other.
    pub parameter: String,
    /// What it is now.
    pub from: Number,
    /// What was tried.
    pub to: Number,
    /// Alerts of the whole history now,
    pub alerts: u64,
    /// and with it.
    pub alerts_after: u64,
    /// Alerts closed as benign or false positive that would not have come,
    pub false_gone: usize,
    /// and true positives that would have been lost.
    pub true_lost: usize,
}

/// Tries the numbers of a rule.
pub(super) fn propose(
    rules: &RuleSet,
    (name, version): (&str, u32),
    alerts: &[AlertRecord],
    events: &Reader,
    end: Seq,
    key: Key,
    progress: &mut dyn FnMut(BacktestProgress),
) -> Result<Proposals, LedgerError> {
    let missing = |missing| Ok(Proposals { missing: Some(missing), ..Proposals::default() });
    if alerts.iter().all(|alert| alert.closed.is_none()) {
        return missing("none of its alerts was closed, so it is not known which were false");
    }
    if !alerts.iter().any(AlertRecord::is_false) {
        return missing("none of its alerts was closed as benign or false positive");
    }
    let Some(present) = Present::of(rules, name, version) else {
        return missing("it does not run in this version any more");
    };
    let mut runs = vec![Tried::new(&present.rules, key)];
    let mut values = present.values();
    values.truncate(REPORT_TRIALS_MAX);
    runs.extend(values.iter().map(|value| Tried::new(&value.rules, key)));
    let closed = Closed::of(alerts, key);
    read_events(events, Seq::FIRST..end, progress, |row| {
        for tried in &mut runs {
            let Tried { run, opened, found } = tried;
            run.observe(row, |findings| closed.look(findings, opened, found));
        }
    })?;
    let durable = events.durable()?;
    if end == durable.next_seq {
        for Tried { run, opened, found } in &mut runs {
            run.finish(durable, |findings| closed.look(findings, opened, found));
        }
    }
    Ok(judge(&runs, &values, alerts))
}

/// Compares what each value found with what the present ones find again.
fn judge(runs: &[Tried], values: &[Candidate], alerts: &[AlertRecord]) -> Proposals {
    let Some((now, tried)) = runs.split_first() else { return Proposals::default() };
    let again = |is: fn(&AlertRecord) -> bool| -> Vec<usize> {
        now.found.iter().copied().filter(|at| alerts.get(*at).is_some_and(is)).collect()
    };
    let (wrong, right) = (again(AlertRecord::is_false), again(AlertRecord::is_true));
    let mut trials: Vec<Trial> = Vec::new();
    for (value, run) in values.iter().zip(tried) {
        let gone = |of: &[usize]| of.iter().filter(|at| !run.found.contains(at)).count();
        let trial = Trial {
            parameter: value.parameter.clone(),
            from: value.from.clone(),
            to: value.to.clone(),
            alerts: now.opened,
            alerts_after: run.opened,
            false_gone: gone(&wrong),
            true_lost: gone(&right),
        };
        if trial.false_gone > 0 && trial.alerts_after < trial.alerts {
            trials.push(trial);
        }
    }
    // Nothing lost is worth more than anything gone; of two that do the same, the one that changes less comes first in the list of values.
    trials.sort_by_key(|trial| (trial.true_lost, std::cmp::Reverse(trial.false_gone)));
    trials.truncate(REPORT_PROPOSALS_MAX);
    let missing = match (wrong.is_empty(), right.is_empty(), trials.is_empty()) {
        (true, _, _) => Some("those closed as benign or false positive are not found again in the stored history"),
        (_, _, true) => Some("no value that was tried spares any that was closed as benign or false positive"),
        (_, true, _) => Some("no true positive was closed that is found again, so what would be lost is not known"),
        _ => None,
    };
    Proposals { trials, tried: tried.len(), false_found: wrong.len(), true_found: right.len(), missing }
}

/// Rules at work, and what they found.
struct Tried {
    run: RuleSetRun,
    /// How many alerts they opened.
    opened: u64,
    /// Of the alerts on record that people closed, the numbers of those that they found.
    found: BTreeSet<usize>,
}

impl Tried {
    fn new(rules: &RuleSet, key: Key) -> Self {
        Self { run: RuleSetRun::new(rules, key), opened: 0, found: BTreeSet::new() }
    }
}

/// The number of a closed alert, and from when to when it went.
type Spanned = (usize, (Timestamp, Timestamp));

/// The alerts that people closed, by whom and what they are of: number, and when their first and latest event were recorded.
struct Closed {
    key: Key,
    by_subject: BTreeMap<u64, Vec<Spanned>>,
}

impl Closed {
    fn of(alerts: &[AlertRecord], key: Key) -> Self {
        let mut by_subject: BTreeMap<u64, Vec<Spanned>> = BTreeMap::new();
        for (at, alert) in alerts.iter().enumerate().filter(|(_, alert)| alert.closed.is_some()) {
            by_subject.entry(alert.subject).or_default().push((at, alert.events));
        }
        Self { key, by_subject }
    }

    /// Counts what was opened, and notes what of it is of the same and of the same time as an alert that was closed.
    fn look(&self, findings: &mut Findings, opened: &mut u64, found: &mut BTreeSet<usize>) {
        if findings.alerts().is_empty() {
            return;
        }
        for alert in findings.take().iter().filter(|alert| alert.state == State::Open) {
            *opened += 1;
            let same = self.by_subject.get(&subject(self.key, alert)).into_iter().flatten();
            let meets = |(_, (first, last)): &&(usize, (Timestamp, Timestamp))| {
                alert.recorded_first <= *last && alert.recorded_last >= *first
            };
            found.extend(same.filter(meets).map(|(at, _)| *at));
        }
    }
}

/// One rule alone with its present parameters.
struct Present {
    name: String,
    /// As they are written.
    parameters: Value,
    is_builtin: bool,
    rules: RuleSet,
}

/// One rule alone with another value.
struct Candidate {
    parameter: String,
    from: Number,
    to: Number,
    rules: RuleSet,
}

impl Present {
    /// The rule, if it runs in this version.
    fn of(rules: &RuleSet, name: &str, version: u32) -> Option<Self> {
        if let Some(rule) = rules.user.iter().find(|rule| rule.form().name == name) {
            let is_same = rule.form().enabled && rule.form().version == version;
            let parameters = serde_json::to_value(rule.form()).ok().filter(|_| is_same)?;
            let rules = RuleSet::only_user(vec![rule.clone()]);
            return Some(Self { name: name.to_owned(), parameters, is_builtin: false, rules });
        }
        let spec =
            detect_rules::registry::DETECTORS.iter().find(|spec| spec.name == name && spec.version == version)?;
        let all = serde_json::to_value(&rules.builtin).ok()?;
        let parameters = all.get(spec.name).filter(|it| it.get("enabled") == Some(&Value::Bool(true)))?.clone();
        let rules = alone(name, &parameters)?;
        Some(Self { name: name.to_owned(), parameters, is_builtin: true, rules })
    }

    /// Its numbers, each with other values that it may have.
    fn values(&self) -> Vec<Candidate> {
        let mut numbers = Vec::new();
        collect(&self.parameters, &mut Vec::new(), &mut numbers);
        let mut candidates = Vec::new();
        for (path, from) in numbers {
            let mut seen = vec![from.clone()];
            for factor in FACTORS {
                let Some(to) = scaled(&from, factor).filter(|to| !seen.contains(to)) else { continue };
                seen.push(to.clone());
                if let Some(rules) = self.with(&path, to.clone()) {
                    candidates.push(Candidate { parameter: path.join("."), from: from.clone(), to, rules });
                }
            }
        }
        candidates
    }

    /// The rule with another value, if it may have it.
    fn with(&self, path: &[String], to: Number) -> Option<RuleSet> {
        let mut parameters = self.parameters.clone();
        let place = path.iter().try_fold(&mut parameters, |value, key| value.get_mut(key))?;
        *place = Value::Number(to);
        if self.is_builtin {
            return alone(&self.name, &parameters);
        }
        let form: Form = serde_json::from_value(parameters).ok()?;
        Some(RuleSet::only_user(vec![Rule::try_from(form).ok()?]))
    }
}

/// A built-in rule alone, if these are parameters of it. What its alert budget would say is not asked.
fn alone(name: &str, parameters: &Value) -> Option<RuleSet> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(Rules::off()) else { return None };
    all.insert(name.to_owned(), parameters.clone());
    let builtin: Rules = serde_json::from_value(Value::Object(all)).ok()?;
    builtin.check().ok()?;
    Some(RuleSet { builtin, user: Vec::new(), alert_budget: AlertBudget::off() })
}

/// The numbers in tables and tables in them, with the way to each.
fn collect(value: &Value, path: &mut Vec<String>, numbers: &mut Vec<(Vec<String>, Number)>) {
    let Value::Object(table) = value else { return };
    for (key, value) in table.iter().filter(|(key, _)| !NO_TRIALS.contains(&key.as_str())) {
        path.push(key.clone());
        match value {
            Value::Number(number) => numbers.push((path.clone(), number.clone())),
            other => collect(other, path, numbers),
        }
        path.pop();
    }
}

/// The number times a factor: a whole one stays whole, and changes.
fn scaled(number: &Number, factor: f64) -> Option<Number> {
    if let Some(whole) = number.as_u64() {
        let scaled = (whole as f64 * factor).round() as u64;
        return (scaled != whole).then(|| Number::from(scaled));
    }
    if number.is_i64() {
        return None;
    }
    Number::from_f64(number.as_f64()? * factor)
}
