//! Keeps what every agent does: the follower of `events` behind the fleet's page, stream and view.

use std::sync::Arc;

use ledger::Store;
use operations::triage::TriageService;
use query::fleet::{FleetFollower, FleetService};

use super::health::Health;
use super::part::Part;

const FLEET: &str = "fleet";

/// Starts it. Its state lies in the data directory, beside that of the detectors.
pub fn start(store: &Store, triage: &Arc<TriageService>, health: &Arc<Health>) -> (Arc<FleetService>, Part) {
    let (events, operations) = (store.events().reader(), store.operations().reader());
    let service = Arc::new(FleetService::new(events.clone(), operations, Arc::clone(triage)));
    let follower = FleetFollower::new(events, Arc::clone(&service), store.directory().join(FLEET));
    health.watch_consumers(FLEET, vec![follower.monitor()]);
    let part = Part::start(FLEET, health, |stop| follower.run(stop));
    (service, part)
}
