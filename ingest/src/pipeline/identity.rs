//! What the sender's token says about its records: it outranks what they say of themselves.

use ledger::events::column;
use operations::access::{Principal, Trust};

use super::Channel;
use crate::event::Draft;
use crate::namespace::{self, ORG_OF_SENDER};

/// The mark of an event that is declared to be old, however late it was seen.
const BACKFILL: &str = "backfill";

/// How far what a sender tells through a collector is from the agent's reach, whatever a single record deserves.
pub(super) fn told(channel: &Channel, principal: &Principal) -> Trust {
    channel.dialect().trust().min(principal.trust)
}

/// Sets the columns that the collector, the token and the moment of receipt decide.
pub(super) fn stamp(draft: &mut Draft, channel: &Channel, principal: &Principal, received: i64) {
    let told = told(channel, principal);
    draft.limit_trust(told);
    if channel.backfill {
        draft.mark(BACKFILL.to_owned());
    }
    let columns = &mut draft.columns;
    columns.set_text(column::COLLECTOR, &channel.name);
    columns.set_text(column::TOKEN, &principal.token);
    // When something was seen is the word of whoever the agent cannot reach, or ours: nobody else can make a thing old.
    if told < Trust::Gateway || columns.time(column::OBSERVED).is_none() {
        columns.set_time(column::OBSERVED, received);
    }
    if let Some(workspace) = &principal.workspace {
        columns.set_text(column::WORKSPACE, workspace);
        if columns.text(column::ATTRIBUTION).is_none_or(|word| word == "none") {
            columns.set_text(column::ATTRIBUTION, "direct");
        }
    }
    if let Some(user) = &principal.user {
        columns.set_text(column::USER, user);
        columns.remove(column::USER_ID.id());
    }
    if let Some(team) = &principal.team {
        columns.set_text(column::TEAM, team);
    }
    if let Some(org) = &principal.org {
        columns.set_text(column::ORG, org);
        if namespace::is_shared(columns) {
            draft.mark(ORG_OF_SENDER.to_owned());
        }
    }
}
