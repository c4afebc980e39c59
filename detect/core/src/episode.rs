//! Episodes: what makes of many events one alert that is opened, updated and resolved.
//!
//! A detector says what one episode is about ([`Case`]: severity, title, reason) and when something belongs to it
//! ([`Episodes::raise`]). Here lives everything else: ids, counts, evidence, when to speak again, timers of silence, bounds.
//! No detector keeps any of that itself.

mod alert;
mod queue;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ledger::Seq;
use ledger::Timestamp;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, What, Who};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::detector_state::DetectorState;
use crate::event::{EventRow, Sighting};
use crate::findings::Findings;
use crate::key::Key;
use crate::limits::{EPISODES_MAX, EPISODES_PER_SCOPE_MAX, NAME_BYTES_MAX};
use crate::pack::{RestoreError, pack_json, unpack_json};
use crate::scope::Scope;
use crate::spec::Spec;
use alert::Episode;
use queue::Queue;

/// What a detector knows about one episode and how it puts it. `alert` holds what is counted for it.
pub trait Case: Clone + Serialize + DeserializeOwned {
    /// How bad it is now. When it gets worse, that is said at once.
    fn severity(&self, alert: &Alert) -> Severity;

    /// A few words.
    fn title(&self, alert: &Alert) -> String;

    /// Sentences with the observed value and the baseline.
    fn reason(&self, alert: &Alert) -> String;

    /// The number in the reason that says most, where there is one: what is compared with a limit or with what is usual.
    fn measured(&self, _alert: &Alert) -> Option<Measurement> {
        None
    }

    /// What a later episode about the same thing has in common with this one, where there is such a thing: what a person closed as
    /// benign is told to nobody when it comes again.
    fn shape(&self, _alert: &Alert) -> Option<String> {
        None
    }

    /// How far it has come among steps of the same severity. When it gets further, that is said at once too.
    fn stage(&self) -> u8 {
        0
    }

    /// What it found among the different things that its rule looks for, in words of the rule's own: alerts of one kind are as
    /// ordinary for a team as there were many of them ([`crate::alert_budget`]). A destination's class is told apart anyway.
    fn kind(&self) -> &'static str {
        ""
    }

    /// The techniques that it is about, of those of its rule; `None` for all of them.
    fn tags(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Position of an event that explains the episode without being part of it; it stands first in the evidence.
    fn cause(&self) -> Option<::ledger::Position> {
        None
    }
}

/// What the alerts of a rule have in common: all that an episode knows of a rule.
#[derive(Debug, Clone)]
pub struct Label {
    /// Name of the rule.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: u32,
    /// ATLAS and ATT&CK techniques.
    pub tags: Vec<String>,
}

impl From<&'static Spec> for Label {
    fn from(spec: &'static Spec) -> Self {
        let tags = spec.tags.iter().map(ToString::to_string).collect();
        Self { name: Cow::Borrowed(spec.name), version: spec.version, tags }
    }
}

/// What an episode is about: at most one is open for each subject.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whose it is; the number of open episodes is bounded for each scope.
    pub scope: Scope<'a>,
    /// What tells the episodes of a scope apart; empty where there is one only.
    pub target: &'a str,
}

impl<'a> Subject<'a> {
    /// Who acts in an event: the agent, and which of its sub-agents.
    pub fn actor(event: &EventRow<'a>) -> Self {
        let scope = Scope::agent(event);
        let sub_agent = if scope.kind == "session" { event.text(column::AGENT) } else { None };
        Self { scope, target: sub_agent.unwrap_or("") }
    }
}

/// What a new episode starts with.
#[derive(Debug)]
pub struct Opening<C> {
    /// What the detector knows.
    pub case: C,
    /// Whose agent.
    pub who: Who,
    /// What the finding rests on.
    pub what: What,
    /// What belongs to it and came before the event that opens it.
    pub before: Before,
}

/// Events of an episode from before it was opened.
#[derive(Debug, Default)]
pub struct Before {
    /// How many they were.
    pub count: u64,
    /// Event time of the first one, and when it was recorded.
    pub first: Option<(Timestamp, Timestamp)>,
    /// Sequence numbers of some of them, ascending.
    pub evidence: Vec<Seq>,
}

/// From what an alert is about first to what it is about last, in microseconds. Sources tell both times, so it may be any.
pub fn span(alert: &Alert) -> i64 {
    alert.last_seen.micros_since(alert.first_seen)
}

/// The same in whole seconds: the window of what is counted for it.
pub fn span_seconds(alert: &Alert) -> i64 {
    span(alert) / 1_000_000
}

