//! How many connections there may be, in all and from one address (law 11).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts connections of all listeners that share it.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: usize,
    most_per_block: usize,
    open: AtomicUsize,
    blocks: Mutex<HashMap<Block, usize>>,
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has all of (RFC 6177 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Block {
    V4(Ipv4Addr),
    V6(u64),
}

impl Block {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// A connection's place among the others; given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    limiter: Arc<Limiter>,
    block: Option<Block>,
}

impl Limiter {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_block: most_per_address,
            open: AtomicUsize::new(0),
            blocks: Mutex::new(HashMap::new()),
        })
    }

    /// A place for one more connection, or `None` when all are taken.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let more = |open: usize| open.checked_add(1).filter(|sum| *sum <= self.most);
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
            .then(|| Place { limiter: Arc::clone(self), block: None })
    }
}

impl Place {
    /// Counts the connection for its address, known only once a proxy has told it; `false` when the address has as
    /// many as it may.
    #[must_use]
    pub(crate) fn take_for(&mut self, address: IpAddr) -> bool {
        let block = Block::of(address);
        let mut blocks = self.limiter.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = blocks.entry(block).or_insert(0);
        if *count >= self.limiter.most_per_block {
            if *count == 0 {
                blocks.remove(&block);
            }
            return false;
        }
        *count += 1;
        self.block = Some(block);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(block) = self.block {
            let mut blocks = self.limiter.blocks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = blocks.get_mut(&block) {
                *count -= 1;
                if *count == 0 {
                    blocks.remove(&block);
                }
            }
        }
        self.limiter.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_total_is_never_exceeded_and_comes_back() {
        let limiter = Limiter::new(2, 10);
        let one = limiter.enter().unwrap();
        let _two = limiter.enter().unwrap();
        assert!(limiter.enter().is_none());
        drop(one);
        assert!(limiter.enter().is_some());
    }

    #[test]
    fn addresses_count_by_v4_address_and_v6_network() {
        for (first, second, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            let limiter = Limiter::new(10, 1);
            let mut one = limiter.enter().unwrap();
            let mut two = limiter.enter().unwrap();
            assert!(one.take_for(address(first)));
            assert_eq!(!two.take_for(address(second)), same, "{first} and {second}");
        }
    }

    #[test]
    fn nothing_is_remembered_of_those_who_left() {
        let limiter = Limiter::new(10, 1);
        let mut one = limiter.enter().unwrap();
        assert!(one.take_for(address("192.0.2.1")));
        drop(one);
        assert!(limiter.blocks.lock().unwrap().is_empty());
        assert_eq!(limiter.open.load(Ordering::Relaxed), 0);
    }
}
