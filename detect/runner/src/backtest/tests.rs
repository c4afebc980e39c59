//! Two sets of rules over one stored history, and what is said to differ.

use detect_rules::registry::Rules;
use detect_rules::user::{Form, Rule};
use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, Store, Timestamp};

use super::*;

/// A store with these refused writes, one for each domain, each by an agent of its own.
fn store(directory: &std::path::Path, domains: &[&str]) -> Store {
    Store::init(directory, "backtest.example/agents").unwrap();
    let store = Store::open(directory, Options { reserve_bytes: 0, ..Options::default() }).unwrap();
    let mut group = Group::new(&ledger::events::TABLE);
    for (number, domain) in domains.iter().enumerate() {
        let mut entry = Entry::new();
        let workspace = format!("w{number}");
        for (column, text) in [
            (column::KIND, "egress.http"),
            (column::OUTCOME, "deny"),
            (column::METHOD, "POST"),
            (column::DOMAIN, *domain),
            (column::WORKSPACE, workspace.as_str()),
        ] {
            entry.set_text(column, text);
        }
        group.push(&entry).unwrap();
    }
    store.events().appender().try_append(group).unwrap().wait().unwrap();
    store
}

fn user_rule(condition: &str) -> Rule {
    let form = serde_json::json!({
        "name": "acme.refused", "severity": "low", "title": "{domain}", "reason": "Refused.", "by": ["workspace"], "condition": condition,
    });
    Rule::try_from(serde_json::from_value::<Form>(form).unwrap()).unwrap()
}

#[test]
fn what_only_one_set_gives_is_counted_and_shown() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let store = store(&data, &["a.example", "b.example", "c.example"]);
    let [events, operations] =
        [LedgerName::Events, LedgerName::Operations].map(|name| Reader::open(&data, name).unwrap());
    assert_eq!(running_rules(&operations).unwrap(), None);
    let rules = |condition: &str| RuleSet::with_user(vec![user_rule(condition)]);
    let backtest = Backtest {
        candidate: rules("domain in ['a.example', 'b.example']"),
        current: rules("domain in ['b.example', 'c.example']"),
        since: None,
        until: None,
        examples: 1,
    };
    let mut last = 0;
    let run = |backtest: &Backtest, last: &mut u64| {
        backtest.run(&events, &operations, detect_core::sample::key(), &mut |progress| *last = progress.done).unwrap()
    };
    let report = run(&backtest, &mut last);
    assert_eq!((report.events, report.agent_days, last, report.compared_in_part), (3, 3, 3, false));
    let rule = |name: &str| report.rules.iter().find(|rule| rule.rule == name).unwrap();
    let mine = rule("acme.refused");
    assert_eq!((mine.alerts, mine.current, mine.same, mine.new, mine.gone, mine.recorded), (2, 2, 1, 1, 1, 0));
    assert_eq!((mine.by_severity.get("low"), mine.per_agent_day), (Some(&2), 2.0 / 3.0));
    let titles = [&mine.examples_new, &mine.examples_gone].map(|found| found[0].title.as_str());
    assert_eq!(titles, ["a.example", "c.example"]);
    let builtin = rule("egress.denied_post");
    assert_eq!((builtin.alerts, builtin.same, builtin.new, builtin.gone), (3, 3, 0, 0));
    assert!(builtin.examples_new.is_empty() && builtin.examples_gone.is_empty());
    let same = Backtest { current: backtest.candidate.clone(), ..backtest.clone() };
    let same = run(&same, &mut last);
    assert!(same.rules.iter().all(|rule| rule.new + rule.gone == 0 && rule.alerts == rule.same), "{same:?}");
    let none = Backtest { since: Some(Timestamp::MAX), ..backtest };
    assert_eq!(run(&none, &mut last).events, 0);
    store.stop();
}

#[test]
fn only_what_differs_runs_twice() {
    let mut builtin = Rules::default();
    builtin.loop_repeat.notice = 4;
    let candidate = RuleSet { builtin, ..RuleSet::with_user(vec![user_rule("true")]) };
    let left = |current: &RuleSet| {
        let same = candidate.same(current);
        current.engine(detect_core::sample::key(), Timestamp::EPOCH).leave_out(&same)
    };
    assert_eq!(left(&candidate), 0);
    assert_eq!(left(&RuleSet::with_user(candidate.user.clone())), 1);
    assert_eq!(left(&RuleSet { user: vec![user_rule("false")], ..candidate.clone() }), 1);
    assert_eq!(left(&RuleSet::from(candidate.builtin.clone())), 0);
    assert_eq!(left(&RuleSet::only_user(candidate.user.clone())), 0);
}

#[test]
fn changes_of_rules_are_named() {
    let mut builtin = Rules::default();
    builtin.loop_repeat.notice = 4;
    let current = RuleSet::with_user(vec![user_rule("true")]);
    let check = |candidate: RuleSet, expected: &[(&str, Option<&str>)]| {
        let changes = changes(&current, &candidate);
        let found: Vec<(&str, Option<&str>)> =
            changes.iter().map(|change| (change.rule.as_str(), change.parameter.as_deref())).collect();
        assert_eq!(found, expected);
    };
    check(current.clone(), &[]);
    check(RuleSet::from(builtin), &[("acme.refused", None), ("loop.repeat", Some("notice"))]);
    check(RuleSet::with_user(vec![user_rule("false")]), &[("acme.refused", Some("condition"))]);
}
