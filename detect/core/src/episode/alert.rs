//! One episode: what is counted for it, which evidence it keeps, and when it speaks.

use std::collections::VecDeque;

use ledger::Position;
use ledger::Seq;
use operations::alert::{self, Alert, EVIDENCE_MAX, Measurement, POINTS_MAX, Point, Severity, State};
use serde::{Deserialize, Serialize};

use super::{Case, Label, Opening};
use crate::event::Sighting;
use crate::findings::Findings;
use crate::limits::{QUIET_BURST, QUIET_PAUSE_SECONDS, QUIET_SECONDS, QUIET_SECONDS_MAX, UPDATE_FACTOR};

/// An open episode. Rule, tags, title and reason are filled in when it speaks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Episode<C> {
    /// Keyed hash of the scope.
    pub(super) scope: u64,
    /// Half of the keyed hash of who answers for the event that opened it.
    pub(super) sender: u32,
    /// The second in which it is resolved if nothing more comes,
    pub(super) deadline: i64,
    /// and the one for which it is queued, which is not later.
    pub(super) queued: i64,
    /// What the detector knows.
    pub(super) case: C,
    alert: Alert,
    /// Where the latest evidence stands, after the first half of the list.
    latest: VecDeque<Seq>,
    update_at: u64,
    /// What was added since it last spoke.
    unsaid: Option<Unsaid>,
    /// What was measured when it spoke, oldest first.
    measured: VecDeque<Point>,
    /// How often it only brought numbers up to date, and the second in which it did so last.
    quiet: (u32, i64),
}

/// Seconds of what an episode has not said yet.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Unsaid {
    first: i64,
    last: i64,
    /// The second for which it is queued, which is not later than it is due.
    pub(super) queued: i64,
}

impl<C: Case> Episode<C> {
    /// Opens an episode and says so.
    pub(super) fn open(
        label: &Label,
        scope: u64,
        name: &str,
        sighting: Sighting,
        deadline: i64,
        opening: Opening<C>,
        findings: &mut Findings,
    ) -> Self {
        let Opening { case, who, what, before } = opening;
        let (first_seen, recorded_first) = before.first.unwrap_or((sighting.time, sighting.recorded));
        let alert = Alert {
            // The event that opens an episode opens no other one of this name, so the id is new.
            id: alert::id(&label.name, label.version, name, sighting.position),
            revision: 0,
            rule: String::new(),
            rule_version: label.version,
            state: State::Open,
            severity: Severity::Info,
            title: String::new(),
            reason: String::new(),
            who,
            what,
            first_seen: first_seen.min(sighting.time),
            last_seen: sighting.time,
            recorded_first,
            recorded_last: sighting.recorded,
            count: before.count + 1,
            evidence: Vec::new(),
            tags: Vec::new(),
            backfill: sighting.backfill,
            measured: None,
            follows: None,
            sender: Some(format!("{:08x}", sighting.sender)),
            flood: findings.is_flood(),
            lowered_from: None,
            shape: None,
        };
        let mut episode = Self {
            scope,
            sender: sighting.sender,
            deadline,
            queued: deadline,
            case,
            alert,
            latest: VecDeque::new(),
            update_at: 0,
            unsaid: None,
            measured: VecDeque::new(),
            quiet: (0, 0),
        };
        for seq in before.evidence {
            episode.note_evidence(Position { seq, ..sighting.position });
        }
        episode.note_evidence(sighting.position);
        episode.update_at = episode.alert.count.saturating_mul(UPDATE_FACTOR);
        episode.speak(label, State::Open, findings);
        episode
    }

    /// Adds what was seen, and says so if it was time or changes something.
    pub(super) fn add(
        &mut self,
        label: &Label,
        sighting: Sighting,
        (deadline, further): (i64, bool),
        findings: &mut Findings,
    ) {
        self.deadline = deadline;
        self.alert.count += 1;
        self.alert.first_seen = self.alert.first_seen.min(sighting.time);
        self.alert.last_seen = self.alert.last_seen.max(sighting.time);
        self.alert.recorded_last = sighting.recorded;
        self.note_evidence(sighting.position);
        let live = self.alert.backfill && !sighting.backfill;
        self.alert.backfill &= sighting.backfill;
        let worse = self.case.severity(&self.alert) > self.alert.severity;
        if live || worse || further || self.alert.count >= self.update_at {
            self.update_at = self.update_at.max(self.alert.count.saturating_mul(UPDATE_FACTOR));
            self.speak(label, State::Updated, findings);
            return;
        }
        let second = sighting.recorded.unix_seconds();
        let unsaid = self.unsaid.get_or_insert(Unsaid { first: second, last: second, queued: 0 });
        unsaid.last = second;
    }

