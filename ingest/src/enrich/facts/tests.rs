//! What is known at a time, whatever the order in which it was said.

use proptest::prelude::*;

use super::*;
use crate::event::Draft;

/// A draft as the dialect makes it of a row.
pub(in crate::enrich) fn inventory(thing: &str, from: i64, columns: &[(Text, &str)]) -> Draft {
    let mut draft = Draft::default();
    draft.set_origin("coder.api", "workspace", INVENTORY);
    draft.columns.set_text(column::ACTION, thing);
    draft.columns.set_time(column::TIME, from);
    draft.columns.set_time(column::OBSERVED, from + 1);
    for (column, value) in columns {
        draft.columns.set_text(*column, value);
    }
    draft
}

fn workspace(from: i64, owner: &str) -> Draft {
    inventory("workspace", from, &[(column::WORKSPACE, "w-1"), (column::USER_ID, owner), (column::TEMPLATE, "go")])
}

fn owner(facts: &mut Facts, time: i64) -> Option<String> {
    facts.at(Thing::Workspace, "w-1", time).and_then(|fact| fact.get(column::USER_ID)).map(str::to_owned)
}

#[test]
fn what_held_at_a_time_is_told() {
    let mut facts = Facts::new();
    facts.learn(&workspace(20, "bo").columns);
    facts.learn(&workspace(10, "amara").columns);
    for (time, expected) in [(9, None), (10, Some("amara")), (19, Some("amara")), (20, Some("bo")), (99, Some("bo"))] {
        assert_eq!(owner(&mut facts, time).as_deref(), expected, "{time}");
    }
    let learned = facts.changes();
    facts.learn(&workspace(20, "bo").columns);
    assert_eq!(facts.changes(), learned, "nothing new was said");
    let mut other = workspace(5, "eve");
    other.columns.set_text(column::KIND, "audit");
    facts.learn(&other.columns);
    assert_eq!(owner(&mut facts, 9), None, "only how things stand is a statement");
}

#[test]
fn keys_and_groups_are_known_by_their_targets() {
    let mut facts = Facts::new();
    let key = [(column::TARGET, "api_key/k1"), (column::USER_ID, "u-1"), (column::WORKSPACE, "w-1")];
    facts.learn(&inventory("api_key", 5, &key).columns);
    assert_eq!(facts.at(Thing::ApiKey, "k1", 6).and_then(|fact| fact.get(column::WORKSPACE)), Some("w-1"));
    let mut join = |team: &str, group: &str, from: i64| {
        let columns = [(column::USER_ID, "u-1"), (column::TEAM, team), (column::TARGET, group), (column::ORG, "o-1")];
        facts.learn(&inventory("group_member", from, &columns).columns);
        facts.team("u-1", 50).map(str::to_owned)
    };
    assert_eq!(join("Everyone", "group/o-1", 1), None);
    assert_eq!(join("payments", "group/g-1", 2).as_deref(), Some("payments"));
    assert_eq!(join("payments", "group/g-1", 9).as_deref(), Some("payments"));
    assert_eq!(join("billing", "group/g-2", 60).as_deref(), Some("payments"), "that is later");
    assert_eq!(join("billing", "group/g-2", 2), None, "two groups say two teams, though in one page");
    assert_eq!(join("payments", "group/g-1", 2), None, "whichever of them is told again");
}

proptest! {
    #[test]
    fn the_order_of_statements_does_not_matter(
        said in prop::collection::vec((0_i64..40, 0_u8..4), 1..30), seed: u64,
    ) {
        let all: Vec<Draft> = said.iter().map(|(from, owner)| workspace(*from, &format!("u-{owner}"))).collect();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| (*at as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut one, mut other) = (Facts::new(), Facts::new());
        for draft in &all {
            one.learn(&draft.columns);
        }
        for at in order.iter().chain(&order) {
            other.learn(&all[*at].columns);
        }
        let mut third = Facts::new();
        third.decode(&one.encode());
        for time in 0..50 {
            prop_assert_eq!(owner(&mut one, time), owner(&mut other, time));
            prop_assert_eq!(owner(&mut one, time), owner(&mut third, time));
        }
        prop_assert_eq!(one.encode(), other.encode());
    }
}
