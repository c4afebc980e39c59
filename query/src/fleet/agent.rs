//! What is kept of one agent, and how an event of it changes that.

use std::collections::VecDeque;

use ledger::Timestamp;
use ledger::events::column;
use operations::limits::TELLER_MEMORY_SECONDS;
use operations::teller::{Rank, Teller};
use operations::witness::Witnesses;
use serde::{Deserialize, Serialize};

use super::activity::{Activity, Step};
use super::approvals::Approvals;
use super::checks::{Check, check};
use super::observation::Observation;
use super::summary::summary;
use super::{clip, learn};
use crate::limits::{FLEET_CONTENT_BYTES_MAX, FLEET_QUIET, FLEET_REPEATS_MIN};

/// By which name an agent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Its own, within its workspace.
    Agent,
    /// That of the workspace.
    Workspace,
    /// That of its session.
    Session,
}

impl Key {
    /// The word in answers and ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workspace => "workspace",
            Self::Session => "session",
        }
    }
}

/// One agent. Texts are clipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agent {
    pub(super) key: Key,
    /// Key and name, which never change.
    pub(super) id: String,
    /// The token with which it was told first: who answers for the room that it takes.
    pub(super) sender: Option<String>,
    pub(super) names: Identity,
    /// Its newest sessions, the newest last.
    pub(super) sessions: VecDeque<String>,
    pub(super) last: LastEvent,
    /// Since when it is heard of without a long pause.
    pub(super) active_since: Timestamp,
    pub(super) now: Now,
    pub(super) last_command: Option<Command>,
    pub(super) check: Option<Check>,
    pub(super) activity: Activity,
    pub(super) session: Session,
    pub(super) today: Today,
    pub(super) repeat: Repeat,
    pub(super) approvals: Approvals,
    /// When a gateway last told of its spend.
    gateway: Option<Timestamp>,
}

/// Who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) org: Option<String>,
    pub(super) team: Option<String>,
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) agent_kind: Option<String>,
    pub(super) client: Option<String>,
    pub(super) workspace: Option<String>,
    pub(super) workspace_name: Option<String>,
    pub(super) template: Option<String>,
    pub(super) model: Option<String>,
    pub(super) collector: Option<String>,
}

/// Its newest event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastEvent {
    pub(super) seq: u64,
    pub(super) moment: Timestamp,
    pub(super) kind: String,
    pub(super) outcome: Option<String>,
    pub(super) summary: String,
}

/// What it does now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Now {
    pub(super) tool: Option<String>,
    /// Content.
    pub(super) command: Option<String>,
    /// Content.
    pub(super) file: Option<String>,
}

/// Its newest command that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Command {
    /// Content.
    pub(super) line: Option<String>,
    pub(super) exit_code: Option<i64>,
    pub(super) outcome: Option<String>,
}

/// Its session, and what it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) name: Option<String>,
    /// How far the name goes before others.
    rank: u8,
    pub(super) run: Option<String>,
    /// The first line of the first prompt: content.
    pub(super) task: Option<String>,
    /// Whether a source told of the start.
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Ended>,
    pub(super) events: u64,
    /// Who told of it.
    pub(super) witnesses: Witnesses,
    /// Who tells of its money.
    teller: Teller,
    pub(super) micros: u64,
    pub(super) unpriced: u32,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
    pub(super) tokens_cache: u64,
    pub(super) denied: u32,
    pub(super) allowed: u32,
    pub(super) new_domains: u32,
}

/// That the session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) moment: Timestamp,
    pub(super) is_failed: bool,
}

/// Money of one day, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Today {
    day: i64,
    micros: u64,
    unpriced: u32,
}

impl Today {
    /// Adds what an event of this moment cost; a day that is over counts no more.
    pub(super) fn add(&mut self, moment: Timestamp, spent: Spent) {
        let day = day_of(moment);
        if day > self.day {
            *self = Self { day, ..Self::default() };
        }
        if day == self.day {
            self.micros = self.micros.saturating_add(spent.micros);
            self.unpriced = self.unpriced.saturating_add(u32::from(spent.is_unpriced));
        }
    }

    /// Micro-USD, and calls without a price, of the day of `now`.
    pub(super) fn at(self, now: Timestamp) -> (u64, u32) {
        if self.day == day_of(now) { (self.micros, self.unpriced) } else { (0, 0) }
    }
}

fn day_of(moment: Timestamp) -> i64 {
    moment.unix_seconds().div_euclid(86_400)
}

/// What one event cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) micros: u64,
    pub(super) is_unpriced: bool,
}

/// The same action in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Repeat {
    action: u64,
    kind: String,
    call: Option<String>,
    pub(super) count: u32,
}