    /// The second in which what was not said is to be said, if there is something.
    pub(super) fn quiet_due(&self) -> Option<i64> {
        let Unsaid { first, last, .. } = self.unsaid?;
        let (times, second) = self.quiet;
        let pause = if times < QUIET_BURST { 0 } else { second + QUIET_PAUSE_SECONDS };
        Some((last + QUIET_SECONDS).min(first + QUIET_SECONDS_MAX).max(pause))
    }

    /// Notes for which second it is queued to bring its numbers up to date.
    pub(super) fn queue_quiet(&mut self, second: i64) {
        if let Some(unsaid) = &mut self.unsaid {
            unsaid.queued = second;
        }
    }

    /// What was not said, and for which second it is queued; zero if it is not yet.
    pub(super) fn unsaid(&self) -> Option<Unsaid> {
        self.unsaid
    }

    /// Brings its numbers up to date: no news.
    pub(super) fn speak_quietly(&mut self, label: &Label, second: i64, findings: &mut Findings) {
        self.quiet = (self.quiet.0.saturating_add(1), second);
        let follows = self.alert.news();
        self.say(label, State::Updated, Some(follows), findings);
    }

    /// Says so if it got worse or came further by what is now known about it.
    pub(super) fn worsen(&mut self, label: &Label, further: bool, findings: &mut Findings) {
        if further || self.case.severity(&self.alert) > self.alert.severity {
            self.speak(label, State::Updated, findings);
        }
    }

    /// Says that it is over.
    pub(super) fn resolve(mut self, label: &Label, findings: &mut Findings) {
        self.speak(label, State::Resolved, findings);
    }

    /// Keeps the first half of the evidence and the latest of what came after.
    fn note_evidence(&mut self, position: Position) {
        const HALF: usize = EVIDENCE_MAX / 2;
        if self.alert.evidence.len() < HALF {
            self.alert.evidence.push(position);
        } else {
            // One place stays free for the cause.
            if self.latest.len() == HALF - 1 {
                self.latest.pop_front();
            }
            self.latest.push_back(position.seq);
        }
    }

    /// What is measured now, with the values of the times when it spoke before.
    fn measure(&mut self) -> Option<Measurement> {
        let measurement = self.case.measured(&self.alert)?;
        let before: Vec<Point> = self.measured.iter().copied().collect();
        if self.measured.len() == POINTS_MAX {
            self.measured.pop_front();
        }
        self.measured.push_back(Point { time: self.alert.recorded_last, value: measurement.observed });
        Some(if measurement.last.is_empty() { measurement.after(before) } else { measurement })
    }

    fn speak(&mut self, label: &Label, state: State, findings: &mut Findings) {
        self.say(label, state, None, findings);
    }

    fn say(&mut self, label: &Label, state: State, follows: Option<u32>, findings: &mut Findings) {
        self.alert.state = state;
        self.alert.revision += 1;
        (self.alert.follows, self.unsaid) = (follows, None);
        self.alert.severity = self.case.severity(&self.alert);
        let mut alert = self.alert.clone();
        label.name.as_ref().clone_into(&mut alert.rule);
        match self.case.tags() {
            Some(tags) => alert.tags = tags.iter().map(ToString::to_string).collect(),
            None => alert.tags.clone_from(&label.tags),
        }
        alert.title = self.case.title(&self.alert);
        alert.reason = self.case.reason(&self.alert);
        alert.measured = self.measure();
        alert.shape = self.case.shape(&self.alert);
        if let (Some(last), Some(first)) = (self.latest.back(), alert.evidence.first().copied()) {
            debug_assert!(*last > first.seq, "evidence is in order");
            alert.evidence.extend(self.latest.iter().map(|seq| Position { seq: *seq, ..first }));
        }
        if let Some(cause) = self.case.cause()
            && !alert.evidence.contains(&cause)
        {
            alert.evidence.insert(0, cause);
        }
        findings.push(alert, self.case.kind());
    }
}
