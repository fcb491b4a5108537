//! The real clock and the real chance: the only place that asks the machine for either.

use outgate_core::{Clock, Randomness, Timestamp};
use rand::Rng;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the clock that is handed around comes from"
    )]
    fn now(&self) -> Timestamp {
        // To the millisecond, as stores keep it.
        Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The thread's generator: ChaCha, seeded and reseeded from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the randomness that is handed around comes from"
        )]
        rand::rng().fill_bytes(bytes);
    }
}
