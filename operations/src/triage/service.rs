//! Where everybody works on alerts: the fold, kept up to date, and the one way to append to it.
//!
//! Everything here blocks: it reads the disk and waits for an fsync. Callers in a runtime put it on a thread for that.

mod outside;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::check::{Asking, Checked};
use super::fold::Triage;
use super::notices::Notices;
use super::policy::Policy;
use super::request::{Refused, Request};
use crate::access::Principal;
use crate::fold::Projection;
use crate::kind::Envelope;
use crate::kind::alert_notice::{NOTICED, Notice};
use crate::limits;
use crate::outside::Inbox;
use ledger::LedgerError;
use ledger::Reader;
use ledger::identity;
use ledger::{Appender, Rejected, Timestamp};
use ledger::{Entry, Group};

pub use outside::Taken;

/// The fold over alerts with the ledger below it. Requests are served one after the other, so that each is checked against
/// what the one before it left.
pub struct TriageService {
    reader: Reader,
    /// `None` where nothing can be recorded.
    appender: Option<Appender>,
    inner: Mutex<Inner>,
}

struct Inner {
    policy: Policy,
    /// How many alerts the fold keeps.
    alerts_max: usize,
    /// Read when it is first asked for: most commands never do.
    projection: Option<Projection<Triage>>,
    /// The newest look at what receivers are to be told of.
    looked: Option<Looked>,
    /// The alerts of other systems; read when the first is posted, or when it is asked what is due.
    inbox: Option<Inbox>,
}

/// A look at every alert, which need not be repeated before something changes or is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looked {
    /// How many entries the fold had taken.
    changes: u64,
    /// When something more is due.
    next: Option<Timestamp>,
}

impl Looked {
    fn holds(self, changes: u64, now: Timestamp) -> bool {
        changes == self.changes && self.next.is_none_or(|next| now < next)
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Id of the alert or silence; empty if the request was only tried.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Version of the alert now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Where the alert stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How many alerts of the days before a silence would have hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_have_hidden: Option<u64>,
    /// Where the entry stands, such as `operations/0/17`; absent if the request was only tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// When it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Timestamp>,
}

impl TriageService {
    /// The service over `operations`. Without an appender it only answers.
    pub fn new(reader: Reader, appender: Option<Appender>, policy: Policy) -> Self {
        Self {
            reader,
            appender,
            inner: Mutex::new(Inner {
                policy,
                alerts_max: limits::TRIAGE_ALERTS_MAX,
                projection: None,
                looked: None,
                inbox: None,
            }),
        }
    }

    /// The same, keeping no more than so many alerts.
    #[must_use]
    pub fn keeping(self, alerts_max: usize) -> Self {
        self.lock().alerts_max = alerts_max;
        self
    }

    /// Hides by another policy from now on.
    pub fn set_policy(&self, policy: Policy) {
        let mut inner = self.lock();
        if let Some(projection) = &mut inner.projection {
            projection.get_mut().set_policy(policy.clone());
        }
        (inner.policy, inner.looked) = (policy, None);
    }

    /// Shows the state of everything that is durable now.
    pub fn read<T>(&self, look: impl FnOnce(&Triage) -> T) -> Result<T, LedgerError> {
        Ok(look(self.lock().projection(&self.reader)?.get()))
    }

    /// Shows the state of every alert and silence on record, also of those that were forgotten to bound the memory; `None` if they
    /// take more than `bytes_max`.
    pub fn read_all<T>(&self, bytes_max: usize, look: impl FnOnce(&Triage) -> T) -> Result<Option<T>, LedgerError> {
        let policy = {
            let mut inner = self.lock();
            let triage = inner.projection(&self.reader)?.get();
            if triage.is_whole() {
                return Ok(Some(look(triage)));
            }
            triage.policy().clone()
        };
        let projection = Projection::open(self.reader.clone(), Triage::of_everything(policy, bytes_max))?;
        Ok(projection.get().is_whole().then(|| look(projection.get())))
    }

