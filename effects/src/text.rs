//! What a text that an agent was given asks of it: whether it carries instructions, what kind, and whom and what they name.
//!
//! Signs are worked out from the structure of sentences, not from known wordings: words are known by what they are for (to ignore, what
//! was said before, the assistant, the user, …) in several languages, and what stands near what decides. Instructions to a developer
//! (`run npm install`) are none: they are not addressed to the agent, replace no task, hide from nobody.

mod asked;
mod lexicon;
mod names;
mod nearby;
mod passage;
mod prefilter;
mod sign;
mod words;

pub use asked::{Request, requests, requests_of_tool};
pub use names::{Name, NameKind, name_of_host, names};
pub use sign::{Sign, Signs};

use crate::limits::{TEXT_END_BYTES_MAX, TEXT_NAMES_MAX};

/// Begins what a text told the agent in the column `named`, so that it is not taken for what the call itself names.
pub const TOLD: &str = "told:";
/// Begins a sign of what the agent itself writes into what agents read later, in the column `text_signs`.
pub const WROTE: &str = "wrote.";

/// What was noticed about a text that a tool gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// The signs; without [`Sign::Instructions`] there are no others.
    pub signs: Signs,
    /// What kinds of things they ask for,
    pub requests: Vec<Request>,
    /// and what they name, not what stands elsewhere in the text.
    pub names: Vec<Name>,
}

/// Looks at a text that a tool gave an agent; of a long one at its beginning and its end. JSON may stay as it is written.
pub fn heard(text: &str) -> Heard {
    let mut heard = Heard::default();
    let mut look = |text: &str| {
        let hits = prefilter::hits(text);
        if !hits.is_empty() {
            passage::read(text, &hits, &mut heard);
        }
    };
    if text.len() <= 2 * TEXT_END_BYTES_MAX {
        look(text);
    } else {
        look(&text[..text.floor_char_boundary(TEXT_END_BYTES_MAX)]);
        look(&text[text.ceil_char_boundary(text.len() - TEXT_END_BYTES_MAX)..]);
    }
    heard.names.truncate(TEXT_NAMES_MAX);
    heard.requests.sort_unstable();
    heard.requests.dedup();
    heard
}

#[cfg(test)]
mod tests;
