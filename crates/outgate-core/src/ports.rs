//! What the use cases need from the world besides a store.

use crate::{DomainName, NewDomainKey, Secret, Timestamp, Username, store::Store};
use async_trait::async_trait;
use std::{fmt, net::IpAddr};

/// Tells the time. Whoever needs it is handed one (no ambient clock).
pub trait Clock: Send + Sync {
    /// Now, to the millisecond.
    fn now(&self) -> Timestamp;
}

/// A cryptographically secure source of random bytes. Whoever needs it is handed one.
pub trait Randomness: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A password's hash as a PHC string. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// A hash by its PHC string.
    pub fn new(phc: &str) -> Self {
        Self(phc.into())
    }

    /// The PHC string, for the store and the hasher.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a password was neither hashed nor judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many hashes wait already, or one waited too long. Temporary.
    #[error("too many sign-ins at once")]
    Busy,
    /// The hasher failed.
    #[error("the password hasher failed: {0}")]
    Failed(String),
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is right.
    Right {
        /// A hash of it with today's parameters, when the kept one has weaker ones.
        rehash: Option<PasswordHash>,
    },
    /// It is wrong, malformed, or there is no such user; nobody can tell which, by text or by time (law 6).
    Wrong,
}

/// Makes, hashes and verifies passwords.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Draws a new password.
    fn generate(&self, randomness: &dyn Randomness) -> Secret;

    /// Whether a text has the shape of the passwords made here. Depends on the text alone; costs no hash.
    fn is_well_formed(&self, _password: &Secret) -> bool {
        true
    }

    /// Whether a password is remembered to be the right one for `kept`. Costs no hash, and takes the same time for an
    /// unknown username, whose `kept` is `None`, as for a wrong password (law 6).
    fn is_known(&self, _kept: Option<&PasswordHash>, _password: &Secret) -> bool {
        false
    }

    /// Hashes a password.
    async fn hash(&self, password: &Secret) -> Result<PasswordHash, HashError>;

    /// Judges a password. `kept` is `None` for an unknown username, which costs the same as a wrong password.
    async fn verify(&self, kept: Option<&PasswordHash>, password: &Secret)
    -> Result<Verification, HashError>;

    /// Judges a password shown for `username`. A hasher that lets identical attempts share one hash must tell them apart
    /// by it: if two unknown usernames shared where a known and an unknown do not, time would tell (law 6).
    async fn verify_as(
        &self,
        _username: &Username,
        kept: Option<&PasswordHash>,
        password: &Secret,
    ) -> Result<Verification, HashError> {
        self.verify(kept, password).await
    }
}

/// Whether a guess may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and is under way until [`Throttle::leave`].
    Admitted,
    /// Too many failed of late; no hash is made.
    Throttled,
    /// Too many are under way, and none ended in time for this one.
    Busy,
}

/// Counts failed sign-ins by address and by username.
///
/// Sign-ins under way count as if they were to fail, or many at once would all be admitted before the first is judged;
/// but none is turned away for those of others that may yet succeed: it waits for them.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Whether a sign-in may be tried. Waits, within a deadline, where that depends on others under way.
    async fn admit(&self, address: IpAddr, username: &Username, now: Timestamp) -> Admission;
    /// Notes that one was judged, and how.
    fn note(&self, address: IpAddr, username: &Username, success: bool, now: Timestamp);
    /// Ends an admitted one: after [`Throttle::note`] where it was judged, and without it where it was not.
    fn leave(&self, address: IpAddr, username: &Username);
}

/// Why no DKIM keys could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the domain's DKIM keys could not be made: {0}")]
pub struct KeyMakeError(pub String);

/// Makes a domain's DKIM keys, sealed under the master key.
#[async_trait]
pub trait KeyMaker: Send + Sync {
    /// One RSA-2048 and one Ed25519 key pair, under selectors that this domain name never had before.
    async fn make(&self, domain: &DomainName) -> Result<Vec<NewDomainKey>, KeyMakeError>;
}

/// What every use case is handed.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Where everything is kept.
    pub store: &'a dyn Store,
    /// Passwords.
    pub hasher: &'a dyn PasswordHasher,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chance.
    pub randomness: &'a dyn Randomness,
}
