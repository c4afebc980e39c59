//! What receivers say when they are asked about a message: whether one that was accepted is safe, and whether one whose fate is
//! not certain arrived.

use std::time::Duration;

use crate::judgement::Judgement;

/// The question whether a message that was accepted is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// The receiver's number of the message; `None` if it gave none, and can only be asked whether it numbers messages now.
    pub id: Option<u64>,
    /// The wait before it is asked first; it doubles.
    pub wait: Duration,
    /// When the message is taken for lost.
    pub give_up: Duration,
}

/// Whether a message that was accepted is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It is; what the receiver said.
    Safe(String),
    /// The receiver does not know of it, or not in time: it is sent again.
    Lost(String),
    /// There is no answer to the question; it can be asked again.
    Unanswered(String),
    /// The question is refused until somebody changes the configuration.
    Park(String),
}

/// Whether the receiver has a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It has it, and calls it so.
    Has(Option<String>),
    /// It does not.
    HasNot,
    /// It did not say; what its answer means.
    Unknown(Judgement),
}
