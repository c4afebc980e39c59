//! `loop.no_progress`: an agent keeps busy with what it has done before, and nothing comes of it.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::parameters::check_range;
use detect_core::rule::Rule;
use detect_core::second::{Moment, Second};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters, scope};
use ledger::events::column;
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::AGENTS_MAX;
use crate::loops::evidence::{Evidence, WHOLE};
use crate::loops::step::{self, Feed};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "loop.no_progress",
    version: 5,
    what: "An agent (a session, or a sub-agent of it) whose steps bring nothing: they fail, or do what was done before with the answer that \
           was given before, in whatever order and however they are varied. A change that was not made before, something not read \
           before, another answer is progress.",
    why: "Agents also go in circles that have no fixed order: they vary the arguments of a call that cannot succeed, try one flag \
          after another, undo what they did. Steps that bring nothing are what all of them have in common.",
    false_positives: "A suite of tests that is meant to fail, case by case; waiting for a person or a build by looking at it without \
                      a pause; work that leaves no trace in the events.",
    tuning: "steps, critical_steps: steps without progress for medium and critical severity. A step counts in full if it fails as one \
             before did, less if it fails in a new way or looks at what did not change, and little if it waits. Mere \
             repetition is left to `loop.repeat` until critical_steps. usd: money spent without progress that makes it critical.",
    tags: &["AML.T0034", "AML.T0034.002", "T1496", "ASI02", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a tool is called with ever other arguments and gives the same error",
        events: &[
            r#"{"second":0,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":1,"result_fp":1,"outcome":"success","session":"s"}"#,
            r#"{"second":1,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":2,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":2,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":3,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":3,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":4,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":4,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":5,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":5,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":6,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":6,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":7,"result_fp":7,"outcome":"error","session":"s"}"#,
            r#"{"second":7,"kind":"tool.result","tool":"mcp__board__move_card","action_fp":8,"result_fp":7,"outcome":"error","session":"s"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 7,
            reason: "7 steps brought nothing new, 7 of them failed",
        }],
    },
    Example {
        name: "it begins to change what it had not changed before",
        events: &[
            r#"{"second":0,"repeat":12,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":2,"kind":"file.write","tool":"Edit","action_fp":5,"result_fp":6,"outcome":"success","session":"s"}"#,
            r#"{"second":3,"kind":"file.write","tool":"Edit","action_fp":6,"result_fp":6,"outcome":"success","session":"s"}"#,
            r#"{"second":4,"kind":"file.write","tool":"Edit","action_fp":7,"result_fp":6,"outcome":"success","session":"s"}"#,
            r#"{"second":5,"kind":"file.write","tool":"Edit","action_fp":8,"result_fp":6,"outcome":"success","session":"s"}"#,
            r#"{"second":6,"kind":"file.write","tool":"Edit","action_fp":9,"result_fp":6,"outcome":"success","session":"s"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Critical, count: 11, reason: "11 steps" },
            Expected { state: State::Resolved, severity: Severity::Critical, count: 12, reason: "came further" },
        ],
    },
    Example {
        name: "looks that bring something in between",
        events: &[
            r#"{"second":0,"repeat":4,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":1,"kind":"file.read","tool":"Read","action_fp":2,"result_fp":2,"outcome":"success","session":"s"}"#,
            r#"{"second":2,"repeat":4,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
        ],
        until: 1800,
        alerts: &[],
    },
    Example {
        name: "fifteen dollars, of which seven and a half are told by the gateway and again by the agent",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":1,"repeat":15,"kind":"model.call","family":"gateway","cost_micros":500000,"session":"s"}"#,
            r#"{"second":2,"repeat":15,"kind":"model.tokens","cost_micros":500000,"session":"s"}"#,
            r#"{"second":3,"kind":"command","tool":"Bash","action_fp":3,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":4,"kind":"command","tool":"Bash","action_fp":4,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":5,"kind":"command","tool":"Bash","action_fp":5,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":6,"kind":"command","tool":"Bash","action_fp":6,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":7,"kind":"command","tool":"Bash","action_fp":7,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":8,"kind":"command","tool":"Bash","action_fp":8,"result_fp":1,"outcome":"error","session":"s"}"#,
        ],
        until: 900,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 7, reason: "$7.50" }],
    },
];

