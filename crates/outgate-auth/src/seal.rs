//! The master key, and what is sealed under it: private keys, before any store sees them.
//!
//! A sealed text is a version byte, a random nonce and the output of AES-256-GCM (RFC 5116 §5.2):
//!
//! ```text
//! 01 | nonce (12) | ciphertext | tag (16)
//! ```
//!
//! The version and the caller's context (which domain, which key) are authenticated with it, so a sealed text opens
//! only where it belongs. Random nonces are safe for 2³² texts under one key; an installation seals two a domain.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use outgate_core::{Randomness, Secret};
use std::fmt;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;

/// The key that private keys are sealed under; kept outside the store. `Debug` redacts; wiped from memory on drop.
pub struct MasterKey(Zeroizing<[u8; KEY_LEN]>);

/// A text that is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, or those in base64")]
pub struct MasterKeyError;

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key could not be sealed")]
pub struct SealError;

/// Why a sealed text did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a sealed text, or one of a later version.
    #[error("a sealed private key is damaged, or was written by a newer version")]
    Unknown,
    /// Another master key sealed it; or it was changed, or moved from another place.
    #[error("the master key is wrong: it is not the one that this private key was sealed under")]
    WrongKey,
}

impl MasterKey {
    /// Draws a key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        randomness.fill(&mut *key);
        Self(key)
    }

    /// A key from its 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        if bytes.len() != KEY_LEN {
            return Err(MasterKeyError);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// A key from base64, as a file or an environment variable holds it; white space around it does not count.
    pub fn from_base64(text: &str) -> Result<Self, MasterKeyError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| MasterKeyError)?);
        Self::from_bytes(&bytes)
    }

    /// The key in base64, for its file.
    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(*self.0))
    }

    /// Seals a secret for `context`, which must be shown again to open it.
    pub fn seal(
        &self,
        secret: &Secret,
        context: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        randomness.fill(&mut nonce);
        secret.with_bytes(|plain| {
            let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_LEN);
            sealed.push(VERSION);
            sealed.extend_from_slice(&nonce);
            sealed.extend_from_slice(plain);
            let body = &mut sealed[1 + NONCE_LEN..];
            let tag = self
                .cipher()
                .ok_or(SealError)?
                .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound_to(context), body)
                .map_err(|_| SealError)?;
            sealed.extend_from_slice(tag.as_ref());
            Ok(sealed)
        })
    }

    /// Opens what was sealed for `context`.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Secret, OpenError> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(OpenError::Unknown);
        };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Unknown)?;
        if body.len() < TAG_LEN {
            return Err(OpenError::Unknown);
        }
        let mut buffer = Zeroizing::new(body.to_vec());
        let plain = self
            .cipher()
            .ok_or(OpenError::WrongKey)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), bound_to(context), &mut buffer)
            .map_err(|_| OpenError::WrongKey)?;
        Ok(Secret::new(&*plain))
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.0).ok().map(LessSafeKey::new)
    }
}

/// What is authenticated beside the secret.
fn bound_to(context: &[u8]) -> Aad<Vec<u8>> {
    let mut bound = Vec::with_capacity(1 + context.len());
    bound.push(VERSION);
    bound.extend_from_slice(context);
    Aad::from(bound)
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    fn open(key: &MasterKey, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, OpenError> {
        key.open(sealed, context).map(|secret| secret.with_bytes(<[u8]>::to_vec))
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_alone() {
        let randomness = Seeded::new(1);
        let key = MasterKey::generate(&randomness);
        let secret = Secret::new("private");
        let sealed = key.seal(&secret, b"here", &randomness).unwrap();
        assert_eq!(sealed.len(), 1 + NONCE_LEN + 7 + TAG_LEN);
        assert!(!sealed.windows(7).any(|part| part == b"private"));
        assert_eq!(open(&key, &sealed, b"here").unwrap(), b"private");
        assert_eq!(open(&key, &sealed, b"there"), Err(OpenError::WrongKey));
        assert_eq!(open(&MasterKey::generate(&randomness), &sealed, b"here"), Err(OpenError::WrongKey));
        assert_ne!(key.seal(&secret, b"here", &randomness).unwrap(), sealed, "every nonce is new");
    }

    #[test]
    fn any_change_is_noticed() {
        let randomness = Seeded::new(2);
        let key = MasterKey::generate(&randomness);
        let sealed = key.seal(&Secret::new("private"), b"", &randomness).unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open(&key, &bad, b"").is_err(), "byte {at}");
        }
        for cut in 0..sealed.len() {
            assert!(open(&key, &sealed[..cut], b"").is_err(), "cut at {cut}");
        }
        assert_eq!(open(&key, &[2; 40], b""), Err(OpenError::Unknown));
        assert_eq!(open(&key, &[], b""), Err(OpenError::Unknown));
    }

    #[test]
    fn keys_travel_as_base64_and_are_not_shown() {
        let randomness = Seeded::new(3);
        let key = MasterKey::generate(&randomness);
        let text = key.to_base64().reveal().unwrap();
        let again = MasterKey::from_base64(&format!("\n{}\n", text.as_str())).unwrap();
        let sealed = key.seal(&Secret::new("x"), b"", &randomness).unwrap();
        assert_eq!(open(&again, &sealed, b"").unwrap(), b"x");
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
        for bad in ["", "c2hvcnQ=", "not base64!"] {
            assert_eq!(MasterKey::from_base64(bad).unwrap_err(), MasterKeyError, "{bad}");
        }
    }
}
