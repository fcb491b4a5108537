//! Signing in with the real hasher and the real throttle: guesses are held, applications at work are not.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]

use outgate_auth::{Hasher, Params, PoolLimits, Rate, Throttle, ThrottleConfig, generate};
use outgate_core::{
    HashError, Ports, Secret,
    store::StoreError,
    users::{self, AddUser, LoginError, SignIn},
};
use outgate_store_conformance::{MemoryStore, World, ports::SeededRandomness};
use std::{num::NonZeroU32, sync::Arc, time::Duration};

const HERE: &str = "198.51.100.7";

/// A relay's sign-in, and what it needs.
struct Door {
    memory: MemoryStore,
    world: World,
    hasher: Hasher,
    throttle: Throttle,
}

impl Door {
    /// One that tolerates so many failures in five minutes.
    async fn tolerating(count: u32) -> Arc<Self> {
        Self::with(count, PoolLimits::of(2)).await
    }

    async fn with(count: u32, pool: PoolLimits) -> Arc<Self> {
        let params = Params { memory_kib: 1_024, iterations: 1, parallelism: 1 };
        let rate = Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_mins(5) };
        let memory = MemoryStore::new();
        let door = Self {
            world: World::new(Arc::new(memory.clone())),
            memory,
            hasher: Hasher::new(params, pool, Arc::new(SeededRandomness::new(9))).unwrap(),
            throttle: Throttle::new(ThrottleConfig { per_address: rate, per_username: rate }),
        };
        door.world.add_domain("example.com").await.unwrap();
        Arc::new(door)
    }

    fn ports(&self) -> Ports<'_> {
        Ports { hasher: &self.hasher, ..self.world.ports() }
    }

    /// Adds `username@example.com`; returns its password.
    async fn add(&self, username: &str) -> String {
        let request = AddUser {
            domain: "example.com".parse().unwrap(),
            name: "WordPress".parse().unwrap(),
            username: Some(username.to_owned()),
        };
        let issued = users::add(self.ports(), &self.world.actor(), request).await.unwrap();
        issued.password.reveal().unwrap().to_string()
    }

    async fn sign_in(&self, username: &str, password: &str) -> Result<(), LoginError> {
        let attempt = SignIn {
            username: format!("{username}@example.com"),
            password: Secret::new(password),
            address: HERE.parse().unwrap(),
            tls: "TLSv1.3".to_owned(),
            mechanism: outgate_core::Mechanism::Plain,
            client: "app".to_owned(),
        };
        users::login(self.ports(), &self.throttle, attempt).await.map(|_| ())
    }

    /// As many sign-ins at the same time; how many passed, were refused and were throttled.
    async fn at_once(self: &Arc<Self>, attempts: Vec<(String, String)>) -> (usize, usize, usize) {
        let attempts: Vec<_> = attempts
            .into_iter()
            .map(|(username, password)| {
                let door = Arc::clone(self);
                tokio::spawn(async move { door.sign_in(&username, &password).await })
            })
            .collect();
        let mut found = (0, 0, 0);
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(()) => found.0 += 1,
                Err(LoginError::Refused) => found.1 += 1,
                Err(LoginError::Throttled) => found.2 += 1,
                Err(other) => panic!("{other}"),
            }
        }
        found
    }
}

/// A password of the right shape that is nobody's.
fn guess(seed: u64) -> String {
    generate(&SeededRandomness::new(1_000 + seed)).reveal().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_held_like_guesses_in_turn() {
    for at_home in [false, true] {
        for username in ["shop", "unknown"] {
            let door = Door::tolerating(5).await;
            let password = door.add("shop").await;
            if at_home {
                door.sign_in("shop", &password).await.unwrap();
            }
            let guesses = (0..50).map(|seed| (username.to_owned(), guess(seed))).collect();
            assert_eq!(door.at_once(guesses).await, (0, 5, 45), "{username}, at home: {at_home}");
        }
        let door = Door::tolerating(5).await;
        let malformed = (0..50).map(|n| ("shop".to_owned(), format!("hunter{n}"))).collect();
        assert_eq!(door.at_once(malformed).await, (0, 5, 45));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_not_throttled_for_its_own_connections() {
    let door = Door::tolerating(30).await;
    let password = door.add("shop").await;
    let same = vec![("shop".to_owned(), password); 50];
    assert_eq!(door.at_once(same.clone()).await, (50, 0, 0), "at a new address");
    let restarted = Door::tolerating(30).await;
    let mut several = Vec::new();
    for n in 0..50 {
        let username = format!("site{n}");
        let password = restarted.add(&username).await;
        several.push((username, password));
    }
    assert_eq!(restarted.at_once(several).await, (50, 0, 0), "fifty users at one new address");
}

#[tokio::test]
async fn an_old_worker_does_not_lock_out_the_updated_one_beside_it() {
    let door = Door::tolerating(5).await;
    let old = door.add("shop").await;
    door.sign_in("shop", &old).await.unwrap();
    let username = "shop@example.com".parse().unwrap();
    let issued = users::reset_password(door.ports(), &door.world.actor(), &username).await.unwrap();
    let new = issued.password.reveal().unwrap().to_string();
    door.sign_in("shop", &new).await.unwrap();
    for n in 0..20 {
        let expected = if n < 5 { LoginError::Refused } else { LoginError::Throttled };
        assert_eq!(door.sign_in("shop", &old).await, Err(expected), "{n}");
        assert_eq!(door.sign_in("shop", &new).await, Ok(()), "{n}");
    }
    // Nothing that is not right passes with it, for nobody.
    for password in [guess(1), old, "hunter2".to_owned()] {
        assert_eq!(door.sign_in("shop", &password).await, Err(LoginError::Throttled));
    }
    users::disable(door.ports(), &door.world.actor(), &username).await.unwrap();
    assert_eq!(door.sign_in("shop", &new).await, Err(LoginError::Throttled), "as if it were wrong");
}

#[tokio::test]
async fn attempts_that_are_not_judged_count_for_nothing() {
    let full = PoolLimits { concurrent: 1, waiting: 0, wait: Duration::ZERO };
    let door = Door::with(2, full).await;
    let password = door.add("shop").await;
    // Ten whose clients leave before they are judged.
    for n in 0..10 {
        let guess = guess(n);
        let mut attempt = std::pin::pin!(door.sign_in("shop", &guess));
        let waker = std::task::Waker::noop();
        assert!(attempt.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    // The pool is busy with the first of them for a moment.
    let passes = async {
        while let Err(error) = door.sign_in("shop", &password).await {
            assert_eq!(error, LoginError::Hash(HashError::Busy));
            tokio::task::yield_now().await;
        }
    };
    // Shorter than the throttle waits for attempts under way, of which there are none.
    tokio::time::timeout(Duration::from_secs(4), passes).await.unwrap();
}

#[tokio::test]
async fn the_store_is_not_asked_for_what_cannot_be_a_password() {
    let door = Door::tolerating(5).await;
    let password = door.add("shop").await;
    let trouble = StoreError::Unavailable("out of order".to_owned());
    door.memory.fail_with(Some(trouble.clone()));
    for username in ["shop", "unknown"] {
        assert_eq!(door.sign_in(username, &password).await, Err(LoginError::Store(trouble.clone())));
        assert_eq!(door.sign_in(username, "hunter2").await, Err(LoginError::Refused));
    }
    for n in 2..7 {
        let expected = if n < 5 { LoginError::Refused } else { LoginError::Throttled };
        assert_eq!(door.sign_in("shop", "hunter2").await, Err(expected), "{n}");
    }
}
