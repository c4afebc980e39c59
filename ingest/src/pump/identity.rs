//! What the sender's token says about its records: it outranks what they say of themselves.

use ledger::access::Principal;
use ledger::events::column;

use super::Channel;
use crate::dialect::Draft;

/// Sets the columns that the collector, the token and the moment of receipt decide.
pub(super) fn stamp(draft: &mut Draft, channel: &Channel, principal: &Principal, received: i64) {
    draft.limit_trust(channel.dialect.trust().min(principal.trust));
    let entry = &mut draft.entry;
    entry.set_text(column::COLLECTOR, &channel.name);
    entry.set_text(column::TOKEN, &principal.token);
    if entry.time(column::OBSERVED).is_none() {
        entry.set_time(column::OBSERVED, received);
    }
    if let Some(workspace) = &principal.workspace {
        entry.set_text(column::WORKSPACE, workspace);
        if entry.text(column::ATTRIBUTION).is_none_or(|word| word == "none") {
            entry.set_text(column::ATTRIBUTION, "direct");
        }
    }
    if let Some(team) = &principal.team {
        entry.set_text(column::TEAM, team);
    }
    if let Some(org) = &principal.org {
        entry.set_text(column::ORG, org);
    }
}
