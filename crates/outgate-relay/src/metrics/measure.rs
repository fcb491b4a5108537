//! Counters and histograms: atomics, so that a sample waits for nobody and takes no memory.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The upper bounds of a histogram's buckets, with the word for each in seconds: from a quick commit to the longest wait
/// of a conversation.
pub(super) const BOUNDS: [(Duration, &str); 16] = [
    (Duration::from_millis(1), "0.001"),
    (Duration::from_micros(2500), "0.0025"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1"),
    (Duration::from_millis(2500), "2.5"),
    (Duration::from_secs(5), "5"),
    (Duration::from_secs(10), "10"),
    (Duration::from_secs(30), "30"),
    (Duration::from_mins(1), "60"),
    (Duration::from_mins(2), "120"),
];

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub(super) fn one(&self) {
        self.add(1);
    }

    /// Adds so many.
    pub(super) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Relaxed);
    }

    /// What was counted.
    pub(super) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for what took longer than the last; each counts its own.
    buckets: [Counter; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// For each bound how many took no longer.
    pub(super) within: [u64; BOUNDS.len()],
    /// How many there were.
    pub(super) count: u64,
    /// What they took altogether, in seconds.
    pub(super) seconds: f64,
}

impl Histogram {
    /// Counts one.
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < took);
        self.buckets[bucket].one();
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// What was counted. The count is the sum of what the buckets said, so that the two never disagree.
    pub(super) fn read(&self) -> Spread {
        let seconds = Duration::from_nanos(self.nanos.load(Relaxed)).as_secs_f64();
        let (mut within, mut count) = ([0; BOUNDS.len()], 0);
        for (bucket, within) in self.buckets.iter().zip(&mut within) {
            count += bucket.read();
            *within = count;
        }
        Spread { within, count: count + self.buckets[BOUNDS.len()].read(), seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_and_their_words_are_true() {
        assert!(BOUNDS.is_sorted_by(|one, next| one.0 < next.0));
        for (bound, word) in BOUNDS {
            assert_eq!(Duration::from_secs_f64(word.parse().unwrap()), bound);
        }
    }

    #[test]
    fn a_bucket_holds_what_took_no_longer() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 120_000, 120_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let spread = histogram.read();
        assert_eq!(spread.within[..3], [2, 3, 3]);
        assert_eq!((spread.within[BOUNDS.len() - 1], spread.count), (4, 5));
        assert!((spread.seconds - 240.004).abs() < 1e-9, "{}", spread.seconds);
    }
}
