//! What every agent does now: a fold over `events`, with the open alerts as its second input.
//!
//! ```text
//! events ─► Fleet (pure: rows in, agents out) ─┐
//! open alerts of `operations::triage` ─────────┴─► AgentRow at a moment ─► /api/v1/fleet, stream, view `agents`, command
//! ```
//!
//! An agent is known by the name that its source gives it, else by its workspace, else by its session ([`Key`]). Which events are
//! whose is decided in `names`, what a row changes in `agent`, the word for the state in `state`, and the order in `attention`.
//! Nothing here has a clock: what is asked at a moment is told that moment. Every text is attacker-written and clipped; what was
//! made from content stands in fields of its own, which [`AgentRow::without_content`] empties.

mod activity;
mod agent;
mod alerts;
mod approvals;
mod attention;
mod checks;
mod domains;
mod fold;
mod follower;
mod lag;
mod names;
mod observation;
mod page;
mod row;
mod service;
mod snapshot;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod ticker;

pub use agent::Key;
pub use fold::Fleet;
pub use follower::{FleetError, FleetFollower};
pub use page::{Counters, Filter, FleetPage};
pub use row::{AgentRow, CONTENT_COLUMNS};
pub use service::{FleetPlace, FleetService, FleetView};
pub use state::AgentState;
pub use ticker::{Ticked, Ticks};

use crate::limits::FLEET_TEXT_BYTES_MAX;

/// As much of a text as is kept.
fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(FLEET_TEXT_BYTES_MAX)).unwrap_or_default()
}

/// Keeps a text if it is told and another one than before.
fn learn(known: &mut Option<String>, told: Option<&str>) {
    if let Some(told) = told.map(clip)
        && known.as_deref() != Some(told)
    {
        *known = Some(told.to_owned());
    }
}
