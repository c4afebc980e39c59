//! `loop.fleet`: the same error at many agents at once is one incident with one cause, not many loops.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::failure::Failure;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::Scope;
use detect_core::second::Moment;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What, Who};
use serde::{Deserialize, Serialize};

use crate::limits::{FLEET_AGENTS_MAX, FLEET_ERRORS_MAX};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "loop.fleet",
    version: 2,
    what: "The same error (class and model or host, or the same error output of the same tool) at several agents within a short time.",
    why: "When a registry, a token or a model fails, every agent reports it for itself. One incident that names the common cause \
          is worked on; a hundred alerts are closed.",
    false_positives: "An exercise that many agents get at the same time and that fails in the same way.",
    tuning: "agents and window_seconds: how many agents in how short a time. quiet_seconds: how long nobody may report it for the \
             episode to end.",
    tags: &["AML.T0029", "T1499", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "five agents get status 503 from the package host",
        events: &[
            r#"{"second":0,"repeat":5,"kind":"egress.http","host":"packages.acme.example","status":503,"session":"s{n}"}"#,
            r#"{"second":1,"repeat":20,"kind":"egress.http","host":"packages.acme.example","status":503,"session":"s0"}"#,
        ],
        until: 30,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 5, reason: "5 agents" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 20, reason: "5 agents" },
        ],
    },
    Example {
        name: "one agent with many errors, and others with errors of their own",
        events: &[
            r#"{"second":0,"repeat":50,"kind":"egress.http","host":"packages.acme.example","status":503,"session":"s0"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","exit_code":1,"result_fp":5,"session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","exit_code":1,"result_fp":6,"session":"s2"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","exit_code":1,"result_fp":7,"session":"s3"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","exit_code":1,"result_fp":8,"session":"s4"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."loop.fleet"]`.
    pub struct Parameters {
        /// Agents with the same error.
        agents: u32 = 5, in 2..=FLEET_AGENTS_MAX as u32;
        /// They report it within this many seconds.
        window_seconds: u32 = 600, in 1..=86_400;
        /// An episode is resolved after this many seconds without the error.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
}

/// The detector.
pub struct Fleet {
    parameters: Parameters,
    key: Key,
    errors: Table<Spread>,
    episodes: Episodes<Incident>,
}

detector_state!(Fleet { errors, episodes } without { parameters, key });

impl Rule for Fleet {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            errors: Table::new(FLEET_ERRORS_MAX),
        }
    }
}

/// Who reported one error lately.
#[derive(Debug, Default)]
struct Spread {
    /// Halves of the hashes of agents, and the second in which each reported it last.
    agents: Vec<(u32, u32)>,
    count: u32,
    first: Option<Moment>,
}

packed!(Spread { agents, count, first });

/// Where an error comes from, and what makes it the same error as another agent's.
fn origin<'a>(event: &EventRow<'a>) -> Option<(&'a str, u64)> {
    match event.kind() {
        "model.call" | "model.call.end" => {
            Some((event.text(column::MODEL).or_else(|| event.text(column::PROVIDER))?, 0))
        }
        "egress.http" => Some((event.text(column::HOST)?, 0)),
        // A tool fails in many ways; only the same output is the same error.
        "tool.result" | "command" => Some((event.text(column::TOOL)?, event.fingerprint(column::RESULT_FP)?)),
        _ => None,
    }
}

impl Detector for Fleet {
    fn looks_at(&self) -> Aspects {
        Aspects::FAILED
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // What the policy refuses is no error of something common.
        let Some(failure) = event.failure().filter(|failure| *failure != Failure::Refused) else { return };
        let Some((name, output)) = origin(event) else { return };
        let target = format!("{:x}.{output:x} {name}", failure.code());
        let spread = self.errors.entry(self.key.hash(&["fleet", &target]), event, findings);
        spread.note(event, i64::from(self.parameters.window_seconds));
        let agents = spread.agents.len() as u32;
        let subject = Subject { scope: Scope::fleet(&target), target: "" };
        if agents < self.parameters.agents {
            return;
        }
        let before =
            Before { count: u64::from(spread.count) - 1, first: spread.first.map(Moment::begin), evidence: Vec::new() };
        let text = |column| event.text(column).map(bounded);
        let open = |_| Opening {
            case: Incident {
                error: failure.to_string(),
                of: bounded(name),
                infrastructure: failure.is_infrastructure(),
                agents,
            },
            // It is nobody's in particular; the team is told where all have the same organisation.
            who: Who { org: text(column::ORG), ..Who::default() },
            what: What {
                host: text(column::HOST),
                model: text(column::MODEL),
                tool: text(column::TOOL),
                ..What::default()
            },
            before,
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.agents = case.agents.max(agents));
    }
}

impl Spread {
    fn note(&mut self, event: &EventRow<'_>, window: i64) {
        let (second, agent) = (event.second(), event.agent() as u32);
        self.agents.retain(|(known, last)| *known != agent && second - i64::from(*last) <= window);
        if self.agents.is_empty() {
            (self.count, self.first) = (0, Some(Moment::of(event)));
        }
        if self.agents.len() == FLEET_AGENTS_MAX {
            self.agents.remove(0);
        }
        self.agents.push((agent, second as u32));
        self.count = self.count.saturating_add(1);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Incident {
    error: String,
    of: String,
    infrastructure: bool,
    agents: u32,
}

impl Case for Incident {
    fn severity(&self, _: &Alert) -> Severity {
        if self.agents >= FLEET_AGENTS_MAX as u32 { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        format!("{} agents get {} from {}", self.agents, self.error, self.of)
    }

    fn reason(&self, alert: &Alert) -> String {
        let cause =
            if self.infrastructure { "infrastructure that is overloaded or away" } else { "something that they share" };
        let least = if self.agents >= FLEET_AGENTS_MAX as u32 { "at least " } else { "" };
        format!(
            "{least}{} agents got {} from {}, {} times in {}. An error of one agent's own does not come to others at the same \
             time, so the cause is {cause}: look there and not at the agents.",
            self.agents,
            self.error,
            self.of,
            alert.count,
            duration(span(alert))
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("agents with this error", Unit::Count, self.agents).within(span_seconds(alert)))
    }
}
