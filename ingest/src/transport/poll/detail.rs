//! What belongs to a row and is asked for by itself: the threads of a session, the builds of a workspace.
//!
//! What is wrong with one row must not keep the others from being read: it is told, and the row is tried again as long as it is read.

use serde_json::Value;

use super::client::{Answer, Failure};
use super::cursor::{Place, Span};
use super::endpoint::{Ask, Asked, Detail, text_at};
use super::list::{Around, List, Unread, record};
use super::page::Page;
use super::position::Position;
use super::seen::Known;
use crate::limits;
use crate::pipeline::Intake;

impl List {
    /// Records what belongs to a row. Says whether all of it could be read.
    pub(super) async fn details(
        &mut self,
        around: &mut Around,
        intake: &mut Intake<Position>,
        row: &Value,
        known: Known,
    ) -> Result<bool, Unread> {
        let mut is_whole = true;
        for detail in self.endpoint.details {
            if detail.only_changed && known != Known::Changed {
                continue;
            }
            match self.detail(around, intake, detail, row).await {
                // What is not there any more, or cannot be asked for, will not be there later.
                Ok(()) | Err(Unread::Failure(Failure::NotThere | Failure::Odd(_))) => {}
                Err(Unread::Failure(
                    failure @ (Failure::Failing(_, None) | Failure::NotUnderstood(_) | Failure::TooLarge),
                )) => {
                    is_whole = false;
                    self.trouble = Some(failure);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(is_whole)
    }

    async fn detail(
        &mut self,
        around: &mut Around,
        intake: &mut Intake<Position>,
        detail: &'static Detail,
        row: &Value,
    ) -> Result<(), Unread> {
        let (mut place, mut limit) = (Place::First, detail.limit);
        for _ in 0..limits::POLL_DETAIL_PAGES_MAX {
            let ask = Ask { span: Span { from: 0, to: None }, place: &place, limit, row };
            let Some(asked) = (detail.ask)(&ask) else { return Ok(()) };
            let Some(body) = self.detail_page(around, &asked, &mut limit).await? else { continue };
            let page = Page::read(&body, detail.rows).map_err(Failure::NotUnderstood)?;
            match detail.wrap {
                Some(wrap) => {
                    for (text, row) in &page.rows {
                        self.detail_row(intake, detail, wrap, text, row).await?;
                    }
                }
                None => self.detail_whole(intake, detail, row, &place, &page).await?,
            }
            match page.next(detail.paging, detail.id, &place, limit) {
                Some(next) if next != place => place = next,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Asks for a page; `None` if it is too large and smaller ones are to be asked for.
    async fn detail_page(
        &self,
        around: &mut Around,
        asked: &Asked,
        limit: &mut u64,
    ) -> Result<Option<Vec<u8>>, Unread> {
        match self.fetch_once(around, asked, false).await {
            Ok((_, Answer::Page(body, _))) => Ok(Some(body)),
            Ok((_, Answer::Unchanged)) => Err(Failure::Odd(304).into()),
            Err(Unread::Failure(Failure::TooLarge)) if *limit > 1 => {
                *limit /= 2;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn detail_row(
        &mut self,
        intake: &mut Intake<Position>,
        detail: &Detail,
        wrap: &str,
        text: &str,
        row: &Value,
    ) -> Result<(), Unread> {
        let list = [self.endpoint.name, wrap].join("/");
        let mark = self.seen.mark(&list, row, detail.id, detail.version);
        if mark.is_some_and(|mark| self.seen.known(mark) == Known::Same) {
            return Ok(());
        }
        record(intake, wrap, text).await?;
        if let Some(mark) = mark {
            self.seen.note(mark);
        }
        Ok(())
    }

    /// Records a page as it is.
    async fn detail_whole(
        &mut self,
        intake: &mut Intake<Position>,
        detail: &Detail,
        row: &Value,
        place: &Place,
        page: &Page<'_>,
    ) -> Result<(), Unread> {
        let said: Value = serde_json::from_str(page.text).map_err(|error| Failure::NotUnderstood(error.to_string()))?;
        let id = format!("{} {place:?}", text_at(row, self.endpoint.id).unwrap_or_default());
        let list = [self.endpoint.name, detail.rows].join("/");
        let mark = self.seen.mark_of(&list, &id, &said, detail.version);
        if self.seen.known(mark) != Known::Same {
            record(intake, "", page.text).await?;
            self.seen.note(mark);
        }
        Ok(())
    }
}
