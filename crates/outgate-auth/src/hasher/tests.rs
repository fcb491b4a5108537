//! What the hasher promises, with parameters small enough for a test.

use super::*;
use crate::testing::Seeded;
use std::time::Duration;

const SMALL: Params = Params { memory_kib: 8, iterations: 1, parallelism: 1 };
const RIGHT: Judgement = Ok(Verification::Right { rehash: None });
const WRONG: Judgement = Ok(Verification::Wrong);

fn hasher(params: Params, limits: PoolLimits) -> Hasher {
    Hasher::new(params, limits, Arc::new(Seeded::new(1))).unwrap()
}

fn secret(seed: u64) -> Secret {
    generate(&Seeded::new(seed))
}

#[tokio::test]
async fn only_the_right_password_of_a_known_user_is_right() {
    let hasher = hasher(SMALL, PoolLimits::of(2));
    let password = secret(2);
    let kept = hasher.hash(&password).await.unwrap();
    assert_eq!(hasher.verify(Some(&kept), &password).await, RIGHT);
    assert_eq!(hasher.verify(Some(&kept), &secret(3)).await, WRONG);
    assert_eq!(hasher.verify(None, &password).await, WRONG);
    assert_eq!(hasher.verify(Some(&kept), &Secret::new("hunter2")).await, WRONG);
    assert_eq!(hasher.verify(None, &Secret::new("hunter2")).await, WRONG);
    assert!(hasher.hash(&Secret::new("hunter2")).await.is_err());
}

#[tokio::test]
async fn a_hit_needs_no_hash_and_a_reset_leaves_nothing_to_hit() {
    let hasher = hasher(SMALL, PoolLimits { concurrent: 1, waiting: 0, wait: Duration::ZERO });
    let password = secret(2);
    let kept = hasher.hash(&password).await.unwrap();
    assert_eq!(hasher.verify(Some(&kept), &password).await, RIGHT);
    // The pool is full: whatever needs a hash now is told to come back.
    let _full = hasher.parts.pool.fill();
    assert_eq!(hasher.verify(Some(&kept), &password).await, RIGHT);
    assert_eq!(hasher.verify(Some(&kept), &secret(3)).await, Err(HashError::Busy));
    assert_eq!(hasher.verify(None, &password).await, Err(HashError::Busy));
    assert_eq!(hasher.verify(None, &Secret::new("malformed")).await, WRONG, "no hash, so not busy");
    let reset = phc::hash(&secret(4), SMALL, &Seeded::new(5)).unwrap();
    assert_eq!(hasher.verify(Some(&reset), &password).await, Err(HashError::Busy));
    let same_password = phc::hash(&password, SMALL, &Seeded::new(6)).unwrap();
    assert_eq!(hasher.verify(Some(&same_password), &password).await, Err(HashError::Busy));
}

#[tokio::test]
async fn known_is_what_verified_for_the_kept_hash() {
    let hasher = hasher(SMALL, PoolLimits::of(1));
    let (password, other) = (secret(2), secret(3));
    let kept = hasher.hash(&password).await.unwrap();
    assert!(!hasher.is_known(Some(&kept), &password), "not verified yet");
    assert_eq!(hasher.verify(Some(&kept), &password).await, RIGHT);
    assert_eq!(hasher.verify(Some(&kept), &other).await, WRONG);
    assert_eq!(hasher.verify(None, &password).await, WRONG);
    assert!(hasher.is_known(Some(&kept), &password));
    assert!(!hasher.is_known(Some(&kept), &other));
    assert!(!hasher.is_known(None, &password));
    let reset = hasher.hash(&other).await.unwrap();
    assert!(!hasher.is_known(Some(&reset), &password));
    assert!(hasher.is_well_formed(&password) && !hasher.is_well_formed(&Secret::new("hunter2")));
}

#[tokio::test]
async fn a_raise_brings_a_new_hash_and_remembers_that_one() {
    let old = hasher(SMALL, PoolLimits::of(1));
    let password = secret(2);
    let kept = old.hash(&password).await.unwrap();
    let raised = Params { iterations: 2, ..SMALL };
    let new = hasher(raised, PoolLimits { concurrent: 1, waiting: 0, wait: Duration::ZERO });
    let Ok(Verification::Right { rehash: Some(rehash) }) = new.verify(Some(&kept), &password).await else {
        panic!("a rehash was due");
    };
    assert_eq!(Kept::read(&rehash).unwrap().params(), raised);
    assert!(
        matches!(new.verify(Some(&kept), &password).await, Ok(Verification::Right { rehash: Some(_) })),
        "offered again while the old one is kept"
    );
    let _full = new.parts.pool.fill();
    assert_eq!(new.verify(Some(&rehash), &password).await, RIGHT, "already known");
    assert_eq!(old.verify(Some(&rehash), &password).await, RIGHT, "stronger than asked is no reason");
}

#[tokio::test]
async fn damage_is_trouble_not_a_wrong_password() {
    let hasher = hasher(SMALL, PoolLimits::of(1));
    let damaged = PasswordHash::new("$argon2id$v=19$m=8");
    assert!(matches!(hasher.verify(Some(&damaged), &secret(2)).await, Err(HashError::Failed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_attempts_share_one_hash() {
    // One runs and one may wait: a hundred at once fit only if those of a user share.
    let params = Params { memory_kib: 4_096, ..SMALL };
    let limits = PoolLimits { concurrent: 1, waiting: 1, wait: Duration::from_mins(1) };
    let hasher = Arc::new(hasher(params, limits));
    let password = Arc::new(secret(2));
    let kept = hasher.hash(&password).await.unwrap();
    for kept in [Some(kept), None] {
        let expected = if kept.is_some() { RIGHT } else { WRONG };
        let attempts: Vec<_> = (0..100)
            .map(|_| {
                let (hasher, password, kept) = (Arc::clone(&hasher), Arc::clone(&password), kept.clone());
                tokio::spawn(async move {
                    hasher.verify_as(&"known".parse().unwrap(), kept.as_ref(), &password).await
                })
            })
            .collect();
        for attempt in attempts {
            assert_eq!(attempt.await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn unknown_usernames_do_not_share() {
    let hasher = hasher(SMALL, PoolLimits::of(1));
    let (parts, password) = (&hasher.parts, secret(2));
    let attempt = |name: &str| parts.fingerprints.of_attempt(&name.parse().unwrap(), &parts.decoy, &password);
    assert!(attempt("one") == attempt("one"));
    assert!(attempt("one") != attempt("two"));
}

#[test]
fn impossible_parameters_make_no_hasher() {
    let params = Params { memory_kib: 1, ..SMALL };
    let made = Hasher::new(params, PoolLimits::of(1), Arc::new(Seeded::new(1)));
    assert_eq!(made.err(), Some(HasherError::Params(ParamsError)));
}

#[tokio::test]
async fn unknown_and_wrong_take_the_same_time() {
    let params = Params { memory_kib: 1_024, iterations: 2, parallelism: 1 };
    let hasher = hasher(params, PoolLimits::of(1));
    let kept = hasher.hash(&secret(2)).await.unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..60 {
        for (kept, times) in [Some(&kept), None].into_iter().zip(&mut times) {
            let guess = secret(100 + round);
            let start = Instant::now();
            assert_eq!(hasher.verify(kept, &guess).await, WRONG);
            times.push(start.elapsed());
        }
    }
    let [wrong, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    // Loose, for a busy machine; a missing hash would make a factor of a thousand.
    assert!(wrong < unknown * 3 && unknown < wrong * 3, "wrong {wrong:?}, unknown {unknown:?}");
}
