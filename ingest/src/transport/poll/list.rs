//! One list of an interface: asks for its pages, records the rows that are new, and moves its cursor in the same commit.
//!
//! A page whose rows cannot be recorded leaves everything as it was, so that it is read again. What is read twice is told by [`Seen`], and
//! after a start by the natural keys of the rows.

use std::sync::Arc;
use std::time::Duration;

use operations::access::Principal;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::{Answer, Asker, Failure};
use super::cursor::{Cursor, Place, RowTime, Rules};
use super::endpoint::{Ask, Asked, Endpoint, Reading, text_at};
use super::pace::Pace;
use super::page::{Page, time_of};
use super::position::Position;
use super::seen::{Known, Seen};
use super::tags::Tags;
use crate::clock;
use crate::limits;
use crate::pipeline::{Channel, Intake, Patience, Pipeline, PipelineError, Positions};

/// What all lists of a collector share.
pub struct Around {
    /// Asks the interface.
    pub asker: Asker,
    /// Where records go.
    pub pipeline: Arc<Pipeline>,
    /// The collector.
    pub channel: Arc<Channel>,
    /// Who sends.
    pub principal: Arc<Principal>,
    /// Says that reading must end.
    pub stop: CancellationToken,
    /// When the next request may go out.
    pub next_request: Instant,
    /// The time between two requests.
    pub gap: Duration,
}

/// Why a list could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The interface.
    Failure(Failure),
    /// The ledger.
    Pipeline(PipelineError),
    /// It has to stop.
    Stopping,
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<PipelineError> for Unread {
    fn from(error: PipelineError) -> Self {
        if error == PipelineError::Stopping { Self::Stopping } else { Self::Pipeline(error) }
    }
}

/// A list that is read.
pub struct List {
    /// What it is.
    pub endpoint: &'static Endpoint,
    /// When it is read next.
    pub due: Instant,
    /// How it is asked again after a failure.
    pub pace: Pace,
    /// Why it could not be read.
    pub trouble: Option<Failure>,
    pub(super) rules: Rules,
    pub(super) cursor: Cursor,
    /// The cursor that is durable.
    stored: Option<Cursor>,
    pub(super) seen: Seen,
    pub(super) tags: Tags,
    /// Which of its paths is there.
    path: usize,
    pub(super) limit: u64,
    /// When rows that may have changed are read again.
    again_at: Instant,
    key: String,
    /// How the page before began, hashed, while a list is read.
    begins: Option<u64>,
}

impl List {
    /// A list that goes on where the ledger says.
    pub fn new(
        endpoint: &'static Endpoint,
        collector: &str,
        positions: &dyn Positions,
        rules: Rules,
        pace: Pace,
    ) -> Self {
        let key = format!("poll/{collector}/{}", endpoint.name);
        let stored = positions.input(key.as_bytes()).and_then(|value| {
            let cursor = Cursor::decode(&value);
            if cursor.is_none() {
                tracing::warn!(collector, list = endpoint.name, "the stored cursor is not understood; begins anew");
            }
            cursor
        });
        let now = Instant::now();
        Self {
            endpoint,
            due: now,
            pace,
            trouble: None,
            rules,
            cursor: stored.clone().unwrap_or_default(),
            stored,
            seen: Seen::new(),
            tags: Tags::default(),
            path: 0,
            limit: endpoint.limit,
            again_at: now,
            key,
            begins: None,
        }
    }

    /// The time up to which it was read, if it is a log.
    pub fn newest(&self) -> Option<i64> {
        self.cursor.newest()
    }

    /// Reads what is new. Says whether there is more to be read at once.
    pub async fn read(&mut self, around: &mut Around) -> Result<bool, Unread> {
        // Trouble with what belongs to single rows is told anew.
        self.trouble = None;
        self.begins = None;
        let patience = Patience::Until(around.stop.clone());
        let (pipeline, channel) = (Arc::clone(&around.pipeline), Arc::clone(&around.channel));
        let principal = Arc::clone(&around.principal);
        let mut intake = Intake::new(pipeline, channel, principal, patience, Position::new(self.key.clone()), 0);
        match self.endpoint.reading {
            Reading::Keys => {
                self.keys(around, &mut intake).await?;
                return Ok(false);
            }
            Reading::State => self.cursor = Cursor::default(),
            Reading::Log { .. } => {}
        }
        let is_window = self.cursor.begin(&self.rules, clock::now()).span.to.is_some();
        while self.page(around, &mut intake).await? {}
        if is_window {
            return Ok(true);
        }
        if !matches!(self.endpoint.reading, Reading::Log { .. }) {
            return Ok(false);
        }
        if Instant::now() >= self.again_at {
            for span in self.cursor.changing(&self.rules, clock::now()) {
                self.cursor.begin_again(span);
                while self.page(around, &mut intake).await? {}
            }
            self.again_at = Instant::now() + limits::POLL_AGAIN_EVERY;
        }
        Ok(false)
    }

