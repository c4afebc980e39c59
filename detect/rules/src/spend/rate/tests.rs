//! Agents with a past: what is unusual for them is found at any price, ordinary work is quiet, and old events are judged as they would
//! have been when they happened, or not at all.

use detect_core::parameters::Parameters as _;
use ledger::Timestamp;
use operations::alert::{Alert, State};
use serde_json::{Value, json};

use super::spent::HOUR;
use super::*;
use crate::fixtures;
use crate::rule_set::RuleSet;

const DAY: i64 = 86_400;
const DAYS: i64 = 14;

/// A number from 0.5 to 1.5 that looks random and is always the same.
fn noise(seed: i64) -> f64 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
    0.5 + mixed as f64 / f64::from(1 << 24)
}

/// A call of agent `number` that costs about a tenth of its hour.
fn call(number: i64, second: i64, hourly: f64) -> Value {
    json!({"second": second, "kind": "model.tokens", "family": "gateway", "agent": format!("a{number}"), "team": "core",
        "org": "acme", "template": "web", "cost_micros": (hourly * 1e5 * noise(second + number * 7_919)) as i64})
}

/// Work of some agents from nine to five that costs so many dollars an hour, as far as `times` does not change it.
fn work(agents: i64, hourly: f64, times: impl Fn(i64, i64) -> f64) -> Vec<Value> {
    let mut events = Vec::new();
    for second in (0..DAYS * DAY).step_by(360) {
        for number in 0..agents {
            let at_work = (9 * HOUR..17 * HOUR).contains(&(second % DAY));
            let factor = times(number, second);
            // Nothing of an agent that is away, and at night only what is asked for.
            if factor > 0.0 && (at_work || factor > 1.0) {
                events.push(call(number, second + number, hourly * factor));
            }
        }
    }
    events
}

/// The alerts of `spend.rate` alone; time passes only where something happens.
fn alerts(events: &[Value]) -> Vec<Alert> {
    let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
    let mut findings = Findings::new();
    for row in fixtures::rows(events).iter() {
        engine.advance(row.recorded.unix_seconds(), false, &mut findings);
        engine.observe(&row, &mut findings);
    }
    findings.take().into_iter().filter(|alert| alert.rule == SPEC.name).collect()
}

/// Whose alerts were opened, with the day of each.
fn opened(alerts: &[Alert]) -> Vec<(String, i64)> {
    let who = |alert: &Alert| alert.who.agent.clone().or(alert.who.team.clone()).unwrap_or("all".to_owned());
    let day = |alert: &Alert| (alert.first_seen.unix_seconds() - fixtures::START) / DAY;
    alerts.iter().filter(|alert| alert.state == State::Open).map(|alert| (who(alert), day(alert))).collect()
}

/// Looks for one alert, or none, about ten days of work and what follows, at three levels of spend.
fn check(agents: i64, times: impl Fn(i64, i64) -> f64, expected: Option<(&str, i64, &str)>) {
    for hourly in [0.05, 1.75, 11.0] {
        let alerts = alerts(&work(agents, hourly, &times));
        let found = opened(&alerts);
        match expected {
            Some((who, day, words)) => {
                assert_eq!(found.first(), Some(&(who.to_owned(), day)), "{hourly}: {alerts:#?}");
                assert_eq!(found.len(), 1, "{hourly}: {found:?}");
                assert!(alerts[0].reason.contains(words), "{}", alerts[0].reason);
            }
            None => assert_eq!(found, [], "{hourly}: {alerts:#?}"),
        }
    }
}

fn between(second: i64, day: i64, (from, to): (i64, i64)) -> bool {
    (day * DAY + from * HOUR..day * DAY + to * HOUR).contains(&second)
}

#[test]
fn ordinary_work_is_quiet_at_any_price() {
    check(4, |_, _| 1.0, None);
}

#[test]
fn a_spike_is_found_at_any_price() {
    check(
        4,
        |number, second| if number == 2 && between(second, 10, (11, 13)) { 5.0 } else { 1.0 },
        Some(("a2", 10, "within an hour")),
    );
}

#[test]
fn one_task_that_runs_away_is_found_within_the_hour_at_three_times_the_usual() {
    let mut events =
        work(4, 1.75, |number, second| if number == 2 && between(second, 10, (11, 12)) { 3.0 } else { 1.0 });
    for event in &mut events {
        let second = event["second"].as_i64().unwrap();
        let is_runaway = event["agent"] == "a2" && between(second, 10, (11, 12));
        // Others end after a call.
        event["run"] = if is_runaway { json!("endless") } else { json!(format!("{} {second}", event["agent"])) };
    }
    let alerts = alerts(&events);
    assert_eq!(opened(&alerts), [("a2".to_owned(), 10)], "{alerts:#?}");
}

#[test]
fn twice_the_usual_for_a_day_is_found_though_no_hour_is_a_spike() {
    let times = |number, second: i64| if number == 2 && between(second, 10, (9, 17)) { 2.0 } else { 1.0 };
    check(4, times, Some(("a2", 10, "usual")));
}

