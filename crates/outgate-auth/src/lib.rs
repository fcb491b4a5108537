//! Passwords and keys: made, hashed, verified, sealed; guesses throttled.
//!
//! The promise: a secret in the clear lives here only while it is computed with. Nothing here keeps one, logs one or
//! puts one in an error; what is remembered of a password is a MAC under a key that lives as long as the process.
//! An unknown username, a wrong password and a malformed one cannot be told apart, by answer or by time (law 6).
//!
//! The map:
//! - [`generate()`], [`is_well_formed`]: the password format, told to scanners in `docs/password-format.md`
//! - [`Hasher`] fills [`outgate_core::PasswordHasher`]: argon2id behind a bounded pool, with a cache of successes
//! - [`Throttle`] fills [`outgate_core::Throttle`]
//! - [`MasterKey`] seals private keys for the store

mod cache;
mod fingerprint;
mod flight;
mod generate;
mod hasher;
mod params;
mod phc;
mod pool;
mod recent;
mod seal;
mod throttle;

pub use generate::{PASSWORD_LEN, PASSWORD_PREFIX, generate, is_well_formed};
pub use hasher::{Hasher, HasherError};
pub use params::{Params, ParamsError};
pub use pool::{PoolLimits, PoolLoad};
pub use seal::{MasterKey, MasterKeyError, OpenError, SealError};
pub use throttle::{Rate, Throttle, ThrottleConfig};

#[cfg(test)]
mod testing;
