//! What the rules find in a fleet, against the truth: event by event and second by second, as the runner does it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::{Seq, Timestamp};
use operations::alert::{Alert, Severity};

use crate::day::Origin;
use crate::fault::Fault;
use crate::fleet::{Fleet, START};
use crate::house::{House, KEY};
use crate::records::Label;

/// An attack counts as found up to so many acts of its agent after the harm.
pub const ACTS_AFTER_HARM: i64 = 10;
/// Recorded time after the last event.
const AFTER_SECONDS: i64 = 3_600;
/// Batches that a server closes in ten seconds, at least: silence is no outage.
const BATCH_SECONDS: i64 = 5;
/// More than the batches that the corpus' ledger has closed itself.
const FIRST_BATCH: u64 = 1 << 32;

/// Whose an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Ordinary work of an agent that is not attacked.
    Ordinary(Label),
    /// Ordinary work of an agent in whose last day an attack hides.
    Beside(Label),
    /// An attack: the number of the story.
    Story(usize),
    /// Nothing that it names as evidence is in the corpus.
    Nobody,
}

/// An alert with its worst severity and its newest words.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its newest revision.
    pub alert: Alert,
    /// The worst severity of all its revisions.
    pub worst: Severity,
    /// Whose it is.
    pub owner: Owner,
}

/// How an attack was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catch {
    /// By which rule.
    pub rule: String,
    /// How many acts after the harm; below zero before it.
    pub delay: i64,
    /// How bad the rule called it.
    pub severity: Severity,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// All alerts, in the order in which they were opened.
    pub alerts: Vec<Judged>,
    /// How each story was found, the earliest first; each rule once.
    pub catches: BTreeMap<usize, Vec<Catch>>,
    /// Events that the detectors were shown.
    pub events: u64,
    /// How long they took for events,
    pub observing: Duration,
    /// and for seconds.
    pub advancing: Duration,
}

/// Shows a fleet to the rules.
pub fn judge(fleet: &Fleet, house: &House, rules: &RuleSet) -> Result<Verdict, Fault> {
    let mut engine = rules.engine(Key::new(&KEY), Timestamp::EPOCH);
    let (mut findings, mut judge) = (Findings::new(), Judge::new(fleet));
    let (mut next, mut last) = (Seq::FIRST, 0);
    loop {
        let rows = house.rows(next)?;
        for row in rows.iter() {
            last = row.recorded.unix_seconds();
            let since = Instant::now();
            engine.pass(last, batch(last), &mut findings, |findings| judge.hear(findings.take()));
            judge.verdict.advancing += since.elapsed();
            judge.sees(row.position.seq);
            let since = Instant::now();
            engine.observe(&row, &mut findings);
            judge.verdict.observing += since.elapsed();
            judge.hear(findings.take());
            next = row.position.seq.next();
        }
        if rows.is_empty() {
            break;
        }
    }
    let end = last + AFTER_SECONDS;
    engine.pass(end, batch(end), &mut findings, |findings| judge.hear(findings.take()));
    Ok(judge.verdict)
}

fn batch(second: i64) -> u64 {
    FIRST_BATCH + ((second - START) / BATCH_SECONDS).max(0) as u64
}

/// Holds what is found against the truth.
struct Judge<'a> {
    fleet: &'a Fleet,
    verdict: Verdict,
    /// The place of each alert in the verdict, by id.
    places: BTreeMap<String, usize>,
    /// The newest act of each agent.
    acts: BTreeMap<usize, u32>,
}

impl<'a> Judge<'a> {
    fn new(fleet: &'a Fleet) -> Self {
        Self { fleet, verdict: Verdict::default(), places: BTreeMap::new(), acts: BTreeMap::new() }
    }

    fn label(&self, seq: Seq) -> Option<Label> {
        self.fleet.records.get(seq.get() as usize).map(|record| record.label)
    }

    fn sees(&mut self, seq: Seq) {
        self.verdict.events += 1;
        if let Some(label) = self.label(seq) {
            self.acts.insert(label.agent, label.act);
        }
    }

    fn hear(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            self.note_catch(&alert);
            if let Some(place) = self.places.get(&alert.id) {
                let judged = &mut self.verdict.alerts[*place];
                judged.worst = judged.worst.max(alert.severity);
                judged.alert = alert;
            } else {
                let owner = self.owner(&alert);
                self.places.insert(alert.id.clone(), self.verdict.alerts.len());
                self.verdict.alerts.push(Judged { worst: alert.severity, alert, owner });
            }
        }
    }

    /// The story that at least half of an alert's evidence is of.
    fn story(&self, alert: &Alert) -> Option<(usize, Label)> {
        let labels = alert.evidence.iter().filter_map(|position| self.label(position.seq));
        let of_stories: Vec<Label> = labels.filter(|label| matches!(label.origin, Origin::Story(_))).collect();
        let label = of_stories.first().filter(|_| of_stories.len() * 2 >= alert.evidence.len())?;
        Some((self.fleet.attacked.get(&label.agent)?.story, *label))
    }

    fn owner(&self, alert: &Alert) -> Owner {
        if let Some((story, _)) = self.story(alert) {
            return Owner::Story(story);
        }
        match alert.evidence.first().and_then(|position| self.label(position.seq)) {
            Some(label) if self.fleet.attacked.contains_key(&label.agent) => Owner::Beside(label),
            Some(label) => Owner::Ordinary(label),
            None => Owner::Nobody,
        }
    }

    fn note_catch(&mut self, alert: &Alert) {
        let Some((story, label)) = self.story(alert).filter(|_| alert.severity > Severity::Low && !alert.backfill)
        else {
            return;
        };
        let Some(attack) = self.fleet.attacked.get(&label.agent) else { return };
        let act = self.acts.get(&label.agent).copied().unwrap_or_default();
        let delay = i64::from(act) - i64::from(attack.harm);
        let catches = self.verdict.catches.entry(story).or_default();
        if delay <= ACTS_AFTER_HARM && catches.iter().all(|catch| catch.rule != alert.rule) {
            catches.push(Catch { rule: alert.rule.clone(), delay, severity: alert.severity });
        }
    }
}

