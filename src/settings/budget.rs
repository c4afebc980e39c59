//! `[[budget]]`: hard caps on money, as a configuration file names them. What they mean is the ledger's.

use std::collections::BTreeMap;

use operations::access::Trust;
use operations::calendar::Period;
use operations::kind::budget_request::{Asked, Owner, Request, Scope, Set};
use operations::limits::BUDGET_MICROS_MAX;
use serde::Deserialize;

use crate::limits;

/// One budget.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How requests name it.
    name: String,
    /// The hard cap in dollars.
    cap_usd: f64,
    /// When it is refilled.
    period: Period,
    /// How many minutes before midnight UTC that is.
    #[serde(default)]
    utc_offset_minutes: i16,
    org: Option<String>,
    team: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    run: Option<String>,
    workspace: Option<String>,
    /// Families of sources whose events count.
    #[serde(default = "families")]
    families: Vec<String>,
    /// How far sources must be from the agent's reach for their events to count.
    #[serde(default)]
    trust: Vec<Trust>,
}

fn families() -> Vec<String> {
    vec!["gateway".to_owned()]
}

/// Names that stand in the paths of the API.
const RESERVED: [&str; 3] = ["reserve", "commit", "release"];

impl Budget {
    fn set(&self) -> Result<Set, &'static str> {
        let micros = self.cap_usd * 1_000_000.0;
        if !(0.0..=BUDGET_MICROS_MAX as f64).contains(&micros) {
            return Err("cap_usd is a number of dollars from 0 to one billion");
        }
        let Self { org, team, user, agent, run, workspace, families, trust, .. } = self.clone();
        let scope = Scope { org, team, user, agent, run, workspace, families, trust };
        let (period, offset_minutes) = (self.period, self.utc_offset_minutes);
        Ok(Set { cap_micros: Some(micros.round() as u64), period, offset_minutes, scope })
    }

    fn checked(&self) -> Result<Set, &'static str> {
        if RESERVED.contains(&self.name.as_str()) {
            return Err("this name stands for something else in the API; give it another");
        }
        let set = self.set()?;
        let request = Request::Set(set.clone());
        let asked = Asked { owner: Owner::default(), subject: self.name.clone(), request };
        asked.check().map(|()| set)
    }
}

/// The budgets by name, as the ledger takes them.
pub fn sets(budgets: &[Budget]) -> Result<BTreeMap<String, Set>, String> {
    if budgets.len() > limits::CONFIGURED_BUDGETS_MAX {
        return Err(format!("there are {} budgets; there may be {}", budgets.len(), limits::CONFIGURED_BUDGETS_MAX));
    }
    let mut sets = BTreeMap::new();
    for budget in budgets {
        let set = budget.checked().map_err(|problem| format!("budget {:?}: {problem}", budget.name))?;
        if sets.insert(budget.name.clone(), set).is_some() {
            return Err(format!("budget {:?} stands there twice; keep one", budget.name));
        }
    }
    Ok(sets)
}
