//! What an executed plan tells of itself: how much it read, and how much it did not have to.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use serde::Serialize;

use crate::result_stream::Statistics;

/// An executed plan.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// What the query cost.
    pub statistics: Statistics,
    /// How much each way of pruning kept and left out, by the engine's name of the metric, such as
    /// `row_groups_pruned_statistics`.
    pub pruning: BTreeMap<String, Pruning>,
    /// Counters by the engine's names, such as `content_rows_read`.
    pub counters: BTreeMap<String, u64>,
    /// The plan as text, each step with its metrics.
    pub plan: String,
}

/// How much one way of pruning kept and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruning {
    /// Left out.
    pub pruned: u64,
    /// Kept.
    pub matched: u64,
}

/// What the leaves of a plan read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scanned {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Profile {
    pub(crate) fn new(plan: &Arc<dyn ExecutionPlan>, statistics: Statistics) -> Self {
        let mut profile = Self {
            statistics,
            pruning: BTreeMap::new(),
            counters: BTreeMap::new(),
            plan: DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string(),
        };
        profile.add(plan);
        profile
    }

    fn add(&mut self, plan: &Arc<dyn ExecutionPlan>) {
        for metric in plan.metrics().iter().flat_map(MetricsSet::iter) {
            match metric.value() {
                MetricValue::PruningMetrics { name, pruning_metrics } => {
                    let pruning = self.pruning.entry(name.to_string()).or_default();
                    pruning.pruned += pruning_metrics.pruned() as u64;
                    pruning.matched += pruning_metrics.matched() as u64;
                }
                MetricValue::Count { name, count } => {
                    *self.counters.entry(name.to_string()).or_default() += count.value() as u64;
                }
                _ => {}
            }
        }
        for child in plan.children() {
            self.add(child);
        }
    }
}

/// Sums what the leaves of a plan read.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Scanned {
    let metrics = plan.metrics();
    let bytes = metrics
        .as_ref()
        .and_then(|metrics| metrics.sum_by_name("bytes_scanned"))
        .map_or(0, |value| value.as_usize() as u64);
    let mut sum = Scanned { rows: 0, bytes };
    if plan.children().is_empty() {
        sum.rows = metrics.as_ref().and_then(MetricsSet::output_rows).unwrap_or(0) as u64;
    }
    plan.children()
        .into_iter()
        .map(scanned)
        .fold(sum, |sum, child| Scanned { rows: sum.rows + child.rows, bytes: sum.bytes + child.bytes })
}
