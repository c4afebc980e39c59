//! Requests about hard budgets: the records of the operations kinds `budget.set`, `budget.reserve`, `budget.commit`,
//! `budget.release`, `budget.observed` and `budget.matched`.
//!
//! A request is appended first and decided by its position: [`crate::fold::Budgets`] gives the answer. So the order of
//! decisions is the order of the ledger, and an answer is durable before it is given. Nothing here decides; [`crate::budget`]
//! is the one way to ask, and what is written about decisions afterwards stands in `budget_report.rs`.

use serde::{Deserialize, Serialize};

use super::{Envelope, Family, Info, Kind};
use crate::access::Trust;
use crate::calendar::Period;
use crate::limits;
use crate::money::Money;
use ledger::operations::column;
use ledger::{AppendError, Entry, Row};

/// The operations kind that opens, changes or closes a budget; the subject is the budget.
pub const SET_KIND: &str = "budget.set";
/// The operations kind of a reservation before the money is spent; the subject is the reservation.
pub const RESERVE_KIND: &str = "budget.reserve";
/// The operations kind that says what a reserved call really cost; the subject is the reservation.
pub const COMMIT_KIND: &str = "budget.commit";
/// The operations kind that gives a reservation back unused; the subject is the reservation.
pub const RELEASE_KIND: &str = "budget.release";
/// The operations kind that says what the events of a budget add up to; the subject is the budget.
pub const OBSERVED_KIND: &str = "budget.observed";
/// The operations kind that says what was seen of reserved calls in the events; the subject is who looked.
pub const MATCHED_KIND: &str = "budget.matched";

/// Entries that open, change or close a budget.
pub const BUDGET_SET: Kind<Set> = request(
    SET_KIND,
    "`serve`, or a person",
    "`cap_micros` (absent: closed), `period`, `offset_minutes`, `scope`, `origin` (absent: the configuration; `person`); the subject is the budget",
);
/// Entries that ask for money.
pub const RESERVED: Kind<Owned<Reserve>> = request(
    RESERVE_KIND,
    "a gateway",
    "`budgets`, `micros`, `ttl_seconds`, `org`, `team`; the subject is the reservation, here and in the next two",
);
/// Entries that say what a call cost.
pub const COMMITTED: Kind<Owned<BudgetCommit>> = request(COMMIT_KIND, "a gateway", "`micros`, `org`, `team`");
/// Entries that give money back.
pub const RELEASED: Kind<Owned<Release>> = request(RELEASE_KIND, "a gateway", "`org`, `team`");
/// Entries that say what the events of a budget add up to.
pub const EVENTS_OBSERVED: Kind<Observed> = request(
    OBSERVED_KIND,
    "`budgets`",
    "`window` (second of its start), `micros` and `unreserved_micros` of its events so far; the subject is the budget",
);
/// Entries that say what was seen of reserved calls.
pub const EVENTS_MATCHED: Kind<Matched> =
    request(MATCHED_KIND, "`budgets`", "`seen`: `id`, `owner`, `micros` of reservations, since the entry before");

const fn request<R>(word: &'static str, actor: &'static str, doc: &'static str) -> Kind<R> {
    Kind::of(Info::new(word, Family::Budgets, actor, doc))
}

/// Who asks. Reservations belong to their owner: the same id of another one is another reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Name of the principal.
    pub name: String,
    /// The only organisation whose budgets it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The only team whose budgets it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

impl Owner {
    /// An owner that may use every budget.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), org: None, team: None }
    }

    /// The terms of a record, which says whose they are.
    fn of<T>(&mut self, Owned { terms, org, team }: Owned<T>) -> T {
        (self.org, self.team) = (org, team);
        terms
    }
}

/// A request with who asks, and what about: a reservation or a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub owner: Owner,
    /// The id of the reservation, or the name of the budget.
    pub subject: String,
    /// What is asked.
    pub request: Request,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open, change or close a budget.
    Set(Set),
    /// Keep money for a call.
    Reserve(Reserve),
    /// The call is done.
    Commit(BudgetCommit),
    /// The call did not happen.
    Release,
    /// What was seen in the events.
    Observed(Observed),
    /// What was seen in the events of calls for which money was kept.
    Matched(Matched),
}

