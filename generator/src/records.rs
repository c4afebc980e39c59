//! How real systems tell of one session: hooks of Claude Code as `tachograph hook` sends them, and lines of coderd's log. What happens is
//! decided elsewhere.

mod coderd;
mod hooks;

use chrono::{DateTime, SecondsFormat};

use crate::fleet::Agent;
use crate::numbers::Numbers;
use crate::wire::{Door, Label, Speed, Wire};

pub use coderd::Tokens;

/// Where a session stands in time, and how fast time passes in it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The moment 0, in microseconds since 1970 UTC.
    pub origin: i64,
    /// How fast it goes on from there.
    pub speed: Speed,
}

/// Tells one session of an agent. Moments are microseconds of life since the origin of its pace.
pub struct Teller<'a> {
    pub agent: &'a Agent,
    pub numbers: Numbers,
    /// What the following records are of.
    pub label: Option<Label>,
    /// Who serves the model that is called, and the model.
    pub model: (&'static str, &'static str),
    pace: Pace,
    session: String,
    prompt: String,
    /// The session of the firewall in the workspace, and its counter.
    boundary: String,
    requests: u64,
    wires: Vec<Wire>,
}

impl<'a> Teller<'a> {
    /// Nothing is told yet. The numbers decide the ids.
    pub fn new(agent: &'a Agent, mut numbers: Numbers, pace: Pace) -> Self {
        let (session, prompt, boundary) = (numbers.uuid(), numbers.uuid(), numbers.uuid());
        let model = (agent.provider, agent.model);
        Self { agent, numbers, label: None, model, pace, session, prompt, boundary, requests: 0, wires: Vec::new() }
    }

    /// The records in order of time.
    pub fn end(mut self) -> Vec<Wire> {
        self.wires.sort_by_key(|wire| wire.at);
        self.wires
    }

    /// What the following records are of.
    pub fn step(&mut self, label: Label) {
        self.label = Some(label);
    }

    /// The moment as it is in the world.
    fn at(&self, moment: i64) -> i64 {
        self.pace.origin + self.pace.speed.scale(moment)
    }

    /// Sends a record so long after a moment of the world.
    fn send(&mut self, at: i64, door: Door, body: String) {
        self.wires.push(Wire { at, door, body, label: self.label });
    }
}

/// A moment as RFC 3339.
fn time(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
