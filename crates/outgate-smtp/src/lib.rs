//! Both SMTP conversations, server and client, as state machines without IO.
//!
//! The promise: bytes go in, steps come out. Nothing here opens a socket, reads a clock or keeps anything. smtp-proto's
//! grammar stays inside, behind our own framing, because its framing has defects that smuggling lives on.
//!
//! The map:
//! - [`server`]: the conversation with whoever connects to us
//! - [`client`]: the conversation with a server that we connect to
//! - [`Limits`]: how much of anything a conversation takes

pub mod client;
mod limits;
pub mod server;

pub use limits::Limits;