    /// Reads the next page of the round. Says whether the round goes on.
    async fn page(&mut self, around: &mut Around, intake: &mut Intake<Position>) -> Result<bool, Unread> {
        let before = self.cursor.clone();
        let result = self.try_page(around, intake).await;
        if result.is_err() {
            self.cursor = before;
            self.seen.forget();
        }
        if result == Err(Unread::Failure(Failure::TooLarge)) && self.limit > 1 {
            self.limit /= 2;
            // Numbers of pages are others now.
            self.cursor.restart();
            return Ok(true);
        }
        result
    }

    async fn try_page(&mut self, around: &mut Around, intake: &mut Intake<Position>) -> Result<bool, Unread> {
        let now = clock::now();
        let (span, at) = {
            let round = self.cursor.begin(&self.rules, now);
            (round.span, round.at.clone())
        };
        let asked = (self.endpoint.ask)(&Ask { span, place: &at, limit: self.limit, row: &Value::Null });
        let (url, answer) = self.fetch(around, &asked).await?;
        let (body, tag) = match answer {
            Answer::Page(body, tag) => (body, tag),
            Answer::Unchanged => {
                let next = self.tags.next(&url);
                return Ok(self.cursor.turn(&[], next, &self.rules, now));
            }
        };
        let page = Page::read(&body, self.endpoint.rows).map_err(Failure::NotUnderstood)?;
        if at == Place::First {
            self.begins = None;
        }
        let is_again = self.begins_again(&page)?;
        let (mut times, mut is_whole) = (Vec::with_capacity(page.rows.len()), true);
        for (text, row) in &page.rows {
            let is_open = matches!(self.endpoint.reading, Reading::Log { is_open, .. } if is_open(row));
            times.push(RowTime { time: time_of(row, self.endpoint.time), is_open });
            is_whole &= self.row(around, intake, text, row).await?;
        }
        let next = page.next(self.endpoint.paging, self.endpoint.id, &at, self.limit).filter(|_| !is_again);
        let goes_on = self.cursor.turn(&times, next.clone(), &self.rules, now);
        self.commit(intake).await?;
        if is_whole && asked.body.is_none() {
            self.tags.note(url, tag, next.filter(|_| goes_on));
        }
        Ok(goes_on)
    }

    /// Whether a page is the one before it, as where an interface does not know how it is paged: it would go on for ever. Of a log that is no
    /// end, since what lies behind it would be passed over.
    fn begins_again(&mut self, page: &Page<'_>) -> Result<bool, Failure> {
        let begins = page.rows.first().map(|(text, _)| self.seen.hash(text));
        let is_again = begins.is_some() && begins == self.begins;
        self.begins = begins;
        match self.endpoint.reading {
            Reading::Log { .. } if is_again => Err(Failure::NotUnderstood("it gives the same page again".to_owned())),
            _ => Ok(is_again),
        }
    }

    /// Makes the rows of a page durable, with the cursor.
    async fn commit(&mut self, intake: &mut Intake<Position>) -> Result<(), Unread> {
        let stored = self.stored.clone().unwrap_or_default();
        if matches!(self.endpoint.reading, Reading::Log { .. }) {
            if self.cursor.newest().is_none() && !self.cursor.is_in_round() {
                // What comes later is then read from here on, however long it takes.
                self.cursor.begin_at(self.rules.since);
            }
            let moved = self.cursor.newest().unwrap_or(i64::MIN).saturating_sub(stored.newest().unwrap_or(i64::MIN));
            let is_far = moved >= limits::POLL_PROGRESS.as_micros() as i64;
            // Where nothing is new, nothing is written: neither for each poll nor for each page.
            let is_over = stored.is_in_round() && !self.cursor.is_in_round();
            intake.progress().set(self.cursor.encode(), is_far || is_over);
        }
        intake.give_up(clock::now(), 0).await?;
        intake.finish().await?;
        if intake.progress().take_written() {
            self.stored = Some(self.cursor.clone());
        }
        self.seen.keep();
        Ok(())
    }

