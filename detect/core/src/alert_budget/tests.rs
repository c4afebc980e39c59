//! What is told and what is lowered over many weeks of a team, and that a snapshot in between does not matter.

use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq};
use operations::alert::{What, Who};
use proptest::prelude::*;

use super::*;
use crate::fixtures;
use crate::limits::BUDGET_RARE;

const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// Days whose alerts a team's weeks hold at most.
const WEEKS_DAYS: i64 = 35;

fn budgets() -> TeamBudgets {
    TeamBudgets::new(AlertBudget::default(), fixtures::key())
}

/// These agents of a team do something on a day.
fn note(budgets: &mut TeamBudgets, team: &str, agents: u64, day: i64) {
    (0..agents).for_each(|agent| note_as(budgets, team, &format!("{team}-{agent}"), day));
}

/// A workspace does something on a day, as its team's.
fn note_as(budgets: &mut TeamBudgets, team: &str, workspace: &str, day: i64) {
    let mut entry = Entry::new();
    entry.set_text(column::TEAM, team);
    entry.set_text(column::WORKSPACE, workspace);
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::FIRST);
    rows.push_entry(0, Timestamp::from_unix_micros(day * DAY_MICROS), &entry);
    for row in rows.iter() {
        budgets.note(&EventRow::new(&row, false, fixtures::key()));
    }
}

fn alert(number: usize, team: &str, rule: u8, severity: Severity, day: i64) -> Alert {
    let moment = Timestamp::from_unix_micros(day * DAY_MICROS);
    Alert {
        id: format!("alert-{number}"),
        revision: 1,
        rule: format!("acme.rule{rule}"),
        rule_version: 1,
        state: State::Open,
        severity,
        title: "A title".into(),
        reason: "A reason.".into(),
        who: Who { team: Some(team.into()), ..Who::default() },
        what: What::default(),
        first_seen: moment,
        last_seen: moment,
        recorded_first: moment,
        recorded_last: moment,
        count: 1,
        evidence: Vec::new(),
        tags: Vec::new(),
        backfill: false,
        measured: None,
        follows: None,
        sender: None,
        flood: false,
        lowered_from: None,
        shape: None,
    }
}

fn restored(budgets: &TeamBudgets) -> TeamBudgets {
    let mut bytes = Vec::new();
    budgets.snapshot(&mut bytes).unwrap();
    let mut restored = self::budgets();
    let mut input = bytes.as_slice();
    restored.restore(&mut input).unwrap();
    assert!(input.is_empty());
    restored
}

