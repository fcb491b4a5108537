//! Law 6: an unknown username and a wrong password cannot be told apart, by text or by time.
//!
//! Alone in its file, so that nothing else runs beside it.

use outgate_tests::{Credentials, Relay, Session, Tls, password};
use std::time::{Duration, Instant};

/// Tries of each kind.
const TRIES: u64 = 400;
/// Medians may differ by this much,
const APART: Duration = Duration::from_millis(2);
/// or by this part.
const APART_PARTS: u32 = 33; // 3 %
/// Rounds on one connection, each two tries: fewer than `max_errors`.
const PER_SESSION: u64 = 8;

#[test]
fn unknown_and_wrong_look_the_same() {
    let relay = Relay::with(|config| {
        // The real price of a hash.
        config.unset("auth.argon2");
        config.set("delivery.smart_host", "127.0.0.1:9");
    });
    relay.add_domain("example.com");
    let known = relay.add_user("example.com", "known");
    // As long as the known one, with its letters turned round, so that nothing but being known differs.
    let (local, domain) = known.username.split_once('@').unwrap_or((&known.username, ""));
    let turned: String = local.chars().rev().collect();
    let unknown = if domain.is_empty() { turned } else { format!("{turned}@{domain}") };
    assert_ne!(unknown, known.username);

    let mut session = relay.session(Tls::Implicit);
    session.sign_in(&known).expect("235 2.7.0");
    let mut times = [Vec::new(), Vec::new()];
    let mut replies = Vec::new();
    for round in 0..TRIES {
        if round % PER_SESSION == 0 {
            session = relay.session(Tls::Implicit);
        }
        // Which goes first changes, so that going first is no advantage.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for kind in order {
            let username = if kind == 0 { known.username.clone() } else { unknown.clone() };
            let guess = Credentials { username, password: password::guess(round * 2 + kind as u64) };
            let (took, reply) = attempt(&mut session, &guess);
            times[kind].push(took);
            replies.push(reply);
        }
    }
    replies.dedup();
    assert_eq!(replies.len(), 1, "one reply for all: {replies:?}");
    assert!(replies[0].starts_with("535 5.7.8"), "{}", replies[0]);
    let [known, unknown] = times.map(median);
    let apart = known.abs_diff(unknown);
    println!("wrong password {known:?}, unknown username {unknown:?}, apart {apart:?}");
    assert!(known > Duration::from_millis(3), "a guess costs a hash, not {known:?}");
    assert!(apart <= APART.max(known / APART_PARTS), "wrong {known:?}, unknown {unknown:?}");

    // A password that is none by its form costs no hash, for either.
    let malformed = |username: &str| {
        let mut session = relay.session(Tls::Implicit);
        let guess = Credentials { username: username.to_owned(), password: "hunter2".to_owned() };
        attempt(&mut session, &guess)
    };
    let (one, two) =
        (malformed(&relay.add_user("example.com", "m").username), malformed("nobody@example.com"));
    assert_eq!((&one.1, &two.1), (&replies[0], &replies[0]));
}

fn attempt(session: &mut Session, guess: &Credentials) -> (Duration, String) {
    let began = Instant::now();
    let reply = session.sign_in(guess);
    (began.elapsed(), reply.text())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
