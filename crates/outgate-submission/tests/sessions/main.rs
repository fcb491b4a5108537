//! Applications signing in and sending over real TLS, with the store in memory.

#![expect(clippy::unwrap_used, reason = "a test that panics has told what it found")]

mod client;
mod credentials;
mod messages;
mod relay;
mod revocation;
