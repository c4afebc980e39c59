//! `sequence`: events of several kinds, one after the other. Of all chains that may still be completed the one that began
//! last is kept, so nothing that a longer memory would find is missed.

use detect_core::episode::Before;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use ledger::Seq;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Hit, Machine, MemoryBudget, Operator, Seen, Wrong, check_range, holds, memory_budget, state};
use crate::condition::Condition;
use crate::limits::{RULE_STATES_MAX, RULE_STEPS_MAX};

/// `[rule.sequence]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The conditions in order, 2 to 8; that of the rule holds for each event besides.
    steps: Vec<String>,
    /// From the first to the last at most so many seconds: 1 to 2,592,000.
    within_seconds: u32,
}

impl Sequence {
    /// The conditions of the steps.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }
}

impl Operator for Sequence {
    fn check(&self) -> Result<(), Wrong> {
        check_range("steps", self.steps.len() as u64, 2..=RULE_STEPS_MAX as u64)?;
        check_range("within_seconds", self.within_seconds.into(), 1..=2_592_000)
    }

    fn column(&self) -> Option<&str> {
        None
    }

    fn bytes(&self) -> u64 {
        let steps = self.steps.len() as u64;
        memory_budget::bytes(
            RULE_STATES_MAX,
            memory_budget::list_bytes(steps, 64 + memory_budget::list_bytes(steps, 8)),
        )
    }

    fn build(&self, _: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let steps = self.steps.iter().map(|step| Condition::new(step)).collect::<Result<Vec<_>, _>>().ok()?;
        let within = i64::from(self.within_seconds);
        Some(Box::new(Following { steps, within, states: Table::new(budget.of(RULE_STATES_MAX)) }))
    }
}

struct Following {
    steps: Vec<Condition>,
    within: i64,
    states: Table<Chains>,
}

detector_state!(Following { states } without { steps, within });

#[derive(Debug, Default)]
struct Chains {
    /// For each step but the last the chain that reached it.
    reached: Vec<Option<Chain>>,
}

#[derive(Debug, Clone)]
struct Chain {
    second: i64,
    time: Timestamp,
    recorded: Timestamp,
    evidence: Vec<Seq>,
}

packed!(Chains { reached });
packed!(Chain { second, time, recorded, evidence });

impl Chains {
    /// Notes a chain that reached a step, unless one that began later did: an event that tells an earlier time ends none.
    fn reach(&mut self, step: usize, chain: Chain) {
        let reached = &mut self.reached[step];
        if reached.as_ref().is_none_or(|other| other.second <= chain.second) {
            *reached = Some(chain);
        }
    }
}

impl Machine for Following {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let mut holds = |step| holds(step, seen.event, seen.rule, findings);
        let mut matches: Vec<bool> = self.steps.iter().map(&mut holds).collect();
        if !matches.contains(&true) {
            return None;
        }
        let chains = state(&mut self.states, seen, findings);
        chains.reached.resize(self.steps.len() - 1, None);
        let from = seen.second - self.within;
        let mut hit = None;
        // From the last step down, so that one event is never two steps of a chain.
        while let Some(matched) = matches.pop() {
            let at = matches.len();
            if !matched {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| chains.reached.get(before).cloned()).flatten();
            let before = before.filter(|chain| chain.second >= from);
            if at == self.steps.len() - 1 {
                hit = before.map(|chain| Hit {
                    observed: self.steps.len() as i64,
                    value: 0,
                    before: Before {
                        count: chain.evidence.len() as u64,
                        first: Some((chain.time, chain.recorded)),
                        evidence: chain.evidence,
                    },
                });
            } else if at == 0 {
                let (time, recorded) = (seen.event.time(), seen.event.recorded());
                let evidence = vec![seen.event.position().seq];
                chains.reach(0, Chain { second: seen.second, time, recorded, evidence });
            } else if let Some(mut chain) = before {
                chain.evidence.push(seen.event.position().seq);
                chains.reach(at, chain);
            }
        }
        hit
    }
}
