//! One budget of bytes that all sessions share: what messages in memory may take together (law 11).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A number of bytes shared by everyone who holds it.
#[derive(Debug)]
pub struct ByteBudget {
    limit: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Bytes taken now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// An empty reservation, to be grown as bytes arrive.
    pub fn open(self: &Arc<Self>) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes: 0 }
    }
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<ByteBudget>,
    bytes: usize,
}

impl Reservation {
    /// Takes `more` bytes; `false`, and nothing taken, when the budget does not hold them.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let limit = self.budget.limit;
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|sum| *sum <= limit)
        });
        if taken.is_ok() {
            self.bytes += more;
        }
        taken.is_ok()
    }

    /// Takes `more` bytes, however many, if nobody holds any: so that what is larger than the budget can have its turn.
    #[must_use]
    pub fn grow_alone(&mut self, more: usize) -> bool {
        let alone = self.budget.used.compare_exchange(0, more, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if alone {
            self.bytes += more;
        }
        alone
    }

    /// Bytes that this reservation holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_exceeded_and_comes_back() {
        let budget = ByteBudget::new(10);
        let mut one = budget.open();
        assert!(one.grow(7));
        let mut two = budget.open();
        assert!(!two.grow(4), "past the limit");
        assert!(two.grow(3));
        drop(one);
        assert_eq!(budget.used(), 3);
    }
}
