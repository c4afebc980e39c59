//! Server-sent events of an answer, as the live tail sends them.

use futures::{Stream, StreamExt};

use super::Answer;
use crate::exit::Failure;

/// One event. One without data only says how far the stream has come.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Event {
    /// By which the stream is taken up again after it.
    pub id: Option<String>,
    /// What it is called; empty if it has no name.
    pub name: String,
    /// What it says.
    pub data: String,
}

impl Answer {
    /// The answer as server-sent events.
    pub fn events(self) -> impl Stream<Item = Result<Event, Failure>> {
        events(self.lines())
    }
}

fn events(
    lines: impl Stream<Item = Result<String, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Event, Failure>> {
    futures::stream::try_unfold(Box::pin(lines), |mut lines| async move {
        let mut event = Event::default();
        while let Some(line) = lines.next().await {
            let line = line?;
            match line.split_once(": ") {
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", text)) => text.clone_into(&mut event.data),
                _ if line.is_empty() && event != Event::default() => return Ok(Some((event, lines))),
                _ => {}
            }
        }
        Ok(None)
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[test]
    fn events_end_with_an_empty_line_and_comments_are_none() {
        let text =
            ": hello\n\nid: events/0/1\n\nid: events/0/2\nevent: row\ndata: {\"a\": 1}\n\n\ndata: {}\n\ndata: cut";
        let lines: Vec<Result<String, Failure>> = text.split('\n').map(|line| Ok(line.to_owned())).collect();
        let all: Vec<Event> = futures::executor::block_on(events(futures::stream::iter(lines)).try_collect()).unwrap();
        let event = |id: Option<&str>, name: &str, data: &str| Event {
            id: id.map(str::to_owned),
            name: name.to_owned(),
            data: data.to_owned(),
        };
        assert_eq!(
            all,
            [event(Some("events/0/1"), "", ""), event(Some("events/0/2"), "row", "{\"a\": 1}"), event(None, "", "{}")]
        );
    }
}
