//! Counts of a backtest: which alerts both sets of rules give, which only one, and which are on record.
//!
//! Two alerts are the same if they are of one rule, begin with the same evidence and are about the same agent. Ids are not
//! compared: they differ between versions of a rule.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use detect_core::findings::Findings;
use detect_core::key::Key;
use ledger::operations::column;
use ledger::{LedgerError, ReadLimit, Reader, Row, Seq, Timestamp};
use operations::alert::{self, Alert, Severity, State, Who};
use serde::Serialize;

use super::AgentDays;
use crate::limits::{BACKTEST_ALERTS_MAX, BACKTEST_EXAMPLES_MAX, READ_BYTES, READ_ROWS};

/// One of the two sets of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Candidate,
    Current,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Candidate => Self::Current,
            Self::Current => Self::Candidate,
        }
    }
}

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Events that were seen.
    pub events: u64,
    /// When the first was recorded and when the last; zero without events.
    pub first_recorded: Timestamp,
    /// The last.
    pub last_recorded: Timestamp,
    /// Days on which an agent did something, over all agents.
    pub agent_days: u64,
    /// Whether there were so many alerts that the rest was not compared; counts are whole all the same.
    pub compared_in_part: bool,
    /// Every rule that gave or would give an alert, by name.
    pub rules: Vec<RuleReport>,
    /// How often the condition of a user rule could not be computed.
    pub condition_failures: BTreeMap<String, u64>,
}

/// What became of one rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: String,
    /// Alerts of the candidate,
    pub alerts: u64,
    /// for each agent and day,
    pub per_agent_day: f64,
    /// and by the worst that they became.
    pub by_severity: BTreeMap<&'static str, u64>,
    /// Alerts of the current rules.
    pub current: u64,
    /// Alerts of both,
    pub same: u64,
    /// of the candidate only,
    pub new: u64,
    /// of the current rules only.
    pub gone: u64,
    /// Alerts on record,
    pub recorded: u64,
    /// and how many of them the candidate gives.
    pub recorded_same: u64,
    /// Some that only the candidate gives.
    pub examples_new: Vec<Found>,
    /// Some that only the current rules give.
    pub examples_gone: Vec<Found>,
}

/// An alert as an example. Texts are attacker-written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// How bad it was when it began.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Where its first evidence stands.
    pub position: String,
    /// When that was recorded.
    pub recorded: Timestamp,
}

/// How often an alert came: from the candidate, from the current rules, on record.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    candidate: u16,
    current: u16,
    recorded: u16,
    /// Number of its rule.
    rule: u16,
}

/// Counts while it runs.
pub struct Tally {
    key: Key,
    examples: usize,
    events: u64,
    recorded: Option<(Timestamp, Timestamp)>,
    agent_days: AgentDays,
    rules: Vec<Counts>,
    numbers: HashMap<String, u16>,
    seen: HashMap<u64, Seen>,
    /// The worst so far of the candidate's open alerts: as many as episodes are open.
    worst: HashMap<u64, Severity>,
    is_full: bool,
    failed: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Counts {
    name: String,
    alerts: [u64; 2],
    recorded: u64,
    by_severity: [u64; Severity::ALL.len()],
    /// Alerts without a partner so far, with their hash.
    examples: [Vec<(u64, Found)>; 2],
}

impl Tally {
    pub fn new(key: Key, examples: usize) -> Self {
        Self {
            key,
            examples: examples.min(BACKTEST_EXAMPLES_MAX),
            events: 0,
            recorded: None,
            agent_days: AgentDays::new(key),
            rules: Vec::new(),
            numbers: HashMap::new(),
            seen: HashMap::new(),
            worst: HashMap::new(),
            is_full: false,
            failed: BTreeMap::new(),
        }
    }

    /// Reads which alerts are on record that begin in this part of the history.
    pub fn read_recorded(&mut self, operations: &Reader, range: Range<Seq>) -> Result<(), LedgerError> {
        let mut next = Seq::FIRST;
        loop {
            let rows = operations.read(next, false, ReadLimit { rows: READ_ROWS, bytes: READ_BYTES })?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows.iter().filter(|row| row.text(column::KIND) == Some(alert::KIND)) {
                let Some(alert) = row.text(column::RECORD).and_then(|text| serde_json::from_str::<Alert>(text).ok())
                else {
                    continue;
                };
                let begins = alert.evidence.first().is_some_and(|position| range.contains(&position.seq));
                if alert.state == State::Open && begins {
                    let hash = alert_hash(self.key, &alert);
                    let rule = self.number(&alert.rule);
                    self.rules[usize::from(rule)].recorded += 1;
                    if let Some(seen) = self.seen(hash, rule) {
                        seen.recorded = seen.recorded.saturating_add(1);
                    }
                }
            }
            next = rows.next_seq;
        }
    }

    /// Counts an event.
    pub fn note_event(&mut self, row: &Row<'_>) {
        self.events += 1;
        let first = self.recorded.map_or(row.recorded, |(first, _)| first);
        self.recorded = Some((first, row.recorded));
        self.agent_days.note(row);
    }

    /// Takes what one side found.
    pub fn take(&mut self, side: Side, findings: &mut Findings) {
        if findings.alerts().is_empty() {
            return;
        }
        for alert in findings.take() {
            let rule = self.number(&alert.rule);
            if side == Side::Candidate {
                self.note_severity(rule, &alert);
            }
            if alert.state == State::Open {
                self.note_open(side, rule, &alert);
            }
        }
    }

