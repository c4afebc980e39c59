//! `loop.repeat`: an agent does the same steps with the same results again and again.

mod case;
mod cycle_finder;
mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::parameters::check_range;
use detect_core::rule::Rule;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, packed, parameters, scope};
use ledger::events::column;
use operations::Money;
use operations::alert::What;

use crate::limits::AGENTS_MAX;
use crate::loops::step::{self, Feed};
use case::{End, Loop};
use cycle_finder::{CycleFinder, Turn};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "loop.repeat",
    version: 6,
    what: "A cycle of 1 to 16 steps (tool, input and result by fingerprint) that one agent (a session, or a sub-agent of it) goes \
           through again and again, also with other steps in between. Calls that fail with the same answer are the same step. Progress ends it: a result that changed, a file that was not \
           written or read before, another change of the tree or of something elsewhere.",
    why: "An agent in a loop spends money and time without coming any further, and the agents themselves do not notice. Looking \
          at results tells it from work on many files and from waiting, which the agents' own detectors take for loops.",
    false_positives: "Waiting for something that shows no sign of life, such as a job queue that is polled; sources that tell no \
                      results (a gateway alone), for which the steps of severity come later and only money makes it critical.",
    tuning: "notice, warning, critical: cycles for low, medium and critical severity. A cycle that sleeps before it looks, \
             or asks with pauses how something stands that runs elsewhere, is low until it came three times as often, and then medium at most, and so is one of an agent that does new things besides. critical_usd: money spent since the loop began that makes it critical at once. quiet_seconds: how long the agent must do nothing for the episode to end.",
    tags: &["AML.T0034", "AML.T0034.002", "AML.T0029", "T1496", "ASI02", "ASI08"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."loop.repeat"]`.
    pub struct Parameters {
        /// Cycles for a notice (low).
        notice: u32 = 3, in 3..=1_000;
        /// Cycles for a warning (medium): more than for a notice.
        warning: u32 = 5;
        /// Cycles for a critical alert: more than for a warning, at most 1,000. A quarter more steps than that after the first round are enough.
        critical: u32 = 10;
        /// A loop that has cost so many dollars is critical.
        critical_usd: u32 = 10, in 1..=1_000_000;
        /// An episode is resolved after this many seconds without a step of the loop.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
    check(parameters) {
        check_range("warning", parameters.warning, parameters.notice + 1..=1_000)?;
        check_range("critical", parameters.critical, parameters.warning + 1..=1_000)?;
        Ok(())
    }
}

/// The detector.
pub struct Repeat {
    parameters: Parameters,
    agents: Table<Agent>,
    episodes: Episodes<Loop>,
}

detector_state!(Repeat { agents, episodes } without { parameters });

impl Rule for Repeat {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            agents: Table::new(AGENTS_MAX),
        }
    }
}

/// What is known about one agent.
#[derive(Debug, Default)]
struct Agent {
    feed: Feed,
    finder: CycleFinder,
    /// What its model calls cost.
    spent: Money,
    /// Whether an episode was opened since the cycle began.
    alerted: bool,
    /// One bit for each of the latest steps: whether it was new and did not fail.
    novelty: u8,
    /// A quarter of the fingerprint of what was done last.
    action: u16,
}

packed!(Agent { feed, finder, spent, alerted, novelty, action });

/// Of the latest eight steps so many may be new and well where a cycle is critical: of agents that do more besides, many come out of it.
const NOVEL_MAX: u32 = 1;

impl Detector for Repeat {
    fn looks_at(&self) -> Aspects {
        Aspects::STEP.with(Aspects::COST)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // What was spent before the first step belongs to no loop.
        if let Some(cost) = event.cost()
            && let Some(agent) = self.agents.get_mut(event.actor())
        {
            agent.spent = agent.spent.saturating_add(cost);
        }
        if step::may_be(event) {
            self.step(event, findings);
        }
    }
}

/// Who asks again only after so many seconds waits. Agents that are stuck go on at once, as fast as their model answers.
const PAUSE_SECONDS: i64 = 12;

impl Repeat {
    fn step(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let agent = self.agents.of_actor(event, findings);
        let Some(step) = agent.feed.step(event) else { return };
        let subject = Subject::actor(event);
        let turn = agent.finder.take(step, event.sighting(), agent.spent);
        agent.novelty = agent.novelty << 1 | u8::from(agent.finder.is_new() && !step.fails);
        let is_same_call = std::mem::replace(&mut agent.action, step.action as u16) == step.action as u16;
        let is_sole = agent.novelty.count_ones() <= NOVEL_MAX;
        let (laps, ended) = match turn {
            Turn::Laps(laps) => (laps, None),
            Turn::Further => (0, Some(End::Result)),
            Turn::Elsewhere => (0, Some(End::Elsewhere)),
        };
        if let Some(end) = ended {
            if std::mem::take(&mut agent.alerted) {
                self.episodes.resolve(subject, findings, |case| case.end = Some(end));
            }
            return;
        }
        // Without results, polling looks like a loop: each stage takes as much as the next one would.
        let parameters = &self.parameters;
        let stages = if step.has_result {
            [parameters.notice, parameters.warning, parameters.critical]
        } else {
            [parameters.warning, parameters.critical, u32::MAX]
        };
        let Some(began) = agent.finder.began().filter(|_| laps >= stages[0]) else { return };
        agent.alerted = true;
        let spent = agent.spent.saturating_sub(began.spent);
        let span = agent.finder.span();
        let steps = agent.finder.steps_since(began.step);
        let evidence = agent.finder.evidence(event.position().seq);
        let critical = Money::from_dollars(parameters.critical_usd);
        let pauses = i64::from(laps.max(1)) * i64::from(span.max(1));
        let pause = (event.time().unix_seconds() - began.time.unix_seconds()) / pauses;
        let waits = step::waits(event) || (pause >= PAUSE_SECONDS && span <= 2 && step::asks_elsewhere(event));
        // A round of many steps says as much as many rounds of one; the very same call says a little more than a varied one.
        let again = (laps - 1) * u32::from(span);
        let sure = is_sole && (again >= stages[2].saturating_add(stages[2] / 4) || (laps >= stages[2] && is_same_call));
        let open = |_| Opening {
            case: Loop { laps, span, spent, stages, critical, has_result: step.has_result, waits, sure, end: None },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before { count: u64::from(steps), first: Some((began.time, began.recorded)), evidence },
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.laps = case.laps.max(laps);
            (case.span, case.spent, case.waits, case.sure) = (span, spent, case.waits || waits, case.sure || sure);
        });
    }
}

#[cfg(test)]
mod tests;
