//! What goes wrong between the forwarder and a store: connections are cut at a random byte of the request or of the answer, and some requests are
//! told to come back. A store that took an object whose answer was cut has it all the same.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dice::Dice;

/// Counts what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<AtomicU64>);

impl Faults {
    /// How much went wrong so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// An address before another that passes on what comes, as long as it lasts.
    pub fn before(&self, address: &str, seed: u64) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front = format!("http://{}", listener.local_addr().unwrap());
        let (back, faults) = (address.trim_start_matches("http://").to_owned(), self.clone());
        std::thread::spawn(move || {
            let mut dice = Dice::new(seed);
            for client in listener.incoming().map_while(Result::ok) {
                let (kind, up, down) = (dice.below(6), dice.below(1 << 18), dice.below(4_000));
                let (back, faults) = (back.clone(), faults.clone());
                std::thread::spawn(move || {
                    let ended = if kind == 0 { busy(client) } else { pass(client, &back, up, down) };
                    if ended.is_some() {
                        faults.0.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        front
    }
}

/// Takes the start of a request, and says that there is too much to do.
fn busy(mut client: TcpStream) -> Option<()> {
    let mut start = [0; 4_096];
    client.read(&mut start).ok().filter(|read| *read > 0)?;
    client.write_all(b"HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").ok()
}

/// Passes on so many bytes in each direction, and cuts the connection then; `None` if it ended before.
fn pass(client: TcpStream, back: &str, up: u64, down: u64) -> Option<()> {
    let server = TcpStream::connect(back).ok()?;
    let (to_server, from_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    let upward = std::thread::spawn(move || carry(from_client, to_server, up));
    let cut = carry(server, client, down);
    let cut = upward.join().unwrap() || cut;
    cut.then_some(())
}

/// Carries so many bytes; whether there were more.
fn carry(mut from: TcpStream, mut to: TcpStream, most: u64) -> bool {
    let (mut left, mut piece) = (most as usize, vec![0; 1 << 14]);
    let mut cut = false;
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let passed = read.min(left);
        if to.write_all(&piece[..passed]).is_err() {
            break;
        }
        left -= passed;
        if passed < read {
            cut = true;
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    cut
}
