//! `approval.bypass`: an agent does what was denied, or is started so that nobody is asked.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::fixed_list::FixedList;
use detect_core::key::Key;
use detect_core::pack::whole_seq;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters};
use effects::effect::EffectKind;
use ledger::events::column;
use ledger::{LedgerName, Position, Seq};
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::{AGENTS_MAX, DENIED_CALLS_MAX};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "approval.bypass",
    version: 4,
    what: "A call that a person or a policy denied and that the same session carries out all the same; a command that starts an agent with \
           its questions turned off (such as --dangerously-skip-permissions or --yolo).",
    why: "Approval is the last fence before an action that cannot be undone. An agent that does it after the denial has found a \
          way around it.",
    false_positives: "A person who denies and then allows where nobody records it; agents that are meant to run unattended in a sandbox.",
    tuning: "window_seconds: how long after the denial the same call counts. quiet_seconds: how long it must be quiet for the \
             episode to end.",
    tags: &["AML.T0105", "AML.T0081", "T1562", "ASI03", "ASI09"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "denied, and done twelve seconds later",
        events: &[
            r#"{"second":0,"kind":"approval","outcome":"deny","tool":"Bash","action_fp":7,"session":"s1"}"#,
            r#"{"second":12,"kind":"command","outcome":"success","tool":"Bash","action_fp":7,"session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 1, reason: "denied 12 s before" }],
    },
    Example {
        name: "an agent starts another one without questions",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"claude -p 'go on' --dangerously-skip-permissions","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Medium,
            count: 1,
            reason: "--dangerously-skip-permissions",
        }],
    },
    Example {
        name: "denied and left alone; allowed or asked again, then done; the flag only in a text",
        events: &[
            r#"{"second":0,"kind":"approval","outcome":"deny","tool":"Bash","action_fp":7,"session":"s1"}"#,
            r#"{"second":1,"kind":"command","outcome":"error","tool":"Bash","action_fp":7,"session":"s1"}"#,
            r#"{"second":2,"kind":"command","outcome":"success","tool":"Bash","action_fp":8,"session":"s1"}"#,
            r#"{"second":3,"kind":"command","outcome":"success","tool":"Bash","action_fp":7,"session":"s2"}"#,
            r#"{"second":4,"kind":"approval","outcome":"deny","tool":"Bash","action_fp":9,"session":"s3"}"#,
            r#"{"second":5,"kind":"approval","outcome":"allow","tool":"Bash","action_fp":9,"session":"s3"}"#,
            r#"{"second":6,"kind":"command","outcome":"success","tool":"Bash","action_fp":9,"session":"s3"}"#,
            r#"{"second":6,"kind":"approval","outcome":"deny","tool":"Bash","action_fp":5,"session":"s3"}"#,
            r#"{"second":6,"kind":"approval","tool":"Bash","action_fp":5,"session":"s3"}"#,
            r#"{"second":7,"kind":"command","outcome":"success","tool":"Bash","action_fp":5,"session":"s3"}"#,
            r#"{"second":7,"kind":"command","tool":"Bash","command":"grep -e --yolo README.md","session":"s3"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."approval.bypass"]`.
    pub struct Parameters {
        /// A denied call that is done within this many seconds counts.
        window_seconds: u32 = 3_600, in 1..=86_400;
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
}

/// The detector.
pub struct Bypass {
    parameters: Parameters,
    agents: Table<Agent>,
    episodes: Episodes<Around>,
}

detector_state!(Bypass { agents, episodes } without { parameters });

impl Rule for Bypass {
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

#[derive(Debug, Default)]
struct Agent {
    denied: FixedList<Denied, DENIED_CALLS_MAX>,
}

/// A call that was denied.
#[derive(Debug, Clone, Copy, Default)]
struct Denied {
    /// Half of the fingerprint of what was denied.
    action: u32,
    when: Second,
    /// Half of where it stands; all that an engine observes stands in one shard.
    seq: u32,
}

packed!(Agent { denied });
packed!(Denied { action, when, seq });

impl Detector for Bypass {
    fn looks_at(&self) -> Aspects {
        Aspects::APPROVAL.with(Aspects::STEP).with(Aspects::COMMAND)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        match event.kind() {
            "approval" => self.decided(event, findings),
            "command" | "file.read" | "file.write" | "tool.result" => {
                self.done(event, findings);
                let started = event.worst_effect(|effect| effect.kind == EffectKind::Unattended);
                if let Some(started) = started {
                    let target = started.object.unwrap_or_default();
                    self.raise(event, &Means::Flag(target.clone()), &target, findings);
                }
            }
            _ => {}
        }
    }
}

/// Half of the fingerprint of what was done: among a few that is enough.
fn action(event: &EventRow<'_>) -> Option<u32> {
    event.fingerprint(column::ACTION_FP).map(|fingerprint| fingerprint as u32)
}

impl Bypass {
    fn decided(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(action) = action(event) else { return };
        let outcome = event.text(column::OUTCOME);
        let denies = matches!(outcome, Some("deny" | "blocked"));
        if !denies && self.agents.get_mut(event.agent()).is_none() {
            return;
        }
        let denied = &mut self.agents.of_agent(event, findings).denied;
        // Who asks again, or is allowed to, gets around nobody: not every source tells how a question was answered.
        if let Some(at) = denied.as_slice().iter().position(|known| known.action == action) {
            denied.remove(at);
        }
        if denies {
            if denied.as_slice().len() == DENIED_CALLS_MAX {
                denied.remove(0);
            }
            let seq = event.position().seq.get() as u32;
            denied.push(Denied { action, when: Second::new(event.second()), seq });
        }
    }

    fn done(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(action) = action(event) else { return };
        // What failed was stopped, by the denial itself as likely as not.
        if event.text(column::OUTCOME) != Some("success") {
            return;
        }
        let Some(agent) = self.agents.get_mut(event.agent()) else { return };
        let Some(at) = agent.denied.as_slice().iter().position(|denied| denied.action == action) else { return };
        let Some(denied) = agent.denied.remove(at) else { return };
        let after = (event.second() - denied.when.get()) * 1_000_000;
        if after <= i64::from(self.parameters.window_seconds) * 1_000_000 {
            let Position { shard, seq, .. } = event.position();
            let means = Means::Denied { after, shard, seq: whole_seq(seq, denied.seq) };
            self.raise(event, &means, "denied", findings);
        }
    }

    fn raise(&mut self, event: &EventRow<'_>, means: &Means, target: &str, findings: &mut Findings) {
        let open = |_| Opening {
            case: Around { means: means.clone() },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        self.episodes.raise(Subject { scope: Scope::agent(event), target }, event.sighting(), findings, open, |_| ());
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Around {
    means: Means,
}

/// How the approval was got around.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Means {
    /// The denied call was done so many microseconds later.
    Denied { after: i64, shard: u32, seq: Seq },
    /// A flag turns the questions off.
    Flag(String),
}

impl Case for Around {
    fn severity(&self, _: &Alert) -> Severity {
        match self.means {
            Means::Denied { .. } => Severity::High,
            Means::Flag(_) => Severity::Medium,
        }
    }

    fn title(&self, alert: &Alert) -> String {
        match &self.means {
            Means::Denied { .. } => {
                format!("A denied call of {} was carried out", alert.what.tool.as_deref().unwrap_or("a tool"))
            }
            Means::Flag(_) => "An agent was started without questions for approval".to_owned(),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        match &self.means {
            Means::Denied { after, .. } => format!(
                "The call was denied {} before, and no approval of it was recorded since; a denied call is normally not carried \
                 out at all. Either a person allowed it where nobody records that, or the agent found a way around.",
                duration(*after)
            ),
            Means::Flag(flag) => format!(
                "A command starts an agent with {flag} ({} in this episode): it will ask nobody before it acts. That is as it \
                 should be only in a sandbox that holds nothing of value.",
                detect_core::text::times(alert.count)
            ),
        }
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(match &self.means {
            Means::Denied { after, .. } => Measurement::new("time since the denial", Unit::Seconds, after / 1_000_000),
            Means::Flag(_) => Measurement::new("starts without approval", Unit::Count, alert.count),
        })
    }

    fn cause(&self) -> Option<Position> {
        match self.means {
            Means::Denied { shard, seq, .. } => Some(Position { ledger: LedgerName::Events, shard, seq }),
            Means::Flag(_) => None,
        }
    }
}
