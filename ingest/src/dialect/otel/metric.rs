//! Metrics of agents: one event for each data point. They repeat in sums what other records tell one by one, so no counter and
//! no money of them is counted.

use ledger::events::column;
use serde_json::value::RawValue;

use super::content::DATA;
use super::element::{Element, Events, set_name};
use super::value::{Attributes, Members};
use crate::bounds::NO_NUMBER;
use crate::dialect::json::{Integer, read};
use crate::limits::RECORD_EVENTS_MAX;

/// Parts of names that measure how fast a program is, which says nothing of what it did.
const SPEED: &[&str] = &["duration", "latency", "time_to_first", "ttft", "ttfm"];

/// Adds an event for each data point of a metric that tells what the agent did.
pub fn tell(metric: Element, events: &mut Events) {
    let is_speed = SPEED.iter().any(|part| metric.name.contains(part));
    if metric.name.is_empty() || is_speed || !(events.agent.measures)(&metric.name) {
        return;
    }
    let Element { signal, resource, name, members, .. } = metric;
    for data in DATA.iter().filter_map(|form| members.get(form)) {
        let data: Members = read(data.get()).unwrap_or_default();
        let points: Vec<&RawValue> = data.get("dataPoints").and_then(|raw| read(raw.get()).ok()).unwrap_or_default();
        // More events than a record may have are not taken in any case.
        for raw in points.into_iter().take(RECORD_EVENTS_MAX + 1) {
            let Ok(members) = read::<Members>(raw.get()) else { continue };
            let attributes = Attributes::of(members.get("attributes"));
            let point = Element { signal, resource, name: name.clone(), attributes, members, raw };
            let draft = events.add(&point, "metric");
            let kind = point.attributes.first(&["type", "gen_ai.token.type", "token_type"]);
            set_name(draft, column::TARGET, kind.as_deref());
            if let Some(amount) = amount(&point.members) {
                draft.columns.set_integer(column::AMOUNT, amount);
            }
        }
    }
}

/// What a data point says, if that is a whole number: its value, or the sum of what a histogram counts.
fn amount(point: &Members) -> Option<i64> {
    let value = ["asInt", "asDouble", "sum"].iter().find_map(|name| point.get(name))?;
    let Integer(amount) = read(value.get()).ok()?;
    amount.filter(|amount| *amount != NO_NUMBER && *amount >= 0)
}
