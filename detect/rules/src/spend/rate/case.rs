//! One episode of unusual spend: how bad it is and how it is put.

use detect_core::episode::Case;
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::agent::Excess;
use super::logarithm::exp2;
use super::past::BIN;

/// In which way the spend was unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Sixty minutes.
    Hour,
    /// Four hours.
    Hours,
    /// A day.
    Day,
    /// Hours that stay above the usual.
    Rise,
    /// At an hour at which nobody works.
    Night,
    /// One task beside others of its kind, and beside the agent's own.
    Task,
    OwnTask,
    /// A new agent beside others of its template.
    New,
    /// Most agents at once.
    Many,
    /// What came too late to be judged.
    Late,
}

/// Tenths of the usual that make a task of an agent high.
const TASK_TIMES_HIGH: u64 = 1_000;

/// What was found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sign {
    pub course: Course,
    pub amount: Money,
    pub usual: Money,
    /// The most so far, as far as it is known.
    pub highest: Money,
    /// On how many hours, days, tasks that rests.
    pub count: u32,
    /// Tenths of the usual; and how many tenths of theirs others spend at the same time.
    pub times: u64,
    pub others: u64,
}

/// What is known of an episode: its dearest sign so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rate {
    /// `agent`, `workspace`, `user`, `team`, ….
    pub scope_kind: String,
    /// Its name; attacker-written.
    pub name: String,
    pub sign: Sign,
}

impl Sign {
    /// The sign of an excess, while others spend `shared` octaves above their usual.
    pub fn of(excess: Excess, shared: f64) -> Self {
        let money = |micros: f64| Money::from_micros(micros.round() as u64);
        let tenths = |octaves: f64| (10.0 * exp2(octaves)).round() as u64;
        let logarithm = |log: f64| if log > 0.0 { money(exp2(log)) } else { Money::ZERO };
        Self {
            course: excess.course,
            amount: money(excess.micros),
            usual: logarithm(excess.usual),
            // The middle of a bin is nearer to the truth than its end.
            highest: logarithm(excess.highest - BIN / 2.0),
            count: excess.count,
            times: tenths(excess.octaves + shared),
            others: tenths(shared),
        }
    }

    /// The sign of a cost that came too late.
    pub fn late(cost: Money) -> Self {
        let zero = Money::ZERO;
        Self { course: Course::Late, amount: cost, usual: zero, highest: zero, count: 0, times: 0, others: 10 }
    }

    fn times(&self) -> String {
        if self.times < 100 {
            format!("{}.{}", self.times / 10, self.times % 10)
        } else {
            ((self.times + 5) / 10).to_string()
        }
    }
}

impl Rate {
    /// Takes a further finding, if it is worse: the reason speaks of the worst.
    pub fn go_on(&mut self, sign: Sign) {
        if sign.times > self.sign.times || (sign.course == self.sign.course && sign.amount > self.sign.amount) {
            self.sign = sign;
        }
    }

    fn observed(&self) -> String {
        let (kind, name, sign) = (&self.scope_kind, &self.name, &self.sign);
        let (amount, usual, times, count) = (sign.amount, sign.usual, sign.times(), sign.count);
        let compared = |unit: &str| {
            format!(
                "about {times} times its usual {usual} (the median of {count} {unit} with spend; at most about {} so far)",
                sign.highest
            )
        };
        match sign.course {
            Course::Hour => format!("The {kind} {name} spent {amount} within an hour, {}.", compared("hours")),
            Course::Hours => format!("The {kind} {name} spent {amount} within four hours, {}.", compared("such times")),
            Course::Day => format!("The {kind} {name} spent {amount} on this day, {}.", compared("days")),
            Course::Rise => format!(
                "The spend of the {kind} {name} stays above its usual: {amount} in its last hour of work, {}, after others like it.",
                compared("hours")
            ),
            Course::Night => format!(
                "The {kind} {name} spent {amount} within four hours at a time of day at which neither it nor its team works; in an \
                 hour of work it usually spends {usual} ({count} hours)."
            ),
            Course::Task => format!(
                "One task of the {kind} {name} cost {amount} so far, about {times} times the usual {usual} of {count} tasks of its kind."
            ),
            Course::OwnTask => format!(
                "One task of the {kind} {name} cost {amount} so far, about {times} times the usual {usual} of its last {count} tasks, and \
                 as much as hours of its work do."
            ),
            Course::New => format!(
                "The {kind} {name}, of which little is known yet, spends {amount} in an hour of work, about {times} times the usual \
                 {usual} of others of its template ({count} known)."
            ),
            Course::Many => {
                format!("Most agents of the {kind} {name} spend more than each usually does, {times} times on average.")
            }
            Course::Late => format!(
                "{amount} of the {kind} {name} came more than an hour after newer spend of the same team or agent. It counts in \
                 budgets and reports; whether it was unusual cannot be said, so look at its days in the spend view."
            ),
        }
    }

    fn first_look(&self) -> &'static str {
        match self.sign.course {
            Course::Many => {
                "Look first at prices, models and calls of the last hours that they have in common; a deadline or a new price speaks \
                 against a fault."
            }
            Course::Night => "Look first at who started it, and with which key; a planned job speaks against misuse.",
            Course::Rise => {
                "Look first at cost per call and at the model; a project that grows speaks against a fault."
            }
            Course::New => {
                "Look first at its model and its prompts; another kind of work than the others' speaks against a fault."
            }
            Course::Task | Course::OwnTask => {
                "Look first at its last steps, for a loop; a task of unusual size speaks against one."
            }
            Course::Hour | Course::Hours | Course::Day => {
                "Look first at the session and model that cost most; work of unusual size that was planned speaks against a fault."
            }
            Course::Late => "",
        }
    }

    fn others(&self) -> String {
        match self.sign.course {
            Course::Many | Course::Late | Course::Night => String::new(),
            _ if self.sign.others > 11 => {
                format!("Others spend {}.{} times their usual now.", self.sign.others / 10, self.sign.others % 10)
            }
            _ => String::new(),
        }
    }
}

impl Case for Rate {
    fn severity(&self, _: &Alert) -> Severity {
        match self.sign.course {
            Course::Late => Severity::Low,
            Course::Rise | Course::Many | Course::Night => Severity::Medium,
            // A task is ten times the usual far more often than an hour is.
            Course::OwnTask if self.sign.times < TASK_TIMES_HIGH => Severity::Medium,
            _ if self.sign.times >= 100 => Severity::High,
            _ => Severity::Medium,
        }
    }

    fn title(&self, _: &Alert) -> String {
        let kind = &self.scope_kind;
        match self.sign.course {
            Course::Rise => format!("Spend of one {kind} stays above its usual"),
            Course::Many => format!("Most agents of one {kind} spend more than usual"),
            Course::Late => "Spend came too late to be judged".to_owned(),
            _ => format!("Unusual spend of one {kind}"),
        }
    }

    fn reason(&self, _: &Alert) -> String {
        let sentences = [self.observed(), self.others(), self.first_look().to_owned()];
        sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        let sign = &self.sign;
        match sign.course {
            Course::Many | Course::Late => None,
            _ => Some(
                Measurement::new("spend", Unit::MicroUsd, sign.amount)
                    .usually(0, sign.highest.max(sign.usual))
                    .known_from(sign.count),
            ),
        }
    }
}