impl Agent {
    /// An agent of which this is the first event.
    pub(super) fn new(key: Key, id: String, event: &Observation<'_>) -> Self {
        let last =
            LastEvent { seq: 0, moment: event.moment, kind: String::new(), outcome: None, summary: String::new() };
        Self {
            key,
            id,
            sender: event
                .text(column::TOKEN)
                .or_else(|| event.text(column::COLLECTOR))
                .map(|text| clip(text).to_owned()),
            names: Identity::default(),
            sessions: VecDeque::new(),
            last,
            active_since: event.moment,
            now: Now::default(),
            last_command: None,
            check: None,
            activity: Activity::default(),
            session: Session::default(),
            today: Today::default(),
            repeat: Repeat::default(),
            approvals: Approvals::default(),
            gateway: None,
        }
    }

    /// Takes an event. `is_new_domain` says that nobody of the fleet asked for its domain before. Returns what it cost.
    pub(super) fn observe(&mut self, event: &Observation<'_>, is_new_domain: bool) -> Spent {
        // What comes late is counted, and does not say what happens now.
        let is_newest = event.moment >= self.last.moment;
        if is_newest {
            self.enter_session(event);
            self.identify(event);
            self.proceed(event);
        } else if event.text(column::SESSION).map(clip).is_some_and(|name| self.session.name.as_deref() == Some(name)) {
            // Another source of the same session: what it is about does not depend on who was heard first.
            self.learn_task(event);
        }
        self.last.seq = event.seq().get();
        let is_repeated = is_newest && self.repeat(event);
        let counted = self.spent(event);
        self.count(event, counted, is_new_domain);
        let spent = counted.unwrap_or_default();
        let step = Step {
            doing: event.doing(),
            is_repeated,
            is_request: event.is_request(),
            is_denied: event.is_denied(),
            micros: spent.micros,
        };
        self.activity.add(event.moment, step);
        self.today.add(event.moment, spent);
        spent
    }

    fn identify(&mut self, event: &Observation<'_>) {
        let names = &mut self.names;
        learn(&mut names.org, event.text(column::ORG));
        learn(&mut names.team, event.text(column::TEAM));
        learn(&mut names.user, event.text(column::USER));
        learn(&mut names.agent_kind, event.text(column::AGENT_KIND));
        learn(&mut names.client, event.text(column::CLIENT));
        learn(&mut names.workspace_name, event.text(column::WORKSPACE_NAME));
        learn(&mut names.template, event.text(column::TEMPLATE));
        learn(&mut names.model, event.text(column::MODEL));
        learn(&mut names.collector, event.text(column::COLLECTOR));
        learn(&mut self.session.run, event.text(column::RUN));
    }

    /// A session that was not heard of before begins anew; the sums of the one before are over.
    fn enter_session(&mut self, event: &Observation<'_>) {
        let Some(name) = event.text(column::SESSION).map(clip) else { return };
        let rank = event.session_rank();
        let is_known = self.session.name.as_deref() == Some(name) || self.sessions.iter().any(|known| known == name);
        if is_known || (self.session.name.is_some() && rank < self.session.rank) {
            return;
        }
        let is_first = self.session.name.is_none();
        // What was counted before the source named the session, or under the name that a lesser source has for it, belongs to it.
        if is_first || rank > self.session.rank {
            (self.session.name, self.session.rank) = (Some(name.to_owned()), rank);
        } else {
            self.session = Session { name: Some(name.to_owned()), rank, ..Session::default() };
            (self.check, self.last_command, self.now) = (None, None, Now::default());
        }
    }

    /// What it does now, and whether it goes on at all.
    fn proceed(&mut self, event: &Observation<'_>) {
        if event.moment.since(self.last.moment) >= FLEET_QUIET {
            self.active_since = event.moment;
        }
        let is_current =
            event.text(column::SESSION).map(clip).is_none_or(|name| self.session.name.as_deref() == Some(name));
        match event.kind {
            "session.start" if is_current => {
                self.session.started.get_or_insert(event.moment);
                self.session.ended = None;
            }
            "session.end" if is_current => {
                let is_failed = matches!(event.text(column::OUTCOME), Some("error" | "blocked" | "deny"));
                self.session.ended = Some(Ended { moment: event.moment, is_failed });
                self.now = Now::default();
            }
            // The gateway and the firewall tell of the last calls when the agent has ended.
            kind if event.is_own()
                && !kind.starts_with("model.")
                && !matches!(kind, "session.start" | "session.end" | "agent.event")
                && self.session.ended.is_some_and(|ended| event.moment > ended.moment) =>
            {
                self.session.ended = None;
            }
            _ => {}
        }
        self.learn_task(event);
        self.approvals.observe(event);
        self.note_act(event);
        let outcome = event.text(column::OUTCOME).map(|text| clip(text).to_owned());
        self.last.moment = event.moment;
        if self.last.kind != event.kind {
            clip(event.kind).clone_into(&mut self.last.kind);
        }
        (self.last.outcome, self.last.summary) = (outcome, summary(event));
    }

