//! `source.disagreement`: a gateway and the agent itself tell different things of one session.

mod case;
mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::pack::whole_seq;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::witness::{Heard, Witness};
use detect_core::{detector_state, packed, parameters};
use ledger::Position;
use ledger::events::column;
use operations::alert::What;

use crate::limits::HABITS_MAX;
use case::{Difference, Disagreement};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "source.disagreement",
    version: 1,
    what: "A gateway goes on telling of a session's calls of models while the agent, which told of itself before, is silent; a session of \
           which the agent tells nothing although those of its team usually do; many more calls on one side than on the other. One \
           alert for each of these and session.",
    why: "A gateway tells the truth of calls, and the agent's hooks and telemetry of what is done with the answers. Where they \
          disagree, one of them was turned off, lost, forged or passed by.",
    false_positives: "A collector for the agents' records that stands still, which `collector.silent` tells as well; an agent that has other \
                      models beside those of the gateway; people who use the gateway from programs that have no hooks.",
    tuning: "calls: how many calls of models must be on one side only. silent_seconds: how long the agent must be silent. quiet_seconds: how \
             long an alert stays open.",
    tags: &["AML.T0081", "T1562.006", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."source.disagreement"]`.
    pub struct Parameters {
        /// So many calls of models must be told by one side only.
        calls: u16 = 20, in 2..=10_000;
        /// The agent must be silent for so many seconds.
        silent_seconds: u32 = 600, in 1..=86_400;
        /// An alert is resolved after this many seconds in which it did not go on.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
    }
}

/// So many sessions that both tell of show what is usual,
const HABIT_SESSIONS: u8 = 3;
/// if they are so many times as many as those of which the agents tell nothing.
const HABIT_FACTOR: u8 = 3;
/// One side is far above the other if it tells so many times as many calls.
const FAR: u64 = 2;

/// The detector.
pub struct SourceDisagreement {
    parameters: Parameters,
    key: Key,
    /// By team and kind of agent, as gateways name them.
    habits: Table<Habit>,
    episodes: Episodes<Disagreement>,
}

detector_state!(SourceDisagreement { habits, episodes } without { parameters, key });

impl Rule for SourceDisagreement {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            habits: Table::new(HABITS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// How many sessions of a gateway were told by the agent as well, lately.
#[derive(Debug, Default)]
struct Habit {
    both: u8,
    alone: u8,
}

packed!(Habit { both, alone });

impl Habit {
    fn is_usual(&self) -> bool {
        self.both >= HABIT_SESSIONS && self.both >= self.alone.saturating_mul(HABIT_FACTOR)
    }

    /// Old sessions count less than new ones.
    fn fade(&mut self) {
        if self.both.max(self.alone) == u8::MAX {
            (self.both, self.alone) = (self.both / 2, self.alone / 2);
        }
    }
}

impl Detector for SourceDisagreement {
    fn looks_at(&self) -> Aspects {
        Aspects::ALL
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(heard) = event.heard() else { return };
        if heard.by.has(Witness::Agent) {
            self.agent_spoke(event, heard, findings);
        } else if heard.by.has(Witness::Gateway) && heard.unheard > 0 {
            self.gateway_spoke(event, heard, findings);
        }
    }
}

impl SourceDisagreement {
    fn agent_spoke(&mut self, event: &EventRow<'_>, heard: Heard, findings: &mut Findings) {
        if heard.unheard >= self.parameters.calls {
            for difference in [Difference::Stopped, Difference::Never] {
                let subject = Subject { scope: Scope::agent(event), target: difference.word() };
                self.episodes.resolve(subject, findings, |case| case.back = true);
            }
        }
        if event.aspects().meet(Aspects::TOKENS) && heard.calls > 0 && self.is_far(heard.claims, heard.calls) {
            self.raise(event, Difference::Claimed, heard, findings);
        }
    }

    fn gateway_spoke(&mut self, event: &EventRow<'_>, heard: Heard, findings: &mut Findings) {
        let spoke = heard.witnesses.has(Witness::Agent);
        let alone = !spoke && heard.unheard == self.parameters.calls && event.aspects().meet(Aspects::TOKENS);
        if heard.pairs || alone {
            let key = self.habit(event);
            let habit = self.habits.entry(key, event, findings);
            habit.fade();
            habit.both += u8::from(heard.pairs);
            habit.alone += u8::from(alone);
        }
        let silent = event.second() - heard.since.get();
        if heard.unheard >= self.parameters.calls && silent >= i64::from(self.parameters.silent_seconds) {
            if spoke {
                self.raise(event, Difference::Stopped, heard, findings);
            } else if self.habits.get(self.habit(event)).is_some_and(Habit::is_usual) {
                self.raise(event, Difference::Never, heard, findings);
            }
        } else if heard.claims > 0 && self.is_far(heard.calls, heard.claims) {
            self.raise(event, Difference::Told, heard, findings);
        }
    }

    /// Whether one side tells far more calls than the other.
    fn is_far(&self, more: u16, less: u16) -> bool {
        u64::from(more) >= FAR * u64::from(less) + u64::from(self.parameters.calls)
    }

    /// What is usual is known for each team and kind of agent.
    fn habit(&self, event: &EventRow<'_>) -> u64 {
        let client = || event.text(column::CLIENT).map(|client| client.split('/').next().unwrap_or(client));
        let kind = event.text(column::AGENT_KIND).or_else(client).unwrap_or("");
        Key::join(event.team(), self.key.hash(&["habit", kind]))
    }

    fn raise(&mut self, event: &EventRow<'_>, difference: Difference, heard: Heard, findings: &mut Findings) {
        let silent = event.second() - heard.since.get();
        let is_silence = matches!(difference, Difference::Stopped | Difference::Never);
        let Position { shard, seq, .. } = event.position();
        let word = heard.word_seq.filter(|_| is_silence).map(|half| (shard, whole_seq(seq, half)));
        let habit = self.habits.get(self.habit(event)).map_or((0, 0), |habit| (habit.both, habit.alone));
        let open = |_| {
            let case = Disagreement {
                difference,
                calls: heard.calls,
                claims: heard.claims,
                unheard: heard.unheard,
                silent,
                habit,
                word,
                back: false,
            };
            let what = What { model: event.text(column::MODEL).map(bounded), ..What::default() };
            // The call that opens it is counted by itself.
            let count = if is_silence { u64::from(heard.unheard.saturating_sub(1)) } else { 0 };
            let before = Before { count, ..Before::default() };
            Opening { case, who: scope::who(event), what, before }
        };
        let subject = Subject { scope: Scope::agent(event), target: difference.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            (case.calls, case.claims, case.unheard, case.silent) = (heard.calls, heard.claims, heard.unheard, silent);
        });
    }
}

#[cfg(test)]
mod tests;