/// The open episodes of one detector.
pub struct Episodes<C> {
    label: Label,
    key: Key,
    quiet_seconds: i64,
    /// How many may be open.
    limit: usize,
    /// By name: scope and target.
    open: BTreeMap<String, Episode<C>>,
    queue: Queue,
    /// Episodes that have not said all, with the second in which they may be due to.
    unsaid: BTreeSet<(i64, String)>,
    /// Number of open episodes by scope.
    per_scope: BTreeMap<u64, u32>,
    /// The name of an episode while it is looked up; kept for its memory.
    name: String,
}

impl<C: Case> Episodes<C> {
    /// No episode. One is resolved when nothing was added to it for `quiet_seconds`.
    pub fn new(label: impl Into<Label>, key: Key, quiet_seconds: u32) -> Self {
        Self {
            label: label.into(),
            key,
            quiet_seconds: i64::from(quiet_seconds),
            limit: EPISODES_MAX,
            open: BTreeMap::new(),
            queue: Queue::default(),
            unsaid: BTreeSet::new(),
            per_scope: BTreeMap::new(),
            name: String::new(),
        }
    }

    /// The same, of which no more than so many are open.
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Adds what was seen to the subject's episode after `change`, or opens one.
    ///
    /// `open` is asked with `true` if the scope has so many episodes that this one stands for all its further targets.
    pub fn raise(
        &mut self,
        subject: Subject<'_>,
        sighting: Sighting,
        findings: &mut Findings,
        open: impl FnOnce(bool) -> Opening<C>,
        change: impl FnOnce(&mut C),
    ) {
        self.write_name(subject);
        // Most episodes that are raised are open: for them one look is all.
        let Some(change) = self.add(sighting, findings, change) else { return };
        let scope = subject.scope.hash(self.key, "scope");
        let many = self.per_scope.get(&scope).is_some_and(|open| *open >= EPISODES_PER_SCOPE_MAX);
        if many {
            self.write_name(Subject { target: MANY, ..subject });
            if self.add(sighting, findings, change).is_none() {
                return;
            }
        }
        let deadline = sighting.recorded.unix_seconds() + self.quiet_seconds;
        if self.open.len() >= self.limit {
            self.resolve_quietest(sighting.sender, findings);
        }
        let episode = Episode::open(&self.label, scope, &self.name, sighting, deadline, open(many), findings);
        *self.per_scope.entry(scope).or_default() += 1;
        self.queue.insert(sighting.sender, deadline, &self.name);
        self.open.insert(self.name.clone(), episode);
    }

    /// Adds what was seen to the episode of the name that was written, after `change`; gives `change` back if there is none.
    fn add<F: FnOnce(&mut C)>(&mut self, sighting: Sighting, findings: &mut Findings, change: F) -> Option<F> {
        let Some(episode) = self.open.get_mut(&self.name) else { return Some(change) };
        let before = episode.case.stage();
        change(&mut episode.case);
        let further = episode.case.stage() > before;
        let deadline = sighting.recorded.unix_seconds() + self.quiet_seconds;
        episode.add(&self.label, sighting, (deadline, further), findings);
        if let Some(due) = episode.unsaid().filter(|unsaid| unsaid.queued == 0).and_then(|_| episode.quiet_due()) {
            episode.queue_quiet(due);
            self.unsaid.insert((due, self.name.clone()));
        }
        None
    }

    /// Changes what is known about the subject's episode although nothing new was seen; says so if that makes it worse, or
    /// brings it further.
    pub fn worsen(&mut self, subject: Subject<'_>, findings: &mut Findings, change: impl FnOnce(&mut C)) {
        self.write_name(subject);
        if let Some(episode) = self.open.get_mut(&self.name) {
            let before = episode.case.stage();
            change(&mut episode.case);
            let further = episode.case.stage() > before;
            episode.worsen(&self.label, further, findings);
        }
    }

    /// Resolves the subject's episode after `change`, if one is open: what it was about is known to be over.
    pub fn resolve(&mut self, subject: Subject<'_>, findings: &mut Findings, change: impl FnOnce(&mut C)) {
        self.write_name(subject);
        let name = std::mem::take(&mut self.name);
        if let Some(episode) = self.open.get_mut(&name) {
            change(&mut episode.case);
            self.close(&name, findings);
        }
        self.name = name;
    }

    /// Whether the subject has an open episode.
    pub fn is_open(&mut self, subject: Subject<'_>) -> bool {
        self.write_name(subject);
        self.open.contains_key(&self.name)
    }

