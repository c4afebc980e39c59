//! `loop.no_progress`: an agent keeps busy with what it has done before, and nothing comes of it.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::second::Moment;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters, scope};
use ledger::events::column;
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::AGENTS_MAX;
use crate::loops::step::{self, Feed, Step};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "loop.no_progress",
    version: 3,
    what: "An agent (a session, or a sub-agent of it) whose steps (tool, input and result by fingerprint) are nearly all ones that it did before, without a sign of \
           progress: a file read or changed that is new, another change of the tree, a check that ended well.",
    why: "Agents also go in circles that have no fixed order. Few new steps over a long time, or over much money, is what all \
          of them have in common.",
    false_positives: "Work that leaves no trace in the events, such as long thinking between two looks at the same file; waiting \
                      for a person or a build.",
    tuning: "steps: how many steps without progress. novelty_percent: how many of the last 32 steps may be new. usd: money \
             spent without progress that is enough after 16 steps.",
    tags: &["AML.T0034", "AML.T0034.002", "T1496", "ASI02", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "the same call sixty times",
        events: &[
            r#"{"second":0,"repeat":60,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 40,
            reason: "of the last 32 steps were new",
        }],
    },
    Example {
        name: "it begins to change files that it had not changed before",
        events: &[
            r#"{"second":0,"repeat":45,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":9,"kind":"file.write","tool":"Edit","action_fp":5,"result_fp":6,"outcome":"success","session":"s"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 40, reason: "40 steps" },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 45, reason: "came further" },
        ],
    },
    Example {
        name: "thirty looks at the same, then a new file",
        events: &[
            r#"{"second":0,"repeat":30,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":1,"kind":"file.read","tool":"Read","action_fp":2,"result_fp":2,"outcome":"success","session":"s"}"#,
            r#"{"second":2,"repeat":30,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
        ],
        until: 1800,
        alerts: &[],
    },
    Example {
        name: "fifteen dollars, which the gateway and the agent both tell",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
            r#"{"second":1,"repeat":15,"kind":"model.call","family":"gateway","cost_micros":1000000,"session":"s"}"#,
            r#"{"second":2,"repeat":15,"kind":"model.tokens","cost_micros":1000000,"session":"s"}"#,
            r#"{"second":3,"repeat":30,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"outcome":"error","session":"s"}"#,
        ],
        until: 1800,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."loop.no_progress"]`.
    pub struct Parameters {
        /// Steps without a sign of progress.
        steps: u32 = 40, in STEPS_MIN..=10_000;
        /// At most so many of the last 32 steps are new, in per cent.
        novelty_percent: u32 = 20, in 0..=90;
        /// Dollars spent without a sign of progress, after at least 16 steps.
        usd: u32 = 20, in 1..=1_000_000;
        /// An episode is resolved after this many seconds without a step.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
}

/// Fewer steps say nothing, whatever they cost.
const STEPS_MIN: u32 = 16;
/// Different steps that are remembered.
const KNOWN: usize = 32;

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

/// What is known about one agent since the last sign of progress.
#[derive(Debug, Default)]
struct Agent {
    feed: Feed,
    /// Quarters of the hashes of the latest different steps, oldest first: once in two thousand new steps, one is taken for
    /// known.
    known: [u16; KNOWN],
    known_len: u8,
    /// One bit for each of the latest steps: whether it was new.
    novelty: u32,
    steps: u32,
    spent: Money,
    /// Event time of the first step, and when it was recorded; zero before it.
    first: Moment,
    alerted: bool,
}

packed!(Agent { feed, known, known_len, novelty, steps, spent, first, alerted });

impl Detector for NoProgress {
    fn looks_at(&self) -> Aspects {
        Aspects::STEP.with(Aspects::COST).with(Aspects::CHECK)
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
        } else if event.kind() == "check.result" && event.text(column::OUTCOME) == Some("success") {
            self.progress(event, findings);
        }
    }
}

impl Agent {
    /// Takes a step; says whether it is new.
    fn take(&mut self, step: Step, event: &EventRow<'_>) -> bool {
        let hash = step.hash as u16;
        // A list that came from a damaged snapshot may say that it is longer than it is.
        let len = usize::from(self.known_len).min(KNOWN);
        let at = self.known[..len].iter().position(|known| *known == hash);
        match at {
            Some(at) => self.known[at..len].rotate_left(1),
            None if len < KNOWN => {
                self.known[len] = hash;
                self.known_len = len as u8 + 1;
            }
            None => {
                self.known.rotate_left(1);
                self.known[KNOWN - 1] = hash;
            }
        }
        self.novelty = self.novelty << 1 | u32::from(at.is_none());
        self.steps = self.steps.saturating_add(1);
        if self.first == Moment::default() {
            self.first = Moment::of(event);
        }
        at.is_none()
    }

    /// Forgets how long it went without progress, but not what it has done.
    fn progress(&mut self) -> bool {
        (self.steps, self.spent, self.first) = (0, Money::ZERO, Moment::default());
        std::mem::take(&mut self.alerted)
    }
}

impl NoProgress {
    fn step(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let agent = self.agents.of_actor(event, findings);
        let Some(step) = agent.feed.step(event) else { return };
        if agent.take(step, event) && step.moves {
            return self.progress(event, findings);
        }
        let parameters = &self.parameters;
        let new = agent.novelty.count_ones();
        let dear = agent.spent >= Money::from_dollars(parameters.usd);
        let long = agent.steps >= parameters.steps || (dear && agent.steps >= STEPS_MIN);
        if !long || new * 100 > parameters.novelty_percent * agent.steps.min(u32::BITS) {
            return;
        }
        agent.alerted = true;
        let (steps, spent) = (agent.steps, agent.spent);
        let before = Before {
            count: u64::from(steps) - 1,
            first: Some(agent.first).filter(|first| *first != Moment::default()).map(Moment::begin),
            evidence: Vec::new(),
        };
        let open = |_| Opening {
            case: Standstill { steps, new, spent, severe: dear || steps >= 4 * parameters.steps, further: false },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before,
        };
        let subject = Subject::actor(event);
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            (case.steps, case.new, case.spent) = (steps, new, spent);
            case.severe |= dear || steps >= 4 * parameters.steps;
        });
    }

    fn progress(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let alerted = self.agents.get_mut(event.actor()).is_some_and(Agent::progress);
        if alerted {
            let subject = Subject::actor(event);
            self.episodes.resolve(subject, findings, |case| case.further = true);
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Standstill {
    steps: u32,
    /// Of the last 32 steps.
    new: u32,
    spent: Money,
    severe: bool,
    /// Whether it ended with progress.
    further: bool,
}

impl Case for Standstill {
    fn severity(&self, _: &Alert) -> Severity {
        if self.severe { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent makes no progress over {} steps", self.steps)
    }

    fn reason(&self, alert: &Alert) -> String {
        let cost = if self.spent.is_zero() { String::new() } else { format!(" and {}", self.spent) };
        let span = duration(span(alert));
        let end = if self.further { " Then it came further." } else { "" };
        format!(
            "In {} steps, {span}{cost} there was no sign of progress: no new file, no new change, no check that ended well. {} of \
             the last 32 steps were new; of a healthy agent's steps most are.{end}",
            self.steps, self.new
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("steps without progress", Unit::Count, self.steps).within(span_seconds(alert)))
    }
}
