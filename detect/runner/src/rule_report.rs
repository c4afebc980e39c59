//! What became of the alerts of each rule: how many, how bad, what people closed them as, how long they waited; and which stricter
//! parameters would have spared people those that they closed as false or benign.
//!
//! Nothing is guessed: a value is proposed only after the rule ran with it over the stored history, and it is said how many alerts that
//! were closed as true positives it would have lost. Where nothing was closed, that is said instead.

mod record;
mod trial;

use std::collections::BTreeMap;

use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::{LedgerError, Reader, Seq, Timestamp};
use operations::alert::Severity;
use operations::kind::alert_step::CloseReason;
use serde::Serialize;

use crate::backtest::{AgentDays, BacktestProgress, per_agent_day, read_events};
use record::{AlertRecord, Record};
pub use trial::Trial;

/// What is asked.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// The rules that run now: their parameters are tried.
    pub rules: RuleSet,
    /// Only this rule.
    pub rule: Option<String>,
    /// Only alerts whose first revision was recorded at or after this moment.
    pub since: Option<Timestamp>,
    /// Only those recorded before it.
    pub until: Option<Timestamp>,
    /// Whether parameters are tried.
    pub proposes: bool,
}

/// What became of the alerts of all rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standings {
    /// Events that were recorded in that time,
    pub events: u64,
    /// and days on which an agent did something, over all agents.
    pub agent_days: u64,
    /// Whether all alerts on record fitted into memory.
    pub is_whole: bool,
    /// Every version of a rule that opened an alert, by name and version.
    pub rules: Vec<Standing>,
}

/// What became of the alerts of one version of a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: u32,
    /// Its alerts,
    pub alerts: u64,
    /// for each agent and day,
    pub per_agent_day: f64,
    /// and by the worst at which they were told.
    pub by_severity: BTreeMap<&'static str, u64>,
    /// Alerts that the alert budget told at low to the end.
    pub lowered: u64,
    /// The same as a share of all.
    pub lowered_share: f64,
    /// Alerts that were closed, by what they turned out to be.
    pub closed: BTreeMap<&'static str, u64>,
    /// The share of benign and false positive among those that were closed; `None` if none was.
    pub false_share: Option<f64>,
    /// Alerts that somebody acknowledged or closed,
    pub attended: u64,
    /// half of them within so many seconds after they were recorded,
    pub attended_seconds_median: Option<u64>,
    /// and nine in ten within so many.
    pub attended_seconds_p90: Option<u64>,
    /// What its parameters would have changed.
    pub proposals: Proposals,
}

/// What was tried to find better parameters.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Proposals {
    /// Values with their effect, the best first.
    pub trials: Vec<Trial>,
    /// How many values were tried.
    pub tried: usize,
    /// Alerts closed as benign or false positive that the rule finds again in the stored history: on these it is judged.
    pub false_found: usize,
    /// The same of true positives.
    pub true_found: usize,
    /// What is missing for a proposal, or for judging one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<&'static str>,
}

impl ReportOptions {
    /// Reads what is on record, and tries parameters. `key` is that of the detectors' hashes.
    pub fn run(
        &self,
        events: &Reader,
        operations: &Reader,
        key: Key,
        progress: &mut dyn FnMut(&str, BacktestProgress),
    ) -> Result<Standings, LedgerError> {
        let end = self.until.map_or_else(|| events.durable().map(|it| it.next_seq), |until| events.seq_at(until))?;
        let from = self.since.map_or(Ok(Seq::FIRST), |since| events.seq_at(since))?.min(end);
        let (mut count, mut agent_days) = (0, AgentDays::new(key));
        read_events(events, from..end, &mut |done| progress("events", done), |row| {
            count += 1;
            agent_days.note(row);
        })?;
        let record = Record::read(operations, key, self.since, self.until)?;
        let is_whole = record.is_whole;
        let mut standings = Vec::new();
        for ((rule, version), alerts) in record.by_rule() {
            if self.rule.as_ref().is_some_and(|wanted| *wanted != rule) {
                continue;
            }
            let proposals = if self.proposes {
                let mut advance = |done| progress(&rule, done);
                trial::propose(&self.rules, (&rule, version), &alerts, events, end, key, &mut advance)?
            } else {
                Proposals::default()
            };
            standings.push(Standing::of(rule, version, &alerts, agent_days.count, proposals));
        }
        Ok(Standings { events: count, agent_days: agent_days.count, is_whole, rules: standings })
    }
}

impl Standing {
    fn of(rule: String, version: u32, alerts: &[AlertRecord], agent_days: u64, proposals: Proposals) -> Self {
        let count = |is: &dyn Fn(&AlertRecord) -> bool| alerts.iter().filter(|alert| is(alert)).count() as u64;
        let by_severity = Severity::ALL.map(|severity| (severity.as_str(), count(&|alert| alert.worst == severity)));
        let closed = CloseReason::ALL.map(|reason| (reason.as_str(), count(&|alert| alert.closed == Some(reason))));
        let [all, lowered] = [alerts.len() as u64, count(&|alert| alert.is_lowered)];
        let [decided, wrong] = [count(&|alert| alert.closed.is_some()), count(&AlertRecord::is_false)];
        let mut waited: Vec<u64> = alerts.iter().filter_map(AlertRecord::waited_seconds).collect();
        waited.sort_unstable();
        let some = |(word, count): (&'static str, u64)| (count > 0).then_some((word, count));
        Self {
            rule,
            version,
            alerts: all,
            per_agent_day: per_agent_day(all, agent_days),
            by_severity: by_severity.into_iter().filter_map(some).collect(),
            lowered,
            lowered_share: lowered as f64 / all.max(1) as f64,
            closed: closed.into_iter().filter_map(some).collect(),
            false_share: (decided > 0).then(|| wrong as f64 / decided as f64),
            attended: waited.len() as u64,
            attended_seconds_median: part(&waited, 50),
            attended_seconds_p90: part(&waited, 90),
            proposals,
        }
    }
}

/// The smallest of these ascending numbers that so many hundredths of them do not exceed.
fn part(ascending: &[u64], hundredths: usize) -> Option<u64> {
    let at = (ascending.len() * hundredths).div_ceil(100).saturating_sub(1);
    ascending.get(at).copied()
}

#[cfg(test)]
mod tests;
