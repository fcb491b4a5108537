//! The throttle, under attack and at work.

use super::*;
use outgate_core::Throttle as _;
use std::sync::Arc;

const APP: &str = "198.51.100.7";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn user(text: &str) -> Username {
    text.parse().unwrap()
}

fn throttle(per_address: u32, per_username: u32) -> Throttle {
    let rate = |count| Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_mins(5) };
    Throttle::new(ThrottleConfig { per_address: rate(per_address), per_username: rate(per_username) })
}

/// Guesses until throttled, at most `tries` times; returns how many were admitted.
fn guess(throttle: &Throttle, from: &str, name: &str, tries: usize, now: Timestamp) -> usize {
    (0..tries)
        .take_while(|_| {
            let admitted = decide(throttle, from, name, now) == Some(Admission::Admitted);
            if admitted {
                throttle.note(ip(from), &user(name), false, now);
                throttle.leave(ip(from), &user(name));
            }
            admitted
        })
        .count()
}

fn decide(throttle: &Throttle, from: &str, name: &str, now: Timestamp) -> Option<Admission> {
    throttle.decide(counted_as(ip(from)), &user(name), now)
}

/// Whether an attempt would be admitted; it is given up at once.
fn admitted(throttle: &Throttle, from: &str, name: &str, now: Timestamp) -> bool {
    let admitted = decide(throttle, from, name, now) == Some(Admission::Admitted);
    if admitted {
        throttle.leave(ip(from), &user(name));
    }
    admitted
}

#[test]
fn addresses_and_usernames_are_counted_on_their_own() {
    let throttle = throttle(5, 100);
    assert_eq!(guess(&throttle, "192.0.2.1", "a", 99, at(0)), 5);
    assert!(!admitted(&throttle, "192.0.2.1", "b", at(0)), "the address is full, whatever the username");
    assert!(admitted(&throttle, "192.0.2.2", "a", at(0)));
    assert!(admitted(&throttle, "192.0.2.1", "b", at(60)), "one in sixty seconds has drained");
}

#[test]
fn what_counts_as_one_address() {
    for (one, other, same) in [
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("192.0.2.1", "192.0.2.2", false),
    ] {
        let throttle = throttle(3, 100);
        assert_eq!(guess(&throttle, one, "a", 99, at(0)), 3);
        assert_eq!(!admitted(&throttle, other, "b", at(0)), same, "{one} and {other}");
    }
}

#[test]
fn a_botnet_is_held_at_the_username_and_the_application_works_on() {
    let throttle = throttle(30, 30);
    throttle.note(ip(APP), &user("shop"), true, at(0));
    let mut admitted_guesses = 0;
    for hour in 0..24 {
        for bot in 0..200 {
            let from = format!("203.0.113.{bot}");
            admitted_guesses += guess(&throttle, &from, "shop", 5, at(hour * 3_600 + bot));
            assert!(
                admitted(&throttle, APP, "shop", at(hour * 3_600 + bot)),
                "the application is at home there"
            );
        }
    }
    // Thirty at once and one every ten seconds of the 200 s that each hour's wave lasts.
    assert!(admitted_guesses <= 24 * (30 + 21), "{admitted_guesses}");
    assert!(admitted_guesses >= 30);
}

#[test]
fn a_neighbour_at_the_same_address_locks_nobody_out() {
    let throttle = throttle(10, 10);
    throttle.note(ip(APP), &user("shop"), true, at(0));
    assert_eq!(guess(&throttle, APP, "guessed", 99, at(1)), 10);
    assert!(!admitted(&throttle, APP, "another", at(1)));
    assert!(admitted(&throttle, APP, "shop", at(1)));
}

#[test]
fn a_place_has_its_own_limit_and_fills_nothing_else() {
    let throttle = throttle(10, 10);
    throttle.note(ip(APP), &user("shop"), true, at(0));
    assert_eq!(guess(&throttle, APP, "shop", 99, at(1)), 10, "the old server with yesterday's password");
    assert!(admitted(&throttle, "192.0.2.9", "shop", at(1)), "the new server with today's");
    assert!(admitted(&throttle, APP, "blog", at(1)), "and its neighbour");
}

#[test]
fn a_success_washes_nothing_clean() {
    let throttle = throttle(10, 100);
    for _ in 0..10 {
        assert!(admitted(&throttle, "192.0.2.1", "victim", at(0)));
        throttle.note(ip("192.0.2.1"), &user("victim"), false, at(0));
        throttle.note(ip("192.0.2.1"), &user("own"), true, at(0));
    }
    assert!(!admitted(&throttle, "192.0.2.1", "victim", at(0)));
    assert!(!admitted(&throttle, "192.0.2.1", "victim2", at(0)));
    assert!(admitted(&throttle, "192.0.2.1", "own", at(0)));
}

