//! What the person whom an agent works for named and asked for. Content never comes here: intake wrote it down as hashes and words.

use effects::text::Request;

use crate::event::EventRow;
use crate::named::{LatestNames, Named, Requests, named};
use crate::packed;

/// The prompts of one agent, as far as they say what is meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Person {
    names: LatestNames<16>,
    /// What the latest prompts asked for, one after the other.
    requests: [Requests; PROMPTS],
    next: u8,
    /// Whether the person said anything.
    spoke: bool,
}

packed!(Person { names, requests, next, spoke });

/// So many prompts say what is meant now: what was asked for long ago is done.
const PROMPTS: usize = 4;

impl Person {
    /// The person said something.
    pub fn note(&mut self, event: &EventRow<'_>) {
        self.spoke = true;
        let at = usize::from(self.next) % PROMPTS;
        if let Some(place) = self.requests.get_mut(at) {
            *place = Requests::of(event);
        }
        self.next = ((at + 1) % PROMPTS) as u8;
        for name in named(event) {
            self.names.add(name);
        }
    }

    /// Whether the person named it.
    pub fn named(&self, name: Named) -> bool {
        self.names.has(name)
    }

    /// Whether anything is known of what the person said.
    pub fn spoke(&self) -> bool {
        self.spoke
    }

    /// Whether the person asked for such a thing.
    pub fn asked_for(&self, requests: &[Request]) -> bool {
        self.requests.iter().any(|asked| asked.any(requests))
    }
}
