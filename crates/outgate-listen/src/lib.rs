//! Sockets, TLS, deadlines and limits that drive a server conversation for whoever handles it.
//!
//! The promise: a client can be slow, silent, many or hostile, and costs no more than its limits say. Every wait here
//! has a deadline, every count a limit, and any session can be ended from outside within a second. Nothing here knows
//! who may send or where a message goes: a [`Service`] opens a [`Handler`] for each session, and that one answers.
//!
//! The map, along a connection's way:
//! - [`Listeners`]: listening sockets, their limits ([`Rules`]), and their drain
//! - `connection`: PROXY header (from [`Cidr`]s we were told to believe), limits, TLS
//! - `conversation`: drives the session and asks the [`Handler`]; a [`Closer`] ends it
//! - [`Tls`], [`Certificates`], [`self_signed`]: what clients see of our identity

mod cidr;
mod closer;
mod connection;
mod conversation;
mod counters;
mod deadlines;
mod door;
mod ends;
mod limits;
mod listener;
mod proxy;
mod service;
mod tls;
mod wire;

pub use cidr::{Cidr, CidrError};
pub use closer::Closer;
pub use counters::{Counters, Counts};
pub use door::{Opening, Rules};
pub use listener::{Drained, Listeners, OpenError};
pub use service::{Attempt, Handler, Peer, Service};
pub use tls::{CertificateError, Certificates, SelfSigned, SelfSignedError, Tls, TlsError, self_signed};
