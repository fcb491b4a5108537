//! How many parcels may be on their way: to one destination, and in all (law 11).

use outgate_core::Destination;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Parcels on their way to all destinations together.
const MOST_IN_ALL: usize = 4096;

/// Destinations in trouble that are remembered; past it the others keep their permits.
const MOST_SHRUNK: usize = 65_536;

#[derive(Debug, Default)]
struct Counts {
    in_all: usize,
    by_destination: HashMap<Destination, usize>,
    /// Destinations in trouble, and how many permits they get for now.
    shrunk: HashMap<Destination, usize>,
    /// Destinations with deliveries that are due but found no permit, and how often that was noted.
    backlog: HashMap<Destination, u64>,
}

/// The permits of one relay.
#[derive(Clone, Debug, Default)]
pub struct Permits(Arc<Mutex<Counts>>);

/// The right to have one parcel on its way; given back on drop.
#[derive(Debug)]
pub struct Permit {
    permits: Permits,
    destination: Destination,
}

impl Permits {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counters stay right whoever panicked: each change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit, unless `most` are out for the destination, or too many in all.
    pub fn try_take(&self, destination: &Destination, most: usize) -> Option<Permit> {
        let mut counts = self.counts();
        let out = counts.by_destination.get(destination).copied().unwrap_or(0);
        let most = counts.shrunk.get(destination).map_or(most, |fewer| most.min(*fewer));
        if out >= most || counts.in_all >= MOST_IN_ALL {
            return None;
        }
        counts.in_all += 1;
        *counts.by_destination.entry(destination.clone()).or_default() += 1;
        Some(Permit { permits: self.clone(), destination: destination.clone() })
    }

    /// Whether no destination can have another permit.
    pub(crate) fn are_out(&self) -> bool {
        self.counts().in_all >= MOST_IN_ALL
    }

    /// Whether most permits are out.
    pub(crate) fn are_scarce(&self) -> bool {
        self.counts().in_all >= MOST_IN_ALL / 4 * 3
    }

    /// Whether a permit for the destination could be had.
    pub(crate) fn has_room(&self, destination: &Destination, most: usize) -> bool {
        let counts = self.counts();
        let most = counts.shrunk.get(destination).map_or(most, |fewer| most.min(*fewer));
        counts.in_all < MOST_IN_ALL && counts.by_destination.get(destination).copied().unwrap_or(0) < most
    }

    /// Parcels on their way.
    pub fn in_flight(&self) -> usize {
        self.counts().in_all
    }

    /// Notes that a destination did not answer or asked for less: it gets half as many permits, at least one, so that those
    /// who wait for it in vain are few.
    pub(crate) fn shrink(&self, destination: &Destination, most: usize) {
        let mut counts = self.counts();
        let now = counts.shrunk.get(destination).copied();
        if now.is_some() || counts.shrunk.len() < MOST_SHRUNK {
            counts.shrunk.insert(destination.clone(), (now.unwrap_or(most) / 2).max(1));
        }
    }

    /// Notes that a destination took a parcel: it gets one permit more, up to `most`.
    pub(crate) fn grow(&self, destination: &Destination, most: usize) {
        let mut counts = self.counts();
        if let Some(now) = counts.shrunk.get_mut(destination) {
            *now += 1;
            if *now >= most {
                counts.shrunk.remove(destination);
            }
        }
    }

    /// Whether a destination has more permits out than it should have now.
    pub(crate) fn too_many(&self, destination: &Destination) -> bool {
        let counts = self.counts();
        let out = counts.by_destination.get(destination).copied().unwrap_or(0);
        counts.shrunk.get(destination).is_some_and(|most| out > *most)
    }

    /// Notes that a destination has due deliveries in the store; whoever holds its permits drains them.
    pub fn note_backlog(&self, destination: &Destination) {
        let mut counts = self.counts();
        if let Some(noted) = counts.backlog.get_mut(destination) {
            *noted += 1;
        } else {
            counts.backlog.insert(destination.clone(), 0);
        }
    }

    /// Whether a destination is known to have due deliveries in the store; the number goes to [`Permits::clear_backlog`].
    pub(crate) fn backlog(&self, destination: &Destination) -> Option<u64> {
        self.counts().backlog.get(destination).copied()
    }

    /// Notes that a destination had nothing more due, unless something was noted since `seen`.
    pub(crate) fn clear_backlog(&self, destination: &Destination, seen: u64) {
        let mut counts = self.counts();
        if counts.backlog.get(destination) == Some(&seen) {
            counts.backlog.remove(destination);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.permits.counts();
        counts.in_all -= 1;
        if let Some(out) = counts.by_destination.get_mut(&self.destination) {
            *out -= 1;
            if *out == 0 {
                counts.by_destination.remove(&self.destination);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_shrinks_and_success_grows() {
        let permits = Permits::default();
        let a = Destination::new("a.test");
        let out: Vec<Permit> = std::iter::from_fn(|| permits.try_take(&a, 8)).collect();
        assert_eq!(out.len(), 8);
        for _ in 0..9 {
            permits.shrink(&a, 8);
        }
        assert!(permits.too_many(&a));
        drop(out);
        let one = permits.try_take(&a, 8).unwrap();
        assert!(permits.try_take(&a, 8).is_none(), "one at a time while it is in trouble");
        for _ in 0..7 {
            permits.grow(&a, 8);
        }
        assert!(!permits.too_many(&a));
        let more: Vec<Permit> = std::iter::from_fn(|| permits.try_take(&a, 8)).collect();
        assert_eq!(more.len(), 7);
        drop(one);
        assert!(permits.counts().shrunk.is_empty(), "nothing is remembered of who is well again");
    }

    #[test]
    fn permits_are_counted_by_destination_and_come_back() {
        let permits = Permits::default();
        let (a, b) = (Destination::new("a.test"), Destination::new("b.test"));
        let first = permits.try_take(&a, 2).unwrap();
        let _second = permits.try_take(&a, 2).unwrap();
        assert!(permits.try_take(&a, 2).is_none(), "a is full");
        assert!(permits.try_take(&b, 2).is_some(), "b is not touched by a");
        drop(first);
        assert!(permits.try_take(&a, 2).is_some());
        assert_eq!(permits.in_flight(), 1);
    }
}
