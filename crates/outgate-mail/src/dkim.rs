//! DKIM (RFC 6376): keys, signatures, verification.
//!
//! Two signatures on each message: rsa-sha256 for every receiver, ed25519-sha256 (RFC 8463) beside it. The message is
//! canonicalised and hashed once for both. The signer is our own for that reason, and because the time is an argument;
//! the verifier is mail-auth's, so that what judges our signatures shares no code with what makes them.

mod canonical;
mod key;
mod sign;
mod verify;

pub use key::{KeyError, NewKeyPair, SigningKey, generate};
pub use sign::{SignError, sign};
pub use verify::{Verdict, verify};

#[cfg(test)]
mod tests;
