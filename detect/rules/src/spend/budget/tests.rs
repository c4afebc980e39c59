//! Sums against a plain list, forecasts against a known rate, and the state's size.

use detect_core::pack::Pack as _;
use detect_core::parameters::Parameters as _;
use proptest::prelude::*;

use super::parameters::Named;
use super::recent_spend::RecentSpend;
use super::*;

const START: i64 = crate::fixtures::START;

#[test]
fn forecasts_hold_the_truth_in_their_interval_and_narrow_with_less_noise() {
    let forecast = |noise: u64| {
        let mut account = Account::default();
        for hour in 0..20 {
            let cost = 2_000_000 + noise * (hour as u64 % 2) - noise / 2;
            account.add(START + hour * 3_600, Money::from_micros(cost));
        }
        forecast::exhaustion(&recent(&account), Money::from_dollars(10)).unwrap()
    };
    let (steady, noisy) = (forecast(0), forecast(2_000_000));
    assert_eq!((steady.middle, steady.hours, steady.per_hour), (18_000, 19, Money::from_dollars(2)));
    assert!(steady.early < 18_000 && 18_000 < steady.late);
    assert!(noisy.early < steady.early && steady.late < noisy.late);
    assert_eq!(forecast::exhaustion(&RecentSpend::default(), Money::from_micros(1)), None, "nothing is known");
}

fn recent(account: &Account) -> RecentSpend {
    let mut bytes = Vec::new();
    account.pack(&mut bytes);
    RecentSpend::unpack(&mut bytes.as_slice()).unwrap()
}

#[test]
fn state_is_small() {
    assert!(size_of::<Account>() <= 256, "{}", size_of::<Account>());
}

#[test]
fn parameters_out_of_range_are_refused_and_named_budgets_win() {
    let parameters = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        parameters.check()
    };
    assert!(parameters(|p| p.quiet_seconds = 1).is_err());
    assert!(parameters(|p| p.utc_offset_minutes = 900).is_err());
    let named = Named { scope: ScopeKind::Team, name: "core".into(), day_usd: 7, month_usd: 0 };
    let twice = Parameters { named: vec![named.clone(), named.clone()], ..Parameters::default() };
    assert!(twice.check().unwrap_err().contains("twice"));
    let key = crate::fixtures::key();
    let caps = Caps::new(&Parameters { named: vec![named], ..Parameters::default() }, key);
    let of = |kind, name| caps.of(kind, Scope { kind: "team", name }, key);
    assert_eq!(of(ScopeKind::Team, "core").cap(Period::Day), Some(Money::from_dollars(7)));
    assert_eq!(of(ScopeKind::Team, "other").cap(Period::Day), None);
    assert_eq!(of(ScopeKind::Agent, "core").cap(Period::Day), Some(Money::from_dollars(100)));
}

proptest! {
    #[test]
    fn sums_are_those_of_a_plain_list(costs in proptest::collection::vec((-9_000i64..9_000, 0u64..5_000_000), 1..80)) {
        let (mut account, mut newest, mut list) = (Account::default(), START, Vec::new());
        for (gap, micros) in costs {
            // Old costs that are read in come late and belong where they were spent.
            let second = if list.is_empty() { START } else { newest + gap };
            newest = newest.max(second);
            // Sums are kept in hundreds of micro-USD.
            let cost = Money::from_micros(micros * 100);
            account.add(second, cost);
            account.turn(Period::Day, Period::Day.window(second, 0), cost);
            list.push((second, cost));
            let since = |from: i64| list.iter().filter(|(at, _)| *at >= from).map(|(_, cost)| *cost).sum::<Money>();
            let recent = recent(&account);
            prop_assert_eq!(recent.sum(300), since(newest.div_euclid(300) * 300));
            prop_assert_eq!(recent.sum(3_600), since((newest.div_euclid(300) - 11) * 300));
            prop_assert_eq!(recent.sum(21_600), since((newest.div_euclid(3_600) - 5) * 3_600));
            let window = Period::Day.window(newest, 0);
            prop_assert_eq!(account.status(Period::Day, window, Money::from_micros(1), true).spent, since(window.start));
        }
    }
}
