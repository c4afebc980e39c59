//! What an operator says of the alert budget: `[detect.alert_budget]`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many alerts above low a team gets for each day on which one of its agents did something. When the last four weeks had more,
/// the kinds of alerts that were most ordinary for the team are told at low, with a sentence that says so; kinds that are rare there
/// are told as they are, and so is everything critical, everything about the ledger itself, and spend budgets. Nothing is lowered before a
/// team was watched for a week and twenty agent-days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertBudget {
    /// Whether alerts are lowered at all.
    pub enabled: bool,
    /// Alerts above low for each agent and day, in steps of 0.001: 0.1 is one alert in ten days of an agent.
    #[schemars(range(min = 0, max = 1_000))]
    pub per_agent_day: PerAgentDay,
    /// The same for single teams, by name.
    pub teams: BTreeMap<String, PerAgentDay>,
}

/// Alerts for each agent and day, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct PerAgentDay(u32);

impl Default for AlertBudget {
    fn default() -> Self {
        Self { enabled: true, per_agent_day: PerAgentDay(100), teams: BTreeMap::new() }
    }
}

impl AlertBudget {
    /// None: every alert is told as its rule says.
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }

    /// That of a team.
    pub fn of(&self, team: &str) -> PerAgentDay {
        self.teams.get(team).copied().unwrap_or(self.per_agent_day)
    }
}

impl PerAgentDay {
    /// So many in thousandths.
    pub const fn thousandths(self) -> u64 {
        self.0 as u64
    }

    /// What was measured, to the nearest thousandth.
    pub fn measured(alerts: u64, agent_days: u64) -> Self {
        let days = agent_days.max(1);
        let thousandths = alerts.saturating_mul(1_000).saturating_add(days / 2) / days;
        Self(u32::try_from(thousandths).unwrap_or(u32::MAX))
    }
}

impl TryFrom<f64> for PerAgentDay {
    type Error = String;

    fn try_from(alerts: f64) -> Result<Self, String> {
        let thousandths = (alerts * 1_000.0).round();
        let is_whole = (thousandths - alerts * 1_000.0).abs() < 1e-6;
        if !(0.0..=1_000_000.0).contains(&thousandths) || !is_whole {
            return Err(format!("{alerts} alerts for each agent and day: it must be 0 to 1000, in steps of 0.001"));
        }
        Ok(Self(thousandths as u32))
    }
}

impl From<PerAgentDay> for f64 {
    fn from(alerts: PerAgentDay) -> Self {
        Self::from(alerts.0) / 1_000.0
    }
}

impl fmt::Display for PerAgentDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_a_number_and_read_back() {
        let check = |value: serde_json::Value, shown: Option<&str>| {
            let read = serde_json::from_value::<PerAgentDay>(value.clone()).ok();
            assert_eq!(read.map(|read| read.to_string()).as_deref(), shown, "{value}");
            if let Some(read) = read {
                assert_eq!(serde_json::from_value::<PerAgentDay>(json!(read)).unwrap(), read);
            }
        };
        check(json!(0.1), Some("0.1"));
        check(json!(0.007), Some("0.007"));
        check(json!(3), Some("3"));
        check(json!(0), Some("0"));
        check(json!(-0.1), None);
        check(json!(0.0004), None);
        check(json!(1_001), None);
        check(json!("0.1"), None);
        assert_eq!(PerAgentDay::measured(2, 3).to_string(), "0.667", "rounded and not cut");
        assert_eq!(PerAgentDay::measured(0, 0).to_string(), "0");
    }

    #[test]
    fn a_team_may_have_one_of_its_own() {
        let budget: AlertBudget = serde_json::from_value(json!({"teams": {"payments": 0.5}})).unwrap();
        assert_eq!((budget.of("payments").to_string(), budget.of("web").to_string()), ("0.5".into(), "0.1".into()));
        assert!(budget.enabled && !AlertBudget::off().enabled);
    }
}
