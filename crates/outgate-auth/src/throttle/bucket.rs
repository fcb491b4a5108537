//! A leaky bucket in one number.

use super::Rate;
use outgate_core::Timestamp;

/// How far ahead of now its contents reach: the moment at which the bucket will have drained, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    empty_at: i64,
}

impl Bucket {
    /// Nothing in it.
    pub(super) const EMPTY: Self = Self { empty_at: i64::MIN };

    /// Puts one in.
    pub(super) fn add(&mut self, rate: Rate, now: Timestamp) {
        let (one, all) = Self::lengths(rate);
        let now = now.as_microsecond();
        // A clock set back would otherwise leave it full for as long as it was set back.
        let reach = now.saturating_add(all);
        self.empty_at = self.empty_at.clamp(now, reach).saturating_add(one).min(reach);
    }

    /// Whether one more fits, beside so many that are about to be put in.
    pub(super) fn has_room(self, rate: Rate, now: Timestamp, beside: u32) -> bool {
        let (one, all) = Self::lengths(rate);
        let now = now.as_microsecond();
        let reach = now.saturating_add(all);
        let filled = self.empty_at.clamp(now, reach).saturating_add(one.saturating_mul(i64::from(beside)));
        filled <= reach.saturating_sub(one)
    }

    /// How long one takes to drain, and how long all do.
    fn lengths(rate: Rate) -> (i64, i64) {
        let one = i64::try_from(rate.per.as_micros() / u128::from(rate.count.get())).unwrap_or(i64::MAX);
        (one, one.saturating_mul(i64::from(rate.count.get())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{num::NonZeroU32, time::Duration};

    const RATE: Rate = Rate { count: NonZeroU32::new(3).unwrap(), per: Duration::from_secs(30) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn it_fills_and_drains() {
        let mut bucket = Bucket::EMPTY;
        for _ in 0..3 {
            assert!(bucket.has_room(RATE, at(0), 0));
            bucket.add(RATE, at(0));
        }
        assert!(!bucket.has_room(RATE, at(0), 0));
        assert!(!bucket.has_room(RATE, at(9), 0));
        assert!(bucket.has_room(RATE, at(10), 0), "one has drained");
        bucket.add(RATE, at(10));
        assert!(!bucket.has_room(RATE, at(19), 0));
        for more in 0..100 {
            bucket.add(RATE, at(20));
            assert!(!bucket.has_room(RATE, at(20), 0), "{more}");
        }
        assert!(bucket.has_room(RATE, at(30), 0), "what overflows is gone: no debt grows");
    }

    #[test]
    fn what_is_about_to_come_takes_room() {
        let mut bucket = Bucket::EMPTY;
        for inside in 0..3 {
            for beside in 0..6 {
                assert_eq!(bucket.has_room(RATE, at(0), beside), inside + beside < 3, "{inside} + {beside}");
            }
            bucket.add(RATE, at(0));
        }
    }

    #[test]
    fn a_clock_set_back_does_not_lock() {
        let mut bucket = Bucket::EMPTY;
        for _ in 0..3 {
            bucket.add(RATE, at(86_400));
        }
        assert!(!bucket.has_room(RATE, at(0), 0));
        bucket.add(RATE, at(0));
        assert!(bucket.has_room(RATE, at(30), 0));
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        for rate in [
            Rate { count: NonZeroU32::MAX, per: Duration::ZERO },
            Rate { count: NonZeroU32::MAX, per: Duration::MAX },
            Rate { count: NonZeroU32::MIN, per: Duration::MAX },
        ] {
            let mut bucket = Bucket::EMPTY;
            bucket.add(rate, Timestamp::MAX);
            bucket.has_room(rate, Timestamp::MIN, u32::MAX);
        }
    }
}
