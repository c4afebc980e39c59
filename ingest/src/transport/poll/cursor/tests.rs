//! The cursor over a made-up list: rows that appear late, pages that shift, ends in the middle.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn rules(window: Option<i64>) -> Rules {
    Rules { since: 0, overlap: HOUR, window, is_sorted: true, open_for: 7 * DAY }
}

fn row(time: i64) -> RowTime {
    RowTime { time: Some(time), is_open: false }
}

fn open(time: i64) -> RowTime {
    RowTime { time: Some(time), is_open: true }
}

#[test]
fn a_round_ends_at_what_is_known_and_the_newest_counts_then() {
    let (mut cursor, rules) = (Cursor::default(), rules(None));
    let now = 100 * DAY;
    assert_eq!(cursor.begin(&rules, now).span, Span { from: 0, to: None });
    assert!(cursor.turn(&[row(90 * DAY), row(89 * DAY)], Some(Place::Offset(2)), &rules, now));
    assert_eq!((cursor.newest(), cursor.begin(&rules, now).at.clone()), (None, Place::Offset(2)));
    // After a restart it goes on at the page.
    let mut cursor = Cursor::decode(&cursor.encode()).unwrap();
    assert_eq!(cursor.begin(&rules, now).at, Place::Offset(2));
    assert!(!cursor.turn(&[row(3 * DAY)], None, &rules, now));
    assert_eq!(cursor.newest(), Some(90 * DAY));
    assert_eq!(cursor.begin(&rules, now).span.from, 90 * DAY - HOUR);
    // What is older than the overlap ends the round, whatever follows.
    assert!(!cursor.turn(&[row(91 * DAY), row(89 * DAY)], Some(Place::Offset(2)), &rules, now));
    assert_eq!(cursor.newest(), Some(91 * DAY));
    // A list that turns out to come the other way round is read to its end.
    cursor.begin(&rules, now);
    assert!(cursor.turn(&[row(3 * DAY), row(4 * DAY)], Some(Place::Token("t".to_owned())), &rules, now));
    // An interface that says the same page again goes on nowhere.
    assert!(!cursor.turn(&[row(99 * DAY)], Some(Place::Token("t".to_owned())), &rules, now));
}

#[test]
fn what_was_missed_for_long_is_read_in_windows() {
    let (mut cursor, rules) = (Cursor::default(), rules(Some(DAY)));
    cursor.begin_at(10 * DAY);
    let (now, mut windows) = (13 * DAY, 0);
    while let Span { from, to: Some(to) } = cursor.begin(&rules, now).span {
        assert_eq!(to - from, DAY);
        assert!(!cursor.turn(&[], None, &rules, now));
        windows += 1;
    }
    assert_eq!(windows, 3);
    let span = cursor.begin(&rules, now).span;
    assert!(span.to.is_none() && span.from > 12 * DAY && span.from < now - HOUR, "{span:?}");
}

#[test]
fn a_wrong_clock_moves_nothing_past_rows_to_come() {
    let (mut cursor, rules) = (Cursor::default(), rules(None));
    cursor.begin(&rules, DAY);
    cursor.turn(&[row(i64::MAX), RowTime { time: None, is_open: true }], None, &rules, DAY);
    assert_eq!(cursor.newest(), Some(DAY));
}

#[test]
fn rows_that_may_change_are_read_again_until_they_do_not_or_for_too_long() {
    let (mut cursor, rules) = (Cursor::default(), rules(Some(DAY)));
    let now = 8 * DAY;
    cursor.begin_at(4 * DAY);
    cursor.begin(&rules, now);
    cursor.turn(&[open(5 * DAY), row(5 * DAY - 1), open(4 * DAY)], None, &rules, now);
    cursor.begin_at(8 * DAY);
    let at = |time| Span { from: time, to: Some(time) };
    assert_eq!(cursor.changing(&rules, now), [at(4 * DAY), at(5 * DAY)]);
    cursor.begin_again(at(4 * DAY));
    assert!(cursor.round.as_ref().is_some_and(|round| round.again));
    // An end in the middle loses nothing.
    let mut cursor = Cursor::decode(&cursor.encode()).unwrap();
    cursor.turn(&[row(4 * DAY)], None, &rules, now);
    assert_eq!((cursor.changing(&rules, now), cursor.newest()), (vec![at(5 * DAY)], Some(8 * DAY)));
    cursor.begin_again(at(5 * DAY));
    cursor.turn(&[open(5 * DAY)], None, &rules, now);
    assert_eq!(cursor.changing(&rules, now), [at(5 * DAY)]);
    cursor.begin_again(at(5 * DAY));
    cursor.turn(&[open(5 * DAY)], None, &rules, 13 * DAY);
    assert_eq!(cursor.changing(&rules, 13 * DAY), [], "it was open for a week");
}

