//! One episode of unusual spend: how bad it is and how it is put.

use detect_core::episode::Case;
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use crate::spend::anomaly::Feature;

/// In which way the spend was unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// One step by itself.
    Spike,
    /// Several steps together.
    Run,
    /// Many unusual steps close together.
    Crowding,
    /// Unusual for this hour of the week.
    Hour,
    /// Slowly more and more.
    Creep,
    /// An agent of which nothing is known yet.
    New,
}

/// What was found in one step. Amounts are those of five minutes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sign {
    pub feature: Course,
    #[serde(rename = "micros")]
    pub amount: Money,
    /// The mean of its last weeks, and of its last hours.
    pub usual: Money,
    pub lately: Money,
    /// The most in five minutes before.
    pub highest: Money,
    /// On how many steps with spend that rests.
    pub steps: u32,
    pub chance: f64,
    pub allowed: f64,
}

/// What is known about an agent of which an alert is open: the rarest step so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rate {
    /// `agent`, `workspace`, `user`, ….
    pub scope_kind: String,
    /// Its name; attacker-written.
    pub name: String,
    pub sign: Sign,
}

impl From<Feature> for Course {
    fn from(feature: Feature) -> Self {
        match feature {
            Feature::Level => Self::Spike,
            Feature::ShortMean | Feature::Mean | Feature::Rise => Self::Run,
            Feature::Crowding => Self::Crowding,
            Feature::Hour => Self::Hour,
        }
    }
}

impl Rate {
    /// Takes a further finding, if it is dearer: the reason speaks of the worst.
    pub fn go_on(&mut self, sign: Sign) {
        if sign.amount > self.sign.amount {
            self.sign = sign;
        }
    }

    fn observed(&self) -> String {
        let (kind, name, amount) = (&self.scope_kind, &self.name, self.sign.amount);
        match self.sign.feature {
            Course::Spike => format!("The {kind} {name} spent {amount} within five minutes."),
            Course::Run => {
                format!("The {kind} {name} keeps spending more than it did, {amount} in the last five minutes.")
            }
            Course::Crowding => {
                format!("Unusual amounts of the {kind} {name} come close together, {amount} in the last five minutes.")
            }
            Course::Hour => format!(
                "The {kind} {name} spent {amount} within five minutes, unusual for this hour of its team's week."
            ),
            Course::Creep => format!(
                "The spend of the {kind} {name} creeps up: {} in five minutes of work over the last hours.",
                self.sign.lately
            ),
            Course::New => {
                format!("The {kind} {name}, of which little is known yet, spent {amount} within five minutes.")
            }
        }
    }

    fn baseline(&self) -> String {
        let sign = &self.sign;
        match sign.feature {
            Course::New => "For its team that is rare.".to_owned(),
            Course::Creep => {
                format!("Over the last weeks it was {} ({} steps with spend).", sign.usual, sign.steps)
            }
            _ => {
                format!("Usual is {}, the most so far {} ({} steps with spend).", sign.usual, sign.highest, sign.steps)
            }
        }
    }

    fn rarity(&self) -> String {
        let sign = &self.sign;
        if sign.feature == Course::Creep || sign.chance <= 0.0 {
            return String::new();
        }
        format!(
            "The chance of that is 1 in {}; the budget of false alarms allows 1 in {}.",
            (1.0 / sign.chance) as u64,
            (1.0 / sign.allowed) as u64
        )
    }
}

impl Case for Rate {
    fn severity(&self, _: &Alert) -> Severity {
        let sign = &self.sign;
        let tenfold = sign.steps > 0 && sign.amount >= sign.usual.saturating_mul(10);
        if tenfold && sign.feature != Course::Creep { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        let kind = &self.scope_kind;
        match self.sign.feature {
            Course::Creep => format!("Spend of one {kind} creeps up"),
            _ => format!("Unusual spend of one {kind}"),
        }
    }

    fn reason(&self, _: &Alert) -> String {
        let sentences = [self.observed(), self.baseline(), self.rarity()];
        sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        let sign = &self.sign;
        let observed = if sign.feature == Course::Creep { sign.lately } else { sign.amount };
        let measured = Measurement::new("spend", Unit::MicroUsd, observed).within(300);
        Some(if sign.steps == 0 { measured } else { measured.usually(0, sign.highest).known_from(sign.steps) })
    }
}
