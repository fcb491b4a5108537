//! The ports of core, filled for tests: everything is settled in advance and nothing is secure.

use async_trait::async_trait;
use outgate_core::{
    Admission, Clock, DkimAlgorithm, DomainName, HashError, KeyId, KeyMakeError, KeyMaker, NewDomainKey,
    PasswordHash, PasswordHasher, Randomness, Secret, Throttle, Timestamp, Username, Verification,
};
use std::{
    net::IpAddr,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// When a [`ManualClock`] starts, unless told otherwise.
pub const START: Timestamp = Timestamp::constant(1_767_323_045, 0);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`, to the millisecond.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millisecond()))
    }

    /// Shows another time, earlier or later.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }

    /// Moves on, and returns the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        shown(self.0.fetch_add(millis, Ordering::SeqCst).saturating_add(millis))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        shown(self.0.load(Ordering::SeqCst))
    }
}

/// The time for a count of milliseconds; the end of time for a count beyond it.
fn shown(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// Random bytes that are the same again for the same seed. Not secure: for tests and simulations only.
#[derive(Debug)]
pub struct SeededRandomness(AtomicU64);

impl SeededRandomness {
    /// Randomness that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Eight random bytes as a number.
    pub fn number(&self) -> u64 {
        // SplitMix64: a counter, mixed. One atomic step, so threads never draw the same.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&self, end: usize) -> usize {
        usize::try_from(self.number() % (end.max(1) as u64)).unwrap_or(0)
    }
}

impl Default for SeededRandomness {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A hasher whose hash is the password itself behind a strength. For tests only: it hides nothing.
#[derive(Clone, Copy, Debug)]
pub struct PlainHasher {
    strength: u32,
}

impl PlainHasher {
    /// A hasher of a strength: a right password kept with less is hashed anew at sign-in.
    pub fn of_strength(strength: u32) -> Self {
        Self { strength }
    }

    fn hashed(self, password: &Secret) -> PasswordHash {
        let text = password.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned());
        PasswordHash::new(&format!("$plain$s={}$${text}", self.strength))
    }
}

impl Default for PlainHasher {
    fn default() -> Self {
        Self::of_strength(1)
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    fn generate(&self, randomness: &dyn Randomness) -> Secret {
        let mut bytes = [0_u8; 16];
        randomness.fill(&mut bytes);
        Secret::new(format!("test_{:032x}", u128::from_le_bytes(bytes)))
    }

    async fn hash(&self, password: &Secret) -> Result<PasswordHash, HashError> {
        Ok(self.hashed(password))
    }

    async fn verify(
        &self,
        kept: Option<&PasswordHash>,
        password: &Secret,
    ) -> Result<Verification, HashError> {
        let today = self.hashed(password);
        let read = kept.and_then(|hash| {
            let (strength, kept_password) = hash.as_str().strip_prefix("$plain$s=")?.split_once("$$")?;
            Some((strength.parse::<u32>().ok()?, kept_password))
        });
        let given = password.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(match read {
            Some((strength, kept)) if kept == given => {
                Verification::Right { rehash: (strength < self.strength).then_some(today) }
            }
            _ => Verification::Wrong,
        })
    }
}

/// A throttle that lets everybody try.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenThrottle;

#[async_trait]
impl Throttle for OpenThrottle {
    async fn admit(&self, _: IpAddr, _: &Username, _: Timestamp) -> Admission {
        Admission::Admitted
    }

    fn note(&self, _: IpAddr, _: &Username, _: bool, _: Timestamp) {}

    fn leave(&self, _: IpAddr, _: &Username) {}
}

/// Makes keys that look right from outside and sign nothing; no two are alike.
#[derive(Debug, Default)]
pub struct SeededKeys(SeededRandomness);

impl SeededKeys {
    /// Keys that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SeededRandomness::new(seed))
    }

    fn key(&self, algorithm: DkimAlgorithm) -> NewDomainKey {
        let number = self.0.number();
        NewDomainKey {
            id: KeyId::draw(START, &self.0),
            selector: format!("{}{number:016x}", algorithm.key_type()),
            algorithm,
            public_key: format!("public{number:016x}"),
            sealed_private_key: number.to_be_bytes().repeat(4),
        }
    }
}

#[async_trait]
impl KeyMaker for SeededKeys {
    async fn make(&self, _: &DomainName) -> Result<Vec<NewDomainKey>, KeyMakeError> {
        Ok(vec![self.key(DkimAlgorithm::RsaSha256), self.key(DkimAlgorithm::Ed25519Sha256)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_moved() {
        let clock = ManualClock::default();
        assert_eq!(clock.now(), START);
        assert_eq!(clock.advance(Duration::from_millis(1500)), clock.now());
        assert_eq!(clock.now().as_millisecond() - START.as_millisecond(), 1500);
        clock.set(START);
        assert_eq!(clock.now(), START);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
        let draw = |seed| {
            let mut bytes = [0_u8; 13];
            SeededRandomness::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[tokio::test]
    async fn the_hasher_tells_right_from_wrong_and_strengthens() {
        let weak = PlainHasher::default();
        let password = Secret::new("a$b");
        let kept = weak.hash(&password).await.unwrap();
        let verify = async |hasher: PlainHasher, kept: Option<&PasswordHash>, password: &str| {
            hasher.verify(kept, &Secret::new(password)).await.unwrap()
        };
        assert_eq!(verify(weak, Some(&kept), "a$b").await, Verification::Right { rehash: None });
        assert_eq!(verify(weak, Some(&kept), "a$c").await, Verification::Wrong);
        assert_eq!(verify(weak, None, "a$b").await, Verification::Wrong);
        let strong = PlainHasher::of_strength(2);
        let Verification::Right { rehash: Some(stronger) } = verify(strong, Some(&kept), "a$b").await else {
            panic!("no rehash")
        };
        assert_eq!(verify(strong, Some(&stronger), "a$b").await, Verification::Right { rehash: None });
    }
}
