//! Which events show that an agent had a secret in its hands.

use ledger::events::column;

use super::secret::{SecretRead, Sign};
use crate::aspects::Aspects;
use crate::event::EventRow;
use crate::failure::Failure;
use effects::command::reads;
use effects::file::secrets::holds_secrets;

/// The secret that this event shows to its agent, if it does.
pub fn secret_read(event: &EventRow<'_>) -> Option<SecretRead> {
    // What was refused showed no file. A call that is only asked for counts: not every source tells of its end.
    let is_refused = event.failure() == Some(Failure::Refused);
    let is_named = || event.text(column::FILE).is_some_and(holds_secrets);
    let is_run = || event.aspects().meet(Aspects::COMMAND) && reads::secret(event.line()).is_some();
    let sign = if !is_refused && is_named() {
        Sign::FileName
    } else if event.list(column::REDACTIONS).next().is_some() {
        Sign::Redaction
    } else if !is_refused && is_run() {
        Sign::Command
    } else {
        return None;
    };
    Some(SecretRead::new(event.position(), event.recorded(), sign))
}