/// Days of alerts, each with the number of its rule and how bad it is: low numbers come often.
fn days() -> impl Strategy<Value = Vec<Vec<(u8, Severity)>>> {
    let severity = prop_oneof![6 => Just(Severity::Medium), 2 => Just(Severity::High), 1 => Just(Severity::Low), 1 => Just(Severity::Critical)];
    let rule = (0u8..40).prop_map(|number| if number < 30 { 0 } else { number - 29 });
    proptest::collection::vec(proptest::collection::vec((rule, severity), 0..12), 60..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_more_is_told_than_the_budget_and_what_is_rare(days in days(), agents in 3u64..12, saved in 0usize..90) {
        let mut budgets = budgets();
        let mut told: Vec<(i64, u8, Severity)> = Vec::new();
        let mut opened: Vec<(i64, u8, Severity)> = Vec::new();
        for (day, alerts) in days.iter().enumerate() {
            if day == saved {
                budgets = restored(&budgets);
            }
            let (day, week) = (day as i64, day as i64 / 7);
            note(&mut budgets, "payments", agents, day);
            for (rule, severity) in alerts {
                let mut found = alert(opened.len(), "payments", *rule, *severity, day);
                budgets.judge(&mut found, "");
                let same = |(then, of, how): &&(i64, u8, Severity)| then / 7 > week - 5 && of == rule && how == severity;
                let is_rare = opened.iter().filter(same).count() < BUDGET_RARE as usize;
                opened.push((day, *rule, *severity));
                let is_lowered = found.severity < *severity;
                prop_assert!(!is_lowered || matches!(severity, Severity::Medium | Severity::High), "{severity} was lowered");
                prop_assert!(!is_lowered || !is_rare, "a rare one was lowered");
                prop_assert_eq!(found.lowered_from.is_some(), is_lowered);
                prop_assert_eq!(found.reason != "A reason.", is_lowered);
                if !is_lowered && matches!(severity, Severity::Medium | Severity::High) {
                    told.push((day, *rule, *severity));
                }
            }
        }
        let last = days.len() as i64 - 1;
        let of_late = told.iter().filter(|(day, _, _)| *day > last - 28).count() as i64;
        let slack = 2 * 11 * i64::from(BUDGET_RARE);
        prop_assert!(of_late * 10 <= WEEKS_DAYS * agents as i64 + slack * 10, "{of_late} of {agents} agents");
    }

    #[test]
    fn a_snapshot_in_between_does_not_matter(days in days(), saved in 0usize..90, later in 0usize..90) {
        let (mut whole, mut stopped) = (budgets(), budgets());
        let mut number = 0;
        for (day, alerts) in days.iter().enumerate() {
            if day == saved || day == later {
                stopped = restored(&stopped);
            }
            for budgets in [&mut whole, &mut stopped] {
                note(budgets, ["web", ""][day % 2], 5, day as i64);
            }
            for (rule, severity) in alerts {
                let mut found = alert(number, "web", *rule, *severity, day as i64);
                let mut again = found.clone();
                whole.judge(&mut found, "");
                stopped.judge(&mut again, "");
                prop_assert_eq!(found, again);
                number += 1;
            }
        }
    }
}

/// A team of ten agents with three alerts of one rule each day for four weeks.
fn noisy() -> TeamBudgets {
    let mut budgets = budgets();
    for day in 0..28 {
        note(&mut budgets, "payments", 10, day);
        for number in 0..3 {
            budgets.judge(&mut alert(100 + day as usize * 3 + number, "payments", 0, Severity::Medium, day), "");
        }
    }
    budgets
}

#[test]
fn a_lowered_alert_says_what_was_measured_and_stays_as_it_was_judged() {
    let mut budgets = noisy();
    let check = |budgets: &mut TeamBudgets, alert: &Alert, kind: &'static str, expected: Severity| {
        let mut found = alert.clone();
        budgets.judge(&mut found, kind);
        assert_eq!(found.severity, expected, "{}", found.reason);
        found
    };
    let ordinary = alert(1, "payments", 0, Severity::Medium, 28);
    let found = check(&mut budgets, &ordinary, "", Severity::Low);
    assert_eq!(found.lowered_from, Some(Severity::Medium));
    assert_eq!(
        found.reason,
        "A reason. It is told at low, where its rule says medium, because it is ordinary here: in the last 29 days team payments had \
         85 alerts of this kind among 85 above low in 280 agent-days, which is 0.304 for each against an alert budget of 0.1."
    );
    // The same alert goes on: it counts once, and what is said of it stays.
    let later = Alert { revision: 2, state: State::Updated, ..ordinary.clone() };
    assert_eq!(check(&mut budgets, &later, "", Severity::Low).reason, found.reason);
    // It gets worse, which is rare here; from then on it is told, also when it has become milder.
    check(&mut budgets, &Alert { severity: Severity::High, ..later.clone() }, "", Severity::High);
    check(&mut budgets, &later, "", Severity::Medium);
    // Another thing that the rule finds, another team, a flood, and what was critical.
    check(&mut budgets, &alert(2, "payments", 0, Severity::Medium, 28), "another", Severity::Medium);
    check(&mut budgets, &alert(3, "web", 0, Severity::Medium, 28), "", Severity::Medium);
    let flood = Alert { flood: true, ..alert(4, "payments", 0, Severity::Medium, 28) };
    check(&mut budgets, &flood, "", Severity::Medium);
    check(&mut budgets, &alert(5, "payments", 0, Severity::Critical, 28), "", Severity::Critical);
    check(&mut budgets, &alert(5, "payments", 0, Severity::Medium, 28), "", Severity::Medium);
}

#[test]
fn days_are_counted_once_and_names_without_end_push_out_no_real_team() {
    let mut budgets = noisy();
    let days = |budgets: &TeamBudgets, team: &str| {
        budgets.teams.get(&fixtures::key().of(Space::TEAM, team)).map_or(0, Team::agent_days)
    };
    assert_eq!((days(&budgets, "payments"), days(&budgets, "")), (280, 280), "those of all teams are the fleet's");
    note(&mut budgets, "payments", 10, 27);
    note(&mut budgets, "payments", 10, 20);
    assert_eq!((days(&budgets, "payments"), days(&budgets, "")), (280, 280));
    // Two teams name one agent by turns.
    for day in [27, 27, 28, 28, 27] {
        note_as(&mut budgets, "web", "shared", day);
        note_as(&mut budgets, "", "shared", day);
        note_as(&mut budgets, "shop", "shared", day);
    }
    assert_eq!(["web", "shop", ""].map(|team| days(&budgets, team)), [2, 2, 282]);
    for number in 0..2 * BUDGET_TEAMS_MAX {
        note(&mut budgets, &format!("invented-{number}"), 1, 27);
    }
    assert_eq!((days(&budgets, "payments"), budgets.teams.len()), (280, BUDGET_TEAMS_MAX));
}