    /// The first prompt says what the session is about.
    fn learn_task(&mut self, event: &Observation<'_>) {
        if event.kind == "prompt" && self.session.task.is_none() {
            self.session.task = event.text(column::CONTENT).and_then(first_line);
        }
    }

    fn note_act(&mut self, event: &Observation<'_>) {
        if event.is_own() && !event.kind.starts_with("model.") {
            let kept = |column| event.text(column).map(|text| clip(text).to_owned());
            if let Some(tool) = event.text(column::TOOL) {
                learn(&mut self.now.tool, Some(tool));
                (self.now.command, self.now.file) = (kept(column::COMMAND), kept(column::FILE));
            } else if event.text(column::COMMAND).is_some() || event.text(column::FILE).is_some() {
                self.now = Now { tool: None, command: kept(column::COMMAND), file: kept(column::FILE) };
            }
            if event.kind == "command" {
                let exit_code = event.integer(column::EXIT_CODE);
                self.last_command =
                    Some(Command { line: kept(column::COMMAND), exit_code, outcome: kept(column::OUTCOME) });
            }
        }
        if let Some(check) = check(event) {
            self.check = Some(check);
        }
    }

    /// Whether the event is one more of the same action. A call and its result are one.
    fn repeat(&mut self, event: &Observation<'_>) -> bool {
        let Some(action) = event.action() else { return false };
        let call = event.text(column::TOOL_CALL).map(clip);
        let repeat = &mut self.repeat;
        if repeat.count == 0 || repeat.action != action {
            *repeat = Repeat { action, kind: clip(event.kind).to_owned(), call: call.map(str::to_owned), count: 1 };
            return false;
        }
        let is_other_call = if call.is_some() { repeat.call.as_deref() != call } else { repeat.kind == event.kind };
        if is_other_call {
            repeat.count = repeat.count.saturating_add(1);
            repeat.call = call.map(str::to_owned);
        }
        repeat.count >= FLEET_REPEATS_MIN
    }

    fn count(&mut self, event: &Observation<'_>, counted: Option<Spent>, is_new_domain: bool) {
        let session = &mut self.session;
        session.events += 1;
        session.witnesses = session.witnesses.with(event.witnesses());
        if let Some(spent) = counted {
            session.micros = session.micros.saturating_add(spent.micros);
            session.unpriced = session.unpriced.saturating_add(u32::from(spent.is_unpriced));
            let add = |sum: &mut u64, column| *sum = sum.saturating_add(event.number(column).unwrap_or(0));
            add(&mut session.tokens_in, column::TOKENS_IN);
            add(&mut session.tokens_out, column::TOKENS_OUT);
            add(&mut session.tokens_cache, column::TOKENS_CACHE_READ);
            add(&mut session.tokens_cache, column::TOKENS_CACHE_WRITE);
        }
        if event.is_request() {
            let sum = if event.is_denied() { &mut session.denied } else { &mut session.allowed };
            *sum = sum.saturating_add(1);
            session.new_domains = session.new_domains.saturating_add(u32::from(is_new_domain));
        }
    }

    /// What an event cost; `None` if it tells of no money or tokens, or of such that are counted: by whoever is believed more about the
    /// session, or before.
    fn spent(&mut self, event: &Observation<'_>) -> Option<Spent> {
        let cost = event.number(column::COST_MICROS).or_else(|| event.number(column::COST_SOURCE_MICROS));
        let has_tokens = || event.number(column::TOKENS_OUT).is_some() || event.number(column::TOKENS_IN).is_some();
        if event.is_conflict() || (cost.is_none() && !has_tokens()) {
            return None;
        }
        let teller = event.teller();
        let is_silenced = |told: Timestamp| event.moment.unix_seconds() - told.unix_seconds() < TELLER_MEMORY_SECONDS;
        if teller.rank >= Rank::LiteLlm {
            self.gateway = Some(event.moment);
        } else if self.gateway.is_some_and(is_silenced) {
            return None;
        }
        // Without a session nobody knows whether two tell of the same call.
        let is_of_session =
            event.text(column::SESSION).map(clip).is_some_and(|name| self.session.name.as_deref() == Some(name));
        if is_of_session && !self.session.teller.gives_way_to(teller) {
            return None;
        }
        Some(Spent { micros: cost.unwrap_or(0), is_unpriced: cost.is_none() })
    }
}

/// The first line of a prompt with a word in it. Content is a JSON object of the values that were cut out of the record.
fn first_line(content: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Prompt {
        prompt: Option<serde_json::Value>,
        content: Option<serde_json::Value>,
    }
    if content.len() > FLEET_CONTENT_BYTES_MAX {
        return None;
    }
    let Prompt { prompt, content } = serde_json::from_str(content).ok()?;
    let value = prompt.or(content)?;
    let text = value.as_str()?;
    let line = text.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric))?;
    Some(clip(line).to_owned())
}
