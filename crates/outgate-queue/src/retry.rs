//! The retry law: when a deferred delivery is tried again, and when it is given up. Pure.

use outgate_core::Timestamp;
use std::time::Duration;

/// A delay is drawn from this much under to this much over the curve, in percent.
const JITTER_PERCENT: u32 = 20;

/// When to try again: the first delay, doubling to the longest, until the time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryLaw {
    /// The delay after the first attempt.
    pub first: Duration,
    /// The longest delay.
    pub most: Duration,
    /// How long after acceptance the last attempt is made (RFC 5321 §4.5.4.1 asks for days).
    pub give_up_after: Duration,
}

impl Default for RetryLaw {
    fn default() -> Self {
        Self {
            first: Duration::from_mins(1),
            most: Duration::from_hours(4),
            give_up_after: Duration::from_hours(72),
        }
    }
}

impl RetryLaw {
    /// When a message accepted at `accepted_at` is given up.
    pub fn end(&self, accepted_at: Timestamp) -> Timestamp {
        accepted_at.saturating_add(self.give_up_after).unwrap_or(Timestamp::MAX)
    }

    /// The time of the next attempt, after `attempts` that failed, the last just now; `None` when the time is up.
    ///
    /// `chance` is any number; it spreads deliveries that failed together. An attempt that would come after the time is
    /// up is made when it is up, so that every delivery has a last chance at its end.
    pub fn next(
        &self,
        attempts: u32,
        accepted_at: Timestamp,
        now: Timestamp,
        chance: u32,
    ) -> Option<Timestamp> {
        let end = self.end(accepted_at);
        if now >= end {
            return None;
        }
        let doubled =
            self.first.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        let percent = 100 - JITTER_PERCENT + chance % (2 * JITTER_PERCENT + 1);
        let delay = doubled.min(self.most) * percent / 100;
        let next = now.saturating_add(delay).unwrap_or(Timestamp::MAX);
        Some(next.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_curve_doubles_to_its_top_and_ends_at_the_end() {
        let law = RetryLaw::default();
        let middle = JITTER_PERCENT; // 100 %
        for (attempts, delay) in
            [(1, 60), (2, 120), (3, 240), (8, 7680), (9, 14400), (40, 14400), (u32::MAX, 14400)]
        {
            assert_eq!(law.next(attempts, at(0), at(0), middle), Some(at(delay)), "after {attempts}");
        }
        let end = 72 * 3600;
        assert_eq!(law.next(9, at(0), at(end - 5), middle), Some(at(end)), "the last chance is at the end");
        assert_eq!(law.next(9, at(0), at(end), middle), None);
    }

    proptest! {
        #[test]
        fn the_next_time_is_ahead_and_never_past_the_end(
            attempts in 1_u32..200, waited in 0_i64..300_000, chance: u32,
        ) {
            let law = RetryLaw::default();
            match law.next(attempts, at(0), at(waited), chance) {
                Some(next) => {
                    prop_assert!(next > at(waited));
                    prop_assert!(next <= at(72 * 3600));
                    prop_assert!(next <= at(waited + 14400 * 120 / 100));
                }
                None => prop_assert!(waited >= 72 * 3600),
            }
        }
    }
}
