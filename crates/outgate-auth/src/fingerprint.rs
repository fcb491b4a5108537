//! What is remembered of an attempt: a MAC under a key that dies with the process.

use aws_lc_rs::hmac;
use outgate_core::{PasswordHash, Randomness, Secret, Username};
use zeroize::Zeroizing;

/// A MAC; says nothing to who lacks the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// Makes fingerprints.
pub(crate) struct Fingerprinter(hmac::Key);

impl Fingerprinter {
    /// Draws the key.
    pub(crate) fn new(randomness: &dyn Randomness) -> Self {
        let mut key = Zeroizing::new([0_u8; 32]);
        randomness.fill(&mut *key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &*key))
    }

    /// Of a kept hash and a password: a reset changes the hash, so what was remembered before never matches again.
    pub(crate) fn of_pair(&self, kept: &PasswordHash, password: &Secret) -> Fingerprint {
        self.of(b"pair", kept, password, "")
    }

    /// Of an attempt: the pair, and the username it was shown for.
    pub(crate) fn of_attempt(
        &self,
        username: &Username,
        kept: &PasswordHash,
        password: &Secret,
    ) -> Fingerprint {
        self.of(b"attempt", kept, password, username.as_str())
    }

    fn of(&self, kind: &[u8], kept: &PasswordHash, password: &Secret, username: &str) -> Fingerprint {
        let mut mac = hmac::Context::with_key(&self.0);
        let mut part = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_le_bytes());
            mac.update(bytes);
        };
        part(kind);
        part(kept.as_str().as_bytes());
        part(username.as_bytes());
        password.with_bytes(part);
        let tag = mac.sign();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        Fingerprint(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    #[test]
    fn every_part_counts() {
        let mac = Fingerprinter::new(&Seeded::new(1));
        let (hash, password) = (PasswordHash::new("h"), Secret::new("p"));
        let user: Username = "u".parse().unwrap();
        let pair = mac.of_pair(&hash, &password);
        assert!(pair == mac.of_pair(&hash, &Secret::new("p")));
        assert!(pair != mac.of_pair(&PasswordHash::new("g"), &password));
        assert!(pair != mac.of_pair(&hash, &Secret::new("q")));
        assert!(
            mac.of_pair(&PasswordHash::new("ab"), &Secret::new("c"))
                != mac.of_pair(&PasswordHash::new("a"), &Secret::new("bc"))
        );
        let attempt = mac.of_attempt(&user, &hash, &password);
        assert!(attempt != pair);
        assert!(attempt != mac.of_attempt(&"v".parse().unwrap(), &hash, &password));
        assert!(pair != Fingerprinter::new(&Seeded::new(2)).of_pair(&hash, &password));
    }
}
