//! What a detector remembers: how it is written into a snapshot, taken back, and told of time, all derived from its fields.

use crate::findings::Findings;
use crate::pack::{Pack, RestoreError};

/// A state that is written as it is and taken back into what was built from today's parameters.
///
/// No rule implements it by hand: [`crate::detector_state!`] puts it together from the fields of a detector.
pub trait DetectorState {
    /// Appends the state.
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError>;

    /// Takes a state that `snapshot` of the same version wrote; parameters may have changed since.
    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError>;

    /// Learns that recorded time reached a second: see [`crate::detector::advance`]. Most states change with events
    /// only; episodes are resolved.
    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        let _ = (second, down, findings);
    }
}

impl<T: Pack> DetectorState for T {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.pack(out);
        Ok(())
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = T::unpack(input)?;
        Ok(())
    }
}

/// Implements [`DetectorState`] for a struct: the fields that are its state in the order in which they are written, and those
/// that are not. All of them are named, so none can be forgotten.
#[macro_export]
macro_rules! detector_state {
    ($type:ident $(<$parameter:ident: $($bound:ident)&+>)? { $($field:ident),* $(,)? } $(without { $($other:ident),* $(,)? })?) => {
        impl $(<$parameter: $($bound +)+>)? $crate::detector_state::DetectorState for $type $(<$parameter>)? {
            fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), $crate::pack::RestoreError> {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $($crate::detector_state::DetectorState::snapshot($field, out)?;)*
                Ok(())
            }

            fn restore(&mut self, input: &mut &[u8]) -> Result<(), $crate::pack::RestoreError> {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $($crate::detector_state::DetectorState::restore($field, input)?;)*
                Ok(())
            }

            fn advance(&mut self, second: i64, down: bool, findings: &mut $crate::findings::Findings) {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $($crate::detector_state::DetectorState::advance($field, second, down, findings);)*
            }
        }
    };
}
