//! Whether anybody is told of an alert now, and if not, why not: the one question of delivery.

use std::fmt;

use super::fold::Triage;
use crate::alert::Alert;
use crate::kind::window::WindowKind;
use ledger::Timestamp;

/// Whether anybody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Yes.
    Notify,
    /// Not now.
    Hidden {
        /// What hides it; of several the one that does so for longest.
        by: HiddenBy,
        /// When to ask again at the latest; `None` if that depends on another alert. Any new entry about alerts is a reason
        /// to ask again too, because a silence can be ended early.
        until: Option<Timestamp>,
    },
}

/// What hides an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HiddenBy {
    /// A silence or a maintenance window.
    Window {
        /// Which of both.
        kind: WindowKind,
        /// Its id.
        id: String,
    },
    /// Another alert.
    Inhibition {
        /// Name of the rule in the configuration.
        rule: String,
        /// Id of that alert.
        source: String,
    },
    /// A person closed an alert of the same shape as benign, or this one before it went on.
    Benign {
        /// Id of that alert.
        alert: String,
    },
}

impl fmt::Display for HiddenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window { id, .. } => f.write_str(id),
            Self::Inhibition { rule, source } => write!(f, "inhibition {rule} by {source}"),
            Self::Benign { alert } => write!(f, "the benign close of {alert}"),
        }
    }
}

/// One thing that hides an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hiding {
    /// What it is.
    pub by: HiddenBy,
    /// Why: the reason that its author gave, empty for an inhibition.
    pub reason: String,
    /// When its window ends; `None` if that depends on another alert.
    pub until: Option<Timestamp>,
}

impl Triage {
    /// Whether anybody is told of this alert at `now`.
    pub fn notify(&self, alert: &Alert, now: Timestamp) -> Notify {
        // What depends on another alert lasts longest.
        let longest = |hiding: &Hiding| hiding.until.unwrap_or(Timestamp::MAX);
        match self.hidings(alert, now).into_iter().max_by_key(longest) {
            Some(Hiding { by, until, .. }) => Notify::Hidden { by, until },
            None => Notify::Notify,
        }
    }

    /// Everything that hides this alert at `now`.
    pub fn hidings(&self, alert: &Alert, now: Timestamp) -> Vec<Hiding> {
        let windows = self.standing_silences(now).filter_map(|silence| {
            let until = silence.active_until(now)?;
            silence.silence.covers(alert).then(|| Hiding {
                by: HiddenBy::Window { kind: silence.kind, id: silence.id.clone() },
                reason: silence.silence.reason.clone(),
                until: Some(until),
            })
        });
        let inhibitions = self.inhibitors().hiding(&self.policy().inhibitions, alert).into_iter();
        let inhibitions = inhibitions.map(|(rule, source)| Hiding {
            by: HiddenBy::Inhibition { rule: rule.name.clone(), source: source.to_owned() },
            reason: String::new(),
            until: None,
        });
        let benign = self.benign().hiding(alert).map(|closed| Hiding {
            by: HiddenBy::Benign { alert: closed.to_owned() },
            reason: String::new(),
            until: None,
        });
        windows.chain(inhibitions).chain(benign).collect()
    }
}