    fn note_open(&mut self, side: Side, rule: u16, alert: &Alert) {
        let hash = alert_hash(self.key, alert);
        self.rules[usize::from(rule)].alerts[side as usize] += 1;
        let Some(seen) = self.seen(hash, rule) else { return };
        let (own, others) = match side {
            Side::Candidate => (&mut seen.candidate, seen.current),
            Side::Current => (&mut seen.current, seen.candidate),
        };
        *own = own.saturating_add(1);
        let is_same = *own <= others;
        let [own, partner] = [side as usize, side.other() as usize];
        let counts = &mut self.rules[usize::from(rule)];
        if is_same {
            counts.examples[partner].retain(|(other, _)| *other != hash);
        } else if counts.examples[own].len() < BACKTEST_EXAMPLES_MAX {
            counts.examples[own].push((hash, Found::of(alert)));
        }
    }

    /// Counts an alert under the worst severity that it reached: revisions come with the severity of that moment.
    fn note_severity(&mut self, rule: u16, alert: &Alert) {
        let hash = self.key.hash(&["alert", &alert.id]);
        let worst = alert.severity as usize;
        let counts = &mut self.rules[usize::from(rule)];
        let before = self.worst.get(&hash).copied();
        match (alert.state, before) {
            (State::Open, _) => {
                counts.by_severity[worst] += 1;
                self.worst.insert(hash, alert.severity);
            }
            (_, Some(before)) if alert.severity > before => {
                counts.by_severity[before as usize] -= 1;
                counts.by_severity[worst] += 1;
                self.worst.insert(hash, alert.severity);
            }
            _ => {}
        }
        if alert.state == State::Resolved {
            self.worst.remove(&hash);
        }
    }

    /// Notes how often conditions could not be computed; those of the current rules are known.
    pub fn note_failed(&mut self, side: Side, failed: BTreeMap<String, u64>) {
        if side == Side::Candidate {
            self.failed = failed;
        }
    }

    /// These rules find for the current side what they found for the candidate.
    pub fn mirror(&mut self, same: &BTreeSet<String>) {
        for counts in self.rules.iter_mut().filter(|counts| same.contains(&counts.name)) {
            counts.alerts[Side::Current as usize] = counts.alerts[Side::Candidate as usize];
            counts.examples = Default::default();
        }
        for seen in self.seen.values_mut() {
            if self.rules.get(usize::from(seen.rule)).is_some_and(|counts| same.contains(&counts.name)) {
                seen.current = seen.candidate;
            }
        }
    }

    /// The result.
    pub fn report(self) -> Report {
        let mut reports: Vec<RuleReport> = Vec::with_capacity(self.rules.len());
        for counts in self.rules {
            let [candidate, current] = counts.alerts;
            let severities = Severity::ALL.into_iter().zip(counts.by_severity);
            let [examples_new, examples_gone] = counts
                .examples
                .map(|examples| examples.into_iter().take(self.examples).map(|(_, found)| found).collect::<Vec<_>>());
            reports.push(RuleReport {
                rule: counts.name,
                alerts: candidate,
                per_agent_day: per_agent_day(candidate, self.agent_days.count),
                by_severity: severities.filter(|(_, count)| *count > 0).map(|(s, count)| (s.as_str(), count)).collect(),
                current,
                recorded: counts.recorded,
                examples_new,
                examples_gone,
                ..RuleReport::default()
            });
        }
        // Sums of whole numbers: the order in which the map gives them does not matter.
        for seen in self.seen.values() {
            let Some(report) = reports.get_mut(usize::from(seen.rule)) else { continue };
            report.same += u64::from(seen.candidate.min(seen.current));
            report.new += u64::from(seen.candidate.saturating_sub(seen.current));
            report.gone += u64::from(seen.current.saturating_sub(seen.candidate));
            report.recorded_same += u64::from(seen.candidate.min(seen.recorded));
        }
        reports.sort_by(|a, b| a.rule.cmp(&b.rule));
        let (first_recorded, last_recorded) = self.recorded.unwrap_or_default();
        Report {
            events: self.events,
            first_recorded,
            last_recorded,
            agent_days: self.agent_days.count,
            compared_in_part: self.is_full,
            rules: reports,
            condition_failures: self.failed,
        }
    }

    fn number(&mut self, rule: &str) -> u16 {
        if let Some(number) = self.numbers.get(rule) {
            return *number;
        }
        // Rules that are on record have names too, so the number is bounded by what was ever configured.
        let number = u16::try_from(self.rules.len()).unwrap_or(u16::MAX);
        if number == u16::MAX {
            return number - 1;
        }
        self.rules.push(Counts { name: rule.to_owned(), ..Counts::default() });
        self.numbers.insert(rule.to_owned(), number);
        number
    }

    fn seen(&mut self, hash: u64, rule: u16) -> Option<&mut Seen> {
        if self.seen.len() >= BACKTEST_ALERTS_MAX && !self.seen.contains_key(&hash) {
            self.is_full = true;
            return None;
        }
        Some(self.seen.entry(hash).or_insert(Seen { rule, ..Seen::default() }))
    }
}

/// A hash that the same alerts have in common: rule, first evidence, agent.
fn alert_hash(key: Key, alert: &Alert) -> u64 {
    let first = alert.evidence.first().map_or(Seq::FIRST, |position| position.seq).to_string();
    let Who { user, session, workspace, .. } = &alert.who;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    key.hash(&[&alert.rule, &first, &text(user), &text(session), &text(workspace)])
}

/// How many of them there are for each agent and day; none without one.
pub(crate) fn per_agent_day(alerts: u64, agent_days: u64) -> f64 {
    if agent_days == 0 { 0.0 } else { alerts as f64 / agent_days as f64 }
}

impl Found {
    fn of(alert: &Alert) -> Self {
        Self {
            severity: alert.severity,
            title: alert.title.clone(),
            reason: alert.reason.clone(),
            position: alert.evidence.first().map(ToString::to_string).unwrap_or_default(),
            recorded: alert.recorded_first,
        }
    }
}
