//! Key pairs.

use aws_lc_rs::{
    digest::Digest,
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use outgate_core::{DkimAlgorithm, DomainName, Secret};
use std::fmt;

/// The longest selector: with `._domainkey.` and a domain it must fit a DNS name (RFC 1035 §2.3.4).
const MAX_SELECTOR: usize = 63;

/// Why a key cannot be made or used. Says nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The cryptographic library made none.
    #[error("a DKIM key pair could not be made")]
    NotMade,
    /// Not a private key of that algorithm in PKCS #8.
    #[error("not a DKIM private key of its algorithm")]
    NotAKey,
    /// Not a selector (RFC 6376 §3.1): labels of letters, digits and hyphens, at most 63 characters.
    #[error("not a DKIM selector")]
    Selector,
}

/// A key pair just made.
#[derive(Debug)]
pub struct NewKeyPair {
    /// The private key in PKCS #8, to be sealed.
    pub private_key: Secret,
    /// The public key in base64, for the `p=` tag of its record (RFC 6376 §3.6.1, RFC 8463 §4).
    pub public_key: String,
}

/// Makes a key pair: RSA of 2048 bits, or Ed25519. Takes a tenth of a second for RSA.
///
/// The one place in Outgate where chance is not handed in: the library draws its own and takes no other.
pub fn generate(algorithm: DkimAlgorithm) -> Result<NewKeyPair, KeyError> {
    let not_made = |_| KeyError::NotMade;
    match algorithm {
        DkimAlgorithm::RsaSha256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(not_made)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(not_made)?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(not_made)?;
            Ok(NewKeyPair {
                private_key: Secret::new(private.as_ref()),
                public_key: STANDARD.encode(public.as_ref()),
            })
        }
        DkimAlgorithm::Ed25519Sha256 => {
            let pair = Ed25519KeyPair::generate().map_err(not_made)?;
            let private = pair.to_pkcs8v1().map_err(not_made)?;
            Ok(NewKeyPair {
                private_key: Secret::new(private.as_ref()),
                public_key: STANDARD.encode(pair.public_key().as_ref()),
            })
        }
    }
}

/// A private key ready to sign with: parsed once, shared by threads. `Debug` redacts.
pub struct SigningKey {
    selector: String,
    domain: DomainName,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// A key from PKCS #8, published under `selector` at `domain`.
    pub fn from_pkcs8(
        algorithm: DkimAlgorithm,
        selector: &str,
        domain: &DomainName,
        private_key: &Secret,
    ) -> Result<Self, KeyError> {
        if !is_selector(selector) {
            return Err(KeyError::Selector);
        }
        let pair = private_key.with_bytes(|bytes| match algorithm {
            DkimAlgorithm::RsaSha256 => RsaKeyPair::from_pkcs8(bytes).map(|pair| Pair::Rsa(Box::new(pair))),
            DkimAlgorithm::Ed25519Sha256 => {
                Ed25519KeyPair::from_pkcs8(bytes).map(|pair| Pair::Ed25519(Box::new(pair)))
            }
        });
        let pair = pair.map_err(|_| KeyError::NotAKey)?;
        Ok(Self { selector: selector.to_owned(), domain: domain.clone(), pair })
    }

    /// The name it is published under.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// The domain it signs for.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// How it signs.
    pub fn algorithm(&self) -> DkimAlgorithm {
        match self.pair {
            Pair::Rsa(_) => DkimAlgorithm::RsaSha256,
            Pair::Ed25519(_) => DkimAlgorithm::Ed25519Sha256,
        }
    }

    /// Signs a SHA-256 digest; `None` when the library fails.
    pub(super) fn sign(&self, digest: &Digest) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature).ok()?;
                Some(signature)
            }
            // RFC 8463 §3: pure Ed25519 over the digest.
            Pair::Ed25519(pair) => Some(pair.try_sign(digest.as_ref()).ok()?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} at {}, {:?})", self.selector, self.domain, self.algorithm())
    }
}

fn is_selector(text: &str) -> bool {
    text.len() <= MAX_SELECTOR
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
