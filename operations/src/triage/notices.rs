//! Which alerts receivers are to be told of although there is no new revision: nobody acknowledged them in time, what hid
//! them has ended, or they are open again after somebody closed them.
//!
//! Each becomes one entry of `operations`, `alert.notice`, which the fold takes back: so it happens once, whoever is killed
//! when. Whether it is still wanted when a receiver's turn comes is asked again there.

use super::fold::Triage;
use super::hiding::Notify;
use super::life::{Missed, Status, Triaged};
use crate::alert::Severity;
use crate::kind::alert_notice::{Because, Notice};
use crate::limits;
use ledger::Timestamp;

/// What receivers are to be told of now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// The notices, those of the alerts that wait for longest first; a bounded number.
    pub due: Vec<Notice>,
    /// When to ask again at the latest. Any new entry about alerts is a reason too.
    pub next: Option<Timestamp>,
}

impl Notices {
    fn ask_at(&mut self, when: impl IntoIterator<Item = Timestamp>) {
        self.next = self.next.into_iter().chain(when).min();
    }
}

impl Triage {
    /// What receivers are to be told of at `now` beside new revisions.
    pub fn notices(&self, now: Timestamp) -> Notices {
        let mut notices = Notices::default();
        for triaged in self.unfinished().filter(|triaged| triaged.status() == Status::Open) {
            if notices.due.len() >= limits::NOTICES_MAX {
                notices.ask_at([now]);
                break;
            }
            self.notice(triaged, now, &mut notices);
        }
        notices
    }

    /// Where the alert stands by now, if that takes a notice about it back before a receiver was told: somebody looks after
    /// it, or it is over.
    pub fn takes_back(&self, alert: &str, because: &Because) -> Option<Status> {
        let status = self.get(alert)?.status();
        let wanted = match because {
            Because::Escalation { .. } => status == Status::Open,
            Because::Unhidden | Because::Reopened => matches!(status, Status::Open | Status::Acknowledged),
        };
        (!wanted).then_some(status)
    }

    fn notice(&self, triaged: &Triaged, now: Timestamp, notices: &mut Notices) {
        // The time in which it was hidden moves the steps of escalation further away and never nearer, so what is far away
        // needs no look at silences.
        let step = self.policy().next_step(triaged, triaged.unattended_since);
        let reached = step.is_some_and(|step| step <= now);
        notices.ask_at(step.filter(|_| !reached));
        for notice in triaged.missed.iter().map(|missed| self.missed(missed, triaged)) {
            // It is asked about as it would be told, as delivery asks: otherwise it could be hidden again and again.
            match self.notify(&notice.alert, now) {
                Notify::Hidden { until, .. } => notices.ask_at(until),
                Notify::Notify => notices.due.push(notice),
            }
        }
        if !reached && !triaged.is_hidden && !triaged.is_reopened {
            return;
        }
        if let Notify::Hidden { until, .. } = self.notify(&triaged.alert, now) {
            notices.ask_at(until);
            return;
        }
        let alert = &triaged.alert;
        if triaged.is_reopened {
            notices.due.push(Notice { because: Because::Reopened, alert: alert.clone() });
        }
        if triaged.is_hidden {
            notices.due.push(Notice { because: Because::Unhidden, alert: alert.clone() });
        }
        let escalation = self.escalation(triaged, now);
        notices.ask_at(escalation.waiting.iter().map(|(when, _)| *when));
        let due = escalation.due.into_iter();
        // Who is on call is decided now, and goes on record.
        let receivers = |step| self.policy().receivers(step, now);
        notices.due.extend(due.map(|step| escalated(&step.name, receivers(step), step.raise_to, triaged)));
    }

    /// The notice for one receiver about a step that was hidden from it; the others were told.
    fn missed(&self, missed: &Missed, triaged: &Triaged) -> Notice {
        let Missed { step, receiver } = missed;
        let raise_to =
            self.policy().escalations.iter().find(|known| known.name == *step).and_then(|step| step.raise_to);
        escalated(step, vec![receiver.clone()], raise_to, triaged)
    }
}

fn escalated(step: &str, receivers: Vec<String>, raise_to: Option<Severity>, triaged: &Triaged) -> Notice {
    Notice { because: Because::Escalation { step: step.to_owned(), receivers }, alert: triaged.raised(raise_to) }
}
