//! A network between forwarder and receivers, as it is on a bad day: connections that are closed at once, that stall, and that end in the
//! middle of a request or of an answer, whatever either of them said about its length.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::dice::Dice;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is closed before anything passes.
    Closed,
    /// Nothing passes any more; it is the other side that gives up.
    Stalled,
    /// It ends after so many bytes to the receiver.
    RequestCut(u64),
    /// It ends after so many bytes of answers.
    AnswerCut(u64),
    /// Everything passes.
    Whole,
}

fn fate(dice: &mut Dice) -> Fate {
    match dice.below(24) {
        0 | 1 => Fate::Closed,
        2 => Fate::Stalled,
        3 | 4 => Fate::RequestCut(1 + dice.below(200_000)),
        5 | 6 => Fate::AnswerCut(1 + dice.below(400)),
        _ => Fate::Whole,
    }
}

/// Listens before a receiver, until the process ends. Returns the address; each fault is told to `faulted`.
pub async fn listen(receiver: String, dice: Arc<Mutex<Dice>>, faulted: impl Fn() + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let fate = fate(&mut dice.lock().unwrap());
            if !matches!(fate, Fate::Whole) {
                faulted();
            }
            tokio::spawn(pass(client, receiver.clone(), fate));
        }
    });
    address
}

async fn pass(client: TcpStream, receiver: String, fate: Fate) {
    if matches!(fate, Fate::Closed) {
        return;
    }
    if matches!(fate, Fate::Stalled) {
        tokio::time::sleep(Duration::from_mins(10)).await;
        return;
    }
    let Ok(server) = TcpStream::connect(receiver).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let to_receiver = if let Fate::RequestCut(bytes) = fate { bytes } else { u64::MAX };
    let to_client = if let Fate::AnswerCut(bytes) = fate { bytes } else { u64::MAX };
    let (up, down) = (copy(client_read, server_write, to_receiver), copy(server_read, client_write, to_client));
    if matches!(fate, Fate::Whole) {
        tokio::join!(up, down);
    } else {
        // A connection that is cut in one direction ends in both.
        tokio::select! {
            () = up => {}
            () = down => {}
        }
    }
}

/// Passes at most so many bytes, and then the end.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bytes: u64) {
    let (mut left, mut buffer) = (bytes, vec![0; 64 << 10]);
    while let Ok(read) = from.read(&mut buffer).await {
        let passed = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        if read == 0 || to.write_all(&buffer[..passed]).await.is_err() {
            break;
        }
        left -= passed as u64;
        if left == 0 {
            break;
        }
    }
    let _ = to.shutdown().await;
}
