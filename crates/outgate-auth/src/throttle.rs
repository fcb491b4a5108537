//! Throttling of guesses, by address and by username, that cannot lock out an application at work.
//!
//! Failures alone count, each in two buckets: its address's (IPv6 by /64, what one customer is given) and its
//! username's. A full bucket throttles, and drains steadily. A success takes nothing out of either, so an attacker with
//! one good credential cannot wash his guesses clean.
//!
//! A username that signed in from an address within the last week has a *place* there: a bucket of its own, which
//! stands in for both shared ones. Whatever others fail, from that address or at that username, the application signs
//! in; and an old server that keeps failing at the password of yesterday fills no bucket but its own.
//!
//! Attempts under way take up room as if they were to fail: of any number at once, no more are judged than fit. Where
//! only they are in the way an attempt waits for them, so an application that opens all its connections at once is
//! never turned away for its own.

mod bucket;
mod under_way;

use crate::recent::Recent;
use async_trait::async_trait;
use bucket::Bucket;
use outgate_core::{Admission, Timestamp, Username};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use under_way::UnderWay;

/// Addresses and usernames counted, each; past it those longest unseen are forgotten.
const MOST_COUNTED: usize = 65_536;
/// Usernames with places; past it those longest unseen are forgotten.
const MOST_AT_HOME: usize = 65_536;
/// Places of one username; past it the one longest unused goes. Keeps whoever has one good credential and many
/// addresses from pushing others out.
const MOST_PLACES: usize = 16;
/// How long after a success a place lasts.
const PLACE_LASTS: Duration = Duration::from_hours(7 * 24);
/// How long an attempt waits for others under way.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// So many failures in such a time; the bucket drains by one every `per / count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Failures that may come at once.
    pub count: NonZeroU32,
    /// The time after which as many may come again.
    pub per: Duration,
}

/// What is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// From one address.
    pub per_address: Rate,
    /// At one username; also at one place.
    pub per_username: Rate,
}

impl Default for ThrottleConfig {
    /// 30 in 5 minutes of each.
    fn default() -> Self {
        let rate = Rate { count: NonZeroU32::MIN.saturating_add(29), per: Duration::from_mins(5) };
        Self { per_address: rate, per_username: rate }
    }
}

/// Counts failed sign-ins, in memory. To give applications their places back after a restart, [note] a success for
/// each known last connection, at its own time.
///
/// [note]: outgate_core::Throttle::note
pub struct Throttle {
    config: ThrottleConfig,
    counts: Mutex<Counts>,
    /// An attempt under way ended.
    left: Notify,
    longest_wait: Duration,
}

struct Counts {
    addresses: Recent<IpAddr, Bucket>,
    usernames: Recent<Username, Bucket>,
    places: Recent<Username, Vec<Place>>,
    under_way: UnderWay,
}

/// Whether a bucket has room for one more. In this order, the worse of two is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Yes, even if all under way fail.
    Free,
    /// If enough of those under way succeed.
    Awaited,
    /// No.
    Full,
}

impl Room {
    fn of(bucket: Option<Bucket>, rate: Rate, now: Timestamp, under_way: u32) -> Self {
        let bucket = bucket.unwrap_or(Bucket::EMPTY);
        if bucket.has_room(rate, now, under_way) {
            Self::Free
        } else if bucket.has_room(rate, now, 0) {
            Self::Awaited
        } else {
            Self::Full
        }
    }
}

/// Where a username signed in from of late.
struct Place {
    address: IpAddr,
    last_success: Timestamp,
    bucket: Bucket,
}

impl Throttle {
    /// A throttle that has counted nothing.
    pub fn new(config: ThrottleConfig) -> Self {
        let counts = Counts {
            addresses: Recent::new(MOST_COUNTED),
            usernames: Recent::new(MOST_COUNTED),
            places: Recent::new(MOST_AT_HOME),
            under_way: UnderWay::default(),
        };
        Self { config, counts: Mutex::new(counts), left: Notify::new(), longest_wait: LONGEST_WAIT }
    }

    /// Admits an attempt or turns it away; `None` when that depends on others under way.
    fn decide(&self, address: IpAddr, username: &Username, now: Timestamp) -> Option<Admission> {
        let ThrottleConfig { per_address, per_username } = self.config;
        let mut counts = self.counts();
        let room = if let Some(bucket) = counts.place(address, username, now).map(|place| place.bucket) {
            Room::of(Some(bucket), per_username, now, counts.under_way.at(address, username))
        } else {
            let bucket = counts.addresses.get_mut(&address).copied();
            let by_address = Room::of(bucket, per_address, now, counts.under_way.from(address));
            let bucket = counts.usernames.get_mut(username).copied();
            by_address.max(Room::of(bucket, per_username, now, counts.under_way.of(username)))
        };
        match room {
            Room::Free => {
                counts.under_way.begin(address, username);
                Some(Admission::Admitted)
            }
            Room::Awaited => None,
            Room::Full => Some(Admission::Throttled),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn place(&mut self, address: IpAddr, username: &Username, now: Timestamp) -> Option<&mut Place> {
        let places = self.places.get_mut(username)?;
        places.retain(|place| now.duration_since(place.last_success).unsigned_abs() < PLACE_LASTS);
        places.iter_mut().find(|place| place.address == address)
    }

    fn settle_in(&mut self, address: IpAddr, username: &Username, now: Timestamp) {
        if let Some(place) = self.place(address, username, now) {
            place.last_success = place.last_success.max(now);
            return;
        }
        let places = self.places.get_or_insert_with(username, Vec::new);
        if places.len() >= MOST_PLACES
            && let Some((oldest, _)) = places.iter().enumerate().min_by_key(|(_, place)| place.last_success)
        {
            places.swap_remove(oldest);
        }
        places.push(Place { address, last_success: now, bucket: Bucket::EMPTY });
    }
}

#[async_trait]
impl outgate_core::Throttle for Throttle {
    async fn admit(&self, address: IpAddr, username: &Username, now: Timestamp) -> Admission {
        let address = counted_as(address);
        let deadline = Instant::now() + self.longest_wait;
        loop {
            let mut left = pin!(self.left.notified());
            // Before the look, or an end right after it would be missed.
            left.as_mut().enable();
            if let Some(admission) = self.decide(address, username, now) {
                return admission;
            }
            if timeout_at(deadline, left).await.is_err() {
                return Admission::Busy;
            }
        }
    }

    fn note(&self, address: IpAddr, username: &Username, success: bool, now: Timestamp) {
        let ThrottleConfig { per_address, per_username } = self.config;
        let address = counted_as(address);
        let mut counts = self.counts();
        if success {
            counts.settle_in(address, username, now);
        } else if let Some(place) = counts.place(address, username, now) {
            place.bucket.add(per_username, now);
        } else {
            counts.addresses.get_or_insert_with(&address, || Bucket::EMPTY).add(per_address, now);
            counts.usernames.get_or_insert_with(username, || Bucket::EMPTY).add(per_username, now);
        }
    }

    fn leave(&self, address: IpAddr, username: &Username) {
        self.counts().under_way.end(counted_as(address), username);
        self.left.notify_waiters();
    }
}

/// What an address is counted as: itself, or its /64; an IPv4 address in IPv6 clothes as IPv4.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
