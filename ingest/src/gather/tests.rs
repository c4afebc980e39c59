//! Tests of the gatherer: each line comes once, whatever stands between the lines of a record and wherever reading begins again.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

/// A line of tests: `writer record time place text`.
fn read(line: &[u8]) -> Option<LineOf<'_>> {
    let mut words = line.splitn(5, |byte| *byte == b' ');
    let (writer, record) = (words.next()?, words.next()?);
    let time = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let place = match words.next()? {
        b"last" => Place::Last,
        b"alone" => Place::Alone,
        _ => Place::Open,
    };
    words.next()?;
    Some(LineOf { writer, record, time, place })
}

/// Takes lines from a position on; gives each record with the position after it was taken, and the position at the end. The position
/// of a line is its number.
fn gathered(lines: &[String], from: usize) -> (Vec<(String, u64)>, Gatherer) {
    let (mut gatherer, mut found) = (Gatherer::default(), Vec::new());
    for (number, line) in lines.iter().enumerate().skip(from) {
        let (start, end) = (number as u64, number as u64 + 1);
        let line = Gathered { text: line.clone().into_bytes(), seen: 0, received: 0 };
        let text = line.text.clone();
        gatherer.take(read(&text), line, start, end);
        while let Some(record) = gatherer.pop() {
            let at = gatherer.position(end);
            found.push((String::from_utf8(record.text).expect("text"), at));
        }
    }
    (found, gatherer)
}

/// The same, with what is held at the end.
fn all(lines: &[String]) -> Vec<(String, u64)> {
    let (mut found, mut gatherer) = gathered(lines, 0);
    gatherer.end_all();
    while let Some(record) = gatherer.pop() {
        let at = gatherer.position(lines.len() as u64);
        found.push((String::from_utf8(record.text).expect("text"), at));
    }
    assert!(!gatherer.is_holding());
    assert_eq!(gatherer.position(lines.len() as u64), lines.len() as u64);
    found
}

fn check(lines: &[&str], records: &[&str]) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let found: Vec<String> = all(&lines).into_iter().map(|(text, _)| text).collect();
    assert_eq!(found, records);
}

#[test]
fn the_lines_of_a_record_are_joined() {
    check(&["a 1 0 open x", "a 1 0 open y", "a 1 0 last z"], &["a 1 0 open x\na 1 0 open y\na 1 0 last z"]);
    check(
        &["a 1 0 open x", "a 2 0 open y", "b 1 0 last o", "a 1 0 last z", "a 2 0 last w"],
        &["b 1 0 last o", "a 1 0 open x\na 1 0 last z", "a 2 0 open y\na 2 0 last w"],
    );
    check(&["a 1 0 alone x", "hello", "a 2 0 open y"], &["a 1 0 alone x", "hello", "a 2 0 open y"]);
    check(&["a 1 0 open x", "a 1 0 alone y", "a 1 0 last z"], &["a 1 0 open x\na 1 0 alone y\na 1 0 last z"]);
    // Two seconds later it has ended, unless another writer's clock says so.
    check(
        &["a 1 0 open x", "a 2 2000000 last y", "a 1 0 last z"],
        &["a 1 0 open x", "a 2 2000000 last y", "a 1 0 last z"],
    );
    check(
        &["a 1 0 open x", "b 2 9000000 last y", "a 1 0 last z"],
        &["b 2 9000000 last y", "a 1 0 open x\na 1 0 last z"],
    );
}

#[test]
fn what_is_held_is_bounded() {
    let lines: Vec<String> = (0..2_000).map(|number| format!("a {number} 0 open x")).collect();
    let (found, gatherer) = gathered(&lines, 0);
    assert_eq!(found.len() as u64 + limits::GATHER_LINES_MAX, 2_000);
    assert_eq!(gatherer.open.len() as u64, limits::GATHER_LINES_MAX);
    let long = "x".repeat(limits::LINE_BYTES_MAX / 2);
    let lines: Vec<String> = (0..9).map(|number| format!("a 1 0 open {number}{long}")).collect();
    for (text, _) in all(&lines) {
        assert!(text.len() <= limits::LINE_BYTES_MAX, "{}", text.len());
    }
    // Records that overlap without an end do not keep the position for ever.
    let chained = |number: usize| [format!("a {} 0 open x", number + 1), format!("a {number} 0 last y")];
    let lines: Vec<String> = std::iter::once("a 0 0 open x".to_owned()).chain((0..2_000).flat_map(chained)).collect();
    let (found, gatherer) = gathered(&lines, 0);
    assert!(gatherer.taken.len() <= limits::GATHER_TAKEN_MAX && found.last().expect("some").1 > 3_000);
}

/// Lines of some writers whose records stand between each other, not too many at once.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = (0..2_u8, 0..4_u64, prop::sample::select(vec!["open", "open", "open", "last", "alone"]), any::<bool>());
    prop::collection::vec(line, 0..60).prop_map(|drawn| {
        let mut done = BTreeMap::new();
        let drawn = drawn.into_iter().enumerate();
        drawn
            .map(|(number, (writer, record, place, is_other))| {
                if is_other && number % 9 == 0 {
                    return format!("other{number}");
                }
                // A record whose last line came has no more, as it is in the source.
                let generation: &mut u64 = done.entry((writer, record)).or_default();
                let line = format!("{writer} {record}.{generation} {} {place} {number}", number / 7 * 100_000);
                *generation += u64::from(place == "last");
                line
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn each_line_comes_once_in_its_record(lines in lines()) {
        let records = all(&lines);
        let mut found: Vec<&str> = records.iter().flat_map(|(text, _)| text.split('\n')).collect();
        for (text, _) in &records {
            let of: Vec<_> = text.split('\n').map(|line| read(line.as_bytes()).map(|of| (of.writer, of.record))).collect();
            prop_assert!(of.windows(2).all(|two| two[0] == two[1]), "{text}");
        }
        // In a record they keep their order.
        let number = |line: &str| line.rsplit([' ', 'r']).next().and_then(|number| number.parse::<usize>().ok());
        prop_assert!(records.iter().all(|(text, _)| text.split('\n').map(number).is_sorted()));
        found.sort_unstable();
        let mut wanted: Vec<&str> = lines.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn reading_again_after_a_crash_gives_the_same_records(lines in lines(), crash in any::<prop::sample::Index>()) {
        let whole = all(&lines);
        let durable = crash.index(whole.len() + 1);
        let position = durable.checked_sub(1).map_or(0, |last| whole[last].1);
        let again: Vec<String> = all(&lines[position as usize..]).into_iter().map(|(text, _)| text).collect();
        // What is not durable comes, and all that comes is one of the records: known ones are found by their ids.
        for (text, _) in &whole[durable..] {
            prop_assert!(again.contains(text), "{text} is lost after {position}");
        }
        for text in &again {
            prop_assert!(whole.iter().any(|(known, _)| known == text), "{text} is new after {position}");
        }
    }

    #[test]
    fn positions_never_go_back(lines in lines()) {
        let positions: Vec<u64> = all(&lines).into_iter().map(|(_, at)| at).collect();
        prop_assert!(positions.is_sorted(), "{positions:?}");
    }
}