    /// Records a row that is not as it was, and what belongs to it. Says whether that could be read.
    async fn row(
        &mut self,
        around: &mut Around,
        intake: &mut Intake<Position>,
        text: &str,
        row: &Value,
    ) -> Result<bool, Unread> {
        let endpoint = self.endpoint;
        let mark = self.seen.mark(endpoint.name, row, endpoint.id, endpoint.version);
        let known = mark.map_or(Known::New, |mark| self.seen.known(mark));
        if known == Known::Same {
            return Ok(true);
        }
        if endpoint.is_recorded {
            record(intake, endpoint.wrap, text).await?;
        }
        let is_whole = self.details(around, intake, row, known).await?;
        // A row of which something could not be read is read again.
        if let Some(mark) = mark.filter(|_| is_whole) {
            self.seen.note(mark);
        }
        Ok(is_whole)
    }

    /// Asks for keys that records named.
    async fn keys(&mut self, around: &mut Around, intake: &mut Intake<Position>) -> Result<(), Unread> {
        let mut wanted = around.pipeline.take_wanted_keys(limits::POLL_KEYS_AT_ONCE);
        while let Some((user, key)) = wanted.pop() {
            let row = json!({"user": user, "key": key});
            let span = super::cursor::Span { from: 0, to: None };
            let asked = (self.endpoint.ask)(&Ask { span, place: &Place::First, limit: 1, row: &row });
            match self.fetch_once(around, &asked, false).await {
                Ok((_, Answer::Page(body, _))) => {
                    let page = Page::read(&body, "").map_err(Failure::NotUnderstood)?;
                    let known = page.rows.first().filter(|(_, row)| text_at(row, self.endpoint.id).is_some());
                    if let Some((text, _)) = known {
                        record(intake, self.endpoint.wrap, text).await?;
                    }
                }
                // It was deleted, or is no key of this person.
                Ok(_) | Err(Unread::Failure(Failure::NotThere | Failure::Odd(_))) => {}
                Err(error) => {
                    wanted.push((user, key));
                    around.pipeline.want_keys(wanted);
                    return Err(error);
                }
            }
        }
        intake.finish().await?;
        Ok(())
    }

    /// Asks for a page of the list; where its path is not there, the older one is tried.
    async fn fetch(&mut self, around: &mut Around, asked: &Asked) -> Result<(Url, Answer), Unread> {
        loop {
            match self.fetch_once(around, asked, asked.body.is_none()).await {
                Err(Unread::Failure(Failure::NotThere)) if self.path + 1 < self.endpoint.paths.len() => self.path += 1,
                Err(Unread::Failure(Failure::NotThere)) => {
                    self.path = 0;
                    return Err(Failure::NotThere.into());
                }
                result => return result,
            }
        }
    }

    /// Sends one request when it may go out.
    pub(super) async fn fetch_once(
        &self,
        around: &mut Around,
        asked: &Asked,
        is_tagged: bool,
    ) -> Result<(Url, Answer), Unread> {
        let path = self.endpoint.paths.get(self.path).copied().unwrap_or_default();
        let url = around.asker.url(path, asked);
        let tag = self.tags.tag(&url).filter(|_| is_tagged);
        let answer = async {
            sleep_until(around.next_request).await;
            around.asker.ask(url.clone(), asked, tag).await
        };
        let answer = around.stop.run_until_cancelled(answer).await;
        around.next_request = Instant::now() + around.gap;
        Ok((url, answer.ok_or(Unread::Stopping)??))
    }

    /// How long it waits until it is read again if nothing went wrong.
    pub fn every(&self, every: Duration) -> Duration {
        every.saturating_mul(self.endpoint.every)
    }
}

/// Gives a row to the dialect as the page that it knows.
pub(super) async fn record(intake: &mut Intake<Position>, wrap: &str, text: &str) -> Result<(), PipelineError> {
    let record = if wrap.is_empty() { text.to_owned() } else { format!("{{\"{wrap}\":[{text}]}}") };
    let (bytes, received) = (record.as_bytes(), clock::now());
    match bytes.get(..limits::LINE_BYTES_MAX).filter(|_| bytes.len() > limits::LINE_BYTES_MAX) {
        None => intake.record(bytes, received, 0).await,
        Some(kept) => {
            let reason = format!("the row has {} bytes, and {} were kept", bytes.len(), kept.len());
            intake.keep(kept, &reason, received, 0).await
        }
    }
}
