//! Free loopback ports, below the range the system hands out by itself.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

const FIRST: u32 = 10_240;
const COUNT: u32 = 20_000;
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that nobody listens on, TCP or UDP, and that this process has not been given before.
pub fn free() -> u16 {
    // Processes that run at the same time start far from each other.
    let start = process::id().wrapping_mul(97) % COUNT;
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let address = (Ipv4Addr::LOCALHOST, port as u16);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port as u16;
        }
    }
    panic!("no free port");
}
