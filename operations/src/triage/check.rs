//! Checks requests against the state of alerts: each becomes an entry of `operations`, or the reason why not.
//!
//! Nothing is changed here, and nothing is read but the fold.

use serde::Serialize;

use super::DAY;
use super::fold::{Found, Triage};
use super::life::{Status, Triaged};
use super::matcher::Matcher;
use super::policy::check_name;
use super::request::{NewSilence, Refused, Request};
use super::silence::Silence;
use crate::access::{Principal, Role};
use crate::filter::Filter;
use crate::kind::alert_step::{self, CloseReason, Seen};
use crate::kind::window::{Expire, Window, WindowKind};
use crate::kind::{Envelope, Kind};
use crate::limits;
use ledger::Entry;
use ledger::LedgerError;
use ledger::Timestamp;
use ledger::operations::column;

/// An entry that may be recorded, and what it is about.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) entry: Entry,
    pub(super) subject: String,
    pub(super) would_have_hidden: Option<u64>,
    pub(super) dry_run: bool,
}

/// Who asks, when, and what there is.
pub(super) struct Asking<'a> {
    pub(super) triage: &'a Triage,
    pub(super) principal: &'a Principal,
    pub(super) now: Timestamp,
}

impl Asking<'_> {
    /// The entry of a request, or why it is refused. `new_id` makes the digits of a new silence's id.
    pub(super) fn check(
        &self,
        request: &Request,
        new_id: impl FnOnce() -> Result<String, LedgerError>,
    ) -> Result<Checked, Refused> {
        if !self.principal.may(Role::Analyst) {
            return Err(Refused::Role(self.principal.name.clone()));
        }
        match request {
            Request::Ack { alert, note, if_version } => {
                self.acknowledge(self.alert(alert, *if_version)?, note.as_deref())
            }
            Request::Assign { alert, assignee, if_version } => {
                self.assign(self.alert(alert, *if_version)?, assignee.as_deref())
            }
            Request::Note { alert, note, if_version } => {
                let triaged = self.alert(alert, *if_version)?;
                let status = triaged.status();
                self.step(triaged, &alert_step::NOTED, status, &self.seen(triaged), Some(note))
            }
            Request::Resolve { alert, reason, duplicate_of, note, if_version } => {
                self.close(self.alert(alert, *if_version)?, *reason, duplicate_of.as_deref(), note.as_deref())
            }
            Request::Reopen { alert, note, if_version } => {
                let triaged = self.alert(alert, *if_version)?;
                if triaged.closed.is_none() {
                    return Err(Refused::NotClosed);
                }
                self.step(triaged, &alert_step::REOPENED, Status::Open, &self.seen(triaged), note.as_deref())
            }
            Request::Silence(silence) => self.silence(silence, new_id),
            Request::Expire { silence } => self.expire(silence),
        }
    }

    /// The alert that a request names, if nothing happened since the version that it names.
    fn alert(&self, id: &str, if_version: Option<u64>) -> Result<&Triaged, Refused> {
        let triaged = match self.triage.find(id) {
            Found::One(triaged) => triaged,
            Found::Several => return Err(Refused::AmbiguousAlert(id.to_owned())),
            Found::Unknown => return Err(Refused::UnknownAlert(id.to_owned())),
        };
        match if_version {
            Some(expected) if expected != triaged.version() => {
                Err(Refused::Version { expected, found: triaged.version() })
            }
            _ => Ok(triaged),
        }
    }

    fn seen(&self, triaged: &Triaged) -> Seen {
        Seen { revision: triaged.alert.revision, token: self.principal.token.clone() }
    }

    fn acknowledge(&self, triaged: &Triaged, note: Option<&str>) -> Result<Checked, Refused> {
        not_closed(triaged)?;
        if let Some(acknowledged) = triaged.acknowledged() {
            return Err(Refused::AlreadyAcknowledged { actor: acknowledged.by.actor.clone() });
        }
        let alert = Some(Box::new(triaged.alert.clone()));
        let record = alert_step::Acknowledge { seen: self.seen(triaged), severity: triaged.alert.severity, alert };
        self.step(triaged, &alert_step::ACKNOWLEDGED, Status::Acknowledged, &record, note)
    }

    fn assign(&self, triaged: &Triaged, assignee: Option<&str>) -> Result<Checked, Refused> {
        not_closed(triaged)?;
        if let Some(assignee) = assignee {
            check_name(assignee).ok_or(Refused::Text { field: "the assignee", max: limits::TRIAGE_NAME_BYTES_MAX })?;
        }
        let record = alert_step::Assign { seen: self.seen(triaged), assignee: assignee.map(str::to_owned) };
        self.step(triaged, &alert_step::ASSIGNED, triaged.status(), &record, None)
    }

    fn close(
        &self,
        triaged: &Triaged,
        reason: CloseReason,
        duplicate_of: Option<&str>,
        note: Option<&str>,
    ) -> Result<Checked, Refused> {
        not_closed(triaged)?;
        let other = duplicate_of.map(|other| self.alert(other, None)).transpose()?;
        let other = other.map(|other| other.alert.id.clone());
        if other.is_some() != (reason == CloseReason::Duplicate) || other.as_ref() == Some(&triaged.alert.id) {
            return Err(Refused::Duplicate);
        }
        let alert = Some(Box::new(triaged.alert.clone()));
        let record = alert_step::Close { seen: self.seen(triaged), reason, duplicate_of: other, alert };
        self.step(triaged, &alert_step::CLOSED, Status::Closed, &record, note)
    }

    fn step<R: Serialize>(
        &self,
        triaged: &Triaged,
        kind: &Kind<R>,
        to: Status,
        record: &R,
        note: Option<&str>,
    ) -> Result<Checked, Refused> {
        let envelope = Envelope {
            revision: i64::try_from(triaged.version() + 1).ok(),
            from: Some(triaged.status().as_str()),
            to: Some(to.as_str()),
            ..self.envelope(&triaged.alert.id)
        };
        let mut entry = kind.entry(&envelope, record)?;
        if let Some(note) = note {
            entry.set_text(column::CONTENT, checked_note(note)?);
        }
        Ok(Checked { entry, subject: triaged.alert.id.clone(), would_have_hidden: None, dry_run: false })
    }

    fn silence(
        &self,
        new: &NewSilence,
        new_id: impl FnOnce() -> Result<String, LedgerError>,
    ) -> Result<Checked, Refused> {
        let silence = self.checked_silence(new)?;
        if self.triage.standing_silences(self.now).count() >= limits::SILENCES_MAX {
            return Err(Refused::TooManySilences);
        }
        let since = self.now.saturating_sub(DAY * limits::SILENCE_HISTORY_DAYS);
        let would_have_hidden = self.triage.would_have_hidden(|alert| silence.covers(alert), since);
        let subject = format!("{}-{}", new.kind.word(), new_id()?);
        let record = Window { silence, would_have_hidden, token: self.principal.token.clone() };
        let envelope = Envelope { revision: Some(1), to: Some("active"), ..self.envelope(&subject) };
        let entry = new.kind.begins().entry(&envelope, &record)?;
        Ok(Checked { entry, subject, would_have_hidden: Some(would_have_hidden), dry_run: new.dry_run })
    }

    fn checked_silence(&self, new: &NewSilence) -> Result<Silence, Refused> {
        let NewSilence { kind, matchers, filter, reason, starts, ends, every_seconds, until, dry_run: _ } = new;
        if matchers.len() > limits::MATCHERS_MAX {
            return Err(Refused::TooManyMatchers);
        }
        if let Some(filter) = filter {
            Filter::parse_for_delivery(&filter.to_string())?;
        }
        if !matchers.iter().any(Matcher::is_selective) && !filter.as_ref().is_some_and(Filter::is_selective) {
            return Err(Refused::HidesEverything);
        }
        if reason.trim().is_empty() {
            return Err(Refused::Empty("the reason"));
        }
        if reason.len() > limits::REASON_BYTES_MAX || reason.chars().any(char::is_control) {
            return Err(Refused::Text { field: "the reason", max: limits::REASON_BYTES_MAX });
        }
        let (starts, ends) = (starts.unwrap_or(self.now), ends.ok_or(Refused::NoEnd)?);
        let silence = Silence {
            matchers: matchers.clone(),
            filter: filter.clone(),
            reason: reason.clone(),
            starts,
            ends,
            every_seconds: *every_seconds,
            until: *until,
        };
        self.check_times(*kind, &silence)?;
        Ok(silence)
    }

    fn check_times(&self, kind: WindowKind, silence: &Silence) -> Result<(), Refused> {
        let Silence { starts, ends, every_seconds, until, .. } = silence;
        if ends <= starts || silence.last_end() <= self.now {
            return Err(Refused::EndsTooEarly);
        }
        let days = match kind {
            WindowKind::Silence => limits::SILENCE_DAYS_MAX,
            WindowKind::Maintenance => limits::MAINTENANCE_DAYS_MAX,
        };
        if kind == WindowKind::Silence && (*starts > self.now || every_seconds.is_some() || until.is_some()) {
            return Err(Refused::NotForSilences);
        }
        if every_seconds.is_some() != until.is_some() {
            return Err(Refused::Repetition);
        }
        if let (Some(seconds), Some(until)) = (every_seconds, until) {
            let period = i64::try_from(*seconds).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
            if period.is_none_or(|period| period <= ends.micros_since(*starts)) || until <= ends {
                return Err(Refused::Repetition);
            }
        }
        // Before the first start nothing is hidden, but what lies years ahead is forgotten by its author.
        if silence.last_end().since((*starts).min(self.now)) > DAY * days {
            return Err(Refused::TooLong(days));
        }
        Ok(())
    }

    fn expire(&self, id: &str) -> Result<Checked, Refused> {
        let silence = self.triage.silence(id).ok_or_else(|| Refused::UnknownSilence(id.to_owned()))?;
        if silence.is_over(self.now) {
            return Err(Refused::SilenceOver(id.to_owned()));
        }
        let record = Expire { token: self.principal.token.clone() };
        let envelope = Envelope { revision: Some(2), from: Some("active"), to: Some("expired"), ..self.envelope(id) };
        let entry = silence.kind.expires().entry(&envelope, &record)?;
        Ok(Checked { entry, subject: id.to_owned(), would_have_hidden: None, dry_run: false })
    }

    fn envelope<'a>(&'a self, subject: &'a str) -> Envelope<'a> {
        Envelope { subject, actor: &self.principal.name, ..Envelope::default() }
    }
}

fn not_closed(triaged: &Triaged) -> Result<(), Refused> {
    match &triaged.closed {
        Some(closed) => Err(Refused::AlreadyClosed { actor: closed.by.actor.clone(), reason: closed.reason }),
        None => Ok(()),
    }
}

/// A note may have lines; other control characters would only deceive its readers.
fn checked_note(note: &str) -> Result<&str, Refused> {
    if note.trim().is_empty() {
        return Err(Refused::Empty("the note"));
    }
    if note.len() > limits::NOTE_BYTES_MAX || note.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\t'))
    {
        return Err(Refused::Text { field: "the note", max: limits::NOTE_BYTES_MAX });
    }
    Ok(note)
}
