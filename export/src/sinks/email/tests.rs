//! Mails as bytes, and a real SMTP session on the loopback.

use ledger::Timestamp;
use operations::alert::{Alert, Severity, State};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::connections::SendError;
use crate::connections::authority::Authority;
use crate::fixtures::{self, alert_of, outbox, records_of, told};

fn sink(extra: &Value) -> Email {
    let mut settings = json!({"server": "smtp.acme.example", "from": "tachograph@acme.example",
        "to": ["soc@acme.example", "oncall@acme.example"]});
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn mails(alerts: &[Alert], outbox: &Outbox) -> Vec<String> {
    let messages = sink(&json!({})).render(&records_of(alerts), outbox).messages;
    messages.into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
}

/// The headers of a mail with their folded lines joined.
fn headers(mail: &str) -> Vec<(String, String)> {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap()).collect()
}

fn header(mail: &str, name: &str) -> String {
    headers(mail).into_iter().find(|(header, _)| header == name).unwrap().1
}

/// The name of the message in its Message-ID, without what tells its versions apart.
fn message_name(mail: &str) -> String {
    let id = header(mail, "Message-ID");
    let (name, _) = id.strip_prefix('<').unwrap().strip_suffix("@acme.example>").unwrap().rsplit_once('.').unwrap();
    name.to_owned()
}

#[test]
fn a_mail_is_the_same_each_time_and_its_thread_is_the_alert() {
    let first = &mails(&[alert_of(1, Severity::High)], &outbox())[0];
    assert_eq!(first, &mails(&[alert_of(1, Severity::High)], &outbox())[0]);
    let id = alert_of(1, Severity::High).id;
    assert_eq!(message_name(first), format!("{id}.r1"));
    assert_eq!(header(first, "Subject"), "[HIGH][OPEN] Refused POST to attacker-logger.com");
    assert_eq!(header(first, "Date"), "Fri, 21 Nov 2025 00:00:00 +0000");
    assert_eq!(header(first, "Auto-Submitted"), "auto-generated");
    let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
    let last = &mails(&[end], &told(&[1], false))[0];
    assert_eq!(message_name(last), format!("{id}.r2.over"));
    assert_eq!(header(first, "References"), header(last, "References"));
    assert!(first.is_ascii());
}

#[test]
fn a_mail_about_a_step_names_the_alert_and_what_was_decided() {
    let alert = alert_of(1, Severity::High);
    let check = |kind: &str, subject: &str, says: &[&str]| {
        let records = fixtures::alert_records(&fixtures::operations(&[fixtures::step(kind, &alert)]));
        let mail = sink(&json!({})).render(&records, &told(&[1], false)).messages.remove(0).body;
        let mail = String::from_utf8(mail).unwrap();
        assert_eq!(header(&mail, "Subject"), subject);
        assert!(says.iter().all(|text| mail.contains(text)) && !mail.contains("State: "), "{mail}");
    };
    let title = "Refused POST to attacker-logger.com";
    check("alert.ack", &format!("[HIGH][ACKNOWLEDGED] {title}"), &["By: alice"]);
    check("alert.close", &format!("[HIGH][CLOSED] {title}"), &["By: alice", "Verdict: false positive"]);
}

#[test]
fn a_storm_is_one_mail() {
    let alerts: Vec<Alert> = (0..1_500).map(|number| alert_of(number, Severity::Medium)).collect();
    let mails = mails(&alerts, &outbox());
    assert_eq!(mails.len(), 1);
    assert_eq!(header(&mails[0], "Subject"), "[DIGEST] 1500 alerts: 1500 medium");
    assert_eq!(message_name(&mails[0]), "digest.operations.0.0");
}

