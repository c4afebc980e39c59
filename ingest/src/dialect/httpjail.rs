//! Dialect `httpjail`: the requests of processes that Coder's httpjail confines (read in its sources of 0.6.1).
//!
//! | record | kind | outcome |
//! |---|---|---|
//! | line of `--request-log`: `TIME + METHOD URL` | `egress.http` | allow |
//! | … `TIME - METHOD URL` | `egress.http` | deny |
//! | JSON line that a program of `--proc` reads: `{"url":…,"method":…}` | `egress.http`, seen before it is decided | none |
//!
//! Neither has an id, a session or a process, so nothing is deduplicated: the transport reads each line once. The JSON lines have no
//! time either and are stamped on receipt.

use ledger::events::column;
use operations::access::Trust;

use super::json::{Raw, Text, read, record, text_of, why_not};
use super::members;
use crate::dialect::{Decoded, Dialect, record_text};
use crate::encoding::{FieldPath, RecordEncoding, Words};
use crate::event::{Draft, Drafts, FreeText, Record};
use crate::timestamp::{self, Stated};

const SOURCE: &str = "httpjail";

/// Dialect `httpjail`.
pub struct Httpjail;

impl Dialect for Httpjail {
    fn name(&self) -> &'static str {
        "httpjail"
    }

    fn doc(&self) -> &'static str {
        "The request log of Coder's httpjail (`--request-log`), one line for each request that was allowed or denied, and the JSON lines \
         that it gives to a program of rules (`--proc`), which say what was asked and not what was decided."
    }

    fn trust(&self) -> Trust {
        Trust::Host
    }

    // Its log lies where the agent works unless somebody took care that it does not.
    fn trust_unsaid(&self) -> Trust {
        Trust::Workspace
    }

    fn encoding(&self) -> &'static dyn RecordEncoding {
        &Words
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "line") {
            Ok(text) => text,
            Err(other) => return other,
        };
        let draft = drafts.add();
        let decoded = if text.trim_ascii_start().starts_with('{') {
            decode_request(text, received, draft)
        } else {
            decode_line(text, received, draft)
        };
        decoded.map_or_else(Decoded::Unparsed, |()| Decoded::Events)
    }
}

/// Decodes a line of the request log.
fn decode_line(text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
    let mut words = text.split_ascii_whitespace();
    let time = words.next().and_then(timestamp::parse).ok_or("it does not begin with a time")?;
    let outcome = match words.next() {
        Some("+") => "allow",
        Some("-") => "deny",
        _ => return Err("after the time there is neither + nor -".to_owned()),
    };
    let (method, url) = words.next().zip(words.next()).ok_or("it has no method and URL")?;
    draft.set_times(Stated::At(time), Stated::Nothing, received);
    set_request(draft, method, url);
    draft.columns.set_text(column::OUTCOME, outcome);
    draft.free_text.push(FreeText::read("url", "/3", text, url));
    Ok(())
}

record! {
    /// What a program of rules is asked.
    Request {
        url: Raw<'a> = "url",
        method: Text<'a> = "method",
    }
}

/// Members that stay in the record.
const FACTS: &[&str] = &["url", "method", "scheme", "host", "path", "requester_ip"];

/// Decodes what a program of rules is asked.
fn decode_request(text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
    let request: Request = read(text).map_err(|error| why_not(&error))?;
    let url = request.url.map(text_of).filter(|url| !url.is_empty()).ok_or("it has no url")?;
    let method = request.method.some().ok_or("it has no method")?;
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    set_request(draft, method, &url);
    draft.add_free_text(text, "url", "/url", request.url);
    for name in ["path", "host"] {
        draft.free_text.push(FreeText::at("url", FieldPath::member(name)));
    }
    members::add_others(draft, text, &FieldPath::root(), text, FACTS);
    Ok(())
}

fn set_request(draft: &mut Draft, method: &str, url: &str) {
    draft.set_origin(SOURCE, "boundary", "egress.http");
    draft.url.push_str(url);
    draft.columns.set_text(column::ACTION, method);
    draft.columns.set_text(column::METHOD, method);
}

static EXAMPLES: &[&str] = &[
    "2026-10-03T08:15:04.118Z + POST https://api.acme.example/v1/messages",
    "2026-10-03T08:15:21.733Z - POST https://drop.attacker-logger.com/collect?token=c2VjcmV0",
    r#"{"url":"https://drop.attacker-logger.com/collect","method":"POST","scheme":"https","host":"drop.attacker-logger.com","path":"/collect","requester_ip":"10.99.1.2"}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::SKIP_BLANK;
    use crate::dialect::testing::{check, decoded, events};

    #[test]
    fn requests_have_their_columns() {
        check(
            &events(&Httpjail, EXAMPLES[0])[0],
            &[
                ("source", Some("httpjail")),
                ("family", Some("boundary")),
                ("kind", Some("egress.http")),
                ("trust", Some("host")),
                ("time", Some("1791015304118000")),
                ("outcome", Some("allow")),
                ("action", Some("POST")),
                ("method", Some("POST")),
                ("host", Some("api.acme.example")),
                ("port", Some("443")),
                ("path", Some("/v1/messages")),
                ("source_id", None),
            ],
        );
        let denied = &events(&Httpjail, EXAMPLES[1])[0];
        check(
            denied,
            &[
                ("outcome", Some("deny")),
                ("domain", Some("attacker-logger.com")),
                ("redactions", Some("url_query:url:47")),
            ],
        );
        assert!(denied["record"].ends_with("?token=[REDACTED:url_query]"));
        check(
            &events(&Httpjail, EXAMPLES[2])[0],
            &[
                ("outcome", None),
                ("host", Some("drop.attacker-logger.com")),
                ("path", Some("/collect")),
                ("content", None),
            ],
        );
        assert!(Httpjail.trust_unsaid() < Httpjail.trust());
    }

    #[test]
    fn what_is_none_of_its_lines_is_told() {
        for (line, word) in [
            ("hello", "time"),
            ("2026-10-03T08:15:04.118Z ? POST https://x", "neither"),
            ("2026-10-03T08:15:04.118Z + POST", "URL"),
            (r#"{"method":"GET"}"#, "url"),
            (r#"{"url":"https://x"}"#, "method"),
        ] {
            assert!(
                matches!(decoded(&Httpjail, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
                "{line}"
            );
        }
        assert_eq!(decoded(&Httpjail, b" "), Decoded::Skip(SKIP_BLANK));
    }
}
