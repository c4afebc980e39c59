//! The detector that a user rule is: its condition selects events, its operator puts them together, episodes make alerts.

use std::borrow::Cow;

use detect_core::detector::Detector;
use detect_core::detector_state;
use detect_core::detector_state::DetectorState;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::{EPISODES_MAX, TEXT_CHARS_MAX};
use detect_core::pack::RestoreError;
use detect_core::scope::{self, Scope};
use detect_core::text::bounded;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What, Who};
use serde::{Deserialize, Serialize};

use super::Rule;
use super::operator::absence::{Waiting, Watch};
use super::operator::memory_budget::MemoryBudget;
use super::operator::{Hit, Machine, Seen, holds};
use super::template::{Piece, say};
use crate::limits::USER_EPISODES_MAX;

/// A user rule at work.
pub struct UserDetector {
    rule: Rule,
    key: Key,
    state: State,
    episodes: Episodes<Matched>,
}

detector_state!(UserDetector { state, episodes } without { rule, key });

/// What its operator remembers.
enum State {
    /// Each match counts.
    Each,
    Machine(Box<dyn Machine>),
    Watch(Box<Watch>),
}

impl DetectorState for State {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        match self {
            Self::Each => Ok(()),
            Self::Machine(machine) => machine.snapshot(out),
            Self::Watch(watch) => watch.snapshot(out),
        }
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        match self {
            Self::Each => Ok(()),
            Self::Machine(machine) => machine.restore(input),
            Self::Watch(watch) => watch.restore(input),
        }
    }
}

/// What an episode of a user rule knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Matched {
    severity: Severity,
    title: Vec<Piece>,
    reason: Vec<Piece>,
    observed: i64,
    /// Whether that is in micro-dollars.
    #[serde(default)]
    is_money: bool,
}

/// The part of an opening that a wait keeps.
#[derive(Serialize, Deserialize)]
struct Kept {
    case: Matched,
    who: Who,
    what: What,
}

/// What a rule has of what all user rules have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    budget: MemoryBudget,
    /// How many of its alerts may be open.
    episodes: usize,
}

impl Share {
    /// The shares of rules that run together.
    pub fn of_rules(rules: &[&Rule]) -> Vec<Self> {
        let wanted: Vec<u64> = rules.iter().map(|rule| rule.form().operators.bytes()).collect();
        let episodes = EPISODES_MAX.min(USER_EPISODES_MAX / rules.len().max(1));
        MemoryBudget::share(&wanted).into_iter().map(|budget| Self { budget, episodes }).collect()
    }
}

impl UserDetector {
    /// Builds detectors with empty states: all together keep to the bounds of user rules.
    pub fn of_rules(rules: &[&Rule], key: Key) -> Vec<Self> {
        rules.iter().zip(Share::of_rules(rules)).map(|(rule, share)| Self::new(rule, key, share)).collect()
    }

    fn new(rule: &Rule, key: Key, Share { budget, episodes }: Share) -> Self {
        let form = rule.form();
        let operators = &form.operators;
        let state = match (&operators.absence, operators.build(key, budget)) {
            (Some(absence), _) => State::Watch(Box::new(absence.watch(budget))),
            (None, Some(machine)) => State::Machine(machine),
            (None, None) => State::Each,
        };
        // What is missing is told so long after the event that the alert is about.
        let told_after = if let State::Watch(watch) = &state { watch.within() as u32 } else { 0 };
        let episodes = Episodes::new(rule.label(), key, form.quiet_seconds + told_after).at_most(episodes);
        Self { rule: rule.clone(), key, state, episodes }
    }

    /// The values of the key's columns; `None` if the event lacks one.
    fn names<'a>(&self, event: &EventRow<'a>) -> Option<Vec<&'a str>> {
        self.rule.by().iter().map(|column| column.text(event)).collect()
    }

    fn raise(&mut self, seen: Seen<'_, '_>, names: &[&str], hit: Hit, findings: &mut Findings) {
        let Hit { observed, value, before } = hit;
        let (name, mut target) = key_names(names, seen.key);
        if value != 0 {
            target = format!("{target}{value:016x}");
        }
        let subject = Subject { scope: Scope { kind: self.rule.scope_kind(), name: &name }, target: &target };
        let rule = &self.rule;
        let open = |_| {
            let Kept { case, who, what } = kept(rule, seen.event, observed);
            Opening { case, who, what, before }
        };
        self.episodes.raise(subject, seen.event.sighting(), findings, open, |case| case.observed = observed);
    }

    /// Ends waits and begins them.
    fn watch(
        &mut self,
        seen: Seen<'_, '_>,
        names: &[&str],
        (matched, expected): (bool, bool),
        findings: &mut Findings,
    ) {
        let State::Watch(watch) = &mut self.state else { return };
        let (name, target) = key_names(names, seen.key);
        if expected {
            watch.end(seen.key);
            let subject = Subject { scope: Scope { kind: self.rule.scope_kind(), name: &name }, target: &target };
            self.episodes.resolve(subject, findings, |_| ());
        }
        // What is read in later is silent for other reasons.
        if !matched || seen.event.backfill() {
            return;
        }
        let (rule, within) = (&self.rule, watch.within());
        watch.start(seen, findings, || Waiting {
            sighting: seen.event.sighting(),
            names: (name.clone().into_owned(), target.clone()),
            // A case holds texts and numbers: it always has a JSON form.
            opening: serde_json::to_string(&kept(rule, seen.event, within)).unwrap_or_default(),
        });
    }
}