    /// Does what a principal asks at `now`, and returns when it is durable.
    pub fn act(&self, request: &Request, principal: &Principal, now: Timestamp) -> Result<Done, Refused> {
        let mut inner = self.lock();
        let projection = inner.projection(&self.reader)?;
        let asking = Asking { triage: projection.get(), principal, now };
        let Checked { entry, subject, would_have_hidden, dry_run } = asking.check(request, random_digits)?;
        if dry_run {
            return Ok(Done { would_have_hidden, ..Done::default() });
        }
        let appender = self.appender.as_ref().ok_or(Refused::ReadOnly)?;
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(&entry)?;
        let pending = appender.try_append(group).map_err(|Rejected { error, .. }| error)?;
        let receipt = pending.wait()?;
        projection.catch_up()?;
        let triaged = projection.get().get(&subject);
        Ok(Done {
            version: triaged.map(super::Triaged::version),
            status: triaged.map(|triaged| triaged.status().as_str().to_owned()),
            subject,
            would_have_hidden,
            position: Some(receipt.first.to_string()),
            recorded: Some(receipt.recorded),
        })
    }

    /// Records what receivers are to be told of at `now` beside new revisions, and returns when to ask again at the latest.
    /// What people do goes through the same door, so nobody acknowledges an alert between the question and the entry.
    pub fn record_notices(&self, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
        let mut inner = self.lock();
        let ends = inner.end_overdue(&self.reader, self.appender.as_ref(), now)?;
        let next = self.record_notices_of(&mut inner, now)?;
        Ok(next.into_iter().chain(ends).min())
    }

    fn record_notices_of(&self, inner: &mut Inner, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
        let looked = inner.looked.take();
        let projection = inner.projection(&self.reader)?;
        let changes = projection.get().changes();
        if let Some(looked) = looked.filter(|looked| looked.holds(changes, now)) {
            inner.looked = Some(looked);
            return Ok(looked.next);
        }
        let Notices { due, next } = projection.get().notices(now);
        let mut group = Group::new(&ledger::operations::TABLE);
        for entry in due.iter().filter_map(notice_entry) {
            group.push(&entry)?;
        }
        if group.is_empty() {
            inner.looked = Some(Looked { changes, next });
            return Ok(next);
        }
        let appender = self.appender.as_ref().ok_or(Refused::ReadOnly)?;
        appender.try_append(group).map_err(|Rejected { error, .. }| error)?.wait()?;
        projection.catch_up()?;
        Ok(next)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A fold that a panic left behind half a row is read anew.
        self.inner.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut inner = poisoned.into_inner();
            (inner.projection, inner.looked, inner.inbox) = (None, None, None);
            self.inner.clear_poison();
            inner
        })
    }
}

impl Inner {
    fn projection(&mut self, reader: &Reader) -> Result<&mut Projection<Triage>, LedgerError> {
        let projection = match self.projection.take() {
            Some(mut projection) => {
                projection.catch_up()?;
                projection
            }
            None => Projection::open(
                reader.clone(),
                Triage::bounded(self.policy.clone(), self.alerts_max, limits::TRIAGE_BYTES_MAX),
            )?,
        };
        Ok(self.projection.insert(projection))
    }
}

/// The entry of a notice, with as much of the alert's reason as fits; `None` if even without it the fold would not read it
/// back, for then it would be written again and again.
fn notice_entry(notice: &Notice) -> Option<Entry> {
    let Some(record) = notice_record(notice) else {
        tracing::error!(alert = notice.alert.id, "a notice is too long to be recorded, so nobody is told of it");
        return None;
    };
    let envelope = Envelope {
        subject: &notice.alert.id,
        revision: Some(i64::from(notice.alert.revision)),
        actor: "delivery",
        ..Envelope::default()
    };
    Some(NOTICED.info.entry_of(&envelope, &record))
}

fn notice_record(notice: &Notice) -> Option<String> {
    let record = serde_json::to_string(notice).ok()?;
    let over = record.len().saturating_sub(limits::TRIAGE_RECORD_BYTES_MAX);
    if over == 0 {
        return Some(record);
    }
    let mut shorter = notice.clone();
    let reason = &mut shorter.alert.reason;
    // A byte of text is at least one of the record.
    reason.truncate(reason.floor_char_boundary(reason.len().checked_sub(over)?));
    serde_json::to_string(&shorter).ok()
}

