//! What a person may change of a hard budget, decided by how the budget stands. Nothing is recorded here.

use super::service::BudgetError;
use crate::calendar::Period;
use crate::fold::Budgets;
use crate::kind::budget_request::{FAMILIES_DEFAULT, Origin, Owner, Scope, Set};
use crate::money::Money;

/// What a person wants of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Opens it, or changes what is given here.
    Set {
        /// The hard cap.
        cap: Money,
        /// When it is refilled,
        period: Option<Period>,
        /// and how many minutes before midnight UTC.
        offset_minutes: Option<i16>,
        /// Whose money it is.
        scope: Option<Box<Scope>>,
    },
    /// Closes a budget that no configuration names.
    Close,
    /// Sets a budget as the configuration has it.
    Reset,
}

impl Change {
    /// How the budget is to be set, if that may be.
    pub(super) fn set(self, name: &str, budgets: &Budgets, owner: &Owner) -> Result<Set, BudgetError> {
        let now = budgets.terms(name).filter(|set| set.cap_micros.is_some());
        let configured = budgets.configured(name).filter(|set| set.cap_micros.is_some());
        // Whoever is bound to a tenant learns nothing of the budgets of others.
        if now.is_some_and(|set| !set.scope.admits(owner)) {
            return Err(BudgetError::Unknown { name: name.to_owned() });
        }
        let of_configuration = || BudgetError::Configured { name: name.to_owned() };
        match self {
            Self::Reset => configured.cloned().ok_or_else(|| BudgetError::Unknown { name: name.to_owned() }),
            Self::Close if configured.is_some() => Err(of_configuration()),
            Self::Close => {
                let now = now.ok_or_else(|| BudgetError::Unknown { name: name.to_owned() })?;
                Ok(Set { cap_micros: None, origin: Origin::Person, ..now.clone() })
            }
            Self::Set { cap, period, offset_minutes, scope } => {
                let period = period.or(now.map(|set| set.period)).unwrap_or(Period::Day);
                let offset_minutes = offset_minutes.or(now.map(|set| set.offset_minutes)).unwrap_or_default();
                let scope = scope.map(|scope| *scope).or_else(|| now.map(|set| set.scope.clone()));
                // Of a new one it is what the configuration takes.
                let families = || FAMILIES_DEFAULT.map(str::to_owned).to_vec();
                let scope = scope.unwrap_or_else(|| Scope { families: families(), ..Scope::default() });
                if !scope.admits(owner) {
                    return Err(BudgetError::Tenant);
                }
                let set = Set { cap_micros: Some(cap), period, offset_minutes, scope, origin: Origin::Person };
                match configured {
                    Some(configured)
                        if Set { origin: Origin::Person, cap_micros: Some(cap), ..configured.clone() } != set =>
                    {
                        Err(of_configuration())
                    }
                    // The cap of the configuration is no change to it.
                    Some(configured) if configured.cap_micros == Some(cap) => Ok(configured.clone()),
                    _ => Ok(set),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::budget_request::{Asked, Request};
    use ledger::Timestamp;

    const DAY: Period = Period::Day;

    fn dollars(amount: u64) -> Money {
        Money::from_micros(amount * 1_000_000)
    }

    fn of_team(team: &str) -> Scope {
        Scope { team: Some(team.to_owned()), ..Scope::default() }
    }

    fn set(cap: u64, origin: Origin) -> Set {
        Set { cap_micros: Some(dollars(cap)), period: DAY, offset_minutes: 0, scope: of_team("payments"), origin }
    }

    fn cap(cap: u64) -> Change {
        Change::Set { cap: dollars(cap), period: None, offset_minutes: None, scope: None }
    }

    /// Budgets after these settings, in this order.
    fn after(settings: &[(&str, Set)]) -> Budgets {
        let mut budgets = Budgets::new();
        for (at, (name, set)) in settings.iter().enumerate() {
            let request = Request::Set(set.clone());
            let asked = Asked { owner: Owner::named("serve"), subject: (*name).to_owned(), request };
            budgets.decide(Timestamp::from_unix_micros(at as i64 + 1), asked);
        }
        budgets
    }

    /// What becomes of a change to `payments`: the setting, or the error in words.
    fn check(settings: &[(&str, Set)], change: Change, owner: &Owner, expected: Result<Set, &str>) {
        let told = format!("{change:?} after {settings:?}");
        let found = change.set("payments", &after(settings), owner).map_err(|error| error.to_string());
        match (found, expected) {
            (Err(error), Err(words)) => assert!(error.contains(words), "{told}: {error}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{told}"),
        }
    }

    #[test]
    fn a_person_changes_the_cap_of_a_configured_budget_and_nothing_else() {
        let (file, ana) = ([("payments", set(150, Origin::Configuration))], Owner::named("ana"));
        let changed = [file[0].clone(), ("payments", set(200, Origin::Person))];
        check(&file, cap(200), &ana, Ok(set(200, Origin::Person)));
        check(&file, cap(150), &ana, Ok(set(150, Origin::Configuration)));
        check(&changed, cap(150), &ana, Ok(set(150, Origin::Configuration)));
        check(&changed, Change::Reset, &ana, Ok(set(150, Origin::Configuration)));
        check(&changed, Change::Close, &ana, Err("stands in the configuration"));
        let of_month =
            Change::Set { cap: dollars(200), period: Some(Period::Month), offset_minutes: None, scope: None };
        check(&file, of_month, &ana, Err("stands in the configuration"));
        let of_others = Change::Set {
            cap: dollars(200),
            period: None,
            offset_minutes: None,
            scope: Some(Box::new(of_team("search"))),
        };
        check(&file, of_others, &ana, Err("stands in the configuration"));
    }

    #[test]
    fn a_budget_of_a_person_is_changed_and_closed_by_people() {
        let (own, ana) = ([("payments", set(10, Origin::Person))], Owner::named("ana"));
        check(&own, cap(20), &ana, Ok(set(20, Origin::Person)));
        check(&own, Change::Close, &ana, Ok(Set { cap_micros: None, ..set(10, Origin::Person) }));
        check(&own, Change::Reset, &ana, Err("there is no budget"));
        check(&[], Change::Close, &ana, Err("there is no budget"));
        let everybody = Scope { families: vec!["gateway".to_owned()], ..Scope::default() };
        let new = Set { scope: everybody, ..set(5, Origin::Person) };
        check(&[], cap(5), &ana, Ok(new.clone()));
        // What the configuration closed is nobody's: it may be opened anew.
        let closed = [("payments", Set { cap_micros: None, ..set(10, Origin::Configuration) })];
        check(&closed, Change::Reset, &ana, Err("there is no budget"));
        check(&closed, cap(5), &ana, Ok(new));
    }

    #[test]
    fn what_is_not_given_stays() {
        let month = Set { period: Period::Month, offset_minutes: 60, ..set(10, Origin::Person) };
        let (own, ana) = ([("payments", month.clone())], Owner::named("ana"));
        let change = |period, offset_minutes| Change::Set { cap: dollars(10), period, offset_minutes, scope: None };
        check(&own, change(None, Some(-30)), &ana, Ok(Set { offset_minutes: -30, ..month.clone() }));
        check(&own, change(Some(DAY), None), &ana, Ok(Set { period: DAY, ..month.clone() }));
        check(&own, change(None, None), &ana, Ok(month));
    }

    #[test]
    fn whoever_is_bound_to_a_team_sets_its_budgets_alone() {
        let bound = |team: &str| Owner { team: Some(team.to_owned()), ..Owner::named("lead") };
        let own = [("payments", set(10, Origin::Person))];
        check(&own, cap(20), &bound("payments"), Ok(set(20, Origin::Person)));
        check(&own, cap(20), &bound("search"), Err("there is no budget"));
        check(&own, Change::Close, &bound("search"), Err("there is no budget"));
        check(&[], cap(20), &bound("search"), Err("bound to an organisation or a team"));
        let moved = Change::Set {
            cap: dollars(20),
            period: None,
            offset_minutes: None,
            scope: Some(Box::new(of_team("search"))),
        };
        check(&own, moved, &bound("payments"), Err("bound to an organisation or a team"));
    }
}
