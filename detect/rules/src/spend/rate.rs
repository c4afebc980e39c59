//! `spend.rate`: an agent spends in a way that is not its own. The arithmetic is in `anomaly`, the chances in `calibration`.
//!
//! Spend is summed over five minutes; only those in which something was spent count, so nights and weekends are no news.

mod case;
mod examples;
mod parameters;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::SPENDERS_MAX;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, packed};
use ledger::events::column;
use operations::Money;
use operations::alert::What;

use super::anomaly::{Baseline, Feature, Profile};
use super::calibration::Calibration;
use crate::limits::SPENDING_TEAMS_MAX;
use case::{Rate, Sign};
pub use parameters::Parameters;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "spend.rate",
    version: 4,
    what: "An agent's spend in five minutes, or its course over hours, leaves what it and its team have done at such times so \
           far: a spike, an unusual hour, or a slow creep. A new agent is judged by its team.",
    why: "A runaway agent, a leaked key or a prompt that costs ten times more shows in the rate long before a budget is gone.",
    false_positives: "A new kind of work, a larger model, a migration that was planned.",
    tuning: "false_alarms: how many alerts on a thousand agent-days of ordinary work are acceptable; the bound on the chance of \
             a finding follows from it. min_usd: what five minutes must cost to matter. creep_percent: how far the mean of \
             hours may rise above that of weeks.",
    tags: &["AML.T0034", "AML.T0034.002", "T1496", "ASI02", "ASI08"],
    examples: examples::EXAMPLES,
};

/// Seconds over which spend is summed.
const STEP: i64 = 300;
/// Steps of one day.
const STEPS_PER_DAY: f64 = 288.0;
/// Steps with spend after which an agent is judged by itself.
const KNOWN: u32 = 80;
/// Steps with spend after which its long-term mean means something, and over which that mean is taken.
const SETTLED: u32 = 1_000;
const LONG_TERM: f64 = 4_000.0;

/// The detector.
pub struct SpendRate {
    parameters: Parameters,
    /// The chance below which a step is a finding.
    allowed: f64,
    key: Key,
    agents: Table<Agent>,
    teams: Table<Team>,
    episodes: Episodes<Rate>,
}

detector_state!(SpendRate { agents, teams, episodes } without { parameters, allowed, key });

impl Rule for SpendRate {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            allowed: f64::from(parameters.false_alarms) / 1_000.0 / STEPS_PER_DAY,
            parameters: parameters.clone(),
            key,
            agents: Table::new(SPENDERS_MAX),
            teams: Table::new(SPENDING_TEAMS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// One agent: its current step and what it did before.
#[derive(Debug, Clone, Default)]
pub(super) struct Agent {
    step: i64,
    spent: Money,
    /// Mean of about the last 4,000 steps.
    long_term: f32,
    baseline: Baseline,
}
packed!(Agent { step, spent, long_term, baseline });

/// What is usual in a team, and how rare scores are there.
#[derive(Debug, Clone, Default)]
pub(super) struct Team {
    profile: Profile,
    calibration: Calibration,
}
packed!(Team { profile, calibration });

impl Detector for SpendRate {
    fn looks_at(&self) -> Aspects {
        Aspects::COST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(cost) = event.cost() else { return };
        let org = event.text(column::ORG).unwrap_or("");
        let scope = Scope::spender(event);
        // What agents say of themselves is not what a gateway saw: it teaches nobody what is usual there.
        let source = if event.is_claim() { "claimed" } else { "" };
        let team = self.key.hash(&["rate team", source, org, event.text(column::TEAM).unwrap_or("")]);
        let team = self.teams.entry(team, event, findings);
        let agent = self.agents.entry(self.key.hash(&["rate", source, org, scope.kind, scope.name]), event, findings);
        let step = event.second().div_euclid(STEP);
        let ended = if agent.step == step { None } else { agent.end_step(team, step, &self.parameters, self.allowed) };
        agent.spent = agent.spent.saturating_add(cost);
        let Some(sign) = agent.running(team, &self.parameters, self.allowed).or(ended) else { return };
        let case = Rate { scope_kind: scope.kind.to_owned(), name: bounded(scope.shown(event)), sign };
        let open = |_| Opening {
            case,
            who: scope::who(event),
            what: What { model: event.text(column::MODEL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let target = bounded(org);
        let subject = Subject { scope, target: &target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.go_on(sign));
    }
}

impl Agent {
    /// Learns the step that is over and starts another. Says so if the step as a whole was unusual.
    fn end_step(&mut self, team: &mut Team, step: i64, parameters: &Parameters, allowed: f64) -> Option<Sign> {
        let (amount, over) = (self.spent, self.step);
        (self.step, self.spent) = (step, Money::ZERO);
        if amount.is_zero() {
            return None;
        }
        let before = self.sign(amount, 0.0, allowed, Feature::Level);
        let local = over * STEP + i64::from(parameters.utc_offset_minutes) * 60;
        let micros = amount.as_micros() as f64;
        let verdict = self.baseline.step(&mut team.profile, local, micros);
        let chance = team.calibration.chance(verdict.score);
        team.calibration.note(verdict.score, amount);
        let rate = (1.0 / f64::from(self.baseline.count())).max(2.0 / (LONG_TERM + 1.0));
        self.long_term = (f64::from(self.long_term) + (micros - f64::from(self.long_term)) * rate) as f32;
        if amount < parameters.least() {
            return None;
        }
        let creeping =
            self.baseline.long_mean() * 100.0 > f64::from(self.long_term) * f64::from(parameters.creep_percent);
        if self.baseline.count() > KNOWN && chance <= allowed {
            Some(Sign { chance, feature: verdict.feature.into(), ..before })
        } else if self.baseline.count() > SETTLED && creeping {
            let (lately, usual) = (money(self.baseline.long_mean()), money(self.long_term.into()));
            Some(Sign { feature: case::Course::Creep, lately, usual, ..before })
        } else {
            None
        }
    }

    /// Judges the step that is still running: a spike is said while it happens. Less than the whole of it proves nothing
    /// else.
    fn running(&self, team: &Team, parameters: &Parameters, allowed: f64) -> Option<Sign> {
        if self.spent < parameters.least() {
            return None;
        }
        if self.baseline.count() <= KNOWN {
            let chance = team.calibration.chance_of_amount(self.spent);
            let sign = Sign { feature: case::Course::New, ..self.sign(self.spent, chance, allowed, Feature::Level) };
            return (chance <= allowed).then_some(sign);
        }
        let micros = self.spent.as_micros() as f64;
        if micros <= self.baseline.highest() {
            return None;
        }
        let verdict = self.baseline.clone().step_alone(micros);
        let chance = team.calibration.chance(verdict.score);
        (chance <= allowed).then(|| self.sign(self.spent, chance, allowed, verdict.feature))
    }

    fn sign(&self, amount: Money, chance: f64, allowed: f64, feature: Feature) -> Sign {
        Sign {
            feature: feature.into(),
            amount,
            usual: money(self.long_term.into()),
            lately: money(self.baseline.long_mean()),
            highest: money(self.baseline.highest()),
            steps: self.baseline.count(),
            chance,
            allowed,
        }
    }
}

/// What statistics say of micro-USD, cut off to whole ones.
fn money(micros: f64) -> Money {
    Money::from_micros(micros as u64)
}

#[cfg(test)]
mod tests;
