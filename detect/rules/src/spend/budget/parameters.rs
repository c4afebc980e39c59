//! The parameters of `spend.budget`, and which amounts hold for whom.

use std::collections::BTreeMap;

use detect_core::event::EventRow;
use detect_core::key::Key;
use detect_core::parameters;
use detect_core::scope::Scope;
use ledger::events::column;
use operations::Money;
use operations::calendar::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::NAMED_BUDGETS_MAX;

parameters! {
    /// `[detect.rules."spend.budget"]`.
    pub struct Parameters {
        /// The budget of each agent.
        agent: Limits = Limits { day_usd: 100, month_usd: 1_000 };
        /// The budget of each run (task, chat or execution).
        run: Limits = Limits { day_usd: 100, month_usd: 0 };
        /// The budget of each team.
        team: Limits = Limits::default();
        /// The budget of each organisation.
        organisation: Limits = Limits::default();
        /// Other budgets for some of them: at most 256.
        named: Vec<Named> = Vec::new();
        /// Days and months begin this many minutes before midnight UTC.
        utc_offset_minutes: i16 = 0, in -840..=840;
        /// Whether burn rates are watched.
        burn: bool = true;
        /// An episode is resolved when its day or month is over, or after this many seconds without spend.
        quiet_seconds: u32 = 86_400, in 60..=2_678_400;
    }
    check(parameters) {
        if parameters.named.len() > NAMED_BUDGETS_MAX {
            return Err(format!("named has {} budgets; it may have {NAMED_BUDGETS_MAX}", parameters.named.len()));
        }
        let twice = parameters.named.iter().enumerate().find(|(at, named)| {
            parameters.named[..*at].iter().any(|other| (other.scope, &other.name) == (named.scope, &named.name))
        });
        match twice {
            Some((_, named)) => Err(format!("named has {} {:?} twice; keep one", named.scope.word(), named.name)),
            None => Ok(()),
        }
    }
}

/// Whole dollars; 0 is no budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// For each calendar day.
    pub day_usd: u32,
    /// For each calendar month.
    pub month_usd: u32,
}

/// The budget of one agent, run, team or organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// What it is.
    pub scope: ScopeKind,
    /// Its name, as it stands in the events.
    pub name: String,
    /// For each calendar day.
    #[serde(default)]
    pub day_usd: u32,
    /// For each calendar month.
    #[serde(default)]
    pub month_usd: u32,
}

/// What has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// An agent over all its sessions.
    Agent,
    /// A task, chat or execution.
    Run,
    /// A team.
    Team,
    /// An organisation.
    Organisation,
}

impl Limits {
    /// The budget of a period.
    pub fn cap(self, period: Period) -> Option<Money> {
        let dollars = match period {
            Period::Day => self.day_usd,
            Period::Month => self.month_usd,
        };
        (dollars > 0).then(|| Money::from_dollars(dollars))
    }
}

impl ScopeKind {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Run, Self::Team, Self::Organisation];

    /// The word in sentences.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Run => "run",
            Self::Team => "team",
            Self::Organisation => "organisation",
        }
    }

    /// The one that an event belongs to, if it names one.
    pub fn of<'a>(self, event: &EventRow<'a>) -> Option<Scope<'a>> {
        let named = |column, kind| Some(Scope { kind, name: event.text(column)? });
        match self {
            Self::Agent => Some(Scope::spender(event)),
            Self::Run => named(column::RUN, "run"),
            Self::Team => named(column::TEAM, "team"),
            Self::Organisation => named(column::ORG, "organisation"),
        }
    }
}

/// The amounts by scope, ready to be looked up.
pub struct Caps {
    general: [Limits; 4],
    named: BTreeMap<(u8, u64), Limits>,
    pub utc_offset_minutes: i16,
    pub burn: bool,
}

impl Caps {
    pub fn new(parameters: &Parameters, key: Key) -> Self {
        let named = parameters.named.iter().map(|named| {
            let limits = Limits { day_usd: named.day_usd, month_usd: named.month_usd };
            ((named.scope as u8, key.hash(&["named", &named.name])), limits)
        });
        Self {
            general: [parameters.agent, parameters.run, parameters.team, parameters.organisation],
            named: named.collect(),
            utc_offset_minutes: parameters.utc_offset_minutes,
            burn: parameters.burn,
        }
    }

    /// Whether there is no budget at all.
    pub fn are_none(&self) -> bool {
        self.named.is_empty() && self.general == [Limits::default(); 4]
    }

    /// The amounts that hold for a scope.
    pub fn of(&self, kind: ScopeKind, scope: Scope<'_>, key: Key) -> Limits {
        let general = self.general[kind as usize];
        if self.named.is_empty() {
            return general;
        }
        let named = self.named.get(&(kind as u8, key.hash(&["named", scope.name])));
        named.copied().unwrap_or(general)
    }
}