/// Sixteen hexadecimal digits that nobody can guess: ids of silences are told apart by them.
fn random_digits() -> Result<String, LedgerError> {
    Ok(format!("{:016x}", u64::from_be_bytes(identity::random()?)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kind::alert_notice::Because;
    use crate::triage::tests::alert;
    use ledger::operations::column;
    use ledger::{Options, Store};

    #[test]
    fn alerts_are_looked_at_again_when_something_changed_or_is_due() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let record = |kind: &str, record: &str| {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, kind);
            entry.set_text(column::SUBJECT, "a");
            entry.set_text(column::RECORD, record);
            let mut group = Group::new(&ledger::operations::TABLE);
            group.push(&entry).unwrap();
            store.operations().appender().try_append(group).unwrap().wait().unwrap().recorded
        };
        let escalation = serde_json::json!({"escalate": [{"name": "s", "after_minutes": 10, "receivers": ["chief"]}]});
        let policy: Policy = serde_json::from_value(escalation).unwrap();
        let service =
            TriageService::new(store.operations().reader(), Some(store.operations().appender()), policy.clone());
        let looked = || service.lock().looked;
        let opened = record("alert", &serde_json::to_string(&alert("a", 1)).unwrap());
        let due = opened.saturating_add(Duration::from_mins(10));
        let instant = Duration::from_micros(1);
        let (before, after) = (due.saturating_sub(instant), due.saturating_add(instant));
        assert_eq!(service.record_notices(opened).unwrap(), Some(due));
        let first = looked().unwrap();
        assert_eq!(first.next, Some(due));
        // What others write is no reason, and neither is time before something is due.
        record("budget.reserve", "{}");
        record("export.receipt", "{}");
        let kept = Looked { next: Some(after), ..first };
        service.lock().looked = Some(kept);
        assert_eq!((service.record_notices(due).unwrap(), looked()), (Some(after), Some(kept)));
        assert!(first.holds(first.changes, before) && !first.holds(first.changes, due));
        // A revision is one, and so is another policy.
        record("alert", &serde_json::to_string(&alert("a", 2)).unwrap());
        assert_eq!(service.record_notices(before).unwrap(), Some(due));
        assert_eq!(looked().map(|looked| looked.changes), Some(first.changes + 1));
        service.set_policy(Policy::default());
        assert_eq!((looked(), service.record_notices(due).unwrap()), (None, None));
        service.set_policy(policy);
        service.record_notices(due).unwrap();
        assert_eq!(looked(), None, "what is recorded is looked at once more");
        assert_eq!(service.read(|triage| triage.get("a").map(|triaged| triaged.escalated.len())).unwrap(), Some(1));
        store.stop();
    }

    #[test]
    fn a_notice_has_as_much_of_the_reason_as_fits() {
        let bytes = |reason: String, title: String| {
            let notice =
                Notice { because: Because::Unhidden, alert: crate::alert::Alert { title, reason, ..alert("a", 1) } };
            notice_entry(&notice).map(|entry| entry.value(column::RECORD.id()).map_or(0, <[u8]>::len))
        };
        assert!(bytes("r".into(), "t".into()).is_some_and(|bytes| bytes < 1_000));
        let spare = limits::TRIAGE_RECORD_BYTES_MAX - serde_json::to_string(&alert("a", 1)).unwrap().len();
        for character in ["r", "\n", "ä"] {
            // The alert itself can just be read.
            let long = bytes(character.repeat(spare / 2), "t".repeat(if character == "r" { spare / 2 } else { 0 }));
            let fits = limits::TRIAGE_RECORD_BYTES_MAX - 64..=limits::TRIAGE_RECORD_BYTES_MAX;
            assert!(long.is_some_and(|bytes| fits.contains(&bytes)), "{character:?} {long:?}");
        }
        assert_eq!(bytes("r".into(), "t".repeat(limits::TRIAGE_RECORD_BYTES_MAX)), None);
    }
}
