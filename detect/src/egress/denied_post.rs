//! `egress.denied_post`: an agent tried to send something out, and the firewall refused.

mod episode;
mod examples;
mod secret;

use std::collections::{BTreeMap, BTreeSet};

use ledger::events::column;
use serde::{Deserialize, Serialize};

use crate::detector::{Detector, EventRow, Findings, RestoreError};
use crate::egress::scope;
use crate::engine::Key;
use crate::limits::{
    ALLOWED_PAIRS_MAX, EPISODES_MAX, EPISODES_PER_SCOPE_MAX, RESOLVED_PER_ADVANCE_MAX, SECRET_READS_MAX,
};
use crate::recent::{Dump, Recent};
use crate::registry::Spec;
use episode::{Episode, Target};
use secret::SecretRead;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.denied_post",
    version: 1,
    what: "A write request (POST, PUT, PATCH or DELETE) that the firewall refused, grouped by workspace (or session) and domain.",
    why: "A prompt injection that makes an agent send secrets or source code to a stranger ends in exactly this line of the \
          firewall's log, and nobody reads that log.",
    false_positives: "An agent that guesses an address, or retries what its policy forbids; a policy that allows reading from \
                      a domain but not writing to it (those are rated medium).",
    tuning: "quiet_seconds: how long a domain must be quiet before the episode is resolved. secret_window_seconds: how long \
             after reading a secret a refused write counts as critical.",
    tags: &["AML.T0086", "AML.T0025", "T1567", "T1041"],
    examples: examples::EXAMPLES,
};

/// `[detect.rules."egress.denied_post"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// An episode is resolved after this many seconds without a refused write: 1 to 86,400.
    pub quiet_seconds: u32,
    /// A refused write is critical, from the second on, this many seconds after the same agent read a secret: 0 to 86,400.
    pub secret_window_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { enabled: true, quiet_seconds: 600, secret_window_seconds: 900 }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=86_400).contains(&self.quiet_seconds) {
            return Err(format!("quiet_seconds is {}; it must be 1 to 86400", self.quiet_seconds));
        }
        if self.secret_window_seconds > 86_400 {
            return Err(format!("secret_window_seconds is {}; it must be 0 to 86400", self.secret_window_seconds));
        }
        Ok(())
    }
}

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(DeniedPost {
        parameters: parameters.clone(),
        key,
        episodes: BTreeMap::new(),
        deadlines: BTreeSet::new(),
        per_scope: BTreeMap::new(),
        allowed: Recent::new(ALLOWED_PAIRS_MAX),
        secrets: Recent::new(SECRET_READS_MAX),
        name: String::new(),
    })
}

struct DeniedPost {
    parameters: Parameters,
    key: Key,
    /// Open episodes by scope and target.
    episodes: BTreeMap<String, Episode>,
    /// One deadline for each episode. It may be earlier than the episode's own, never later.
    deadlines: BTreeSet<(i64, String)>,
    /// Number of open episodes by scope.
    per_scope: BTreeMap<u64, u32>,
    /// Pairs of scope and domain of which a request was allowed.
    allowed: Recent<()>,
    /// The latest secret-bearing read of each scope.
    secrets: Recent<SecretRead>,
    /// The name of an episode while it is looked up; kept for its memory.
    name: String,
}

#[derive(Serialize, Deserialize)]
struct State {
    episodes: BTreeMap<String, Episode>,
    allowed: Dump<()>,
    secrets: Dump<SecretRead>,
}

impl Detector for DeniedPost {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if let Some(read) = SecretRead::of(event) {
            let (kind, name) = scope::of(event);
            self.secrets.insert(self.key.hash(&["secret", kind, name]), read);
        }
        if event.text(column::KIND) != Some("egress.http") {
            return;
        }
        match event.text(column::OUTCOME) {
            Some("allow") => {
                if let Some(domain) = domain(event) {
                    let (kind, name) = scope::of(event);
                    self.allowed.insert(self.key.hash(&["allowed", kind, name, domain]), ());
                }
            }
            Some("deny" | "blocked") if event.text(column::METHOD).is_some_and(is_write) => {
                self.refused(event, findings);
            }
            _ => {}
        }
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        if down {
            self.restart_timers(second);
        } else if self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= second) {
            self.resolve_due(second, findings);
        }
    }

    fn snapshot(&self) -> Result<Vec<u8>, RestoreError> {
        let state =
            State { episodes: self.episodes.clone(), allowed: self.allowed.dump(), secrets: self.secrets.dump() };
        Ok(serde_json::to_vec(&state)?)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let state: State = serde_json::from_slice(bytes)?;
        self.deadlines = state.episodes.iter().map(|(name, episode)| (episode.deadline, name.clone())).collect();
        self.per_scope.clear();
        for episode in state.episodes.values() {
            *self.per_scope.entry(episode.scope).or_default() += 1;
        }
        self.episodes = state.episodes;
        self.allowed = Recent::load(state.allowed, ALLOWED_PAIRS_MAX);
        self.secrets = Recent::load(state.secrets, SECRET_READS_MAX);
        Ok(())
    }
}

