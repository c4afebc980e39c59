//! `[[budget]]`: hard caps on money, as a configuration file names them. What they mean is the ledger's.

use std::collections::BTreeMap;

use operations::Money;
use operations::access::Trust;
use operations::calendar::Period;
use operations::kind::budget_request::{Asked, FAMILIES_DEFAULT, Origin, Owner, Request, Scope, Set};
use operations::limits::BUDGET_MONEY_MAX;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits;

/// A hard cap on money: a gateway reserves before a call and is refused when the cap would not hold. One table for each, at most 1024. A
/// change is taken over on SIGHUP and is an entry of `operations`; a budget that is taken out is closed. Nothing is stopped unless the
/// gateway asks: what is spent without asking is shown as unreserved and leaves less to reserve.
///
/// `org`, `team`, `user`, `agent`, `run` and `workspace` say whose money it is; without them it is everybody's.
///
/// ```toml
/// [[budget]]
/// name = "payments"
/// cap_usd = 200
/// period = "day"
/// team = "payments"
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How requests name it.
    name: String,
    /// The hard cap in dollars, such as 200 or 0.5, to the millionth.
    #[schemars(range(min = 0, max = BUDGET_MONEY_MAX.whole_dollars()))]
    cap_usd: f64,
    /// It is full again when the next period begins.
    period: Period,
    /// A period begins this many minutes before midnight UTC.
    #[schemars(range(min = -840, max = 840))]
    #[serde(default)]
    utc_offset_minutes: i16,
    /// Only events of this organisation count. A token that is bound to an organisation may reserve only from budgets that name it.
    org: Option<String>,
    /// Only events of this team count. A token that is bound to a team may reserve only from budgets that name it.
    team: Option<String>,
    /// Only events of this person's agents count.
    user: Option<String>,
    /// Only events of this agent count.
    agent: Option<String>,
    /// Only events of this run count.
    run: Option<String>,
    /// Only events of this workspace count.
    workspace: Option<String>,
    /// Sources whose recorded calls count: `gateway`, `workspace`, `boundary`. Several families may report the same call: name one. A call
    /// belongs to the reservation whose id is its `interception` or its `run`; the rest is unreserved. With `[]` only what gateways commit
    /// counts.
    #[serde(default = "families")]
    families: Vec<String>,
    /// How far sources must be from the agent's reach for their calls to count. Empty means `gateway` and `control_plane`: what an agent
    /// claims with its own token uses up nobody's budget.
    #[serde(default)]
    trust: Vec<Trust>,
}

fn families() -> Vec<String> {
    FAMILIES_DEFAULT.map(str::to_owned).to_vec()
}

impl Budget {
    fn set(&self) -> Result<Set, &'static str> {
        // The shortest form of what the file's reader made binary is what was written; a test of money holds that.
        let cap = self.cap_usd.to_string().parse().ok().filter(|cap: &Money| *cap <= BUDGET_MONEY_MAX);
        let cap =
            cap.ok_or("cap_usd is a number of dollars from 0 to one billion, with at most six digits after the point")?;
        let Self { org, team, user, agent, run, workspace, families, trust, .. } = self.clone();
        let scope = Scope { org, team, user, agent, run, workspace, families, trust };
        let (period, offset_minutes) = (self.period, self.utc_offset_minutes);
        Ok(Set { cap_micros: Some(cap), period, offset_minutes, scope, origin: Origin::Configuration })
    }

    fn checked(&self) -> Result<Set, &'static str> {
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