#[test]
fn mistakes_are_named() {
    let check = |extra: Value, says: &str| {
        let error = sink(&extra).sink().unwrap_err();
        assert!(error.contains(says), "{error}");
    };
    check(json!({"to": []}), "to must have");
    check(json!({"to": ["a@b.example>\r\nBcc: x@y.example"]}), "plain addresses");
    check(json!({"username": "u"}), "belong together");
    check(json!({"username": "u", "password": "env:P", "tls": "none"}), "needs tls");
    check(json!({"server": "a b"}), "host name");
    sink(&json!({"tls": "tls"})).sink().unwrap();
}

#[test]
fn replies_are_judged() {
    let judge = |code: u16| sink(&json!({})).judge(&Reply { code, text: String::new() });
    assert!(matches!(judge(250), Judgement::Acked(_)));
    assert!(matches!((judge(421), judge(451)), (Judgement::Retry { .. }, Judgement::Retry { .. })));
    assert!(matches!((judge(550), judge(554)), (Judgement::Reject { .. }, Judgement::Reject { .. })));
    assert!(matches!((judge(535), judge(530)), (Judgement::Park { .. }, Judgement::Park { .. })));
}

/// A mail server that says what it is told to say at the end of the message, and keeps what it heard.
async fn server(end: &'static str) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let (mut lines, mut heard, mut data) = (BufReader::new(read).lines(), Vec::new(), false);
        write.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match (data, line.as_str()) {
                (true, ".") => {
                    data = false;
                    end
                }
                (true, _) => "",
                (false, "DATA") => {
                    data = true;
                    "354 go on\r\n"
                }
                (false, line) if line.starts_with("EHLO") => "250-mail.example\r\n250 8BITMIME\r\n",
                (false, "QUIT") => "221 bye\r\n",
                (false, _) => "250 ok\r\n",
            };
            heard.push(line);
            if write.write_all(answer.as_bytes()).await.is_err() || (answer.is_empty() && !data) {
                break;
            }
        }
        heard
    });
    (port, task)
}

async fn send(extra: &Value, allow_private: bool) -> Result<Reply, SendError> {
    let sink = sink(extra);
    let rendered = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox());
    let reach = Reach { allow_private, timeout: Duration::from_secs(20), ..Reach::default() };
    sink.connect(&reach).unwrap().send(sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap()).await
}

#[tokio::test]
async fn a_mail_goes_over_a_real_connection() {
    let (port, heard) = server("250 queued as 7\r\n").await;
    let relay = json!({"server": "127.0.0.1", "port": port, "tls": "none"});
    let answer = send(&relay, true).await.unwrap();
    assert_eq!((answer.code, answer.text.as_str()), (250, "queued as 7"));
    let heard = heard.await.unwrap();
    assert!(heard.contains(&"MAIL FROM:<tachograph@acme.example>".to_owned()), "{heard:?}");
    assert_eq!(heard.iter().filter(|line| line.starts_with("RCPT TO:")).count(), 2);
}

#[tokio::test]
async fn refusals_and_cut_connections_are_told_apart() {
    let (port, _heard) = server("451 later\r\n").await;
    assert_eq!(send(&json!({"server": "127.0.0.1", "port": port, "tls": "none"}), true).await.unwrap().code, 451);
    let (port, _heard) = server("").await;
    let cut = send(&json!({"server": "127.0.0.1", "port": port, "tls": "none"}), true).await;
    assert!(matches!(cut, Err(SendError::Uncertain(_))), "{cut:?}");
    let nobody = send(&json!({"server": "127.0.0.1", "port": 1, "tls": "none"}), true).await;
    assert!(matches!(nobody, Err(SendError::NotSent(_))), "{nobody:?}");
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_or_to_a_private_address_unless_allowed() {
    let (port, heard) = server("250 ok\r\n").await;
    let clear = send(&json!({"server": "127.0.0.1", "port": port}), true).await;
    assert!(matches!(&clear, Err(SendError::NotSent(reason)) if reason.contains("STARTTLS")), "{clear:?}");
    assert!(!heard.await.unwrap().iter().any(|line| line.starts_with("MAIL")));
    let private = send(&json!({"server": "localhost", "port": port, "tls": "none"}), false).await;
    assert!(matches!(&private, Err(SendError::Refused(reason)) if reason.contains("allow_private")), "{private:?}");
}

/// A line of a conversation.
async fn line(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(line).unwrap().trim_end().to_owned())
}