impl DeniedPost {
    /// A refused write: opens an episode or adds to the one that is open.
    fn refused(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let (kind, scope_name) = scope::of(event);
        let scope = self.key.hash(&["scope", kind, scope_name]);
        let target = domain(event).unwrap_or("");
        let deadline = event.second() + i64::from(self.parameters.quiet_seconds);
        let secret = self.secrets.get(self.key.hash(&["secret", kind, scope_name])).filter(|read| {
            event.recorded() - read.recorded <= i64::from(self.parameters.secret_window_seconds) * 1_000_000
        });

        self.write_name(kind, scope_name, target);
        let many = !self.episodes.contains_key(&self.name)
            && self.per_scope.get(&scope).is_some_and(|open| *open >= EPISODES_PER_SCOPE_MAX);
        if many {
            self.write_name(kind, scope_name, MANY);
        }
        if let Some(episode) = self.episodes.get_mut(&self.name) {
            episode.add(event, deadline, secret, findings);
            return;
        }
        if self.episodes.len() >= EPISODES_MAX {
            self.resolve_quietest(findings);
        }
        let target = if many { Target::Many } else { self.target(kind, scope_name, target) };
        let episode = Episode::open(event, kind, scope, &self.name, target, deadline, secret, findings);
        *self.per_scope.entry(scope).or_default() += 1;
        self.deadlines.insert((deadline, self.name.clone()));
        self.episodes.insert(self.name.clone(), episode);
    }

    /// What is known about this agent and this domain.
    fn target(&self, kind: &str, scope: &str, domain: &str) -> Target {
        if self.allowed.get(self.key.hash(&["allowed", kind, scope, domain])).is_some() {
            Target::Allowed
        } else if self.allowed.forgot() {
            Target::Unknown
        } else {
            Target::NeverAllowed
        }
    }

    /// Names an episode. The length keeps a scope's name from running into the target.
    fn write_name(&mut self, kind: &str, scope: &str, target: &str) {
        use std::fmt::Write as _;
        self.name.clear();
        // Writing to a String does not fail.
        let _ = write!(self.name, "{kind}:{}:{scope}>{target}", scope.len());
    }

    fn resolve_due(&mut self, second: i64, findings: &mut Findings) {
        let mut due = BTreeSet::new();
        while self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= second) {
            let Some((_, name)) = self.deadlines.pop_first() else { break };
            let Some(episode) = self.episodes.get(&name) else { continue };
            let deadline = episode.deadline;
            if deadline <= second {
                due.insert((deadline, name))
            } else {
                self.deadlines.insert((deadline, name))
            };
        }
        for (number, (deadline, name)) in due.into_iter().enumerate() {
            if number < RESOLVED_PER_ADVANCE_MAX {
                self.resolve(&name, findings);
            } else {
                self.deadlines.insert((deadline, name));
            }
        }
    }

    /// Makes room: resolves the episode whose deadline is the earliest.
    fn resolve_quietest(&mut self, findings: &mut Findings) {
        while let Some((queued, name)) = self.deadlines.pop_first() {
            match self.episodes.get(&name).map(|episode| episode.deadline) {
                Some(deadline) if deadline > queued => {
                    self.deadlines.insert((deadline, name));
                }
                _ => return self.resolve(&name, findings),
            }
        }
    }

    fn resolve(&mut self, name: &str, findings: &mut Findings) {
        let Some(episode) = self.episodes.remove(name) else { return };
        if let Some(open) = self.per_scope.get_mut(&episode.scope) {
            *open -= 1;
            if *open == 0 {
                self.per_scope.remove(&episode.scope);
            }
        }
        episode.resolve(findings);
    }

    /// Silence during an outage means nothing.
    fn restart_timers(&mut self, second: i64) {
        self.deadlines.clear();
        for (name, episode) in &mut self.episodes {
            episode.deadline = second + i64::from(self.parameters.quiet_seconds);
            self.deadlines.insert((episode.deadline, name.clone()));
        }
    }
}

/// Stands for every further domain of a scope that has too many; no domain looks like this.
const MANY: &str = "\u{0}many";

fn domain<'a>(event: &EventRow<'a>) -> Option<&'a str> {
    event.text(column::DOMAIN).or_else(|| event.text(column::HOST))
}

fn is_write(method: &str) -> bool {
    ["POST", "PUT", "PATCH", "DELETE"].iter().any(|write| method.eq_ignore_ascii_case(write))
}

#[cfg(test)]
mod tests;
