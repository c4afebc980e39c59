//! What an answer of the server means for the records that were sent.

use std::time::Duration;

use serde::Deserialize;

use crate::client::Answer;
use crate::spool::Bundle;

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything before this number is recorded.
    Taken(u64),
    /// Something of it is refused for good: what comes next is sent one by one. Everything before this number is recorded.
    Narrow(u64),
    /// The one record that was sent is refused for good, for this reason.
    SetAside(String),
    /// The server expects this number, which it has acknowledged before.
    Forgotten(u64),
    /// It is to be sent again, after so long if the server says it.
    Later(String, Option<Duration>),
    /// A person is needed.
    Refused(String),
}

/// What the server says in the body of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    detail: String,
    next_offset: Option<u64>,
}

/// The most of a server's text that is shown.
const DETAIL_CHARS: usize = 300;

/// Judges an answer to a bundle.
pub(super) fn judge(bundle: &Bundle, answer: &Answer) -> Verdict {
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let reason = said.kind.rsplit(':').next().unwrap_or_default();
    let status = answer.status;
    let shown: String = said.detail.chars().filter(|char| !char.is_control()).take(DETAIL_CHARS).collect();
    let described =
        if shown.is_empty() { format!("it answers {status}") } else { format!("it answers {status}: {shown}") };
    match (status, reason, said.next_offset) {
        (200..=299 | 409, _, Some(next)) if next < bundle.first => Verdict::Forgotten(next),
        (200..=299, _, Some(next)) => Verdict::Taken(next),
        (409, _, Some(next)) if next > bundle.first => Verdict::Taken(next),
        // The connection or somebody on the way broke it, not the records.
        (400, "cut-off" | "compression", _) | (408 | 425 | 429 | 500.., _, _) => {
            Verdict::Later(described, answer.retry_after)
        }
        (400 | 413, _, next) => {
            let reached = next.unwrap_or(bundle.first).clamp(bundle.first, bundle.end);
            if reached > bundle.first || bundle.end - bundle.first > 1 {
                Verdict::Narrow(reached)
            } else {
                Verdict::SetAside(described)
            }
        }
        (200..=299, _, None) => {
            Verdict::Refused("it does not say what it recorded; is `server.url` a Tachograph server?".to_owned())
        }
        (300..=399, _, _) => Verdict::Refused(format!(
            "it answers with a redirect ({status}), which is not followed; name the place itself in `server.url`"
        )),
        (404, _, _) => Verdict::Refused(format!(
            "it has no collector of this name with the transport `http`; add it to the server's configuration ({described})"
        )),
        _ => Verdict::Refused(described),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: (u64, u64), status: u16, body: &str, expected: &Verdict) {
        let bundle = Bundle { first: numbers.0, end: numbers.1, body: Vec::new() };
        let answer = Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() };
        let verdict = judge(&bundle, &answer);
        let is_same = match (&verdict, expected) {
            (Verdict::SetAside(said), Verdict::SetAside(part)) | (Verdict::Refused(said), Verdict::Refused(part)) => {
                said.contains(part.as_str())
            }
            (Verdict::Later(said, _), Verdict::Later(part, _)) => said.contains(part.as_str()),
            _ => verdict == *expected,
        };
        assert!(is_same, "{status} {body}: {verdict:?}");
    }

    #[test]
    fn an_answer_says_what_becomes_of_the_records() {
        let refused = |text: &str| Verdict::Refused(text.to_owned());
        let later = |text: &str| Verdict::Later(text.to_owned(), None);
        check((5, 9), 200, r#"{"next_offset":9}"#, &Verdict::Taken(9));
        check((5, 9), 200, r#"{"next_offset":12}"#, &Verdict::Taken(12));
        check((5, 9), 200, r#"{"next_offset":3}"#, &Verdict::Forgotten(3));
        check((5, 9), 200, "<html>", &refused("does not say"));
        check((5, 9), 409, r#"{"next_offset":7}"#, &Verdict::Taken(7));
        check((5, 9), 409, r#"{"next_offset":2}"#, &Verdict::Forgotten(2));
        check((5, 9), 413, r#"{"type":"urn:tachograph:ingest:record-too-large","next_offset":7}"#, &Verdict::Narrow(7));
        check((5, 9), 413, "<html>", &Verdict::Narrow(5));
        check((5, 6), 413, "<html>", &Verdict::SetAside("413".to_owned()));
        check(
            (5, 6),
            400,
            r#"{"type":"urn:tachograph:ingest:relay","detail":"a \u001b[1m"}"#,
            &Verdict::SetAside("400: a [1m".to_owned()),
        );
        check((5, 6), 400, r#"{"type":"urn:tachograph:ingest:cut-off"}"#, &later("400"));
        check((5, 6), 503, "", &later("503"));
        check((5, 6), 429, "", &later("429"));
        check((5, 6), 507, "", &later("507"));
        check((5, 6), 401, "", &refused("401"));
        check((5, 6), 404, "", &refused("no collector"));
        check(
            (5, 6),
            422,
            r#"{"type":"urn:tachograph:ingest:other-dialect","detail":"the dialect"}"#,
            &refused("the dialect"),
        );
        check((5, 6), 302, "", &refused("redirect"));
    }
}
