//! Alerts of other systems on their way into the ledger: through the same door as what people do, so that no two posts make two episodes
//! of one alert.

use serde::Serialize;

use super::{Inner, TriageService};
use crate::alert::{ALERT, Alert, State};
use crate::kind::Envelope;
use crate::limits;
use crate::outside::{Inbox, Posted, Received};
use crate::triage::request::Refused;
use ledger::{Appender, Group, Reader, Rejected, Timestamp};

/// What became of a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Alerts that began.
    pub opened: usize,
    /// Alerts that changed.
    pub updated: usize,
    /// Alerts that ended.
    pub resolved: usize,
    /// Alerts that go on, or that were not open when they ended.
    pub unchanged: usize,
    /// Alerts that were not taken, because too many are open. Whoever posts tries again.
    pub refused: usize,
}

/// Who ends what was not posted again.
const RESOLVER: &str = "outside";

impl TriageService {
    /// Takes alerts of another system that were posted at `now`, and returns when their revisions are durable. `actor` is the principal who
    /// posted, and `sender` the keyed hash of who answers for it. If it fails, the post may be repeated.
    pub fn receive(
        &self,
        posted: &[Posted],
        actor: &str,
        sender: Option<&str>,
        now: Timestamp,
    ) -> Result<Taken, Refused> {
        let mut inner = self.lock();
        let mut inbox = inner.inbox(&self.reader, now)?;
        let triage = inner.projection(&self.reader)?.get();
        let known = |id: &str| triage.get(id).map(|triaged| triaged.alert.clone());
        let (mut taken, mut revisions) = (Taken::default(), Vec::new());
        for posted in posted {
            match inbox.receive(posted, sender, known, now) {
                Received::Revision(alert) => {
                    match alert.state {
                        State::Open => taken.opened += 1,
                        State::Updated => taken.updated += 1,
                        State::Resolved => taken.resolved += 1,
                    }
                    revisions.push(*alert);
                }
                Received::Nothing => taken.unchanged += 1,
                Received::Full => taken.refused += 1,
            }
        }
        inner.record(&self.reader, self.appender.as_ref(), actor, &revisions)?;
        // What could not be recorded did not happen: then the inbox is read anew.
        inner.inbox = Some(inbox);
        Ok(taken)
    }
}

impl Inner {
    /// The inbox, taken out of the service until what it decided is recorded.
    fn inbox(&mut self, reader: &Reader, now: Timestamp) -> Result<Inbox, Refused> {
        if let Some(inbox) = self.inbox.take() {
            return Ok(inbox);
        }
        let triage = self.projection(reader)?.get();
        Ok(Inbox::over(triage.iter().map(|triaged| &triaged.alert), now))
    }