/// The record of a `budget.set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The hard cap. Without one the budget is closed, and goes when its day or month and its last
    /// reservation are over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_micros: Option<Money>,
    /// When it is refilled.
    pub period: Period,
    /// How many minutes before midnight UTC that is.
    #[serde(default)]
    pub offset_minutes: i16,
    /// Whose money it is.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
    /// Whether the configuration says so, or a person.
    #[serde(default, skip_serializing_if = "Origin::is_configuration")]
    pub origin: Origin,
}

/// Who says how a budget is set. What a person set stays until the configuration says something new of that budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration's file.
    #[default]
    Configuration,
    /// Somebody by the API, the command line or a page.
    Person,
}

impl Origin {
    // The form that serde asks for.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_configuration(&self) -> bool {
        *self == Self::Configuration
    }

    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Person => "person",
        }
    }
}

/// Families of sources whose events count where nobody says which.
pub const FAMILIES_DEFAULT: [&str; 1] = ["gateway"];

/// Names that no budget may have, because they stand in the paths of the API.
const RESERVED_NAMES: [&str; 3] = ["reserve", "commit", "release"];

/// Whose money a budget is: all that is given must hold. It says which events count, and who may reserve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// The organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The task, chat or execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The workspace's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Families of sources whose events count, such as gateway; none if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
    /// How far a source must be from the agent's reach for its events to count; if none is given, only what a gateway or the
    /// control plane tells does. What others claim never uses a budget up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<Trust>,
}

impl Scope {
    /// Whether nothing is given.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the owner may use such a budget: one that is bound to an organisation or a team uses theirs only.
    pub fn admits(&self, owner: &Owner) -> bool {
        let admits = |bound: &Option<String>, of: &Option<String>| bound.is_none() || bound == of;
        admits(&owner.org, &self.org) && admits(&owner.team, &self.team)
    }

    /// Whether an event of this family counts, told by a source of this trust.
    pub fn counts(&self, family: &str, trust: Option<Trust>) -> bool {
        let is_believed = trust.is_some_and(|trust| match self.trust.as_slice() {
            [] => trust >= Trust::Gateway,
            named => named.contains(&trust),
        });
        is_believed && self.families.iter().any(|name| name == family)
    }

    fn check(&self) -> Result<(), &'static str> {
        let names = [&self.org, &self.team, &self.user, &self.agent, &self.run, &self.workspace];
        let names = names.into_iter().flatten().chain(&self.families);
        let wrong = names.into_iter().any(|name| !is_name(name))
            || self.families.len() > limits::BUDGET_FAMILIES_MAX
            || self.trust.len() > Trust::ALL.len();
        if wrong { Err("a name in a budget's scope has 1 to 128 bytes and no control characters") } else { Ok(()) }
    }
}

/// The record of a `budget.reserve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The budgets that the call draws on, all of them or none.
    pub budgets: Vec<String>,
    /// The most that it may cost.
    pub micros: Money,
    /// After how many seconds it is given back if nobody says what became of it.
    pub ttl_seconds: u32,
}

/// The record of a `budget.commit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetCommit {
    /// What the call cost.
    pub micros: Money,
}

/// The record of a `budget.observed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The first second of the day or month that was added up.
    pub window: i64,
    /// What its events cost.
    pub micros: Money,
    /// The part of it for which no reservation is known that draws on this budget.
    #[serde(default)]
    pub unreserved_micros: Money,
}

/// The record of a `budget.matched`: what was seen since the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// Reservations with the cost of their events.
    pub seen: Vec<Seen>,
}

/// Cost that was seen of one reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Id of the reservation.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// What its new events cost.
    pub micros: Money,
}

/// A record with the tenant of the principal that asks, whose name is the entry's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned<T> {
    /// What is asked.
    #[serde(flatten)]
    pub terms: T,
    /// The only organisation whose budgets the principal may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The only team whose budgets it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// The terms of a `budget.release`: there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {}

impl Request {
    /// The operations kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Set(_) => SET_KIND,
            Self::Reserve(_) => RESERVE_KIND,
            Self::Commit(_) => COMMIT_KIND,
            Self::Release => RELEASE_KIND,
            Self::Observed(_) => OBSERVED_KIND,
            Self::Matched(_) => MATCHED_KIND,
        }
    }

    fn amount(&self) -> Money {
        match self {
            Self::Set(set) => set.cap_micros.unwrap_or_default(),
            Self::Reserve(reserve) => reserve.micros,
            Self::Commit(commit) => commit.micros,
            // Sums of what happened are what they are.
            Self::Observed(_) | Self::Matched(_) | Self::Release => Money::ZERO,
        }
    }
}

