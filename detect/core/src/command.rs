//! What agents run: the one analysis of command lines ([`line`]), and what rules ask of it. No rule stands here.
//!
//! [`shell`] reads the grammar, [`carry`] knows which programs run others and [`script`] what lines of other languages do.
//! Nothing is evaluated, and no file is looked at: what a line says is all that is known.

mod carry;
pub mod known_lines;
mod line;
mod options;
pub mod reads;
mod script;
mod shell;

pub use line::{Command, Line, REMOVERS, RedirectKind, SecretUse, is_fetcher, program};

/// Whether a command runs what it reads.
pub fn runs_input(words: &[String]) -> bool {
    carry::reader(words) != carry::Reader::None
}
