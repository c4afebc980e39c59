//! What agents run: the one analysis of command lines ([`line`]), and what rules ask of it. No rule stands here.
//!
//! [`shell`] reads the grammar, [`carry`] knows which programs run others and [`script`] what lines of other languages do.
//! Nothing is evaluated, and no file is looked at: what a line says is all that is known.

mod asks;
mod carry;
mod line;
mod options;
pub mod reads;
mod script;
mod shell;

pub use asks::asks_elsewhere;
pub use carry::{is_interpreter, is_shell};
pub use line::{Command, Line, REMOVERS, RedirectKind, SecretUse, is_fetcher, program};

impl Line {
    /// Reads a program of another language, given by itself rather than in a line.
    pub fn of_script(code: &str) -> Self {
        shell::Shell::of_script(code)
    }

    /// A line of one command whose words are known.
    pub fn of_words(words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { commands: vec![Command { words, ..Command::default() }], ..Self::default() }
    }
}

/// Whether a command runs what it reads.
pub fn runs_input(words: &[String]) -> bool {
    carry::reader(words) != carry::Reader::None
}
