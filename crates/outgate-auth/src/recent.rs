//! A bounded map that forgets what was longest unused.

use std::{collections::HashMap, hash::Hash, mem};

/// A map of at most `capacity` entries in two generations. Use moves an entry to the young one; when that holds half
/// the capacity, the old one is dropped and the young one grows old. So each entry survives at least `capacity / 2`
/// uses of others, at constant cost and without a list to keep in order.
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    /// An empty map.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation: (capacity / 2).max(1) }
    }

    /// What is kept under `key`; counts as a use.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// What is kept under `key`, made first where there is nothing.
    pub(crate) fn get_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        } else if !self.young.contains_key(key) {
            self.make_room();
        }
        self.young.entry(key.clone()).or_insert_with(make)
    }

    /// Keeps `value` under `key`.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if !self.young.contains_key(&key) {
            self.make_room();
        }
        self.young.insert(key, value);
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.generation {
            self.old = mem::take(&mut self.young);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_used_stays() {
        let mut map = Recent::new(8);
        map.insert(0, "kept");
        for other in 1..1_000 {
            map.insert(other, "passing");
            assert_eq!(map.get_mut(&0).copied(), Some("kept"));
            assert!(map.len() <= 8);
        }
        assert!(map.get_mut(&1).is_none());
    }

    proptest! {
        #[test]
        fn never_more_than_its_capacity_and_never_a_wrong_value(keys in proptest::collection::vec(0_u8..40, 0..400)) {
            let mut map = Recent::new(10);
            for key in keys {
                match key % 3 {
                    0 => map.insert(key, key),
                    1 => prop_assert!(map.get_mut(&key).is_none_or(|value| *value == key)),
                    _ => prop_assert_eq!(*map.get_or_insert_with(&key, || key), key),
                }
                prop_assert!(map.len() <= 10);
            }
        }
    }
}
