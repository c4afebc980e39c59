//! Which events show that an agent had a secret in its hands.

use ledger::events::column;

use super::secret::{SecretRead, Sign};
use crate::aspects::Aspects;
use crate::event::EventRow;
use crate::failure::Failure;
use effects::command::reads;
use effects::effect::EffectKind;

/// The secret that this event shows to its agent, if it does.
pub fn secret_read(event: &EventRow<'_>) -> Option<SecretRead> {
    // What was refused showed no file. A call that is only asked for counts: not every source tells of its end.
    let is_refused = event.failure() == Some(Failure::Refused);
    let is_named = || event.file_traits().holds_secrets;
    let is_call = || event.worst_effect(|effect| effect.kind == EffectKind::Secret).is_some();
    let is_run = || {
        let has_line = event.aspects().meet(Aspects::COMMAND);
        // To load a file into variables is no effect worth telling, but the agent has it in its hands.
        (has_line && reads::secret(event.line()).is_some()) || (event.aspects().meet(Aspects::EFFECTS) && is_call())
    };
    let sign = if !is_refused && is_named() {
        Sign::FileName
    } else if event.list(column::REDACTIONS).next().is_some() {
        Sign::Redaction
    } else if !is_refused && is_run() {
        Sign::Command
    } else {
        return None;
    };
    Some(SecretRead::new(event.position(), event.when(), sign))
}