    /// Lets the first episode that may have something left to say bring its numbers up to date.
    fn speak_quietly(&mut self, second: i64, findings: &mut Findings) {
        let Some((queued, name)) = self.unsaid.pop_first() else { return };
        // It may have spoken since, and be queued for another second, or be over.
        let Some(episode) = self.open.get_mut(&name) else { return };
        let Some(due) = episode.unsaid().filter(|unsaid| unsaid.queued == queued).and_then(|_| episode.quiet_due())
        else {
            return;
        };
        if due <= second {
            episode.speak_quietly(&self.label, second, findings);
        } else {
            episode.queue_quiet(due);
            self.unsaid.insert((due, name));
        }
    }

    /// Names an episode. The length keeps a scope's name from running into the target; what is too long ends in its hash.
    fn write_name(&mut self, Subject { scope, target }: Subject<'_>) {
        use std::fmt::Write as _;
        self.name.clear();
        // Writing to a String does not fail.
        let _ = write!(self.name, "{}:{}:", scope.kind, scope.name.len());
        self.write_bounded(scope.name);
        self.name.push('>');
        self.write_bounded(target);
    }

    fn write_bounded(&mut self, text: &str) {
        use std::fmt::Write as _;
        if text.len() <= NAME_BYTES_MAX {
            self.name.push_str(text);
        } else {
            let start = &text[..text.floor_char_boundary(NAME_BYTES_MAX)];
            let _ = write!(self.name, "{start}…{:016x}", self.key.hash(&["name", text]));
        }
    }

    /// What does not fit into this second stays queued for the next one.
    fn resolve_due(&mut self, second: i64, findings: &mut Findings) {
        while !findings.is_full() {
            let Some(name) = self.queue.due(second).map(str::to_owned) else { return };
            match self.open.get_mut(&name) {
                Some(episode) if episode.deadline > episode.queued => {
                    self.queue.remove(episode.sender, episode.queued, &name);
                    episode.queued = episode.deadline;
                    self.queue.insert(episode.sender, episode.queued, &name);
                }
                _ => self.close(&name, findings),
            }
        }
    }

    /// Makes room for an episode of this sender: resolves the one whose deadline is the earliest among those that give way.
    fn resolve_quietest(&mut self, sender: u32, findings: &mut Findings) {
        while let Some((queued, name)) = self.queue.quietest(sender).map(|(queued, name)| (queued, name.to_owned())) {
            match self.open.get_mut(&name) {
                Some(episode) if episode.deadline > queued => {
                    self.queue.remove(episode.sender, queued, &name);
                    episode.queued = episode.deadline;
                    self.queue.insert(episode.sender, episode.queued, &name);
                }
                _ => return self.close(&name, findings),
            }
        }
    }

    /// Says that an episode is over.
    fn close(&mut self, name: &str, findings: &mut Findings) {
        let Some(episode) = self.open.remove(name) else { return };
        self.queue.remove(episode.sender, episode.queued, name);
        if let Some(open) = self.per_scope.get_mut(&episode.scope) {
            *open -= 1;
            if *open == 0 {
                self.per_scope.remove(&episode.scope);
            }
        }
        episode.resolve(&self.label, findings);
    }

    fn restart_timers(&mut self, second: i64) {
        self.queue = Queue::default();
        for (name, episode) in &mut self.open {
            episode.deadline = second + self.quiet_seconds;
            episode.queued = episode.deadline;
            self.queue.insert(episode.sender, episode.deadline, name);
        }
    }
}

impl<C: Case> DetectorState for Episodes<C> {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        pack_json(&self.open, out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.open = unpack_json(input)?;
        (self.queue, self.unsaid) = (Queue::default(), BTreeSet::new());
        for (name, episode) in &self.open {
            self.queue.insert(episode.sender, episode.queued, name);
            let unsaid = episode.unsaid().filter(|unsaid| unsaid.queued != 0);
            self.unsaid.extend(unsaid.map(|unsaid| (unsaid.queued, name.clone())));
        }
        self.per_scope.clear();
        for episode in self.open.values() {
            *self.per_scope.entry(episode.scope).or_default() += 1;
        }
        Ok(())
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        if down {
            self.restart_timers(second);
            return;
        }
        if self.queue.due(second).is_some() {
            self.resolve_due(second, findings);
        }
        while findings.has_quiet_room() && self.unsaid.first().is_some_and(|(due, _)| *due <= second) {
            self.speak_quietly(second, findings);
        }
    }
}

/// Stands for every further target of a scope that has too many; no real target looks like this.
const MANY: &str = "\u{0}many";

#[cfg(test)]
mod tests;
