//! The session that a log names once, where it starts, and means in every line that follows; and the model, which some name once in a turn
//! and not where they tell its tokens.
//!
//! Both are an input of the ledger, so that a restart knows it again: one for each lineage, which is a file whatever its name, the files
//! of one path after each other, a pipe, or one workspace's requests. What mixes the lines of several processes has no lineage.

use ledger::events::column;

use crate::event::{Batch, Draft};
use crate::limits::NAME_BYTES_MAX;
use crate::pipeline::{Channel, Pipeline};

/// Attribution by the line of the same log that told the start of the session.
const JOINED_SESSION_START: &str = "joined:session-start";
/// The kind of that line.
const START: &str = "session.start";
/// The kind of a line that tells tokens.
const TOKENS: &str = "model.tokens";
/// Behind what the model stands in the ledger's input, after the session.
const MODEL_BEHIND: char = '\n';
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
    /// The model that a line of the session named last.
    model: Option<String>,
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
            let known = known.and_then(|value| String::from_utf8(value).ok()).unwrap_or_default();
            let (session, model) = known.split_once(MODEL_BEHIND).unwrap_or((&known, ""));
            let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
            (self.session, self.model) = (some(session), some(model));
        }
    }

    /// Gives the draft the session and the model, or learns them from the draft. The same draft may come again. What is long or has to be redacted
    /// is not learned: `is_plain` says so.
    pub(super) fn complete(&mut self, draft: &mut Draft, is_plain: impl Fn(&str) -> bool) {
        if self.keys.is_empty() {
            return;
        }
        self.complete_session(draft, &is_plain);
        self.complete_model(draft, &is_plain);
    }

    fn complete_session(&mut self, draft: &mut Draft, is_plain: &impl Fn(&str) -> bool) {
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
                    let learned = Some(own).filter(|own| is_learned(own, is_plain)).map(str::to_owned);
                    (self.session, self.started, self.is_new) = (learned, time, true);
                    self.model = None;
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

    /// Tokens that name no model are of the one that the session named last.
    fn complete_model(&mut self, draft: &mut Draft, is_plain: &impl Fn(&str) -> bool) {
        let columns = &mut draft.columns;
        if self.session.is_none() || columns.text(column::SESSION) != self.session.as_deref() {
            return;
        }
        match (columns.text(column::MODEL), &self.model) {
            (Some(own), known) if known.as_deref() != Some(own) && is_learned(own, is_plain) => {
                (self.model, self.is_new) = (Some(own.to_owned()), true);
            }
            (None, Some(model)) if columns.text(column::KIND) == Some(TOKENS) => {
                columns.set_text(column::MODEL, model);
            }
            _ => {}
        }
    }

    /// Makes a new session or model durable together with the line that told it.
    pub(super) fn write(&mut self, batch: &mut Batch) {
        if std::mem::take(&mut self.is_new) {
            let mut told = self.session.clone().unwrap_or_default();
            if let Some(model) = &self.model {
                told.push(MODEL_BEHIND);
                told.push_str(model);
            }
            self.keys.iter().for_each(|(key, _)| batch.input(key.as_str(), told.as_str()));
        }
    }
}

/// Whether a name is short, plain and on one line.
fn is_learned(name: &str, is_plain: &impl Fn(&str) -> bool) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.contains(MODEL_BEHIND) && is_plain(name)
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

    #[test]
    fn tokens_are_of_the_model_that_the_session_named_last() {
        let mut carry = Carry { keys: vec![("session/c/t/0".to_owned(), true)], ..Carry::default() };
        let mut model = |kind: &str, session: Option<&str>, model: Option<&str>| {
            let mut draft = Draft::default();
            draft.columns.set_text(column::KIND, kind);
            draft.columns.set_text_if(column::SESSION, session);
            draft.columns.set_text_if(column::MODEL, model);
            carry.complete(&mut draft, |name| !name.contains("secret"));
            draft.columns.text(column::MODEL).map(str::to_owned)
        };
        assert_eq!(model(TOKENS, None, None), None);
        model(START, Some("a"), None);
        model("agent.event", None, Some("gpt-5"));
        assert_eq!(model(TOKENS, None, None).as_deref(), Some("gpt-5"));
        assert_eq!(model("command", None, None), None, "only tokens are of a model");
        assert_eq!(model(TOKENS, Some("b"), None), None, "of another session nothing is known");
        assert_eq!(model(TOKENS, None, Some("o5")).as_deref(), Some("o5"));
        model("agent.event", None, Some("secret"));
        model("agent.event", None, Some("two\nlines"));
        assert_eq!(model(TOKENS, None, None).as_deref(), Some("o5"));
        model(START, Some("c"), None);
        assert_eq!(model(TOKENS, None, None), None, "a new session begins without one");
    }
}
