//! `agent.stuck`: an agent began something and was not heard of since.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::{EventRow, Sighting};
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::pack::{Kept, Pack, RestoreError, pack_text, unpack_text};
use detect_core::parameters::check_range;
use detect_core::rule::Rule;
use detect_core::scope::{Named, Scope};
use detect_core::second::Second;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{cut, duration};
use detect_core::timers::Timers;
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use ledger::{LedgerName, Position, Seq, Timestamp};
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::AGENTS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "agent.stuck",
    version: 3,
    what: "A session whose last event is a prompt, a model call, a tool call or a question for approval, and that is silent since: low, \
           then medium, then high severity. Any further event of the session ends it.",
    why: "A hung command, a lost model call or a question that nobody saw holds up a task for hours, and the person behind it \
          believes that work goes on.",
    false_positives: "Commands that run for long (builds, test suites); a person who is away while the agent asks; a workspace that \
                      was stopped without an end of its session.",
    tuning: "notice_seconds, warning_seconds, critical_seconds: silence for each severity; raise them above your longest command. \
             give_up_seconds: when the episode is resolved because nobody waits any more.",
    tags: &["AML.T0029", "T1499", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a command that hangs for an hour and then ends",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","session":"s1"}"#,
            r#"{"second":3600,"kind":"command","tool":"Bash","outcome":"success","session":"s1"}"#,
        ],
        until: 3700,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "a call of Bash" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 1, reason: "for 30 min" },
            Expected { state: State::Resolved, severity: Severity::Medium, count: 1, reason: "heard of again" },
        ],
    },
    Example {
        name: "an agent that has finished is silent, and one that works is not",
        events: &[
            r#"{"second":0,"kind":"prompt","session":"s1"}"#,
            r#"{"second":1,"kind":"tool.call","tool":"Bash","session":"s1"}"#,
            r#"{"second":9,"kind":"command","tool":"Bash","outcome":"success","session":"s1"}"#,
            r#"{"second":10,"kind":"model.call","session":"s2"}"#,
            r#"{"second":400,"kind":"tool.call","tool":"Bash","session":"s2"}"#,
            r#"{"second":800,"kind":"session.end","session":"s2"}"#,
        ],
        until: 9000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."agent.stuck"]`.
    pub struct Parameters {
        /// Silence for low severity.
        notice_seconds: u32 = 600, in 10..=86_400;
        /// Silence for medium severity: more than for low.
        warning_seconds: u32 = 1_800;
        /// Silence for high severity: more than for medium.
        critical_seconds: u32 = 7_200;
        /// Silence after which the episode is resolved: more than for high severity, at most 604,800.
        give_up_seconds: u32 = 86_400;
    }
    check(parameters) {
        check_range("warning_seconds", parameters.warning_seconds, parameters.notice_seconds + 1..=86_400)?;
        check_range("critical_seconds", parameters.critical_seconds, parameters.warning_seconds + 1..=86_400)?;
        check_range("give_up_seconds", parameters.give_up_seconds, parameters.critical_seconds + 1..=604_800)?;
        Ok(())
    }
}

impl Parameters {
    /// The seconds of silence after which the ladder's next rung is reached.
    fn rung(&self, rung: u8) -> Option<i64> {
        let rungs = [self.notice_seconds, self.warning_seconds, self.critical_seconds];
        rungs.get(usize::from(rung)).map(|seconds| i64::from(*seconds))
    }
}

/// The detector.
pub struct Stuck {
    parameters: Parameters,
    agents: Table<Agent>,
    timers: Timers,
    /// The names of an event while they are compared; kept for its memory.
    packed: Vec<u8>,
    episodes: Episodes<Waiting>,
}

detector_state!(Stuck { agents, timers, episodes } without { parameters, packed });

impl Rule for Stuck {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.give_up_seconds),
            parameters: parameters.clone(),
            agents: Table::new(AGENTS_MAX),
            timers: Timers::default(),
            packed: Vec::new(),
        }
    }
}

/// An agent at work.
#[derive(Debug, Default)]
struct Agent {
    /// What it began last and did not end.
    begun: Option<Begun>,
    /// Of what it began last.
    names: Kept<Names>,
}

/// The event with which it began something, as a [`Sighting`] says, without room between the fields.
#[derive(Debug, Clone, Copy)]
struct Begun {
    seq: Seq,
    time: Timestamp,
    recorded: Second,
    sender: u32,
    shard: u32,
    backfill: bool,
    /// What it waits for: a number of [`WAITS_FOR`].
    what: u8,
    /// Rungs of the ladder that were reached.
    rung: u8,
}

/// What an alert says about it.
#[derive(Debug)]
struct Names {
    named: Named,
    tool: Option<String>,
}

packed!(Agent { begun, names });
packed!(Begun { seq, time, recorded, shard, backfill, sender, what, rung });

impl Begun {
    fn new(event: &EventRow<'_>, what: u8) -> Self {
        let Sighting { position, time, recorded, backfill, sender } = event.sighting();
        Self {
            seq: position.seq,
            time,
            recorded: Second::of(recorded),
            shard: position.shard,
            backfill,
            sender,
            what,
            rung: 0,
        }
    }

    fn sighting(self) -> Sighting {
        let Self { seq, time, recorded, shard, backfill, sender, .. } = self;
        let position = Position { ledger: LedgerName::Events, shard, seq };
        Sighting { position, time, recorded: recorded.begin(), backfill, sender }
    }
}

impl Pack for Names {
    fn pack(&self, out: &mut Vec<u8>) {
        self.named.pack(out);
        pack_text(self.tool.as_deref(), out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self { named: Pack::unpack(input)?, tool: unpack_text(input)? })
    }
}

impl Names {
    /// Packs the names that an event carries.
    fn pack_of(event: &EventRow<'_>, out: &mut Vec<u8>) {
        Named::pack_of(event, Scope::agent(event), out);
        pack_text(event.text(column::TOOL).map(cut).as_deref(), out);
    }
}

/// What agents wait for.
const WAITS_FOR: [&str; 4] = ["an answer to a prompt", "the model", "the end of a call", "a person's approval"];
const CALL: u8 = 2;

/// What an agent waits for after an event; `None` after one that ends something, or says nothing about the agent's work.
fn waits_for(event: &EventRow<'_>) -> Option<u8> {
    match event.kind() {
        "prompt" => Some(0),
        "model.call" => Some(1),
        "tool.call" => Some(CALL),
        "approval" if event.text(column::OUTCOME).is_none() => Some(3),
        _ => None,
    }
}

impl Detector for Stuck {
    /// What a workspace or a network reports does not show that the agent goes on.
    fn looks_at(&self) -> Aspects {
        Aspects::WORK
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // Every other event shows that the agent goes on, so that what it does not look at is kept out here as well.
        if !event.aspects().meet(self.looks_at()) {
            return;
        }
        let what = waits_for(event);
        if what.is_none() && self.agents.get_mut(event.agent()).is_none_or(|agent| agent.begun.is_none()) {
            return;
        }
        let agent = self.agents.of_agent(event, findings);
        // Whoever was told to be silent is named as it was then.
        let silent = agent.begun.take().filter(|begun| begun.rung > 0).and_then(|_| agent.names.get());
        if let Some(what) = what {
            self.packed.clear();
            Names::pack_of(event, &mut self.packed);
            agent.names.set(&self.packed);
            agent.begun = Some(Begun::new(event, what));
            self.timers.set(event.agent(), event.recorded_second() + i64::from(self.parameters.notice_seconds));
        } else {
            self.timers.clear(event.agent());
        }
        if let Some((key, _)) = self.agents.take_evicted() {
            self.timers.forget(key);
        }
        if let Some(names) = silent {
            let subject = Subject { scope: names.named.scope(), target: "" };
            self.episodes.resolve(subject, findings, |case| case.back = true);
        }
    }

    fn elapse(&mut self, second: i64, down: bool, findings: &mut Findings) {
        if down {
            self.timers.restart(second + i64::from(self.parameters.notice_seconds));
        }
        while !findings.is_full() {
            let Some(key) = self.timers.due(second) else { break };
            self.climb(key, second, findings);
        }
    }
}

impl Stuck {
    /// An agent reached the next rung of the ladder.
    fn climb(&mut self, key: u64, second: i64, findings: &mut Findings) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        let (Some(begun), Some(names)) = (agent.begun.as_mut(), agent.names.get()) else { return };
        begun.rung += 1;
        let (rung, silent) = (begun.rung, second - begun.recorded.get());
        let subject = Subject { scope: names.named.scope(), target: "" };
        if rung == 1 {
            let what = match &names.tool {
                Some(tool) if begun.what == CALL => format!("the end of a call of {tool}"),
                _ => WAITS_FOR.get(usize::from(begun.what)).copied().unwrap_or_default().to_owned(),
            };
            let open = |_| Opening {
                case: Waiting { what, rung, silent, back: false },
                who: names.named.who.clone(),
                what: What { tool: names.tool.clone(), ..What::default() },
                before: Before::default(),
            };
            self.episodes.raise(subject, begun.sighting(), findings, open, |_| ());
        } else {
            self.episodes.worsen(subject, findings, |case| (case.rung, case.silent) = (rung, silent));
        }
        if let (Some(reached), Some(next)) = (self.parameters.rung(rung - 1), self.parameters.rung(rung)) {
            self.timers.set(key, second + next - reached);
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    what: String,
    rung: u8,
    /// Seconds.
    silent: i64,
    /// Whether it was heard of again.
    back: bool,
}

impl Case for Waiting {
    fn severity(&self, _: &Alert) -> Severity {
        match self.rung {
            0 | 1 => Severity::Low,
            2 => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent waits for {}", self.what)
    }

    fn reason(&self, _: &Alert) -> String {
        let end = if self.back { " Then it was heard of again." } else { "" };
        format!(
            "The agent waits for {} and was silent for {}; an agent that works is heard of every few minutes.{end}",
            self.what,
            duration(self.silent * 1_000_000)
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("silence", Unit::Seconds, self.silent))
    }
}

#[cfg(test)]
mod tests {
    use detect_core::detector;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{self, START};

    #[test]
    fn an_outage_starts_the_ladder_again_and_a_day_ends_it() {
        let mut detector = Stuck::new(&Parameters::default(), fixtures::key());
        let mut findings = Findings::new();
        for row in fixtures::rows(&[json!({"second": 0, "kind": "approval", "session": "s"})]).iter() {
            detector.observe(&EventRow::new(&row, false, fixtures::key()), &mut findings);
        }
        detector::advance(&mut detector, START + 5_000, true, &mut findings);
        detector::advance(&mut detector, START + 5_599, false, &mut findings);
        assert!(findings.alerts().is_empty());
        for second in START + 5_600..START + 100_000 {
            detector::advance(&mut detector, second, false, &mut findings);
        }
        let said: Vec<(State, Severity)> =
            findings.alerts().iter().map(|alert| (alert.state, alert.severity)).collect();
        assert_eq!(
            said,
            [
                (State::Open, Severity::Low),
                (State::Updated, Severity::Medium),
                (State::Updated, Severity::High),
                (State::Resolved, Severity::High)
            ]
        );
        assert!(findings.alerts()[0].title.contains("a person's approval"));
    }
}
