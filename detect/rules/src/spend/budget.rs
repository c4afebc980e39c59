//! `spend.budget`: how much of a day's or month's budget is spent, when it will be used up, and whether it burns too fast.
//!
//! Nothing is stopped here: hard caps are the ledger's fold of reservations.

mod account;
mod case;
mod examples;
mod forecast;
mod parameters;
mod recent_spend;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::detector_state;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::SPENDERS_MAX;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use ledger::events::column;
use operations::Money;
use operations::alert::{What, Who};
use operations::calendar::Period;

use account::{Account, Stage};
use case::Spending;
use parameters::Caps;
pub use parameters::{Limits, Parameters, ScopeKind};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "spend.budget",
    version: 6,
    what: "The spend of an agent, run, team or organisation reaches 50, 80 or 100 % of its budget for the calendar day or \
           month, or burns it so fast that it will not last.",
    why: "Model calls cost real money and an agent does not stop by itself: who pays wants to know before it is gone.",
    false_positives: "A budget that is smaller than the work that was planned; a burst at the start of a day that will not \
                      go on, which the burn rate takes for the rate of the day.",
    tuning: "agent, run, team, organisation: whole dollars for each day and month, 0 for no budget; named: other amounts for \
             one of them. utc_offset_minutes: when the day begins. burn: whether burn rates are watched.",
    tags: &["AML.T0034", "AML.T0034.002", "T1496", "ASI02"],
    examples: examples::EXAMPLES,
};

/// The detector.
pub struct Budget {
    caps: Caps,
    key: Key,
    accounts: Table<Account>,
    episodes: Episodes<Spending>,
}

detector_state!(Budget { accounts, episodes } without { caps, key });

impl Rule for Budget {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            caps: Caps::new(parameters, key),
            key,
            accounts: Table::new(SPENDERS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for Budget {
    fn looks_at(&self) -> Aspects {
        if self.caps.are_none() { Aspects::NONE } else { Aspects::COST }
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(cost) = event.cost() else { return };
        for kind in ScopeKind::ALL {
            let Some(scope) = kind.of(event) else { continue };
            let limits = self.caps.of(kind, scope, self.key);
            if limits != Limits::default() {
                self.spend(event, (kind, scope), limits, cost, findings);
            }
        }
    }
}

impl Budget {
    /// Books a cost on one account, and says so where it reaches a stage.
    fn spend<'a>(
        &mut self,
        event: &EventRow<'a>,
        (kind, scope): (ScopeKind, Scope<'a>),
        limits: Limits,
        cost: Money,
        findings: &mut Findings,
    ) {
        // Two organisations may have teams of the same name.
        let org = event.text(column::ORG).unwrap_or("");
        // What agents say of themselves is not added to what a gateway saw.
        let claimed = event.is_claim();
        let account = if claimed { "budget claimed" } else { "budget" };
        let key = self.key.hash(&[account, org, scope.kind, scope.name]);
        let account = self.accounts.entry(key, event, findings);
        account.add(event.second(), cost);
        for period in Period::ALL {
            let cap = limits.cap(period);
            let window = period.window(event.second(), self.caps.utc_offset_minutes);
            let target = format!("{}:{}{}", period.as_str(), bounded(org), if claimed { ":claimed" } else { "" });
            let subject = Subject { scope, target: &target };
            let Some(turned) = account.turn(period, window, cost) else { continue };
            if turned && self.episodes.is_open(subject) {
                self.episodes.resolve(subject, findings, |case| case.over = true);
            }
            let Some(cap) = cap else { continue };
            let status = account.status(period, window, cap, self.caps.burn);
            let worse = status.stage > account.announced(period);
            if status.stage == Stage::Fine || !(worse || self.episodes.is_open(subject)) {
                continue;
            }
            account.announce(period, status.stage);
            let name = bounded(scope.shown(event));
            let case = Spending { scope_kind: kind.word().to_owned(), name, status, claimed, over: false };
            let open = |_| Opening { case, who: who(kind, event), what: what(event), before: Before::default() };
            self.episodes.raise(subject, event.sighting(), findings, open, |case| case.go_on(status));
        }
    }
}

/// Who the alert is about: no more than the budget covers.
fn who(kind: ScopeKind, event: &EventRow<'_>) -> Who {
    let who = scope::who(event);
    match kind {
        ScopeKind::Agent | ScopeKind::Run => who,
        ScopeKind::Team => Who { org: who.org, team: who.team, ..Who::default() },
        ScopeKind::Organisation => Who { org: who.org, ..Who::default() },
    }
}

fn what(event: &EventRow<'_>) -> What {
    What { model: event.text(column::MODEL).map(bounded), ..What::default() }
}

#[cfg(test)]
mod tests;
