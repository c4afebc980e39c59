//! The session that a log names once, where it starts, and means in every line that follows.
//!
//! It is an input of the ledger, so that a restart knows it again: one for each lineage, which is a file whatever its name, the files
//! of one path after each other, a pipe, or one workspace's requests. What mixes the lines of several processes has no lineage.

use ledger::events::column;

use crate::event::{Batch, Draft};
use crate::limits::NAME_BYTES_MAX;
use crate::pipeline::{Channel, Pipeline};

/// Attribution by the line of the same log that told the start of the session.
const JOINED_SESSION_START: &str = "joined:session-start";
/// The kind of that line.
const START: &str = "session.start";
/// A process that starts itself again in a jail tells a second session that means nothing. It does so within this time, in
/// microseconds, and before anything else happens.
const AGAIN_MICROS_MAX: i64 = 10_000_000;

/// What the lines of a source may continue.
#[derive(Debug, Clone, Copy)]
pub struct Lineage<'a> {
    /// Names it among those of the collector and the token.
    pub name: &'a str,
    /// Whether the source goes on with what was told there before, and does not only tell it to those that come.
    pub is_continued: bool,
}

/// What is carried on from line to line.
#[derive(Debug, Default)]
pub(super) struct Carry {
    /// The keys of the ledger's inputs, and whether each is asked; empty if nothing is carried.
    keys: Vec<(String, bool)>,
    /// Whether the ledger was asked: what came before must be durable then.
    is_known: bool,
    session: Option<String>,
    /// When the session started, until something else happens.
    started: Option<i64>,
    is_new: bool,
}

impl Carry {
    /// Goes on with what the ledger knows of the first lineage that it knows, once the first record comes.
    pub(super) fn of(pipeline: &Pipeline, channel: &Channel, token: &str, lineages: &[Lineage<'_>]) -> Self {
        let key = |lineage: &Lineage<'_>| {
            let hash = pipeline.file_hash(lineage.name.as_bytes());
            (format!("session/{}/{token}/{hash:016x}", channel.name()), lineage.is_continued)
        };
        Self { keys: lineages.iter().map(key).collect(), ..Self::default() }
    }

    /// Takes what the ledger knows, if that was not done yet.
    pub(super) fn recall(&mut self, pipeline: &Pipeline) {
        if !std::mem::replace(&mut self.is_known, true) {
            let mut asked = self.keys.iter().filter(|(_, is_continued)| *is_continued);
            let known = asked.find_map(|(key, _)| pipeline.positions().input(key.as_bytes()));
            self.session = known.and_then(|value| String::from_utf8(value).ok()).filter(|session| !session.is_empty());
        }
    }

    /// Gives the draft the session, or learns it from the draft. The same draft may come again. What is long or has to be redacted
    /// is not learned: `is_plain` says so.
    pub(super) fn complete(&mut self, draft: &mut Draft, is_plain: impl Fn(&str) -> bool) {
        if self.keys.is_empty() {
            return;
        }
        let columns = &mut draft.columns;
        let time = columns.time(column::TIME);
        let (own, is_start) = (columns.text(column::SESSION), columns.text(column::KIND) == Some(START));
        match own {
            Some(own) if is_start && self.session.as_deref() != Some(own) => {
                let is_again = self
                    .started
                    .zip(time)
                    .is_some_and(|(started, time)| (0..=AGAIN_MICROS_MAX).contains(&time.saturating_sub(started)));
                if !is_again {
                    let learned =
                        Some(own).filter(|own| own.len() <= NAME_BYTES_MAX && is_plain(own)).map(str::to_owned);
                    (self.session, self.started, self.is_new) = (learned, time, true);
                }
            }
            Some(_) if is_start => {}
            Some(_) => self.started = None,
            None => {
                self.started = None;
                if let Some(session) = &self.session {
                    columns.set_text(column::SESSION, session);
                    columns.set_text(column::STREAM, session);
                    columns.set_text(column::ATTRIBUTION, JOINED_SESSION_START);
                }
            }
        }
    }

    /// Makes a new session durable together with the line that told it.
    pub(super) fn write(&mut self, batch: &mut Batch) {
        if std::mem::take(&mut self.is_new) {
            let session = self.session.as_deref().unwrap_or_default();
            self.keys.iter().for_each(|(key, _)| batch.input(key.as_str(), session));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of lines: `start:ID@SECONDS` tells a session, `line@SECONDS` names none, `line:ID@SECONDS` names its own.
    fn check(lines: &[&str], want: &[&str]) {
        let mut carry = Carry { keys: vec![("session/c/t/0".to_owned(), true)], ..Carry::default() };
        let got: Vec<String> = lines
            .iter()
            .map(|line| {
                let (what, seconds) = line.split_once('@').expect("a time");
                let (kind, session) = what.split_once(':').map_or((what, None), |(kind, id)| (kind, Some(id)));
                let mut draft = Draft::default();
                draft.columns.set_text(column::KIND, if kind == "start" { START } else { "egress.http" });
                draft.columns.set_time(column::TIME, seconds.parse::<i64>().expect("seconds") * 1_000_000);
                draft.columns.set_text_if(column::SESSION, session);
                // A record that has to wait for another group is taken again.
                let is_plain = |session: &str| !session.contains("secret");
                carry.complete(&mut draft, is_plain);
                let again = draft.columns.text(column::SESSION).map(str::to_owned);
                carry.complete(&mut draft, is_plain);
                assert_eq!(draft.columns.text(column::SESSION).map(str::to_owned), again);
                again.unwrap_or_default()
            })
            .collect();
        assert_eq!(got, want, "{lines:?}");
    }

    #[test]
    fn a_session_goes_on_until_another_starts() {
        check(&["line@1"], &[""]);
        check(&["start:a@1", "line@2", "line@90000"], &["a", "a", "a"]);
        check(&["start:a@1", "line@2", "start:b@3", "line@4"], &["a", "a", "b", "b"]);
        check(&["start:a@1", "line:x@2", "line@3"], &["a", "x", "a"]);
        check(&["start:a@1", "start:a@1", "line@3"], &["a", "a", "a"]);
        // What is a secret, or longer than any id, explains nothing, and neither does what came before it.
        check(&["start:a@1", "line@2", "start:secret@3", "line@4"], &["a", "a", "secret", ""]);
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        check(&[&format!("start:{long}@1"), "line@2"], &[&long, ""]);
    }

    #[test]
    fn the_second_start_of_one_process_means_nothing() {
        check(&["start:a@1", "start:b@2", "line@3"], &["a", "b", "a"]);
        check(&["start:a@1", "start:b@2", "line@3", "start:c@4", "line@5"], &["a", "b", "a", "c", "c"]);
        // Much later it is another process, and so it is where time goes back.
        check(&["start:a@1", "start:b@60", "line@61"], &["a", "b", "b"]);
        check(&["start:a@9", "start:b@2", "line@3"], &["a", "b", "b"]);
    }
}
