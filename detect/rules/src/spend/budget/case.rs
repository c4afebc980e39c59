//! One budget that is being used up: how bad it is and how it is put.

use detect_core::episode::Case;
use detect_core::text::duration;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::account::{BudgetStatus, Stage};

/// What is known about a budget of which an alert is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spending {
    /// `agent`, `run`, `team` or `organisation`.
    pub scope_kind: String,
    /// Its name; attacker-written.
    pub name: String,
    /// Snapshots know it by an older name.
    #[serde(rename = "standing")]
    pub status: BudgetStatus,
    /// Whether it rests on what agents say of themselves, which no gateway confirms.
    #[serde(default)]
    pub claimed: bool,
    /// Whether the day or month is over.
    pub over: bool,
}

impl Spending {
    /// Takes the status after a further event. A budget that stopped burning is still as far used as it was.
    pub fn go_on(&mut self, status: BudgetStatus) {
        let stage = self.status.stage.max(status.stage);
        let burn = status.burn.or(self.status.burn.filter(|_| stage == Stage::Burning));
        self.status = BudgetStatus { stage, burn, ..status };
    }

    fn used(&self) -> String {
        let BudgetStatus { period, spent, cap, .. } = &self.status;
        let percent = spent.percent_of(*cap);
        let claimed = if self.claimed { " by what agents say of themselves, which no gateway confirms" } else { "" };
        format!(
            "{} {} spent {} of its {} for the {}: {percent} %{claimed}.",
            capitalised(&self.scope_kind),
            self.name,
            spent,
            cap,
            period.as_str()
        )
    }

    fn burn(&self) -> String {
        let Some(burn) = self.status.burn else { return String::new() };
        format!(
            "{} of that went in the last {}, {}.{} times the rate at which it would last.",
            burn.spent,
            duration(burn.seconds * 1_000_000),
            burn.tenths / 10,
            burn.tenths % 10
        )
    }

    fn forecast(&self) -> String {
        let status = &self.status;
        let end = duration((status.end - status.second) * 1_000_000);
        let period = status.period.as_str();
        match &status.forecast {
            _ if status.stage == Stage::Exhausted => {
                format!("The {period} ends in {end}; an alert stops nothing, a reservation does.")
            }
            Some(at) => format!(
                "At the {} an hour of the last {} hours the rest is used up in {} (80 % interval: {} to {}), and the {period} \
                 ends in {end}.",
                at.per_hour,
                at.hours,
                duration(at.middle * 1_000_000),
                duration(at.early * 1_000_000),
                duration(at.late * 1_000_000),
            ),
            None => format!("The {period} ends in {end}."),
        }
    }
}

impl Case for Spending {
    fn severity(&self, _: &Alert) -> Severity {
        match self.status.stage {
            Stage::Fine | Stage::Half => Severity::Low,
            Stage::Burning | Stage::Most => Severity::Medium,
            Stage::Exhausted => Severity::High,
        }
    }

    fn stage(&self) -> u8 {
        self.status.stage as u8
    }

    fn title(&self, _: &Alert) -> String {
        let (period, scope) = (self.status.period.as_str(), &self.scope_kind);
        match self.status.stage {
            Stage::Fine | Stage::Half => format!("Half of the budget for the {period} is spent by one {scope}"),
            Stage::Burning => format!("The budget for the {period} of one {scope} will not last"),
            Stage::Most => format!("80 % of the budget for the {period} is spent by one {scope}"),
            Stage::Exhausted => format!("The budget for the {period} of one {scope} is used up"),
        }
    }

    fn reason(&self, _: &Alert) -> String {
        if self.over {
            return format!("{} The {} is over and the budget is refilled.", self.used(), self.status.period.as_str());
        }
        let sentences = [self.used(), self.burn(), self.forecast()];
        sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("spend", Unit::MicroUsd, self.status.spent).against(self.status.cap))
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
