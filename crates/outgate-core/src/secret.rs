//! A password or key in the clear, which exists once: between generation and reveal (law 1).

use std::fmt;
use zeroize::Zeroizing;

/// A secret in the clear. No `Clone`, `Display` or `Serialize`; `Debug` redacts; wiped from memory on drop.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a secret into custody.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Reveals the secret and gives it up: the one way to show it to a person.
    ///
    /// Returns `None` when the bytes are not UTF-8, which no secret generated here is.
    pub fn reveal(self) -> Option<Zeroizing<String>> {
        std::str::from_utf8(&self.0).ok().map(|text| Zeroizing::new(text.to_owned()))
    }

    /// Lends the bytes to a computation (hashing, sealing, comparing) without giving them up.
    pub fn with_bytes<T>(&self, compute: impl FnOnce(&[u8]) -> T) -> T {
        compute(&self.0)
    }

    /// The same secret for another computation, on another thread. Explicit, so that every copy can be searched for.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn reveal_returns_what_was_taken() {
        assert_eq!(Secret::new("hunter2").reveal().unwrap().as_str(), "hunter2");
        assert!(Secret::new([0xff_u8]).reveal().is_none());
    }
}
