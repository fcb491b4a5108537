//! The whole relay: configuration, wiring, start, drain and stop. The embedder's door.
//!
//! The promise: [`Relay::builder`] gives a running relay from a [`Config`], and [`Relay::stop`] ends it without losing
//! anything. [`Admin`] is the door for administration while it runs or not.
//!
//! The map:
//! - [`Config`]: one TOML file, every key with a default
//! - [`Relay`]: wires store, hasher, queue, delivery, submission and listeners
//! - [`Admin`]: opens the store for administration commands
//! - [`master_key`]: where the key that seals private keys comes from

mod admin;
mod config;
mod driver;
mod http;
mod identity;
mod keys;
pub mod master_key;
mod metrics;
mod relay;
mod route;
mod system;

pub use admin::{Admin, OpenError, Opening};
pub use config::{
    Argon2, Auth, Bytes, Config, ConfigError, Delivery, Dns, Http, Loaded, Log, LogFormat, Network, Rate,
    Retry, SmartHost, SmartHostTable, SmartHostTls, Source, Span, Store, Submission, Throttle, Tls,
};
pub use identity::IdentityError;
pub use keys::{KeySigner, SealedKeys};
pub use outgate_store_sqlite::LockError;
pub use relay::{Addresses, Relay, RelayBuilder, StartError};
pub use route::RouteError;
pub use system::{SystemClock, SystemRandomness};
