//! `loop.retry_storm`: the same error again and again, without the pauses that a polite client makes.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::failure::Failure;
use detect_core::findings::Findings;
use detect_core::key::{Key, Space};
use detect_core::pack::{Pack, RestoreError};
use detect_core::rule::Rule;
use detect_core::second::Moment;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters, scope};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::AGENTS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "loop.retry_storm",
    version: 5,
    what: "Errors of the same class from the same call of a tool, model or host, many within a short time, whose pauses do not grow, \
           and no file changed in between. Errors of infrastructure (429, 5xx, timeouts) are named as such, and counted over \
           all calls of a tool.",
    why: "A retry without back-off keeps an overloaded service down, uses up the quota of all agents, and gets the same answer. An \
          infrastructure error is not the agent's loop: its remedy lies elsewhere.",
    false_positives: "A test suite that is meant to fail; many calls in parallel that fail together.",
    tuning: "errors and window_seconds: how many errors in how short a time. quiet_seconds: how long it must be quiet for the \
             episode to end.",
    tags: &["AML.T0029", "AML.T0034", "T1499", "ASI02", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "the model's rate limit, asked again each second, until it answers",
        events: &[
            r#"{"second":0,"kind":"model.call","model":"sonnet","status":429,"outcome":"error","session":"s"}"#,
            r#"{"second":1,"repeat":9,"kind":"model.call","model":"sonnet","status":429,"outcome":"error","session":"s"}"#,
            r#"{"second":2,"kind":"model.call","model":"sonnet","status":200,"outcome":"success","session":"s"}"#,
        ],
        until: 20,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 10, reason: "status 429 (rate limit)" },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 10, reason: "Then it succeeded." },
        ],
    },
    Example {
        name: "a client that waits twice as long each time",
        events: &[
            r#"{"second":0,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":1,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":3,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":7,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":15,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":31,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
            r#"{"second":63,"kind":"model.call","model":"sonnet","status":503,"session":"s"}"#,
        ],
        until: 900,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."loop.retry_storm"]`.
    pub struct Parameters {
        /// So many errors of one class are a storm.
        errors: u32 = 10, in 3..=100_000;
        /// They come within this many seconds.
        window_seconds: u32 = 300, in 1..=86_400;
        /// An episode is resolved after this many seconds without the error.
        quiet_seconds: u32 = 600, in 1..=86_400;
    }
}

/// The detector.
pub struct RetryStorm {
    parameters: Parameters,
    key: Key,
    agents: Table<Agent>,
    episodes: Episodes<Storm>,
}

detector_state!(RetryStorm { agents, episodes } without { parameters, key });

impl Rule for RetryStorm {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            agents: Table::new(AGENTS_MAX),
        }
    }
}

/// Errors of one agent by what they came from, in place: lists that grow leave holes in memory that nothing fits. The one that was
/// quiet for longest makes room.
#[derive(Debug, Default)]
struct Agent {
    /// Those without a count are free, and stand behind the others: a stored list has no gaps, and must go on in the same order.
    bursts: [Burst; BURSTS],
}

/// What fails at once, at most.
const BURSTS: usize = 4;

#[derive(Debug, Clone, Copy, Default)]
struct Burst {
    /// Half of a keyed hash.
    target: u32,
    /// The code of the failure.
    class: u32,
    count: u32,
    /// Pauses that were at least half as long again as the one before.
    backed_off: u16,
    alerted: bool,
    first: Moment,
    /// Milliseconds from the second of the first one to the latest.
    lasted: u32,
    /// The latest pause in milliseconds.
    last_gap: u32,
}

impl Pack for Agent {
    fn pack(&self, out: &mut Vec<u8>) {
        self.known().copied().collect::<Vec<_>>().pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let (mut agent, bursts) = (Self::default(), Vec::<Burst>::unpack(input)?);
        let places = agent.bursts.get_mut(..bursts.len()).ok_or(RestoreError::Malformed)?;
        places.copy_from_slice(&bursts);
        Ok(agent)
    }
}
packed!(Burst { target, class, count, backed_off, alerted, first, lasted, last_gap });

/// What an event is about, if it is one that can be tried again: a tool, a model or a host.
fn target<'a>(event: &EventRow<'a>) -> Option<&'a str> {
    match event.kind() {
        "model.call" | "model.call.end" => event.text(column::MODEL).or_else(|| event.text(column::PROVIDER)),
        "tool.result" | "command" | "file.read" | "file.write" => event.text(column::TOOL),
        "egress.http" => event.text(column::HOST),
        _ => None,
    }
}

/// What is tried again: the same call where the error is the agent's own, the tool as a whole where it is infrastructure's.
fn attempt(event: &EventRow<'_>, name: &str, infrastructure: bool, key: Key) -> u32 {
    let name = key.of(Space::ATTEMPT, name);
    let call = event.fingerprint(column::ACTION_FP).filter(|_| !infrastructure);
    call.map_or(name, |call| Key::join(name, call)) as u32
}

impl Detector for RetryStorm {
    fn looks_at(&self) -> Aspects {
        Aspects::ATTEMPT
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(name) = target(event) else { return };
        match event.failure() {
            // What the policy refuses is for the detectors of egress and approvals.
            Some(Failure::Refused) => {}
            Some(failure) => self.failed(event, name, failure, findings),
            None => self.succeeded(event, name, findings),
        }
    }
}

impl RetryStorm {
    fn failed(&mut self, event: &EventRow<'_>, name: &str, failure: Failure, findings: &mut Findings) {
        let target = attempt(event, name, failure.is_infrastructure(), self.key);
        let window = i64::from(self.parameters.window_seconds) * 1_000;
        let agent = self.agents.of_actor(event, findings);
        let burst = agent.note(target, failure, window, event);
        // Whoever waits longer at least every other time is polite.
        if burst.count < self.parameters.errors || u32::from(burst.backed_off) * 2 >= burst.count - 1 {
            return;
        }
        burst.alerted = true;
        let first = Some(burst.first.begin());
        let before = Before { count: u64::from(burst.count) - 1, first, evidence: Vec::new() };
        let text = |column| event.text(column).map(bounded);
        let open = |_| Opening {
            case: Storm {
                error: failure.to_string(),
                of: bounded(name),
                infrastructure: failure.is_infrastructure(),
                many: u64::from(self.parameters.errors) * 10,
                succeeded: false,
            },
            who: scope::who(event),
            what: What {
                host: text(column::HOST),
                model: text(column::MODEL),
                tool: text(column::TOOL),
                ..What::default()
            },
            before,
        };
        self.episodes.raise(
            Subject { target: name, ..Subject::actor(event) },
            event.sighting(),
            findings,
            open,
            |_| (),
        );
    }

    /// What succeeds is no storm any more; and who changed a file does not make the same attempt again.
    fn succeeded(&mut self, event: &EventRow<'_>, name: &str, findings: &mut Findings) {
        let Some(agent) = self.agents.get_mut(event.actor()).filter(|agent| agent.known().next().is_some()) else {
            return;
        };
        let targets = [true, false].map(|infrastructure| attempt(event, name, infrastructure, self.key));
        for burst in &mut agent.bursts {
            let is_target = targets.contains(&burst.target);
            let is_other_attempt = event.kind() == "file.write" && !Failure::is_infrastructure_code(burst.class);
            if burst.count == 0 || !(is_target || (is_other_attempt && !burst.alerted)) {
                continue;
            }
            if std::mem::take(burst).alerted {
                let subject = Subject { target: name, ..Subject::actor(event) };
                self.episodes.resolve(subject, findings, |case| case.succeeded = true);
            }
        }
        agent.bursts.sort_by_key(|burst| burst.count == 0);
    }
}

impl Agent {
    fn known(&self) -> impl Iterator<Item = &Burst> {
        self.bursts.iter().filter(|burst| burst.count > 0)
    }

    /// Counts an error. One of another class, or after a pause of `window` milliseconds, begins anew.
    fn note(&mut self, target: u32, failure: Failure, window: i64, event: &EventRow<'_>) -> &mut Burst {
        let class = failure.code();
        let now = event.time().unix_micros().div_euclid(1_000);
        let known = self.bursts.iter().position(|burst| burst.count > 0 && burst.target == target);
        let next = || (0..BURSTS).min_by_key(|at| (self.bursts[*at].count > 0, self.bursts[*at].last()));
        let at = known.or_else(next).unwrap_or(0);
        let fresh = Burst {
            target,
            class,
            count: 0,
            backed_off: 0,
            alerted: false,
            first: Moment::of(event),
            lasted: 0,
            last_gap: 0,
        };
        let burst = &mut self.bursts[at];
        let gap = now.saturating_sub(burst.last());
        // It began somewhere in its first second.
        let late = now.saturating_sub(burst.begin()) >= window + 1_000 && !burst.alerted;
        if burst.count == 0 || burst.target != target || burst.class != class || gap > window || late {
            *burst = fresh;
        } else if burst.count > 0 {
            let gap = u32::try_from(gap.max(0)).unwrap_or(u32::MAX);
            let grew = u64::from(gap) * 2 >= u64::from(burst.last_gap) * 3;
            burst.backed_off = burst.backed_off.saturating_add(u16::from(burst.last_gap > 0 && grew));
            burst.last_gap = gap;
        }
        let lasted = u32::try_from(now.saturating_sub(burst.begin()).max(0)).unwrap_or(u32::MAX);
        burst.lasted = burst.lasted.max(lasted);
        burst.count = burst.count.saturating_add(1);
        burst
    }
}

impl Burst {
    /// The second of the first error, in milliseconds since 1970 UTC.
    fn begin(&self) -> i64 {
        self.first.time.get() * 1_000
    }

    /// The latest error, in milliseconds since 1970 UTC.
    fn last(&self) -> i64 {
        self.begin() + i64::from(self.lasted)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Storm {
    error: String,
    of: String,
    infrastructure: bool,
    /// Errors from which on it is rated higher.
    many: u64,
    succeeded: bool,
}

impl Case for Storm {
    fn severity(&self, alert: &Alert) -> Severity {
        if alert.count >= self.many { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        let whose = if self.infrastructure { "infrastructure: " } else { "" };
        format!("Retries without back-off, {whose}{} from {}", self.error, self.of)
    }

    fn reason(&self, alert: &Alert) -> String {
        let span = duration(span(alert));
        let meaning = if self.infrastructure {
            "That is an error of infrastructure: waiting helps, another approach does not, and each retry adds to the load."
        } else {
            "The same attempt gives the same error; the agent needs another approach."
        };
        let end = if self.succeeded { " Then it succeeded." } else { "" };
        format!(
            "{} gave {} {} times in {span}, and the pauses between attempts did not grow, as a polite client's do. {meaning}{end}",
            self.of, self.error, alert.count
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("errors", Unit::Count, alert.count).within(span_seconds(alert)).against(self.many))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    /// Whether errors at these seconds are a storm.
    fn is_storm(seconds: impl Iterator<Item = i64>) -> bool {
        are_storm(&seconds.map(failed).collect::<Vec<_>>())
    }

    fn failed(second: i64) -> Value {
        json!({"second": second, "kind": "model.call", "model": "m", "status": 529, "session": "s"})
    }

    fn are_storm(events: &[Value]) -> bool {
        let parameters = Parameters { errors: 6, window_seconds: 3_600, ..Parameters::default() };
        let mut detector = RetryStorm::new(&parameters, fixtures::key());
        let mut findings = Findings::new();
        for row in fixtures::rows(events).iter() {
            detector.observe(&EventRow::new(&row, false, fixtures::key()), &mut findings);
        }
        !findings.alerts().is_empty()
    }

    #[test]
    fn only_pauses_that_grow_are_polite() {
        assert!(!is_storm((0..9).map(|number| 1 << number)), "each pause is twice the one before");
        assert!(is_storm((0..9).map(|number| number * 30)), "a fixed pause");
        assert!(is_storm((0..9).map(|_| 0)), "no pause");
        assert!(!is_storm((0..5).map(|_| 0)), "few errors");
        assert!(!is_storm((0..9).map(|number| number * 4_000)), "each is forgotten before the next");
    }

    #[test]
    fn an_error_that_tells_another_time_is_one_of_the_storm() {
        for time in [i64::MIN, 0, i64::MAX] {
            let mut events: Vec<Value> = (0..7).map(|number| failed(number * 30)).collect();
            events[3]["time"] = json!(time);
            assert!(are_storm(&events), "{time}");
        }
    }

    #[test]
    fn other_calls_and_other_work_in_between_are_no_storm() {
        let run = |second: i64, call: i64, exit_code: i64| json!({"second": second, "kind": "command", "tool": "Bash", "action_fp": call, "exit_code": exit_code, "session": "s"});
        let edit = |second: i64| json!({"second": second, "kind": "file.write", "tool": "Edit", "outcome": "success", "session": "s"});
        let check = |what: &str, events: Vec<Value>, storm: bool| assert_eq!(are_storm(&events), storm, "{what}");
        check("the same call", (0..9).map(|at| run(at, 1, 1)).collect(), true);
        check("nine calls that fail", (0..9).map(|at| run(at, at, 1)).collect(), false);
        check("a file is changed before each", (0..9).flat_map(|at| [edit(at), run(at, 1, 1)]).collect(), false);
        check("nine calls that take too long", (0..9).map(|at| run(at, at, 124)).collect(), true);
        let sub_agents = (0..9).map(|at| {
            let mut event = run(at, 1, 1);
            event["agent"] = json!(format!("sub-{at}"));
            event
        });
        check("nine sub-agents fail once", sub_agents.collect(), false);
    }
}