#[test]
fn places_end_after_a_week_without_success() {
    let throttle = throttle(100, 5);
    let week = i64::try_from(PLACE_LASTS.as_secs()).unwrap();
    throttle.note(ip(APP), &user("shop"), true, at(0));
    throttle.note(ip(APP), &user("shop"), true, at(3_600));
    for (now, at_home) in [(week, true), (week + 3_599, true), (week + 3_600, false)] {
        guess(&throttle, "203.0.113.1", "shop", 99, at(now));
        assert_eq!(admitted(&throttle, APP, "shop", at(now)), at_home, "{now}");
    }
}

#[test]
fn places_are_bounded_and_the_latest_stay() {
    let throttle = throttle(1_000, 5);
    for n in 0..100 {
        throttle.note(ip(&format!("198.51.100.{n}")), &user("shop"), true, at(n));
    }
    guess(&throttle, "203.0.113.1", "shop", 99, at(100));
    let at_home: Vec<_> =
        (0..100).filter(|n| admitted(&throttle, &format!("198.51.100.{n}"), "shop", at(100))).collect();
    assert_eq!(at_home, (84..100).collect::<Vec<_>>());
}

#[test]
fn memory_is_bounded_under_a_flood_of_names() {
    let throttle = throttle(30, 30);
    throttle.note(ip(APP), &user("shop"), true, at(0));
    for n in 0..150_000_u32 {
        let from = IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 64 | 0x2001 << 112));
        throttle.note(from, &user(&format!("user{n}")), false, at(0));
    }
    let counts = throttle.counts();
    assert!(counts.addresses.len() <= MOST_COUNTED && counts.usernames.len() <= MOST_COUNTED);
    drop(counts);
    assert!(admitted(&throttle, APP, "shop", at(1)), "failures push nobody out of a place");
}

#[test]
fn attempts_under_way_take_room_until_they_end() {
    let (waits, admitted) = (None, Some(Admission::Admitted));
    let throttle = throttle(2, 2);
    assert_eq!(decide(&throttle, "192.0.2.1", "a", at(0)), admitted);
    assert_eq!(decide(&throttle, "192.0.2.1", "b", at(0)), admitted);
    assert_eq!(decide(&throttle, "192.0.2.1", "c", at(0)), waits, "the address has two under way");
    assert_eq!(decide(&throttle, "192.0.2.2", "a", at(0)), admitted);
    assert_eq!(decide(&throttle, "192.0.2.3", "a", at(0)), waits, "the username has two under way");
    // Not judged: nothing counts.
    throttle.leave(ip("192.0.2.1"), &user("a"));
    assert_eq!(decide(&throttle, "192.0.2.1", "c", at(0)), admitted);
    // Failed: it counts.
    throttle.note(ip("192.0.2.1"), &user("c"), false, at(0));
    throttle.leave(ip("192.0.2.1"), &user("c"));
    assert_eq!(decide(&throttle, "192.0.2.1", "d", at(0)), waits, "one failed, one is under way");
    throttle.note(ip("192.0.2.1"), &user("b"), false, at(0));
    throttle.leave(ip("192.0.2.1"), &user("b"));
    assert_eq!(decide(&throttle, "192.0.2.1", "d", at(0)), Some(Admission::Throttled), "two failed");
}

#[test]
fn a_place_waits_for_its_own_alone() {
    let throttle = throttle(2, 2);
    throttle.note(ip(APP), &user("shop"), true, at(0));
    for (name, from) in [("other", APP), ("another", APP), ("shop", "192.0.2.1"), ("shop", "192.0.2.2")] {
        assert_eq!(decide(&throttle, from, name, at(1)), Some(Admission::Admitted));
    }
    for _ in 0..2 {
        assert_eq!(decide(&throttle, APP, "shop", at(1)), Some(Admission::Admitted));
    }
    assert_eq!(decide(&throttle, APP, "shop", at(1)), None);
}

#[tokio::test]
async fn who_waits_goes_on_when_another_ends() {
    let throttle = Arc::new(throttle(1, 1));
    let admit = || {
        let throttle = Arc::clone(&throttle);
        tokio::spawn(async move { throttle.admit(ip(APP), &user("shop"), at(0)).await })
    };
    assert_eq!(admit().await.unwrap(), Admission::Admitted);
    let waiting = admit();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    throttle.leave(ip(APP), &user("shop"));
    assert_eq!(waiting.await.unwrap(), Admission::Admitted, "the other was given up");
    let waiting = admit();
    tokio::task::yield_now().await;
    throttle.note(ip(APP), &user("shop"), false, at(0));
    throttle.leave(ip(APP), &user("shop"));
    assert_eq!(waiting.await.unwrap(), Admission::Throttled, "the other failed");
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let throttle = Throttle { longest_wait: Duration::from_millis(5), ..throttle(1, 1) };
    for expected in [Admission::Admitted, Admission::Busy] {
        assert_eq!(throttle.admit(ip(APP), &user("shop"), at(0)).await, expected);
    }
}
