//! The one place that decides whom a person looks at first. A higher score comes first; within one score who waits for longest, then by
//! name, so that rows keep their places.
//!
//! | score | agent |
//! |---|---|
//! | 1000 | an open alert is critical |
//! | 900 | an open alert is high |
//! | 800 | waits for a person |
//! | 700 | stuck |
//! | 650 | over budget |
//! | 600 | repeating |
//! | 500 | failed |
//! | 450 | lost |
//! | 400 | an open alert is medium |
//! | 350 | somebody looks after its critical or high alert |
//! | 300 | a request of it was denied in the last ten minutes |
//! | 200 | quiet |
//! | 100 | working |
//! | 0 | done |

use operations::alert::Severity;

use super::alerts::AgentAlerts;
use super::state::AgentState;

/// From this score on, a person is needed.
pub(super) const NEEDS_A_PERSON: u32 = 450;

/// How much an agent needs a person's attention.
pub(super) fn attention(state: AgentState, alerts: &AgentAlerts, denied: u32) -> u32 {
    let by_state = match state {
        AgentState::Waiting => 800,
        AgentState::Stuck => 700,
        AgentState::OverBudget => 650,
        AgentState::Repeating => 600,
        AgentState::Failed => 500,
        AgentState::Lost => 450,
        AgentState::Quiet => 200,
        AgentState::Working => 100,
        AgentState::Done => 0,
    };
    let by_alert = match alerts.unattended {
        Some(Severity::Critical) => 1_000,
        Some(Severity::High) => 900,
        Some(Severity::Medium) => 400,
        _ => 0,
    };
    let is_looked_after = alerts.worst.as_ref().is_some_and(|worst| worst.severity >= Severity::High);
    let lesser = if is_looked_after {
        350
    } else if denied > 0 {
        300
    } else {
        0
    };
    by_state.max(by_alert).max(lesser)
}