/// Answers a client until it quits, and returns what it said; or until it wants the stream encrypted.
async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Vec<String> {
    let (mut heard, mut data) = (Vec::new(), false);
    while let Some(said) = line(stream).await {
        let (answer, is_last) = match (data, said.as_str()) {
            (true, ".") => ("250 queued\r\n", false),
            (true, _) => ("", false),
            (false, "DATA") => ("354 go on\r\n", false),
            (false, "STARTTLS") => ("220 go on\r\n", true),
            (false, "QUIT") => ("221 bye\r\n", true),
            (false, said) if said.starts_with("EHLO") => ("250-mail.example\r\n250 STARTTLS\r\n", false),
            (false, _) => ("250 ok\r\n", false),
        };
        data = said == "DATA" || (data && said != ".");
        heard.push(said);
        stream.write_all(answer.as_bytes()).await.unwrap();
        if is_last {
            break;
        }
    }
    heard
}

/// A mail server that wants a certificate, and encrypts from the start or when it is asked to: its port, and what it heard.
async fn guarded(authority: &Authority, from_start: bool) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let acceptor = authority.server("127.0.0.1", true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        if !from_start {
            stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
            assert_eq!(converse(&mut stream).await.last().unwrap(), "STARTTLS");
        }
        let Ok(mut stream) = acceptor.accept(stream).await else { return Vec::new() };
        if from_start && stream.write_all(b"220 mail.example ESMTP\r\n").await.is_err() {
            return Vec::new();
        }
        converse(&mut stream).await
    });
    (port, task)
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_takes_mail_from_whoever_has_one() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    for (tls, from_start) in [("tls", true), ("starttls", false)] {
        for is_known in [true, false] {
            let (port, heard) = guarded(&authority, from_start).await;
            let sink = sink(&json!({"server": "127.0.0.1", "port": port, "tls": tls}));
            let rendered = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox());
            let identity = is_known.then(|| authority.identity("tachograph"));
            let (ca_file, timeout) = (Some(authority.file.clone()), Duration::from_secs(20));
            let reach = Reach { allow_private: true, ca_file, identity, timeout, ..Reach::default() };
            let mail = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
            let answer = sink.connect(&reach).unwrap().send(mail).await;
            let is_taken = answer.as_ref().is_ok_and(|answer| answer.code == 250);
            assert_eq!(is_taken, is_known, "{tls}: {answer:?}");
            assert_eq!(heard.await.unwrap().iter().any(|line| line.starts_with("MAIL FROM:")), is_known, "{tls}");
        }
    }
}

proptest! {
    #[test]
    fn no_alert_writes_a_header_or_html(title in ".{0,300}", reason in ".{0,300}", user in "\\PC{0,60}") {
        let hostile = ["\r\nBcc: x@evil.example\r\n\r\n<script>", "<img src=x onerror=alert(1)>\u{202e}"];
        for text in hostile {
            let mut alert = Alert { title: format!("{title}{text}"), reason: format!("{text}{reason}"), ..alert_of(1, Severity::High) };
            alert.who.user = Some(format!("{user}{text}"));
            let mail = &mails(&[alert], &outbox())[0];
            let names: Vec<String> = headers(mail).into_iter().map(|(name, _)| name).collect();
            let allowed = ["From", "To", "Date", "Message-ID", "In-Reply-To", "References", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"];
            prop_assert!(names.iter().all(|name| allowed.contains(&name.as_str())), "{names:?}");
            let html = mail.split_once("Content-Type: text/html").unwrap().1;
            prop_assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        }
    }
}
