//! What an alert about requests names of an event.

use ledger::events::column;
use operations::alert::What;

use crate::event::EventRow;
use crate::text::bounded;

/// What a finding about requests rests on; many targets have no name.
pub fn what(event: &EventRow<'_>, many: bool) -> What {
    let text = |column| event.text(column).map(bounded);
    What {
        host: text(column::HOST).filter(|_| !many),
        domain: text(column::DOMAIN).filter(|_| !many),
        method: text(column::METHOD),
        path: text(column::PATH).filter(|_| !many),
        policy: text(column::RULE),
        ..What::default()
    }
}
