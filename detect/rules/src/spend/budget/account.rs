//! What one agent, run, team or organisation has spent: this day, this month, and in the last hours. A few hundred bytes.

use detect_core::second::Second;
use detect_core::{packed, packed_enum};
use operations::Money;
use operations::calendar::{Period, Window};
use serde::{Deserialize, Serialize};

use super::forecast::{self, Burn, Forecast};
use super::recent_spend::RecentSpend;

/// How far a budget is used, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Below half, and not burning.
    #[default]
    Fine,
    /// From 50 %.
    Half,
    /// It will not last at the rate of the last hours.
    Burning,
    /// From 80 %.
    Most,
    /// From 100 %.
    Exhausted,
}

/// How a budget stands after an event.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct BudgetStatus {
    pub period: Period,
    pub stage: Stage,
    pub spent: Money,
    pub cap: Money,
    /// The second of the event, and the end of the day or month.
    pub second: i64,
    pub end: i64,
    pub burn: Option<Burn>,
    pub forecast: Option<Forecast>,
}

/// The spend of one scope.
#[derive(Debug, Clone, Default)]
pub struct Account {
    recent: RecentSpend,
    day: Spent,
    month: Spent,
}
packed!(Account { recent, day, month });

/// The spend of one window.
#[derive(Debug, Clone, Default)]
struct Spent {
    amount: Money,
    /// The first second of the window.
    start: Second,
    announced: Stage,
}
packed!(Spent { amount, start, announced });

packed_enum!(Stage { Fine, Half, Burning, Most, Exhausted });

impl Account {
    /// Notes a cost for the rates.
    pub fn add(&mut self, second: i64, cost: Money) {
        self.recent.add(second, cost);
    }

    /// Books a cost in its window. Returns whether that is another window than before; `None` if it belongs to one that is over,
    /// as what is read in later does.
    pub fn turn(&mut self, period: Period, window: Window, cost: Money) -> Option<bool> {
        let spent = self.spent_mut(period);
        let start = Second::new(window.start);
        if start < spent.start {
            return None;
        }
        let turned = spent.start != start;
        if turned {
            *spent = Spent { start, ..Spent::default() };
        }
        spent.amount = spent.amount.saturating_add(cost);
        Some(turned)
    }

    /// How the budget stands.
    pub fn status(&self, period: Period, window: Window, cap: Money, burn: bool) -> BudgetStatus {
        let spent = self.spent(period).amount;
        let second = self.recent.second();
        let remaining = window.end - second;
        let percent = spent.percent_of(cap);
        let burn = if burn && percent < 100 { forecast::burn(&self.recent, period, window, spent, cap) } else { None };
        let stage = match percent {
            100.. => Stage::Exhausted,
            80.. => Stage::Most,
            _ if burn.is_some() => Stage::Burning,
            50.. => Stage::Half,
            _ => Stage::Fine,
        };
        let forecast = match stage {
            Stage::Fine | Stage::Exhausted => None,
            _ => forecast::exhaustion(&self.recent, cap.saturating_sub(spent)).filter(|at| at.early < remaining),
        };
        BudgetStatus { period, stage, spent, cap, second, end: window.end, burn, forecast }
    }

    /// The worst stage of this window that was announced.
    pub fn announced(&self, period: Period) -> Stage {
        self.spent(period).announced
    }

    /// Notes that a stage was announced.
    pub fn announce(&mut self, period: Period, stage: Stage) {
        let spent = self.spent_mut(period);
        spent.announced = spent.announced.max(stage);
    }

    fn spent(&self, period: Period) -> &Spent {
        match period {
            Period::Day => &self.day,
            Period::Month => &self.month,
        }
    }

    fn spent_mut(&mut self, period: Period) -> &mut Spent {
        match period {
            Period::Day => &mut self.day,
            Period::Month => &mut self.month,
        }
    }
}
