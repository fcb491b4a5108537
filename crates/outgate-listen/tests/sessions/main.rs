//! Sessions over real sockets, from accept to close.

#![expect(clippy::unwrap_used, reason = "a test that panics has told what it found")]

mod client;
mod ends;
mod house;
mod limits;
mod proxy;
mod talk;
mod tls;
