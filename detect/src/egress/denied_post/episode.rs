//! One episode of refused writes: what it counts, when it speaks and how it puts it.

use std::collections::VecDeque;

use ledger::Position;
use ledger::alert::{self, Alert, EVIDENCE_MAX, Severity, State, What};
use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::SPEC;
use super::secret::{SecretRead, Sign};
use crate::detector::{EventRow, Findings};
use crate::egress::scope;
use crate::limits::{EPISODES_PER_SCOPE_MAX, UPDATE_FACTOR};
use crate::text::{bounded, duration, times};

/// What is known about the agent and the domain when the episode opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A request of this agent to this domain was allowed before.
    Allowed,
    /// None was, in everything that was recorded.
    NeverAllowed,
    /// Too many pairs were seen to remember them all.
    Unknown,
    /// One of the many further domains of this agent.
    Many,
}

/// An open episode.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Episode {
    /// Keyed hash of the scope.
    pub scope: u64,
    /// The second in which it is resolved if nothing more comes.
    pub deadline: i64,
    alert: Alert,
    scope_kind: String,
    target: Target,
    /// Where the latest evidence stands, after the first half of the list.
    latest: VecDeque<u64>,
    secret: Option<SecretRead>,
    update_at: u64,
}

impl Episode {
    /// Opens an episode with its first event and says so.
    #[allow(clippy::too_many_arguments, reason = "each is a different fact about the first event")]
    pub fn open(
        event: &EventRow<'_>,
        scope_kind: &str,
        scope: u64,
        name: &str,
        target: Target,
        deadline: i64,
        secret: Option<SecretRead>,
        findings: &mut Findings,
    ) -> Self {
        let text = |column| event.text(column).map(bounded);
        let many = target == Target::Many;
        let what = What {
            host: text(column::HOST).filter(|_| !many),
            domain: text(column::DOMAIN).filter(|_| !many),
            method: text(column::METHOD),
            path: text(column::PATH).filter(|_| !many),
            policy: text(column::RULE),
            ..What::default()
        };
        let alert = Alert {
            id: alert::id(SPEC.name, SPEC.version, name, event.position()),
            revision: 0,
            rule: SPEC.name.to_owned(),
            rule_version: SPEC.version,
            state: State::Open,
            severity: Severity::Info,
            title: String::new(),
            reason: String::new(),
            who: scope::who(event),
            what,
            first_seen: event.time(),
            last_seen: event.time(),
            recorded_first: event.recorded(),
            recorded_last: event.recorded(),
            count: 1,
            evidence: vec![event.position()],
            tags: SPEC.tags.iter().map(ToString::to_string).collect(),
            backfill: event.backfill(),
        };
        let mut episode = Self {
            scope,
            deadline,
            alert,
            scope_kind: scope_kind.to_owned(),
            target,
            latest: VecDeque::new(),
            secret: None,
            update_at: UPDATE_FACTOR,
        };
        episode.note_secret(secret);
        episode.speak(State::Open, findings);
        episode
    }

    /// Adds an event, and says so if it was time or changes something.
    pub fn add(&mut self, event: &EventRow<'_>, deadline: i64, secret: Option<SecretRead>, findings: &mut Findings) {
        self.deadline = deadline;
        self.alert.count += 1;
        self.alert.first_seen = self.alert.first_seen.min(event.time());
        self.alert.last_seen = self.alert.last_seen.max(event.time());
        self.alert.recorded_last = event.recorded();
        self.note_evidence(event.position());
        self.note_secret(secret);
        let live = self.alert.backfill && !event.backfill();
        self.alert.backfill &= event.backfill();
        let worse = self.severity() > self.alert.severity;
        if live || worse || self.alert.count >= self.update_at {
            self.update_at = self.update_at.max(self.alert.count.saturating_mul(UPDATE_FACTOR));
            self.speak(State::Updated, findings);
        }
    }

    /// Says that it is over.
    pub fn resolve(mut self, findings: &mut Findings) {
        self.speak(State::Resolved, findings);
    }

