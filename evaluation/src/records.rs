//! What the sources tell of what an agent does: records as Claude Code's and Codex' hooks, coderd, the AI Gateway, a proxy that
//! counts bytes and a resolver write them. What happened is decided elsewhere.

mod coder;
mod hooks;
mod native;

use crate::day::{Doing, Event, Origin};
use crate::notation::Act;
use crate::numbers::Numbers;
use crate::people::{Agent, Product};
use crate::values::{drawn, uuid};

/// Who sends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feed {
    /// The hooks of the agent with this number, under its workspace's token.
    Hooks(usize),
    /// Native events of the agent with this number, under its workspace's token.
    Native(usize),
    /// The log of coderd, with the firewall's and the gateway's lines.
    Coder,
    /// A proxy and a resolver of the network's.
    Network,
}

/// A record of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it arrives, in microseconds since 1970 UTC.
    pub micros: i64,
    /// Who sends it.
    pub feed: Feed,
    /// What it is of.
    pub label: Label,
    /// The record.
    pub text: String,
}

/// Whose act a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The number of the agent.
    pub agent: usize,
    /// The day, from 0.
    pub day: u32,
    /// The number of the act among all of that agent's, from 0.
    pub act: u32,
    /// What the act belongs to.
    pub origin: Origin,
}

/// What is known of a session while it is told.
#[derive(Debug, Default)]
struct Session {
    number: Option<u32>,
    id: String,
    prompt: String,
    boundary: String,
    requests: u64,
    mode: String,
}

/// Tells what one agent does.
pub struct Teller<'a> {
    agent: &'a Agent,
    numbers: Numbers,
    session: Session,
    day: u32,
    acts: u32,
    calls: u64,
    records: Vec<Record>,
}

/// One act that is being told.
struct Moment {
    micros: i64,
    label: Label,
}

impl<'a> Teller<'a> {
    /// Nothing is told yet.
    pub fn new(agent: &'a Agent, seed: u64) -> Self {
        let numbers = Numbers(seed ^ 0x7e11 ^ ((agent.number as u64) << 32));
        Self { agent, numbers, session: Session::default(), day: 0, acts: 0, calls: 0, records: Vec::new() }
    }

    /// The records of a day.
    pub fn tell(&mut self, day: u32, events: &[Event]) -> Vec<Record> {
        self.day = day;
        for event in events {
            self.event(event);
        }
        std::mem::take(&mut self.records)
    }

    /// How many acts were told.
    pub fn acts(&self) -> u32 {
        self.acts
    }

    fn event(&mut self, event: &Event) {
        let key = self.day * 1_000 + event.session;
        if self.session.number != Some(key) {
            let (id, prompt, boundary) = (uuid(&mut self.numbers), uuid(&mut self.numbers), uuid(&mut self.numbers));
            let mode = "acceptEdits".to_owned();
            self.session = Session { number: Some(key), id, prompt, boundary, requests: 0, mode };
        }
        let label = Label { agent: self.agent.number, day: self.day, act: self.acts, origin: event.origin };
        let micros = event.second * 1_000_000 + 250_000 + self.numbers.below(400_000) as i64;
        let moment = Moment { micros, label };
        self.acts += 1;
        match &event.doing {
            Doing::Start => self.frame(&moment, true),
            Doing::End => self.frame(&moment, false),
            Doing::Act(act) => self.act(&moment, act),
        }
    }

    fn frame(&mut self, moment: &Moment, starts: bool) {
        match self.agent.product {
            Product::ClaudeCode | Product::Codex => self.hook_frame(moment, starts),
            Product::Native => self.native_frame(moment, starts),
        }
    }

    fn act(&mut self, moment: &Moment, act: &Act) {
        match act {
            Act::Request { method, url, denied, bytes_out: None } => self.boundary(moment, method, url, *denied),
            Act::Request { method, url, denied, bytes_out: Some(bytes) } => {
                self.proxied(moment, method, url, *denied, *bytes);
            }
            Act::Lookup { name, record } => self.lookup(moment, name, record),
            Act::Model { tokens_in, tokens_out } => self.model_call(moment, Some((*tokens_in, *tokens_out))),
            Act::Mode(mode) => self.session.mode.clone_from(mode),
            _ => {
                if !matches!(act, Act::Prompt(_)) {
                    self.model_call(moment, None);
                }
                match self.agent.product {
                    Product::ClaudeCode | Product::Codex => self.hooked(moment, act),
                    Product::Native => self.native(moment, act),
                }
            }
        }
    }

    fn push(&mut self, moment: &Moment, after: i64, feed: Feed, text: String) {
        self.records.push(Record { micros: moment.micros + after, feed, label: moment.label, text });
    }

    /// The id of the next call of a tool.
    fn call_id(&mut self) -> String {
        self.calls += 1;
        format!("toolu_01{}", drawn(&mut self.numbers, b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", 22))
    }

    /// How long a call took, in microseconds.
    fn took(&mut self) -> i64 {
        30_000 + self.numbers.below(900_000) as i64
    }
}