parameters! {
    /// `[detect.rules."loop.no_progress"]`.
    pub struct Parameters {
        /// Steps without progress for a warning (medium).
        steps: u32 = 5, in 3..=13;
        /// Steps without progress for a critical alert: more than for a warning, at most 14.
        critical_steps: u32 = 10;
        /// Dollars spent since the steps began to bring nothing that make it critical.
        usd: u32 = 10, in 1..=1_000_000;
        /// After this many seconds without a step everything begins anew.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
    check(parameters) {
        check_range("critical_steps", parameters.critical_steps, parameters.steps + 1..=14)?;
        Ok(())
    }
}

/// The detector.
pub struct NoProgress {
    parameters: Parameters,
    agents: Table<Agent>,
    episodes: Episodes<Standstill>,
}

detector_state!(NoProgress { agents, episodes } without { parameters });

impl Rule for NoProgress {
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
    evidence: Evidence,
    /// What was spent since the first step without progress.
    spent: Money,
    /// Event time of that step, and when it was recorded; zero without one.
    first: Moment,
    /// When the latest step was recorded.
    last: Second,
    alerted: bool,
}

packed!(Agent { feed, evidence, spent, first, last, alerted });

impl Detector for NoProgress {
    fn looks_at(&self) -> Aspects {
        Aspects::STEP.with(Aspects::COST).with(Aspects::CHECK)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // What was spent before the first step without progress belongs to no standstill.
        if let Some(cost) = event.cost()
            && let Some(agent) = self.agents.get_mut(event.actor())
            && agent.first != Moment::default()
        {
            agent.spent = agent.spent.saturating_add(cost);
        }
        if step::may_be(event) {
            self.step(event, findings);
        } else if event.kind() == "check.result" && event.text(column::OUTCOME) == Some("success") {
            let agent = self.agents.get_mut(event.actor());
            let was_alerted = agent.is_some_and(|agent| {
                agent.evidence.clear();
                agent.begin_anew()
            });
            self.end(was_alerted, event, findings);
        }
    }
}

impl Agent {
    /// Forgets how long it went without progress; says whether that was told.
    fn begin_anew(&mut self) -> bool {
        (self.spent, self.first) = (Money::ZERO, Moment::default());
        std::mem::take(&mut self.alerted)
    }
}

impl NoProgress {
    fn step(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let agent = self.agents.of_actor(event, findings);
        let Some(step) = agent.feed.step(event) else { return };
        let now = Second::of(event.recorded());
        if now.get() - agent.last.get() > i64::from(self.parameters.quiet_seconds) {
            agent.evidence.clear();
            agent.begin_anew();
        }
        agent.last = now;
        let is_further = agent.evidence.take(&step, event);
        let points = u32::from(agent.evidence.points());
        if points == 0 {
            let was_alerted = agent.begin_anew();
            return self.end(was_alerted, event, findings);
        }
        if agent.first == Moment::default() {
            agent.first = Moment::of(event);
        }
        let parameters = &self.parameters;
        let whole = u32::from(WHOLE);
        let is_severe = points >= parameters.critical_steps * whole;
        // Mere repetition is told by `loop.repeat`, until there is no doubt.
        let is_told = points >= parameters.steps * whole && (is_severe || agent.alerted || agent.evidence.is_varied());
        if is_further || !is_told {
            return;
        }
        agent.alerted = true;
        let (steps, failed) = agent.evidence.steps();
        let spent = agent.spent;
        let severe = is_severe || spent >= Money::from_dollars(parameters.usd);
        let before = Before {
            count: u64::from(steps).saturating_sub(1),
            first: Some(agent.first.begin()),
            evidence: Vec::new(),
        };
        let open = |_| Opening {
            case: Standstill { steps, failed, spent, severe, further: false },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before,
        };
        self.episodes.raise(Subject::actor(event), event.sighting(), findings, open, |case| {
            (case.steps, case.failed, case.spent) = (steps, failed, spent);
            case.severe |= severe;
        });
    }

    fn end(&mut self, was_alerted: bool, event: &EventRow<'_>, findings: &mut Findings) {
        if was_alerted {
            self.episodes.resolve(Subject::actor(event), findings, |case| case.further = true);
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Standstill {
    /// Steps that brought nothing, and how many of them failed.
    steps: u16,
    failed: u16,
    spent: Money,
    severe: bool,
    /// Whether it ended with progress.
    further: bool,
}

impl Case for Standstill {
    fn severity(&self, _: &Alert) -> Severity {
        if self.severe { Severity::Critical } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent makes no progress over {} steps", self.steps)
    }

    fn reason(&self, alert: &Alert) -> String {
        let cost = if self.spent.is_zero() { String::new() } else { format!(" and cost {}", self.spent) };
        let span = duration(span(alert));
        let failed =
            if self.failed == 0 { "none of them failed".to_owned() } else { format!("{} of them failed", self.failed) };
        let end = if self.further { " Then it came further." } else { "" };
        format!(
            "{} steps brought nothing new, {failed}; they took {span}{cost}. There was no change that was not made before, nothing read \
             that was not read before, no other answer; of a healthy agent's steps most bring something. Look first at what the \
             latest of them answered; that the agent waits for a person or a build speaks against it.{end}",
            self.steps
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("steps without progress", Unit::Count, self.steps).within(span_seconds(alert)))
    }
}

#[cfg(test)]
mod tests;