    /// Keeps the first half of the evidence and the latest of what came after.
    fn note_evidence(&mut self, position: Position) {
        const HALF: usize = EVIDENCE_MAX / 2;
        if self.alert.evidence.len() < HALF {
            self.alert.evidence.push(position);
        } else {
            // One place stays free for the read of a secret.
            if self.latest.len() == HALF - 1 {
                self.latest.pop_front();
            }
            self.latest.push_back(position.seq);
        }
    }

    /// A secret that was read before the first refused write, or between two of them. The first one stays.
    fn note_secret(&mut self, secret: Option<SecretRead>) {
        if self.secret.is_none() {
            self.secret = secret;
        }
    }

    fn severity(&self) -> Severity {
        if self.secret.is_some() && self.alert.count >= 2 {
            Severity::Critical
        } else if self.target == Target::Allowed {
            Severity::Medium
        } else {
            Severity::High
        }
    }

    fn speak(&mut self, state: State, findings: &mut Findings) {
        self.alert.state = state;
        self.alert.revision += 1;
        self.alert.severity = self.severity();
        self.alert.title = self.title();
        self.alert.reason = self.reason();
        let mut alert = self.alert.clone();
        if let (Some(last), Some(first)) = (self.latest.back(), alert.evidence.first().copied()) {
            debug_assert!(*last > first.seq, "evidence is in order");
            alert.evidence.extend(self.latest.iter().map(|seq| Position { seq: *seq, ..first }));
        }
        if let Some(secret) = &self.secret
            && !alert.evidence.contains(&secret.position())
        {
            alert.evidence.insert(0, secret.position());
        }
        findings.push(alert);
    }

    fn destination(&self) -> &str {
        let what = &self.alert.what;
        what.domain.as_deref().or(what.host.as_deref()).unwrap_or("an unnamed destination")
    }

    fn title(&self) -> String {
        let method = self.alert.what.method.as_deref().unwrap_or("write");
        match self.target {
            Target::Many => "Writes to many domains were refused".to_owned(),
            _ => format!("Refused {method} to {}", self.destination()),
        }
    }

    /// What was observed, what is usual, what came before, and what it means.
    fn reason(&self) -> String {
        let sentences = [self.observed(), self.baseline(), self.before(), self.verdict().to_owned()];
        let said: Vec<String> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
        said.join(" ")
    }

    fn observed(&self) -> String {
        let alert = &self.alert;
        let count = times(alert.count);
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(alert.last_seen - alert.first_seen)),
        };
        let method = alert.what.method.as_deref().unwrap_or("A write");
        match self.target {
            Target::Many => format!(
                "Writes to further domains, beyond the {EPISODES_PER_SCOPE_MAX} that have alerts of their own, were refused \
                 {count}{span}."
            ),
            _ => format!("{method} to {} was refused {count}{span}.", self.destination()),
        }
    }

    fn baseline(&self) -> String {
        let scope = &self.scope_kind;
        match self.target {
            Target::Allowed => format!("Other requests of this {scope} to this domain were allowed before."),
            Target::NeverAllowed => format!("Before that, no request of this {scope} to this domain was ever allowed."),
            Target::Unknown => "Whether this domain was allowed before is no longer known.".to_owned(),
            Target::Many => format!("So many domains from one {scope} are a scan or a broken agent."),
        }
    }

    fn before(&self) -> String {
        let Some(secret) = &self.secret else { return String::new() };
        let what = match secret.sign {
            Sign::FileName => "read a file whose name says that it holds secrets",
            Sign::Redaction => "sent or received a secret, which was redacted here",
        };
        format!("The same {} {what} ({}).", self.scope_kind, secret.position())
    }

    fn verdict(&self) -> &'static str {
        match (self.target, self.secret.is_some()) {
            (_, true) => "Treat it as attempted exfiltration until the evidence says otherwise.",
            (Target::Allowed, false) => {
                "More likely a policy that allows reading but not writing there, or a confused agent, than exfiltration."
            }
            (_, false) => {
                "That is what attempted exfiltration looks like; a confused agent that guesses an address looks the same, so \
                 read the evidence."
            }
        }
    }
}
