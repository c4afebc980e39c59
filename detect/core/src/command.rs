//! What agents run: the one analysis of command lines ([`line`]), what rules ask of it, and the detectors of commands.
//!
//! [`shell`] reads the grammar, [`carry`] knows which programs run others and [`script`] what lines of other languages do.
//! Nothing is evaluated, and no file is looked at: what a line says is all that is known.

mod carry;
mod line;
mod options;
pub mod reads;
pub mod risky;
mod script;
mod shell;

pub use line::{Command, Line, RedirectKind, is_fetcher, program};

/// Whether a command runs what it reads.
pub(crate) fn runs_input(words: &[String]) -> bool {
    carry::reader(words) != carry::Reader::None
}