#[test]
fn spend_at_night_is_found() {
    check(
        4,
        |number, second| if number == 1 && between(second, 10, (1, 4)) { 1.2 } else { 1.0 },
        Some(("a1", 10, "time of day")),
    );
}

#[test]
fn a_new_agent_is_judged_by_its_template() {
    let times = |number, second: i64| match number {
        3 if second < 10 * DAY => 0.0,
        3 => 10.0,
        _ => 1.0,
    };
    check(4, times, Some(("a3", 10, "others of its template")));
    let ordinary = |number, second: i64| if number == 3 && second < 10 * DAY { 0.0 } else { 1.0 };
    check(4, ordinary, None);
}

#[test]
fn what_all_of_a_team_do_at_once_is_one_alert_of_the_team() {
    let times = |_, second: i64| if between(second, 10, (12, 17)) { 4.0 } else { 1.0 };
    let found = opened(&alerts(&work(6, 1.75, times)));
    assert_eq!(found.iter().filter(|(who, _)| who == "core").count(), 1, "{found:?}");
    // Those that happen to be ahead of the others speak before it is known to be common.
    assert!(found.iter().filter(|(who, _)| who != "core").count() <= 3, "{found:?}");
}

#[test]
fn a_dearer_price_for_all_is_nobodys_spike() {
    check(
        6,
        |_, second| if second % DAY >= 9 * HOUR && second % DAY < 17 * HOUR && second >= 9 * DAY { 1.6 } else { 1.0 },
        None,
    );
}

#[test]
fn a_ramp_over_a_week_is_found() {
    let times = |number, second: i64| {
        let day = (second / DAY - 7).max(0) as i32;
        let at_work = (9 * HOUR..17 * HOUR).contains(&(second % DAY));
        if number == 0 && at_work { 1.3_f64.powi(day) } else { 1.0 }
    };
    let alerts = alerts(&work(4, 1.75, times));
    assert!(opened(&alerts).iter().any(|(who, day)| who == "a0" && *day >= 8), "{alerts:#?}");
    assert!(opened(&alerts).iter().all(|(who, _)| who == "a0"), "{alerts:#?}");
}

#[test]
fn a_task_that_costs_far_more_than_such_tasks_is_found() {
    let mut events = work(4, 1.75, |_, _| 1.0);
    for event in &mut events {
        let hour = event["second"].as_i64().unwrap() / HOUR;
        let agent = event["agent"].as_str().unwrap().to_owned();
        // One run goes on where others end after an hour, and costs as much again in each.
        let endless = agent == "a1" && hour >= 10 * 24;
        event["run"] = if endless { json!("endless") } else { json!(format!("{agent} {hour}")) };
    }
    let alerts = alerts(&events);
    let found = opened(&alerts);
    // What costs far more again is said again.
    assert!(!found.is_empty() && found.iter().all(|(who, _)| who == "a1"), "{alerts:#?}");
    assert!(alerts[0].reason.contains("One task"), "{}", alerts[0].reason);
}

/// The same events, recorded at once at the end.
fn at_once(events: &[Value]) -> Vec<Value> {
    let old = |event: &Value| {
        let mut event = event.clone();
        event["time"] = json!((fixtures::START + event["second"].as_i64().unwrap()) * 1_000_000);
        (event["second"], event["marks"]) = (json!(DAYS * DAY), json!(["backfill"]));
        event
    };
    events.iter().map(old).collect()
}

#[test]
fn loading_two_weeks_at_once_finds_what_living_through_them_found() {
    let spikes = |number, second: i64| match number {
        2 if between(second, 8, (11, 13)) || between(second, 12, (10, 12)) => 8.0,
        _ => 1.0,
    };
    let events = work(4, 1.75, spikes);
    let (lived, loaded) = (opened(&alerts(&events)), opened(&alerts(&at_once(&events))));
    assert_eq!(lived, [("a2".to_owned(), 8), ("a2".to_owned(), 12)]);
    assert_eq!(loaded, lived);
}

#[test]
fn what_comes_in_no_order_is_not_judged_and_that_is_said() {
    let mut events =
        at_once(&work(3, 1.75, |number, second| if number == 2 && between(second, 12, (11, 13)) { 8.0 } else { 1.0 }));
    // Agent by agent, as files are.
    events.sort_by_key(|event| event["agent"].as_str().unwrap().to_owned());
    let alerts = alerts(&events);
    assert_eq!(opened(&alerts), [("all".to_owned(), 0)], "{alerts:#?}");
    assert!(alerts[0].severity < operations::alert::Severity::Medium && alerts[0].reason.contains("cannot be said"));
}

#[test]
fn state_is_small() {
    let sizes = (size_of::<Agent>(), size_of::<Team>(), size_of::<Like>(), size_of::<Tasks>());
    assert!(sizes.0 <= 212 && sizes.1 <= 344 && sizes.2 <= 64 && sizes.3 <= 256, "{sizes:?}");
}

#[test]
fn parameters_out_of_range_are_refused() {
    let check = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        parameters.check()
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert!(check(|p| p.false_alarms = 0).unwrap_err().contains("false_alarms"));
    assert!(check(|p| p.floor_percent = 10_001).is_err() && check(|p| p.quiet_seconds = 1).is_err());
}
