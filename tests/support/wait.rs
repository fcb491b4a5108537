//! Waiting for a condition, never for a time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `look` gives something, `limit` at most.
pub fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() >= limit {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Waits until `holds`, `limit` at most; panics with `what` when it never did.
pub fn for_it(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    assert!(until(limit, || holds().then_some(())).is_some(), "{what}: not within {limit:?}");
}
