//! The lives of the alerts of a run: a pure function of the seed.

use ledger::Timestamp;
use operations::alert::{Alert, Severity, State, What, Who};

pub use crate::dice::Dice;

/// The id that is recorded after all others: whoever has a receipt for it has one for everything.
pub const LAST: &str = "alert-last";

/// Every revision of every alert, in the order in which they are recorded. Each alert ends, apart from the last.
pub fn revisions(seed: u64, alerts: u64) -> Vec<Alert> {
    let mut dice = Dice::new(seed ^ 0xa1e7);
    let (mut active, mut all, mut opened) = (Vec::<Alert>::new(), Vec::new(), 0);
    while opened < alerts || !active.is_empty() {
        if opened < alerts && (active.is_empty() || dice.below(3) > 0) {
            let severity = Severity::ALL[dice.below(5) as usize];
            let rule = format!("egress.rule_{}", dice.below(4));
            active.push(Alert { rule, ..alert(&format!("alert-{opened:032x}"), severity) });
            all.extend(active.last().cloned());
            opened += 1;
            continue;
        }
        let at = dice.below(active.len() as u64) as usize;
        active[at].revision += 1;
        active[at].count += 1;
        if dice.below(3) == 0 {
            active[at].state = State::Updated;
            all.push(active[at].clone());
        } else {
            active[at].state = State::Resolved;
            all.push(active.swap_remove(at));
        }
    }
    all.push(alert(LAST, Severity::Critical));
    all
}

fn alert(id: &str, severity: Severity) -> Alert {
    Alert {
        id: id.to_owned(),
        revision: 1,
        rule: "egress.denied_post".into(),
        rule_version: 1,
        state: State::Open,
        severity,
        title: "Refused POST to attacker-logger.com".into(),
        reason: "POST to attacker-logger.com was refused <!channel>.".into(),
        who: Who { user: Some("alice".into()), workspace_name: Some("alice/api".into()), ..Who::default() },
        what: What { host: Some("attacker-logger.com".into()), ..What::default() },
        first_seen: Timestamp::from_unix_seconds(1_763_683_200),
        last_seen: Timestamp::from_unix_seconds(1_763_683_200),
        recorded_first: Timestamp::from_unix_seconds(1_763_683_200),
        recorded_last: Timestamp::from_unix_seconds(1_763_683_200),
        count: 1,
        evidence: Vec::new(),
        tags: Vec::new(),
        backfill: false,
        measured: None,
        follows: None,
        sender: None,
        flood: false,
        lowered_from: None,
        shape: None,
    }
}
