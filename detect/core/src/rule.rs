//! What a built-in rule is: what the reference says of it, its parameters, and a detector that is built from them.

use crate::detector::Detector;
use crate::key::Key;
use crate::parameters::Parameters;
use crate::spec::Spec;

/// A built-in rule, on the type of its detector. To add one: a file that implements it, and a line in the list of
/// `detect-rules`.
pub trait Rule: Detector + Send + Sized + 'static {
    /// What an operator may set.
    type Parameters: Parameters;

    /// What the reference says, and its examples, which are tests.
    const SPEC: &'static Spec;

    /// Whether its alerts are told as they are, whatever the team's alert budget is: what they say is that others cannot be relied
    /// on, or that a limit which somebody set is reached.
    const IS_ALWAYS_TOLD: bool = false;

    /// Builds the detector with an empty state. The parameters were checked.
    fn new(parameters: &Self::Parameters, key: Key) -> Self;
}
