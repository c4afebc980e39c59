//! Tests of how sessions are compared: cases as people would tell them, and what must hold of any rows.

use proptest::prelude::*;

use super::*;

/// A row in short: `second kind session action target state`, with `-` for what is not told.
fn rows(lines: &'static [&'static str]) -> Vec<Row<'static>> {
    let row = |line: &'static &'static str| {
        let mut words = line.split(' ');
        let time = words.next().unwrap().parse().unwrap();
        let mut word = || words.next().filter(|word| *word != "-");
        let (kind, session) = (word().unwrap(), word());
        let (action, target, state) = (word(), word(), word());
        Row { kind, time, position: line, session, agent_kind: Some("claude_code"), action, target, state }
    };
    lines.iter().map(row).collect()
}

/// `second drift item name before after cause`.
fn shown(change: &Change) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let cause = change.cause.map_or("-".to_owned(), |cause| format!("{}@{}", cause.kind, cause.time));
    let Thing { item, name, .. } = change.thing;
    let (before, after) = (or_none(&change.before), or_none(&change.after));
    format!("{} {} {} {name} {before} {after} {cause}", change.time, change.drift.word(), item.word())
}

fn check(lines: &'static [&'static str], expected: &[&str]) {
    let rows = rows(lines);
    let found: Vec<String> = inventory(&rows).changes.iter().map(shown).collect();
    assert_eq!(found, expected, "{lines:#?}");
}

#[test]
fn what_the_first_session_has_is_no_change() {
    check(&["1 inventory a mcp_server docs http", "2 prompt a"], &[]);
    // Nor what one that was cut off at its start had.
    check(
        &["1 inventory a mcp_server docs http", "5 inventory b mcp_server wiki -", "6 prompt b"],
        &["5 removed mcp_server docs http - -"],
    );
}

#[test]
fn a_thing_comes_changes_and_goes_with_what_made_it_so() {
    check(
        &[
            "10 inventory a hook PreToolUse http",
            "11 inventory a mcp_server - -",
            "12 prompt a",
            "15 command a Bash - -",
            "20 inventory b hook PreToolUse http",
            "21 inventory b mcp_server docs stdio",
            "22 session.end b",
            "25 config.change b ConfigChange user_settings -",
            "30 inventory c hook - -",
            "31 inventory c mcp_server docs http",
            "32 prompt c",
        ],
        &[
            "21 added mcp_server docs - stdio command@15",
            "30 removed hook PreToolUse http - config.change@25",
            "31 changed mcp_server docs stdio http config.change@25",
        ],
    );
}

#[test]
fn a_session_that_ends_at_its_start_takes_nothing_away() {
    check(
        &[
            "10 inventory a hook PreToolUse http",
            "12 prompt a",
            "20 inventory b hook - -",
            "30 inventory c hook PreToolUse http",
            "31 prompt c",
        ],
        &[],
    );
}

#[test]
fn several_of_one_name_are_one_thing() {
    let both = ["10 inventory a hook Stop http", "10 inventory a hook Stop command", "11 prompt a"];
    let held = inventory(&rows(Box::leak(Box::new(both)))).held;
    assert_eq!(held[0].state.as_deref(), Some("command; http"));
}

#[test]
fn skills_are_told_when_they_are_used_and_templates_with_each_build() {
    check(
        &[
            "10 inventory a skill notes project",
            "11 prompt a",
            "20 inventory b mcp_server - -",
            "21 prompt b",
            "30 workspace.build - start - v1",
            "40 workspace.build - start - v2",
            "50 inventory c managed_settings remote -",
            "51 prompt c",
            "60 inventory d managed_settings none -",
            "61 prompt d",
        ],
        &[
            "40 changed template template v1 v2 workspace.build@40",
            "60 changed managed_settings managed_settings remote none -",
        ],
    );
}

#[test]
fn another_projects_session_takes_nothing_away() {
    let told = |time, session, item: &'static str, name, state| Row {
        kind: "inventory",
        time,
        position: "p",
        session: Some(session),
        agent_kind: None,
        action: Some(item),
        target: Some(name),
        state: Some(state),
    };
    let goes_on = |time, session| Row { kind: "prompt", action: None, target: None, ..told(time, session, "", "", "") };
    let mut rows = vec![
        told(1, "a", "settings_file", ".mcp.json (project aa)", "1"),
        told(1, "a", "instructions_file", "AGENTS.md (project aa)", "1"),
        goes_on(2, "a"),
        told(3, "b", "settings_file", ".mcp.json (project bb)", "2"),
        goes_on(4, "b"),
    ];
    let gone = |rows: &[Row]| inventory(rows).changes.iter().filter(|change| change.drift == Drift::Removed).count();
    assert_eq!(gone(&rows), 0);
    rows.extend([
        told(5, "c", "settings_file", "~/.codex/config.toml", "3"),
        told(5, "c", "instructions_file", "AGENTS.md (project aa)", "1"),
        goes_on(6, "c"),
    ]);
    assert_eq!(gone(&rows), 1, "the session is about the first project, which has no servers any longer");
}

fn any_row() -> impl Strategy<Value = (usize, usize, usize, usize, i64)> {
    (0..6usize, 0..4usize, 0..4usize, 0..3usize, 0..40i64)
}

/// Rows whose positions are the places where they stood first.
fn made(parts: &[(usize, usize, usize, usize, i64)], positions: &'static [String]) -> Vec<Row<'static>> {
    const KINDS: [&str; 6] = ["inventory", "inventory", "inventory", "prompt", "command", "workspace.build"];
    const ITEMS: [&str; 4] = ["mcp_server", "hook", "skill", "managed_settings"];
    const SESSIONS: [Option<&str>; 4] = [Some("a"), Some("b"), Some("c"), None];
    const STATES: [Option<&str>; 3] = [None, Some("x"), Some("y")];
    let row = |(number, (kind, session, item, state, time)): (usize, &(usize, usize, usize, usize, i64))| Row {
        kind: KINDS[*kind],
        time: *time,
        position: &positions[number],
        session: SESSIONS[*session],
        agent_kind: None,
        action: Some(ITEMS[*item]),
        target: if *state == 0 { None } else { Some("one") },
        state: STATES[*state],
    };
    parts.iter().enumerate().map(row).collect()
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter_and_twice_is_once(
        parts in proptest::collection::vec(any_row(), 0..40), seed in any::<u64>(),
    ) {
        let positions: &'static [String] = Box::leak((0..40).map(|number| format!("p{number:02}")).collect());
        let rows = made(&parts, positions);
        let mut mixed = [rows.clone(), rows.clone()].concat();
        mixed.sort_by_key(|row| row.position.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)));
        prop_assert_eq!(inventory(&rows), inventory(&mixed));
    }

    #[test]
    fn changes_lead_from_what_was_first_to_what_is_held(parts in proptest::collection::vec(any_row(), 0..40)) {
        let positions: &'static [String] = Box::leak((0..40).map(|number| format!("p{number:02}")).collect());
        let rows = made(&parts, positions);
        let found = inventory(&rows);
        for held in &found.held {
            let own: Vec<&Change> = found.changes.iter().filter(|change| change.thing == held.thing).collect();
            prop_assert_eq!(own.len() as i64, held.changes);
            prop_assert_eq!(held.changed, own.iter().map(|change| change.time).max());
            prop_assert!(held.first_seen <= held.last_seen && held.sessions > 0);
            for change in own {
                if let Some(cause) = change.cause {
                    prop_assert!(cause.time <= change.time && cause.time > change.unchanged.unwrap_or(i64::MIN));
                }
            }
        }
    }
}
