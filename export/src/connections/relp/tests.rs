//! Sessions with receivers on the loopback that answer as they should, in another order, late, wrongly and not at all. Whatever they do,
//! nothing panics, and nothing is taken for acknowledged that was not.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex as TokioMutex;

use super::*;
use crate::connections::authority::Authority;

/// What a receiver does with a message.
#[derive(Debug, Clone)]
enum Way {
    /// It takes it and says so.
    Takes,
    /// It refuses it.
    Refuses,
    /// It takes it, and ends the connection before it says so.
    TakesAndEnds,
    /// It says this in place of an answer.
    Says(Vec<u8>),
}

/// What receivers took, in order, over all their connections.
type Taken = Arc<TokioMutex<Vec<String>>>;

/// A receiver that does these things with the messages that come, over as many connections as it takes; then it takes all. Its port.
async fn receiver(ways: Vec<Way>, taken: Taken) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut ways = ways.into_iter();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, &mut ways, &taken).await;
        }
    });
    port
}

async fn serve(mut stream: TcpStream, ways: &mut impl Iterator<Item = Way>, taken: &Taken) -> Option<()> {
    loop {
        let (txnr, command, data) = request(&mut stream).await?;
        if command == "open" {
            let offer = b"200 OK\nrelp_version=0\nrelp_software=test\ncommands=syslog";
            let mut bytes = Vec::new();
            codec::put(txnr, "rsp", offer, &mut bytes);
            stream.write_all(&bytes).await.ok()?;
            continue;
        }
        let way = ways.next().unwrap_or(Way::Takes);
        if matches!(way, Way::Takes | Way::TakesAndEnds) {
            taken.lock().await.push(String::from_utf8(data).unwrap());
        }
        let mut bytes = Vec::new();
        match way {
            Way::Takes => codec::put(txnr, "rsp", b"200 OK", &mut bytes),
            Way::Refuses => codec::put(txnr, "rsp", b"500 no\x1b[31m", &mut bytes),
            Way::TakesAndEnds => {
                // In order: a connection that is reset loses what was said before.
                stream.shutdown().await.ok()?;
                stream.read_to_end(&mut Vec::new()).await.ok()?;
                return None;
            }
            Way::Says(said) => bytes = said,
        }
        stream.write_all(&bytes).await.ok()?;
    }
}

/// The next request: its number, its command and its data.
async fn request(stream: &mut TcpStream) -> Option<(u32, String, Vec<u8>)> {
    let mut words = Vec::new();
    for _ in 0..3 {
        let mut word = Vec::new();
        loop {
            match stream.read_u8().await.ok()? {
                b' ' | b'\n' => break,
                byte => word.push(byte),
            }
        }
        words.push(String::from_utf8(word).unwrap());
    }
    let length: usize = words[2].parse().unwrap();
    let mut data = vec![0; length];
    if length > 0 {
        stream.read_exact(&mut data).await.ok()?;
        assert_eq!(stream.read_u8().await.ok()?, b'\n');
    }
    Some((words[0].parse().unwrap(), words[1].clone(), data))
}

fn reach() -> Reach {
    Reach { allow_private: true, timeout: Duration::from_mins(1), ..Reach::default() }
}

fn messages(port: u16, count: usize) -> Messages {
    let texts = (0..count).map(|number| format!("message {number}\nof {count}").into_bytes()).collect();
    Messages { host: "127.0.0.1".to_owned(), port, texts }
}

fn expected(count: usize) -> Vec<String> {
    messages(0, count).texts.into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
}

#[tokio::test]
async fn more_messages_than_the_window_are_acknowledged_each_in_one_session() {
    let taken = Taken::default();
    let port = receiver(Vec::new(), taken.clone()).await;
    let connection = RelpConnection::connect(&reach(), false).unwrap();
    for count in [1, 400] {
        let answer = connection.send(messages(port, count)).await.unwrap();
        assert_eq!(answer, Transactions { acknowledged: count, refused: None });
        assert_eq!(std::mem::take(&mut *taken.lock().await), expected(count));
    }
}

