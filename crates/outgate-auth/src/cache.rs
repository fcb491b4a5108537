//! The verification cache: argon2 once per credential and process, not once per connection.
//!
//! Only successes are kept, by the MAC of the kept hash *and* the password. The kept hash is read from the store at
//! every sign-in, so a reset, which changes it, leaves what is kept here unreachable (law 2). Whatever is not found
//! goes through the hash.

use crate::{fingerprint::Fingerprint, recent::Recent};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Successes kept.
pub(crate) const CAPACITY: usize = 65_536;
/// How long a success is believed before the hash is asked again.
pub(crate) const BELIEVED_FOR: Duration = Duration::from_hours(1);

/// Remembers what verified.
pub(crate) struct Cache(Mutex<Recent<Fingerprint, Instant>>);

impl Cache {
    /// An empty cache of at most `capacity` successes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Mutex::new(Recent::new(capacity)))
    }

    /// Notes that a pair verified.
    pub(crate) fn note(&self, pair: Fingerprint, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pair, now);
    }

    /// Whether a pair verified less than [`BELIEVED_FOR`] ago.
    pub(crate) fn holds(&self, pair: &Fingerprint, now: Instant) -> bool {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(pair).copied();
        since.is_some_and(|since| now.saturating_duration_since(since) < BELIEVED_FOR)
    }

    /// Whether a pair ever verified, as far as is remembered. Right for as long as the hash is the kept one, however
    /// long ago: it is reason enough to let a sign-in try, though after [`BELIEVED_FOR`] the hash decides.
    pub(crate) fn remembers(&self, pair: &Fingerprint) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(pair).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fingerprint::Fingerprinter, testing::Seeded};
    use outgate_core::{PasswordHash, Secret};

    #[test]
    fn successes_are_believed_for_an_hour_and_no_use_lengthens_it() {
        let mac = Fingerprinter::new(&Seeded::new(1));
        let pair = mac.of_pair(&PasswordHash::new("h"), &Secret::new("p"));
        let (cache, start) = (Cache::new(4), Instant::now());
        assert!(!cache.holds(&pair, start) && !cache.remembers(&pair));
        cache.note(pair, start);
        for minutes in [0, 30, 59] {
            assert!(cache.holds(&pair, start + Duration::from_secs(minutes * 60)), "{minutes}");
        }
        assert!(!cache.holds(&pair, start + BELIEVED_FOR));
        assert!(cache.remembers(&pair), "known to have been right");
        cache.note(pair, start + BELIEVED_FOR);
        assert!(cache.holds(&pair, start + BELIEVED_FOR), "the hash was asked again");
    }

    #[test]
    fn it_is_bounded() {
        let mac = Fingerprinter::new(&Seeded::new(2));
        let (cache, now) = (Cache::new(16), Instant::now());
        let pair = |n: u32| mac.of_pair(&PasswordHash::new("h"), &Secret::new(n.to_le_bytes()));
        for n in 0..1_000 {
            cache.note(pair(n), now);
        }
        assert!((0..1_000).filter(|n| cache.holds(&pair(*n), now)).count() <= 16);
        assert!(cache.holds(&pair(999), now));
    }
}
