//! How many attempts are under way: admitted, and neither judged nor given up.

use outgate_core::Username;
use std::{collections::HashMap, hash::Hash, net::IpAddr};

/// Counts, each by what it is for. Bounded by whoever calls: an entry lives only while an attempt does.
#[derive(Default)]
pub(super) struct UnderWay {
    addresses: HashMap<IpAddr, u32>,
    usernames: HashMap<Username, u32>,
    places: HashMap<(IpAddr, Username), u32>,
}

impl UnderWay {
    /// From an address.
    pub(super) fn from(&self, address: IpAddr) -> u32 {
        count(&self.addresses, &address)
    }

    /// For a username.
    pub(super) fn of(&self, username: &Username) -> u32 {
        count(&self.usernames, username)
    }

    /// From an address for a username.
    pub(super) fn at(&self, address: IpAddr, username: &Username) -> u32 {
        count(&self.places, &(address, username.clone()))
    }

    /// One more.
    pub(super) fn begin(&mut self, address: IpAddr, username: &Username) {
        up(&mut self.addresses, address);
        up(&mut self.usernames, username.clone());
        up(&mut self.places, (address, username.clone()));
    }

    /// One fewer.
    pub(super) fn end(&mut self, address: IpAddr, username: &Username) {
        down(&mut self.addresses, &address);
        down(&mut self.usernames, username);
        down(&mut self.places, &(address, username.clone()));
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, u32>, key: &K) -> u32 {
    counts.get(key).copied().unwrap_or(0)
}

fn up<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    let count = counts.entry(key).or_insert(0);
    *count = count.saturating_add(1);
}

fn down<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_leaves_nothing_behind() {
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let (one, other): (Username, Username) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut under_way = UnderWay::default();
        under_way.begin(here, &one);
        under_way.begin(here, &other);
        under_way.begin(there, &one);
        let seen =
            |under_way: &UnderWay| (under_way.from(here), under_way.of(&one), under_way.at(here, &one));
        assert_eq!(seen(&under_way), (2, 2, 1));
        under_way.end(here, &one);
        assert_eq!(seen(&under_way), (1, 1, 0));
        under_way.end(here, &other);
        under_way.end(there, &one);
        under_way.end(there, &one);
        assert_eq!(seen(&under_way), (0, 0, 0));
        let UnderWay { addresses, usernames, places } = under_way;
        assert!(addresses.is_empty() && usernames.is_empty() && places.is_empty());
    }
}
