//! Dialect `boundary`: the local log of Coder's `boundary`, written by Go's `slog.TextHandler`.
//!
//! | line | kind | outcome |
//! |---|---|---|
//! | `msg=ALLOW`, `msg=DENY` | `egress.http` | allow, deny |
//! | `msg="boundary session started"` | `session.start` | |
//! | `msg="using real DNS in namespace (--use-real-dns)"` | `boundary.start`: how it was started, where that weakens it | |
//! | `msg="audit log dropped, …"` | `loss` | |
//! | `msg="failed to connect to audit socket"`, `msg="failed to flush audit logs; …"` | `boundary.failure` | error |
//! | `msg="TLS handshake failed"` | `egress.failure`: a client that pins certificates shows up only here | error |
//! | any other line of level ERROR | `boundary.failure` | error |
//! | other lines | skipped | |
//!
//! The lines have no ids of their own and name no workspace, so they are not deduplicated: the transport reads each once. Only the
//! start names the session; the pipeline carries it on to the lines that follow in the same log. With jail type nsjail a second process
//! prints a session id of its own that means nothing; both are recorded, and the first one is carried on.

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;

use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, record_text};
use crate::encoding::{FieldPath, Logfmt, Pair, RecordEncoding, pairs};
use crate::event::{Draft, Drafts, FreeText, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "boundary";

/// Dialect `boundary`.
pub struct Boundary;

impl Dialect for Boundary {
    fn name(&self) -> &'static str {
        "boundary"
    }

    fn doc(&self) -> &'static str {
        "The text log that Coder's boundary writes to standard error or to its log_dir: allowed and denied requests, starts \
         of sessions and with real DNS, dropped audit logs and failures. Allowed requests are logged only with log_level info. Prefer coderd's \
         log, which names workspace and session; this one works without a licence. Lines get the session whose start was told \
         before them in the same file, or under the same token if that is one workspace's."
    }

    fn trust(&self) -> Trust {
        Trust::Workspace
    }

    fn encoding(&self) -> &'static dyn RecordEncoding {
        &Logfmt
    }

    fn names_sessions_once(&self) -> bool {
        true
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "line") {
            Ok(text) => text,
            Err(other) => return other,
        };
        if text.trim_ascii_start().starts_with('{') {
            return Decoded::Unparsed("the line is a JSON object and not the boundary's text".to_owned());
        }
        let line = Line::of(text);
        let Some(kind) = line.kind() else {
            return Decoded::Skip(SKIP_SERVER_LINE);
        };
        match line.decode(kind, text, received, drafts.add()) {
            Ok(()) => Decoded::Events,
            Err(reason) => Decoded::Unparsed(format!("{}: {reason}", kind.name())),
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Request(&'static str),
    Start,
    Setting(&'static str),
    Loss(&'static str),
    Failure(&'static str),
    Handshake,
}

impl LineKind {
    fn name(self) -> &'static str {
        match self {
            Self::Request("allow") => "ALLOW",
            Self::Request(_) => "DENY",
            Self::Start => "session start",
            Self::Setting(_) => "start",
            Self::Loss(_) => "dropped audit log",
            Self::Failure(_) | Self::Handshake => "failure",
        }
    }
}

/// The attributes of a line that are used.
#[derive(Debug, Default)]
struct Line<'a> {
    time: Option<Pair<'a>>,
    level: Option<Pair<'a>>,
    msg: Option<Pair<'a>>,
    method: Option<Pair<'a>>,
    url: Option<Pair<'a>>,
    host: Option<Pair<'a>>,
    rule: Option<Pair<'a>>,
    session: Option<Pair<'a>>,
    path: Option<Pair<'a>>,
    error: Option<Pair<'a>>,
    broken: bool,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        let mut line = Self::default();
        for pair in pairs(text) {
            let Some(pair) = pair else {
                line.broken = true;
                break;
            };
            let slot = match pair.key {
                "time" => &mut line.time,
                "level" => &mut line.level,
                "msg" => &mut line.msg,
                "method" => &mut line.method,
                "url" => &mut line.url,
                "host" => &mut line.host,
                "rule" => &mut line.rule,
                "session_id" => &mut line.session,
                "path" => &mut line.path,
                "error" => &mut line.error,
                _ => continue,
            };
            *slot = Some(pair);
        }
        line
    }

    /// What the line says, `None` if it is one of the server's ordinary lines.
    fn kind(&self) -> Option<LineKind> {
        let msg = self.msg?.value();
        Some(match &*msg {
            "ALLOW" => LineKind::Request("allow"),
            "DENY" => LineKind::Request("deny"),
            "boundary session started" => LineKind::Start,
            msg if msg.starts_with("using real DNS in namespace") => LineKind::Setting("use_real_dns"),
            "audit log dropped, channel full" => LineKind::Loss("dropped_channel_full"),
            "audit log dropped, batch full" => LineKind::Loss("dropped_batch_full"),
            "failed to connect to audit socket" => LineKind::Failure("connect_audit_socket"),
            msg if msg.starts_with("failed to flush audit logs") => LineKind::Failure("flush_audit_logs"),
            "TLS handshake failed" => LineKind::Handshake,
            _ if self.level.is_some_and(|level| level.value() == "ERROR") => LineKind::Failure("error"),
            _ => return None,
        })
    }

    fn decode(&self, kind: LineKind, text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
        if self.broken {
            return Err("a quoted value does not end".to_owned());
        }
        let time = self.time.map_or(Stated::Nothing, |time| Stated::of(&time.value()));
        draft.set_times(time.required("it has no time")?, Stated::Nothing, received);
        match kind {
            LineKind::Request(decision) => {
                let url = self.absolute_url().ok_or("it has no url")?;
                let method =
                    self.method.map(Pair::value).filter(|method| !method.is_empty()).ok_or("it has no method")?;
                draft.set_origin(SOURCE, "boundary", "egress.http");
                draft.url.push_str(&url);
                let columns = &mut draft.columns;
                columns.set_text(column::ACTION, &method);
                columns.set_text(column::METHOD, &method);
                columns.set_text(column::OUTCOME, decision);
                columns.set_text_if(column::RULE, self.rule.map(Pair::value).as_deref());
            }
            LineKind::Start => {
                self.session.filter(|session| !session.value().is_empty()).ok_or("it has no session_id")?;
                draft.set_origin(SOURCE, "boundary", "session.start");
                draft.columns.set_text(column::ACTION, "session_started");
            }
            LineKind::Setting(action) => {
                draft.set_origin(SOURCE, "boundary", "boundary.start");
                draft.columns.set_text(column::ACTION, action);
            }
            LineKind::Loss(action) => {
                draft.set_origin(SOURCE, "boundary", "loss");
                draft.columns.set_text(column::ACTION, action);
            }
            LineKind::Failure(action) => {
                draft.set_origin(SOURCE, "boundary", "boundary.failure");
                self.set_failure(draft, action);
            }
            LineKind::Handshake => {
                draft.set_origin(SOURCE, "boundary", "egress.failure");
                self.set_failure(draft, "tls_handshake");
            }
        }
        let session = self.session.map(Pair::value);
        draft.columns.set_text_if(column::SESSION, session.as_deref());
        // Its meetings with the gateway's model calls tell whose session it was.
        draft.columns.set_text_if(column::STREAM, session.as_deref());
        self.add_free_text(text, draft);
        Ok(())
    }

    /// The URL of a request, with the host that the line names where the URL names none: releases before June 2026 wrote
    /// only the path of requests inside a TLS tunnel, and `CONNECT` has no more than host and port.
    fn absolute_url(&self) -> Option<Cow<'a, str>> {
        let url = self.url.map(Pair::value).unwrap_or_default();
        let host = self.host.map(Pair::value).filter(|host| !host.is_empty());
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                if !rest.starts_with(['/', '?', '#']) && !rest.is_empty() {
                    return Some(url);
                }
                (scheme.to_owned(), rest.to_owned())
            }
            // An agent may ask for a path of two slashes: with a host beside it only what has no path is an authority.
            _ => match (url.strip_prefix("//"), &host) {
                (Some(authority), host)
                    if !authority.is_empty()
                        && !authority.starts_with('/')
                        && (host.is_none() || !authority.contains(['/', '?'])) =>
                {
                    return Some(Cow::Owned(format!("https://{authority}")));
                }
                // A path, a query, `*`, or nothing; anything else is an authority, as `CONNECT` has it.
                (_, Some(_)) if url.starts_with(['/', '?']) => ("https".to_owned(), url.into_owned()),
                (_, Some(_)) if url == "*" || url.is_empty() => ("https".to_owned(), String::new()),
                _ if url.is_empty() || url.starts_with(['/', '?', '*']) => {
                    return Some(url).filter(|url| !url.is_empty());
                }
                _ => return Some(Cow::Owned(format!("https://{url}"))),
            },
        };
        Some(Cow::Owned(match host {
            Some(host) => format!("{scheme}://{host}{rest}"),
            None => format!("{scheme}://{rest}"),
        }))
    }

    fn set_failure(&self, draft: &mut Draft, action: &str) {
        draft.columns.set_text(column::ACTION, action);
        draft.columns.set_text(column::OUTCOME, "error");
        draft.columns.set_text_if(column::TARGET, self.path.map(Pair::value).as_deref());
    }

    fn add_free_text(&self, text: &str, draft: &mut Draft) {
        for (name, key, pair) in [
            ("msg", "msg", self.msg),
            ("url", "url", self.url),
            ("url", "host", self.host),
            ("error", "error", self.error),
            ("path", "path", self.path),
        ] {
            if let Some(pair) = pair {
                draft.free_text.push(FreeText::read(name, FieldPath::member(key), text, pair.written));
            }
        }
    }
}

