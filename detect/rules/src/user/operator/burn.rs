//! `burn`: a sum that uses up a budget too fast, by several windows: a long one, so that a moment's peak is nothing, and a
//! short one, so that what is over is over.

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Hit, Machine, MemoryBudget, Operator, RecentEvents, Seen, Wrong, check_range, memory_budget, state};
use crate::limits::{RULE_STATES_MAX, RULE_WINDOWS_MAX};
use crate::user::value::RuleColumn;

/// `[rule.burn]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burn {
    /// The column of numbers that is summed up.
    column: String,
    /// What may be used, in the unit of the column: 1 to 10^15,
    budget: u64,
    /// in so many hours: 1 to 8,760.
    #[serde(default = "month")]
    period_hours: u32,
    /// The pairs of windows; one that burns is enough.
    #[serde(default = "usual")]
    windows: Vec<Pair>,
}

/// A pair of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Seconds of the long window: 60 to 2,592,000,
    long_seconds: u32,
    /// and of the short one: 1 up to the long one.
    short_seconds: u32,
    /// Both use so many per cent of what an even use of the budget would: 1 to 1,000,000.
    rate_percent: u32,
}

fn month() -> u32 {
    720
}

/// What site reliability engineers use for error budgets: 2 % of a month in an hour, 5 % in six hours, 10 % in three days.
fn usual() -> Vec<Pair> {
    let pairs = [(3_600, 300, 1_440), (21_600, 1_800, 600), (259_200, 21_600, 100)];
    pairs.map(|(long_seconds, short_seconds, rate_percent)| Pair { long_seconds, short_seconds, rate_percent }).to_vec()
}

/// Buckets of each window.
const BUCKETS: u32 = 24;

impl Burn {
    /// Whether a sum over so many seconds is more than so many per cent of an even use.
    fn is_fast(&self, sum: i64, seconds: u32, percent: u32) -> bool {
        let allowed = i128::from(self.budget) * i128::from(percent) * i128::from(seconds);
        i128::from(sum) * 100 * i128::from(self.period_hours) * 3_600 >= allowed
    }
}

impl Operator for Burn {
    fn check(&self) -> Result<(), Wrong> {
        let column = super::check_column(&self.column)?;
        if !column.is_number() {
            return Err(("column".to_owned(), format!("`{}` holds no numbers", self.column)));
        }
        check_range("budget", self.budget, 1..=1_000_000_000_000_000)?;
        check_range("period_hours", self.period_hours.into(), 1..=8_760)?;
        check_range("windows", self.windows.len() as u64, 1..=RULE_WINDOWS_MAX as u64)?;
        for pair in &self.windows {
            check_range("windows.long_seconds", pair.long_seconds.into(), 60..=2_592_000)?;
            check_range("windows.short_seconds", pair.short_seconds.into(), 1..=pair.long_seconds.into())?;
            check_range("windows.rate_percent", pair.rate_percent.into(), 1..=1_000_000)?;
        }
        Ok(())
    }

    fn column(&self) -> Option<&str> {
        Some(&self.column)
    }

    fn bytes(&self) -> u64 {
        let pair = 2 * Window::bytes(BUCKETS);
        memory_budget::bytes(RULE_STATES_MAX, self.windows.len() as u64 * pair + RecentEvents::bytes())
    }

    fn build(&self, _: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        Some(Box::new(Burning { parameters: self.clone(), column, states: Table::new(budget.of(RULE_STATES_MAX)) }))
    }
}

struct Burning {
    parameters: Burn,
    column: RuleColumn,
    states: Table<Used>,
}

detector_state!(Burning { states } without { parameters, column });

#[derive(Debug, Default)]
struct Used {
    /// Long and short window of each pair, in the order of the parameters.
    windows: Vec<(Window, Window)>,
    recent_events: RecentEvents,
}

packed!(Used { windows, recent_events });

impl Machine for Burning {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let amount = self.column.number(seen.event).filter(|amount| *amount > 0)?;
        let used = state(&mut self.states, seen, findings);
        used.windows.resize_with(self.parameters.windows.len(), Default::default);
        used.recent_events.note(seen);
        let mut fast = None;
        for (pair, (long, short)) in self.parameters.windows.iter().zip(&mut used.windows) {
            let long = long.add(seen.second, amount, pair.long_seconds, BUCKETS);
            let short = short.add(seen.second, amount, pair.short_seconds, BUCKETS);
            if self.parameters.is_fast(long, pair.long_seconds, pair.rate_percent)
                && self.parameters.is_fast(short, pair.short_seconds, pair.rate_percent)
            {
                fast = fast.or(Some(long));
            }
        }
        fast.map(|observed| Hit { observed, value: 0, before: used.recent_events.before_all() })
    }
}
