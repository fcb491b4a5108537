//! Counting what was refused.

use super::Refusal;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How often each kind of refusal was said. The kinds are the catalogue's, so no client can make it grow.
#[derive(Debug)]
pub struct Tally([AtomicU64; Refusal::KINDS]);

impl Default for Tally {
    /// Nothing said yet.
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Refusal::KINDS])
    }
}

impl Tally {
    /// Counts one that was said.
    pub fn note(&self, refusal: &Refusal) {
        if let Some(count) = self.0.get(refusal.row().kind) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// How often each was said, by short code, in the catalogue's order; those never said too.
    pub fn read(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Relaxed));
        Refusal::all().iter().map(Refusal::short).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_count_of_its_own() {
        let all = Refusal::all();
        assert_eq!(all.len(), Refusal::KINDS);
        let tally = Tally::default();
        for (times, refusal) in all.iter().enumerate() {
            for _ in 0..times {
                tally.note(refusal);
            }
        }
        let read = tally.read();
        assert_eq!(read.len(), Refusal::KINDS);
        for (times, (refusal, (code, count))) in all.iter().zip(read).enumerate() {
            assert_eq!((code, count), (refusal.short(), times as u64));
        }
    }
}
