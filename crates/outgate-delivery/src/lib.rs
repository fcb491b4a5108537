//! The side that talks to the world: where a destination's servers are, connections to them, TLS, and what their
//! replies mean. Fills the port `Carrier`.
//!
//! The promise: a parcel comes back with one outcome for each recipient, within [`Timeouts::carry`], whatever the
//! servers do. An outcome is final only by a permanent answer: of the recipient's server, or of DNS (law 9); a
//! connection lost after the final dot is a deferral. Nothing is kept here but open connections, and no retry law is known.
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
mod story;
mod tls;

pub use carry::NetworkCarrier;
pub use classify::{Judgement, classify};
pub use config::{
    CONNECTIONS_PER_DESTINATION, Config, IDLE_TIMEOUT, MESSAGES_PER_CONNECTION, Route, SmartHost,
    SmartHostTls, Timeouts, UNSETTLED_PER_CONNECTION,
};
pub use tls::TlsSetupError;