/// What episodes are named by: the first name, cut and told apart by the key if it is long, and the key if there are more.
fn key_names<'a>(names: &[&'a str], key: u64) -> (Cow<'a, str>, String) {
    let first = names.first().copied().unwrap_or_default();
    let name = match first.char_indices().nth(TEXT_CHARS_MAX) {
        None => Cow::Borrowed(first),
        Some((end, _)) => Cow::Owned(format!("{}…{key:016x}", &first[..end])),
    };
    (name, if names.len() > 1 { format!("{key:016x}") } else { String::new() })
}

fn kept(rule: &Rule, event: &EventRow<'_>, observed: i64) -> Kept {
    let case = Matched {
        severity: rule.form().severity,
        title: rule.title().fill(event),
        reason: rule.reason().fill(event),
        observed,
        is_money: rule.is_about_money(),
    };
    let text = |column| event.text(column).map(bounded);
    let what = What {
        host: text(column::HOST),
        domain: text(column::DOMAIN),
        method: text(column::METHOD),
        path: text(column::PATH),
        policy: text(column::RULE),
        model: text(column::MODEL),
        tool: text(column::TOOL),
    };
    Kept { case, who: who(rule, event), what }
}

/// Whom the alert is about: nobody in person if the state is shared by many.
fn who(rule: &Rule, event: &EventRow<'_>) -> Who {
    let who = scope::who(event);
    let by = |name: &str| rule.by().iter().any(|column| column.name() == name);
    if ["session", "run", "agent", "workspace", "user", "stream"].into_iter().any(by) {
        return who;
    }
    Who { org: who.org.filter(|_| by("org") || by("team")), team: who.team.filter(|_| by("team")), ..Who::default() }
}

impl Detector for UserDetector {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let rule = &self.rule.form().name;
        let matched = holds(self.rule.condition(), event, rule, findings);
        let expected = match &self.state {
            State::Watch(watch) => watch.is_expected(event, matched, rule, findings),
            State::Each | State::Machine(_) => false,
        };
        if !matched && !expected {
            return;
        }
        let Some(names) = self.names(event) else { return };
        let second = event.second();
        let rule = self.rule.clone();
        let seen = Seen { event, key: self.key.hash(&names), second, rule: &rule.form().name };
        let hit = match &mut self.state {
            State::Each => Some(Hit { observed: 1, ..Hit::default() }),
            State::Machine(machine) => machine.observe(seen, findings),
            State::Watch(_) => return self.watch(seen, &names, (matched, expected), findings),
        };
        if let Some(hit) = hit {
            self.raise(seen, &names, hit, findings);
        }
    }

    fn elapse(&mut self, second: i64, down: bool, findings: &mut Findings) {
        if let State::Watch(watch) = &mut self.state {
            if down {
                watch.restart(second);
            }
            while !findings.is_full() {
                let Some(Waiting { sighting, names, opening }) = watch.due(second) else { break };
                // Only a damaged snapshot holds what cannot be read, and its hash was checked.
                let Ok(Kept { case, who, what }) = serde_json::from_str(&opening) else { continue };
                let scope = Scope { kind: self.rule.scope_kind(), name: &names.0 };
                let open = |_| Opening { case, who, what, before: Before::default() };
                self.episodes.raise(Subject { scope, target: &names.1 }, sighting, findings, open, |_| ());
            }
        }
    }
}

impl Case for Matched {
    fn severity(&self, _: &Alert) -> Severity {
        self.severity
    }

    fn title(&self, alert: &Alert) -> String {
        bounded(&say(&self.title, alert.count, span(alert), self.observed))
    }

    fn reason(&self, alert: &Alert) -> String {
        say(&self.reason, alert.count, span(alert), self.observed)
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        let unit = if self.is_money { Unit::MicroUsd } else { Unit::Count };
        Some(Measurement::new("what the rule observes", unit, self.observed))
    }
}
