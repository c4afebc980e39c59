//! A mail server on a bad day: it asks to come back, refuses after the data, takes a mail and cuts the connection.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::receiver::Shared;
use crate::requests::say;

/// What goes wrong with one mail; every other number is no fault.
const LATER: u64 = 0;
const REFUSED: u64 = 1;
const LATER_AFTER_DATA: u64 = 2;
const CUT_BEFORE: u64 = 3;
const CUT_AFTER: u64 = 4;

/// Takes connections until the process ends.
pub async fn listen(listener: TcpListener, shared: Shared) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        tokio::spawn(async move {
            // A client that is killed ends its connection wherever it is.
            let _ = session(stream, &shared).await;
        });
    }
}

async fn session(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (reading, mut out) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    out.write_all(b"220 mail.acme.example ESMTP\r\n").await?;
    let mut fault = u64::MAX;
    while let Some(line) = lines.next_line().await? {
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let reply = match word.as_str() {
            "EHLO" | "HELO" => "250 mail.acme.example",
            "MAIL" => {
                fault = shared.lock().unwrap().dice.below(14);
                if fault == LATER {
                    finish(shared, fault);
                    "451 come back later"
                } else {
                    "250 ok"
                }
            }
            "DATA" => {
                out.write_all(b"354 go ahead\r\n").await?;
                let mail = data(&mut lines).await?;
                let taken = !matches!(fault, REFUSED | LATER_AFTER_DATA | CUT_BEFORE);
                let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap_or_default();
                if taken {
                    shared.lock().unwrap().write("/smtp", id, &mail);
                } else if fault == REFUSED {
                    shared.lock().unwrap().write("/smtp/refused", id, &mail);
                }
                finish(shared, fault);
                match fault {
                    CUT_BEFORE | CUT_AFTER => return Ok(()),
                    REFUSED => "554 refused",
                    LATER_AFTER_DATA => "452 no space",
                    _ => "250 queued",
                }
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        out.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn finish(shared: &Shared, fault: u64) {
    shared.lock().unwrap().answered("/smtp", fault);
    say("request");
}

/// The lines of a mail up to the full stop that ends it.
async fn data(lines: &mut tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let line = lines.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        if line == "." {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        mail.push('\n');
    }
}
