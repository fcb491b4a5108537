//! Percentiles of measured times.

use serde_json::{Value, json};
use std::time::Duration;

/// Times measured, in microseconds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    /// Notes one.
    pub(crate) fn note(&mut self, time: Duration) {
        self.0.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes over what another measured.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Median, 95th and 99th percentile and the longest, in milliseconds; null when nothing was measured.
    pub(crate) fn report(mut self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        self.0.sort_unstable();
        let at = |per_mille: usize| {
            // Nearest rank: the smallest value that so many are not above.
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            self.0[rank - 1] as f64 / 1000.0
        };
        json!({"p50": at(500), "p95": at(950), "p99": at(990), "max": at(1000), "count": self.0.len()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank() {
        let mut latencies = Latencies::default();
        for ms in (1..=100).rev() {
            latencies.note(Duration::from_millis(ms));
        }
        assert_eq!(
            latencies.report(),
            json!({"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0, "count": 100})
        );
    }

    #[test]
    fn nothing_measured() {
        assert_eq!(Latencies::default().report(), Value::Null);
    }
}