static EXAMPLES: &[&str] = &[
    r#"time=2026-10-03T10:15:00.000+02:00 level=INFO msg="boundary session started" session_id=6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60"#,
    r#"time=2026-10-03T08:15:04.118Z level=INFO msg=ALLOW method=GET url="https://packages.acme.example/left-pad?version=1.3.0" host=packages.acme.example rule="method=GET,HEAD domain=packages.acme.example""#,
    r"time=2026-10-03T08:15:05.733Z level=WARN msg=DENY method=POST url=https://drop.attacker-logger.com/collect host=drop.attacker-logger.com",
    r#"time=2026-10-03T08:15:06.900Z level=WARN msg="audit log dropped, channel full""#,
    r#"time=2026-10-03T08:15:07.000Z level=WARN msg="failed to connect to audit socket" path=/run/boundary/audit.sock error="dial unix /run/boundary/audit.sock: connect: connection refused""#,
    r#"time=2026-10-03T08:15:08.000Z level=WARN msg="failed to flush audit logs; resetting batch timer to reconnect and retry" error="write: \"broken pipe\"" duration_sec=5 batch_size=10"#,
    r#"time=2026-10-03T08:15:09.000Z level=ERROR msg="TLS handshake failed" error="remote error: tls: bad certificate""#,
    r#"time=2026-10-03T08:15:00.300Z level=INFO msg="using real DNS in namespace (--use-real-dns)""#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::SKIP_BLANK;

    fn check(line: &str, expected: Result<&[(&str, Option<&str>)], Decoded>) {
        let mut drafts = Drafts::new();
        let decoded = Boundary.decode(Record::new(line.as_bytes(), &Logfmt), 7, &mut drafts);
        match expected {
            Err(expected) => assert_eq!(decoded, expected, "{line}"),
            Ok(columns) => {
                assert_eq!(decoded, Decoded::Events, "{line}");
                let draft = drafts.iter().next().expect("one draft");
                for (name, value) in columns {
                    let id = ledger::events::TABLE.by_name(name).expect(name).id;
                    let found = draft.columns.value(id).map(|bytes| std::str::from_utf8(bytes).expect("text"));
                    assert_eq!(found, *value, "{name} of {line}");
                }
                assert_eq!(draft.columns.time(column::OBSERVED), Some(7));
            }
        }
    }

    #[test]
    fn lines_give_their_columns() {
        check(
            EXAMPLES[0],
            Ok(&[("kind", Some("session.start")), ("session", Some("6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60"))]),
        );
        check(
            EXAMPLES[1],
            Ok(&[
                ("source", Some("boundary")),
                ("family", Some("boundary")),
                ("kind", Some("egress.http")),
                ("method", Some("GET")),
                ("outcome", Some("allow")),
                ("rule", Some("method=GET,HEAD domain=packages.acme.example")),
                ("source_id", None),
            ]),
        );
        check(EXAMPLES[2], Ok(&[("outcome", Some("deny")), ("rule", None)]));
        check(EXAMPLES[3], Ok(&[("kind", Some("loss")), ("action", Some("dropped_channel_full"))]));
        check(
            EXAMPLES[4],
            Ok(&[
                ("kind", Some("boundary.failure")),
                ("outcome", Some("error")),
                ("target", Some("/run/boundary/audit.sock")),
            ]),
        );
        check(EXAMPLES[5], Ok(&[("action", Some("flush_audit_logs"))]));
        check(EXAMPLES[6], Ok(&[("kind", Some("egress.failure")), ("action", Some("tls_handshake"))]));
        check(
            EXAMPLES[7],
            Ok(&[("kind", Some("boundary.start")), ("action", Some("use_real_dns")), ("outcome", None)]),
        );
        check(
            "time=2026-10-03T08:15:09.000Z level=ERROR msg=boom",
            Ok(&[("kind", Some("boundary.failure")), ("action", Some("error"))]),
        );
    }

    #[test]
    fn requests_name_their_host_whatever_the_release_writes() {
        let url = |attributes: &str| {
            let line = format!("time=2026-11-28T08:15:05.733Z level=WARN msg=DENY method=POST {attributes}");
            let mut drafts = Drafts::new();
            assert_eq!(
                Boundary.decode(Record::new(line.as_bytes(), &Logfmt), 7, &mut drafts),
                Decoded::Events,
                "{line}"
            );
            drafts.iter().next().map(|draft| draft.url.clone()).unwrap_or_default()
        };
        for (attributes, want) in [
            ("url=/a?b=1 host=drop.example", "https://drop.example/a?b=1"),
            ("host=drop.example:8443 url=/a", "https://drop.example:8443/a"),
            (r#"url="/a?q=\"x y\"" host="drop.example""#, r#"https://drop.example/a?q="x y""#),
            (r#"url="" host=[2001:db8::1]:444"#, "https://[2001:db8::1]:444"),
            ("url=?q=1 host=drop.example", "https://drop.example?q=1"),
            ("url=* host=drop.example", "https://drop.example"),
            ("url=http:///a host=drop.example", "http://drop.example/a"),
            ("url=https://a.example/x host=b.example", "https://a.example/x"),
            ("url=drop.example:443 host=drop.example:443", "https://drop.example:443"),
            ("url=//drop.example:443 host=other.example", "https://drop.example:443"),
            ("url=//good.example/x host=drop.example", "https://drop.example//good.example/x"),
            ("url=//drop.example/x", "https://drop.example/x"),
            ("host=drop.example", "https://drop.example"),
            ("url=/a", "/a"),
        ] {
            assert_eq!(url(attributes), want, "{attributes}");
        }
    }

    #[test]
    fn a_session_is_kept_on_every_line_that_names_it() {
        for line in [
            "time=2026-11-28T08:15:05.733Z level=WARN msg=DENY session_id=s-1 method=POST url=https://x.example/",
            r#"session_id="s-1" time=2026-11-28T08:15:05.733Z level=WARN msg="audit log dropped, batch full""#,
            "time=2026-11-28T08:15:05.733Z level=ERROR session_id=s-1 msg=boom",
        ] {
            check(line, Ok(&[("session", Some("s-1")), ("stream", Some("s-1"))]));
        }
    }

    #[test]
    fn times_have_the_senders_zone() {
        let mut drafts = Drafts::new();
        Boundary.decode(Record::new(EXAMPLES[0].as_bytes(), &Logfmt), 7, &mut drafts);
        let time = drafts.iter().next().and_then(|draft| draft.columns.time(column::TIME));
        assert_eq!(time, crate::timestamp::parse("2026-10-03T08:15:00Z"));
    }

    #[test]
    fn other_lines_are_skipped_and_broken_ones_kept() {
        let server_line = || Err(Decoded::Skip(SKIP_SERVER_LINE));
        check(
            "time=2026-10-03T08:15:00.400Z level=INFO msg=\"Starting HTTP proxy with TLS termination\" port=8087",
            server_line(),
        );
        check("goroutine 1 [running]:", server_line());
        check(" \t", Err(Decoded::Skip(SKIP_BLANK)));
        let unparsed = |reason: &str| Err(Decoded::Unparsed(reason.to_owned()));
        check("time=2026-10-03T08:15:00.400Z level=WARN msg=DENY method=GET", unparsed("DENY: it has no url"));
        check("level=WARN msg=DENY method=GET url=https://x/", unparsed("DENY: it has no time"));
        let mut drafts = Drafts::new();
        let line = "time=yesterday level=WARN msg=DENY method=GET url=https://x/";
        assert_eq!(
            Boundary.decode(Record::new(line.as_bytes(), &Logfmt), 7, &mut drafts),
            Decoded::Events,
            "a denial is told in any case"
        );
        let draft = drafts.iter().next().expect("one draft");
        assert_eq!((draft.columns.time(column::TIME), &*draft.marks), (Some(7), &["void:time".to_owned()][..]));
        check(
            "time=2026-10-03T08:15:00.400Z msg=ALLOW url=\"https://x",
            unparsed("ALLOW: a quoted value does not end"),
        );
        check("time=2026-10-03T08:15:00.400Z msg=ALLOW url=https://x/", unparsed("ALLOW: it has no method"));
    }
}
