//! Ports for what is started again at the same place: below those that the system gives to connections, of which one might have them
//! meanwhile. It names nothing of other packages, so that tests of all of them can use it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ports that are tried.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port of the loopback address that nothing listens on, and that no other call in this process gets.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(7_919);
    loop {
        let number = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + number as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