impl Asked {
    /// The operations kinds of requests.
    pub const KINDS: [&'static str; 6] =
        [SET_KIND, RESERVE_KIND, COMMIT_KIND, RELEASE_KIND, OBSERVED_KIND, MATCHED_KIND];

    /// The entry to append.
    pub fn entry(&self) -> Result<Entry, AppendError> {
        let envelope = Envelope { subject: &self.subject, actor: &self.owner.name, ..Envelope::default() };
        match &self.request {
            Request::Set(set) => BUDGET_SET.entry(&envelope, set),
            Request::Reserve(terms) => RESERVED.entry(&envelope, &self.owned(terms.clone())),
            Request::Commit(terms) => COMMITTED.entry(&envelope, &self.owned(terms.clone())),
            Request::Release => RELEASED.entry(&envelope, &self.owned(Release {})),
            Request::Observed(observed) => EVENTS_OBSERVED.entry(&envelope, observed),
            Request::Matched(matched) => EVENTS_MATCHED.entry(&envelope, matched),
        }
    }

    fn owned<T>(&self, terms: T) -> Owned<T> {
        Owned { terms, org: self.owner.org.clone(), team: self.owner.team.clone() }
    }

    /// The request in a row of `operations`; `None` for rows of other kinds, and for records that are no requests or break
    /// a bound.
    pub fn from_row(row: &Row<'_>) -> Option<Self> {
        let mut owner = Owner::named(row.text(column::ACTOR).unwrap_or_default());
        let request = match row.text(column::KIND)? {
            SET_KIND => Request::Set(BUDGET_SET.read(row)?),
            RESERVE_KIND => Request::Reserve(owner.of(RESERVED.read(row)?)),
            COMMIT_KIND => Request::Commit(owner.of(COMMITTED.read(row)?)),
            RELEASE_KIND => {
                let Release {} = owner.of(RELEASED.read(row)?);
                Request::Release
            }
            OBSERVED_KIND => Request::Observed(EVENTS_OBSERVED.read(row)?),
            MATCHED_KIND => Request::Matched(EVENTS_MATCHED.read(row)?),
            _ => return None,
        };
        let asked = Self { owner, subject: row.text(column::SUBJECT)?.to_owned(), request };
        asked.check().ok().map(|()| asked)
    }

    /// Checks the bounds: whoever takes a request from outside asks before it appends.
    pub fn check(&self) -> Result<(), &'static str> {
        if !is_name(&self.subject) {
            return Err("the id of a reservation or budget has 1 to 128 bytes and no control characters");
        }
        if self.request.amount() > limits::BUDGET_MONEY_MAX {
            return Err("an amount is at most one billion dollars");
        }
        match &self.request {
            Request::Set(_) if RESERVED_NAMES.contains(&self.subject.as_str()) => {
                Err("this name stands for something else in the API; give it another")
            }
            Request::Set(set) if set.offset_minutes.unsigned_abs() > 14 * 60 => {
                Err("offset_minutes is at most 14 hours either way")
            }
            Request::Set(set) => set.scope.check(),
            Request::Reserve(reserve) => reserve.check(),
            Request::Matched(matched) if matched.seen.len() > limits::BUDGET_MATCHED_MAX => {
                Err("too many reservations in one entry")
            }
            _ => Ok(()),
        }
    }
}

impl Reserve {
    fn check(&self) -> Result<(), &'static str> {
        if self.budgets.is_empty() || self.budgets.len() > limits::BUDGETS_PER_RESERVATION_MAX {
            return Err("a reservation draws on 1 to 8 budgets");
        }
        if !self.budgets.iter().all(|name| is_name(name)) {
            return Err("the name of a budget has 1 to 128 bytes and no control characters");
        }
        if self.budgets.iter().enumerate().any(|(at, name)| self.budgets[..at].contains(name)) {
            return Err("a reservation names each budget once");
        }
        if self.ttl_seconds == 0 || self.ttl_seconds > limits::RESERVATION_TTL_SECONDS_MAX {
            return Err("ttl_seconds is 1 to 86400");
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::BUDGET_NAME_BYTES_MAX && !text.chars().any(char::is_control)
}