impl Verdict {
    /// How a story was first found, if it was.
    pub fn first_catch(&self, story: usize) -> Option<&Catch> {
        self.catches.get(&story)?.first()
    }
}

#[cfg(test)]
mod tests {
    use ledger::{LedgerName, Position};
    use operations::alert::State;

    use super::*;
    use crate::corpus::Corpus;
    use crate::day::Amount;
    use crate::fleet::{Attack, FleetSize};

    /// A fleet with one attack, and the positions of the rows of its steps and of ordinary work.
    fn fleet() -> (Fleet, Vec<u64>, Vec<u64>) {
        let corpus = Corpus::own().unwrap();
        let size = FleetSize {
            agents: 2,
            days: 1,
            days_before: 0,
            amount: Amount { acts: 5, around: 3, around_more: 3 },
            seed: 3,
        };
        let fleet = Fleet::new(&corpus, &[0], size).unwrap();
        let is_story = |at: &usize| matches!(fleet.records[*at].label.origin, Origin::Story(_));
        let (stories, others): (Vec<usize>, Vec<usize>) = (0..fleet.records.len()).partition(is_story);
        let seqs = |places: Vec<usize>| places.into_iter().map(|at| at as u64).collect();
        let (stories, others) = (seqs(stories), seqs(others));
        (fleet, stories, others)
    }

    fn alert(id: &str, severity: Severity, evidence: &[u64]) -> Alert {
        let position = |seq: &u64| Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(*seq) };
        Alert {
            id: id.into(),
            revision: 1,
            rule: "acme.rule".into(),
            rule_version: 1,
            state: State::Open,
            severity,
            title: "t".into(),
            reason: "r".into(),
            who: operations::alert::Who::default(),
            what: operations::alert::What::default(),
            first_seen: Timestamp::EPOCH,
            last_seen: Timestamp::EPOCH,
            recorded_first: Timestamp::EPOCH,
            recorded_last: Timestamp::EPOCH,
            count: 1,
            evidence: evidence.iter().map(position).collect(),
            tags: Vec::new(),
            backfill: false,
            measured: None,
            follows: None,
            sender: None,
            flood: false,
            lowered_from: None,
            shape: None,
        }
    }

    /// What is said of an alert that comes when so many acts have passed since the harm.
    fn check(severity: Severity, of_story: usize, of_others: usize, delay: i64, expected: Option<i64>) {
        let (fleet, stories, others) = fleet();
        let (agent, Attack { harm, .. }) =
            fleet.attacked.first_key_value().map(|(agent, attack)| (*agent, *attack)).unwrap();
        let mut judge = Judge::new(&fleet);
        judge.acts.insert(agent, (i64::from(harm) + delay) as u32);
        judge.hear(vec![alert("a", severity, &[&others[..of_others], &stories[..of_story]].concat())]);
        let found = judge.verdict.first_catch(0).map(|catch| catch.delay);
        assert_eq!(found, expected, "{severity:?} {of_story} {of_others} {delay}");
    }

    #[test]
    fn a_story_is_found_by_a_loud_alert_of_its_own_in_time() {
        check(Severity::Medium, 1, 0, 0, Some(0));
        check(Severity::Critical, 2, 2, ACTS_AFTER_HARM, Some(ACTS_AFTER_HARM));
        check(Severity::High, 1, 0, -2, Some(-2));
        check(Severity::Low, 1, 0, 0, None);
        check(Severity::High, 1, 2, 0, None);
        check(Severity::High, 0, 1, 0, None);
        check(Severity::High, 1, 0, ACTS_AFTER_HARM + 1, None);
    }

    #[test]
    fn an_alert_is_counted_once_with_its_worst_severity() {
        let (fleet, stories, others) = fleet();
        let mut judge = Judge::new(&fleet);
        judge.hear(vec![alert("a", Severity::High, &others[..1]), alert("b", Severity::Low, &stories[..1])]);
        judge.hear(vec![alert("a", Severity::Low, &others[..1])]);
        let counted: Vec<Severity> = judge.verdict.alerts.iter().map(|judged| judged.worst).collect();
        assert_eq!(counted, [Severity::High, Severity::Low]);
        assert!(matches!(judge.verdict.alerts[0].owner, Owner::Ordinary(_) | Owner::Beside(_)));
        assert_eq!(judge.verdict.alerts[1].owner, Owner::Story(0));
    }
}