    /// Ends what was not posted again in time, and returns when something is overdue next. Where nothing can be recorded nothing ends.
    pub(super) fn end_overdue(
        &mut self,
        reader: &Reader,
        appender: Option<&Appender>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Refused> {
        if appender.is_none() {
            return Ok(None);
        }
        let mut inbox = self.inbox(reader, now)?;
        let ended = inbox.overdue(now);
        self.record(reader, appender, RESOLVER, &ended)?;
        let next = inbox.next();
        self.inbox = Some(inbox);
        Ok(next)
    }

    fn record(
        &mut self,
        reader: &Reader,
        appender: Option<&Appender>,
        actor: &str,
        revisions: &[Alert],
    ) -> Result<(), Refused> {
        // Groups of this size fit whatever the alerts say.
        for revisions in revisions.chunks(limits::NOTICES_MAX) {
            let mut group = Group::new(&ledger::operations::TABLE);
            for alert in revisions {
                let revision = Some(i64::from(alert.revision));
                let envelope = Envelope { subject: &alert.id, revision, actor, ..Envelope::default() };
                group.push(&ALERT.entry(&envelope, alert)?)?;
            }
            let appender = appender.ok_or(Refused::ReadOnly)?;
            appender.try_append(group).map_err(|Rejected { error, .. }| error)?.wait()?;
            self.projection(reader)?.catch_up()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outside::read;
    use crate::triage::{Escalation, EscalationStep, Policy, Status};
    use ledger::{Options, Store, SystemClock, TimeSource as _};
    use serde_json::{Value, json};

    fn post(service: &TriageService, alerts: &Value, now: Timestamp) -> Taken {
        let post = read(alerts.to_string().as_bytes()).unwrap();
        assert!(post.refused.is_empty(), "{:?}", post.refused);
        service.receive(&post.alerts, "prometheus", Some("7f"), now).unwrap()
    }

    fn disk(severity: &str) -> Value {
        let labels = json!({"alertname": "DiskFull", "severity": severity, "instance": "db-1"});
        json!([{"labels": labels, "annotations": {"summary": "Disk of db-1 is full"}, "startsAt": "2026-11-30T10:00:00Z"}])
    }

    #[test]
    fn what_is_posted_joins_triage_and_ends_when_it_stays_away() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let step = json!({"name": "second", "after_minutes": 3, "receivers": ["oncall"]});
        let policy =
            Policy { escalations: vec![serde_json::from_value::<EscalationStep>(step).unwrap()], ..Policy::default() };
        let service = || {
            let operations = store.operations();
            TriageService::new(operations.reader(), Some(operations.appender()), policy.clone())
        };
        let first = service();
        // The time of entries is the store's own.
        let start = SystemClock.now();
        let minute = |minutes: u64| start.saturating_add(Duration::from_mins(minutes));
        assert_eq!(post(&first, &disk("warning"), minute(0)), Taken { opened: 1, ..Taken::default() });
        assert_eq!(post(&first, &disk("warning"), minute(1)), Taken { unchanged: 1, ..Taken::default() });
        let open = |service: &TriageService| {
            let alerts = |triage: &crate::triage::Triage| {
                triage.iter().map(|triaged| (triaged.alert.clone(), triaged.status())).collect::<Vec<_>>()
            };
            service.read(alerts).unwrap()
        };
        let (alert, status) = open(&first).remove(0);
        assert_eq!(
            (alert.rule.as_str(), status, alert.sender.as_deref()),
            ("outside.DiskFull", Status::Open, Some("7f"))
        );
        // Nobody acknowledges it, so the step of escalation is due; it is open for as long as it is posted.
        let next = first.record_notices(minute(2)).unwrap();
        assert!(next.is_some_and(|next| next <= minute(6)), "{next:?}");
        post(&first, &disk("warning"), minute(5));
        first.record_notices(minute(6)).unwrap();
        let escalated = first.read(|triage| triage.get(&alert.id).map(|triaged| triaged.escalated.len())).unwrap();
        assert_eq!((escalated, open(&first)[0].1), (Some(1), Status::Open));
        // Another process goes on with it, and gives it one resolve time.
        let second = service();
        second.record_notices(minute(20)).unwrap();
        assert_eq!(post(&second, &disk("critical"), minute(21)), Taken { unchanged: 0, opened: 1, ..Taken::default() });
        second.record_notices(minute(24)).unwrap();
        assert_eq!(open(&second).iter().filter(|(_, status)| *status == Status::Resolved).count(), 0);
        second.record_notices(minute(25)).unwrap();
        let resolved = |service: &TriageService| {
            open(service)
                .iter()
                .filter(|(_, status)| *status == Status::Resolved)
                .map(|(alert, _)| alert.id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(resolved(&second), std::slice::from_ref(&alert.id));
        // Fired again with the beginning of an episode that is over: it is another one, which nobody acknowledged.
        assert_eq!(post(&second, &disk("warning"), minute(26)), Taken { opened: 1, ..Taken::default() });
        assert_eq!(open(&second).len(), 3);
        let waits = |triage: &crate::triage::Triage| {
            let triaged = triage.iter().find(|triaged| triaged.alert.recorded_first == minute(26)).unwrap();
            let Escalation { due, waiting } = triage.escalation(triaged, minute(1));
            (due.len(), waiting.len())
        };
        assert_eq!(second.read(waits).unwrap(), (0, 1));
        store.stop();
    }

    #[test]
    fn without_an_appender_nothing_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let service = TriageService::new(store.operations().reader(), None, Policy::default());
        let alerts = read(disk("high").to_string().as_bytes()).unwrap().alerts;
        assert!(matches!(service.receive(&alerts, "p", None, Timestamp::EPOCH), Err(Refused::ReadOnly)));
        assert_eq!(service.record_notices(Timestamp::EPOCH).unwrap(), None);
        store.stop();
    }
}