#[tokio::test]
async fn what_has_no_answer_when_a_session_breaks_is_sent_again_and_nothing_else() {
    let taken = Taken::default();
    let ways = vec![Way::Takes, Way::Takes, Way::TakesAndEnds];
    let port = receiver(ways, taken.clone()).await;
    let connection = RelpConnection::connect(&reach(), false).unwrap();
    let answer = connection.send(messages(port, 10)).await.unwrap();
    assert_eq!(answer.acknowledged, 10);
    let mut all = expected(10);
    all.insert(2, all[2].clone());
    assert_eq!(*taken.lock().await, all);
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_is_opened_again_and_acknowledgements_outlive_a_failure() {
    let taken = Taken::default();
    let ways = vec![Way::Takes, Way::TakesAndEnds, Way::TakesAndEnds, Way::TakesAndEnds];
    let port = receiver(ways, taken.clone()).await;
    let connection = RelpConnection::connect(&reach(), false).unwrap();
    // One was acknowledged; then two sessions in a row get nothing done.
    let failed = connection.send(messages(port, 3)).await;
    assert!(matches!(failed, Err(SendError::Uncertain(_))), "{failed:?}");
    let failed = connection.send(messages(port, 3)).await;
    assert!(matches!(failed, Err(SendError::Uncertain(_))), "{failed:?}");
    assert_eq!(connection.send(messages(port, 3)).await.unwrap().acknowledged, 3);
    let taken = taken.lock().await;
    assert_eq!(taken.iter().filter(|message| message.starts_with("message 0")).count(), 1);
    assert!(taken.ends_with(&expected(3)[1..]), "{taken:?}");
}

#[tokio::test]
async fn a_refusal_names_its_message_and_what_was_taken_beside_it_does_not_come_again() {
    let taken = Taken::default();
    let port = receiver(vec![Way::Takes, Way::Refuses, Way::Takes], taken.clone()).await;
    let connection = RelpConnection::connect(&reach(), false).unwrap();
    let answer = connection.send(messages(port, 3)).await.unwrap();
    assert_eq!((answer.acknowledged, answer.refused.as_ref().map(|(index, _)| *index)), (2, Some(1)));
    assert_eq!(answer.to_string(), "a transaction is answered with 500 no [31m");
    // The worker sends what stood before it alone, and then what follows.
    let all = messages(port, 3);
    let part = |range: std::ops::Range<usize>| Messages { texts: all.texts[range].to_vec(), ..all.clone() };
    assert_eq!(connection.send(part(0..1)).await.unwrap().acknowledged, 1);
    assert_eq!(taken.lock().await.iter().filter(|message| message.starts_with("message 0")).count(), 1);
}

#[tokio::test]
async fn whoever_answers_wrongly_acknowledges_nothing() {
    for said in [
        &b"7 rsp 6 200 OK\n"[..],
        b"0 rsp 6 200 OK\n",
        b"2 rsp 999999999 200 OK",
        b"2 rsp 3 2OO\n",
        b"2 rsp 0\n",
        b"2 syslog 6 200 OK\n",
        b"0 serverclose 0\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xff\xfe\x00\n\n\n",
        b"2 rsp 6 200 OK\r\n",
    ] {
        let taken = Taken::default();
        let port = receiver(vec![Way::Says(said.to_vec()); 2], taken.clone()).await;
        let connection = RelpConnection::connect(&reach(), false).unwrap();
        let answer = connection.send(messages(port, 1)).await;
        assert!(matches!(answer, Err(SendError::Uncertain(_))), "{}: {answer:?}", String::from_utf8_lossy(said));
    }
}

#[tokio::test]
async fn a_receiver_that_is_silent_is_left_in_time_and_one_that_speaks_no_relp_gets_nothing() {
    let taken = Taken::default();
    let port = receiver(vec![Way::Says(Vec::new())], taken.clone()).await;
    let reach = Reach { timeout: Duration::from_millis(200), ..reach() };
    let silent = RelpConnection::connect(&reach, false).unwrap().send(messages(port, 1)).await;
    assert!(matches!(silent, Err(SendError::Uncertain(_))), "{silent:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stranger = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (_, command, _) = request(&mut stream).await.unwrap();
        stream.write_all(b"1 rsp 6 500 no\n").await.unwrap();
        (command, request(&mut stream).await)
    });
    let refused = RelpConnection::connect(&super::tests::reach(), false).unwrap().send(messages(port, 1)).await;
    assert!(matches!(&refused, Err(SendError::NotSent(reason)) if reason.contains("500 no")), "{refused:?}");
    assert_eq!(stranger.await.unwrap(), ("open".to_owned(), None));
}

#[tokio::test]
async fn sessions_may_be_encrypted_with_a_certificate_on_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let acceptor = authority.server("127.0.0.1", true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut buffer = vec![0; 1 << 16];
        let _open = stream.read(&mut buffer).await.unwrap();
        stream.write_all(b"1 rsp 22 200 OK\ncommands=syslog\n").await.unwrap();
        for number in 2..4 {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0);
            stream.write_all(format!("{number} rsp 6 200 OK\n").as_bytes()).await.unwrap();
        }
    });
    let identity = Some(authority.identity("tachograph"));
    let reach = Reach { ca_file: Some(authority.file.clone()), identity, ..reach() };
    let connection = RelpConnection::connect(&reach, true).unwrap();
    for _ in 0..2 {
        assert_eq!(connection.send(messages(port, 1)).await.unwrap().acknowledged, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Answers of any bytes, any number of times: nothing panics, and of what was not taken nothing is said to be acknowledged.
    #[test]
    fn no_receiver_has_anything_acknowledged_that_it_did_not_answer(
        says in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b' '), Just(b'\n'), b'0'..=b'9', Just(b'r'), Just(b's'), Just(b'p'), any::<u8>()], 1..30), 1..4),
        count in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let taken = Taken::default();
            let ways = says.into_iter().map(Way::Says).collect();
            let port = receiver(ways, taken.clone()).await;
            let reach = Reach { timeout: Duration::from_millis(100), ..reach() };
            let answer = RelpConnection::connect(&reach, false).unwrap().send(messages(port, count)).await;
            if let Ok(Transactions { acknowledged, refused: None }) = answer {
                prop_assert_eq!(acknowledged, count);
                prop_assert_eq!(taken.lock().await.iter().collect::<HashSet<_>>().len(), count);
            }
            Ok(())
        })?;
    }
}
