//! The side that talks to the world: where a destination's servers are, connections to them, TLS, and what their
//! replies mean. Fills the port `Carrier`.
//!
//! The promise: a parcel comes back with one outcome for each recipient, within [`Timeouts::carry`] and, once its message
//! is with the server, [`Timeouts::content`] for the answer, whatever the servers do. An outcome is final only by a permanent answer: of the recipient's server, or of DNS (law 9); a
//! connection lost after the final dot is a deferral. Nothing is kept here but open connections, and no retry law is known.
//!
//! Servers at private addresses get nothing, unless the operator says so ([`Config::allow_private`], in the configuration
//! `delivery.allow_private_destinations`) or chose the server himself, as a smart host. It is a deferral, not a refusal:
//! a name server that lies for a while, as split DNS and DNS blockers do, must not end every delivery at once.
//!
//! When the relay stops, what has said MAIL goes on to its end, and what has not comes back untried.
//!
//! The map:
//! - [`NetworkCarrier`]: carries parcels, over connections that are kept and used again
//! - [`Config`], [`Route`], [`Timeouts`]: what an operator decides
//! - [`classify`]: what a reply means, as a table

mod address;
mod carry;
mod classify;
mod config;
mod connection;
mod failure;
mod mx;
mod open;
mod pool;
mod stopping;
mod story;
mod tls;

pub use carry::NetworkCarrier;
pub use classify::{Judgement, classify};
pub use config::{
    CONNECTIONS_PER_DESTINATION, Config, IDLE_TIMEOUT, LEAST_FOR_TRANSACTION, MESSAGES_PER_CONNECTION, Route,
    SmartHost, SmartHostTls, Timeouts, UNSETTLED_PER_CONNECTION,
};
pub use tls::TlsSetupError;