#[test]
fn a_stored_cursor_has_a_bound() {
    let (mut cursor, rules) = (Cursor::default(), rules(None));
    let now = 5 * DAY;
    cursor.begin(&rules, now);
    let many: Vec<RowTime> = (0..400).map(|at| open(at * 900 * SECOND)).collect();
    cursor.turn(&many, Some(Place::Token("x".repeat(900))), &rules, now);
    assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor.clone()));
    cursor.turn(&[], Some(Place::Token("x".repeat(9_000))), &rules, now);
    let stored = cursor.encode();
    assert!(stored.len() <= limits::POLL_CURSOR_BYTES_MAX);
    assert_eq!(Cursor::decode(&stored).map(|cursor| cursor.is_in_round()), Some(false));
    assert_eq!(Cursor::decode(b"no cursor"), None);
}

/// What happens to a list and to who reads it.
#[derive(Debug, Clone)]
enum Act {
    /// A row appears so many seconds after it happened.
    Row(i64),
    /// Time passes, in minutes.
    Wait(i64),
    /// A page is read and its rows are durable.
    Page,
    /// Rounds are read until there is nothing more at once.
    Poll,
    /// The process dies: with what was durable, or after a page was read and before it was.
    Kill(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..3_000_i64).prop_map(Act::Row),
        2 => (0..90_i64).prop_map(Act::Wait),
        1 => (1_440..4_000_i64).prop_map(Act::Wait),
        4 => Just(Act::Page),
        2 => Just(Act::Poll),
        1 => any::<bool>().prop_map(Act::Kill),
    ];
    prop::collection::vec(act, 1..120)
}

struct World {
    now: i64,
    rules: Rules,
    limit: usize,
    /// Times of rows that appeared, each another one.
    rows: BTreeSet<i64>,
    read: BTreeSet<i64>,
    cursor: Cursor,
    durable: Vec<u8>,
}

impl World {
    /// Reads a page; says whether its round goes on.
    fn page(&mut self) -> bool {
        let round = self.cursor.begin(&self.rules, self.now);
        let (span, offset) = (round.span, if let Place::Offset(offset) = round.at { offset as usize } else { 0 });
        let is_asked =
            |time: &&i64| self.rules.window.is_none() || (**time >= span.from && span.to.is_none_or(|to| **time <= to));
        let page: Vec<i64> = self.rows.iter().rev().filter(is_asked).skip(offset).take(self.limit).copied().collect();
        let next = (page.len() == self.limit).then_some(Place::Offset((offset + page.len()) as u64));
        let times: Vec<RowTime> = page.iter().map(|time| row(*time)).collect();
        let goes_on = self.cursor.turn(&times, next, &self.rules, self.now);
        self.read.extend(page);
        goes_on
    }

    fn poll(&mut self) {
        loop {
            let is_window = self.cursor.begin(&self.rules, self.now).span.to.is_some();
            while self.page() {}
            self.durable = self.cursor.encode();
            if !is_window {
                return;
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Row(late) => drop(self.rows.insert(self.now - late * SECOND)),
            Act::Wait(minutes) => self.now += minutes * 60 * SECOND,
            Act::Page => {
                self.page();
                self.durable = self.cursor.encode();
            }
            Act::Poll => self.poll(),
            Act::Kill(is_late) => {
                let read = self.read.clone();
                if *is_late {
                    self.page();
                    self.read = read;
                }
                self.cursor = Cursor::decode(&self.durable).unwrap_or_default();
            }
        }
        // Two things do not happen at one moment here.
        self.now += 1;
    }
}

proptest! {
    #[test]
    fn no_row_is_passed_over(acts in acts(), limit in 1_usize..9, has_windows: bool, is_sorted: bool) {
        let rules = Rules { is_sorted, ..rules(has_windows.then_some(DAY)) };
        let now = 2 * DAY;
        let (rows, read) = (BTreeSet::new(), BTreeSet::new());
        let mut world =
            World { now, rules, limit, rows, read, cursor: Cursor::default(), durable: Cursor::default().encode() };
        let mut newest = None;
        for act in &acts {
            world.act(act);
            let reached = Cursor::decode(&world.durable).and_then(|cursor| cursor.newest());
            prop_assert!(reached >= newest, "what is durable never goes back");
            newest = reached;
        }
        world.poll();
        // A round that went on where it was leaves what appeared before its place to the next one.
        world.poll();
        prop_assert_eq!(&world.read, &world.rows);
    }
}
