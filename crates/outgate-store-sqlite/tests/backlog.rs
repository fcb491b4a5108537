//! A long queue keeps the writer from nobody.
#![expect(clippy::unwrap_used, reason = "trouble of a test is a panic")]

use outgate_core::{
    EventKind,
    store::{NewMessage, PauseScope, Queue, Selector},
};
use outgate_store_conformance::{Sender, World};
use outgate_store_sqlite::{OpenOptions, Sqlite};
use std::sync::Arc;

struct Site {
    world: World,
    store: Arc<Sqlite>,
    _folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { create: true, ..OpenOptions::default() };
        let store = Arc::new(Sqlite::open(&folder.path().join("outgate.db"), &options).unwrap());
        Self { world: World::new(store.clone()), store, _folder: folder }
    }

    /// A message to so many at one destination.
    async fn accept(&self, sender: &Sender, recipients: usize) -> NewMessage {
        let recipients: Vec<String> = (0..recipients).map(|n| format!("user{n}@one.example")).collect();
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let message = self.world.message(&sender.right, &recipients).unwrap();
        self.store.accept(&sender.right, message.clone(), self.world.now()).await.unwrap();
        message
    }
}

#[tokio::test]
async fn what_waits_behind_a_paused_backlog_is_found() {
    let site = Site::new();
    let (world, store) = (&site.world, &site.store);
    let paused = world.add_sender("paused.example").await.unwrap();
    let other = world.add_sender("other.example").await.unwrap();
    // More than the writer steps over by itself.
    for _ in 0..3 {
        site.accept(&paused, 1_000).await;
    }
    world.tick();
    let (first, second) = (site.accept(&other, 1).await, site.accept(&other, 2).await);
    let scope = PauseScope::Domain("paused.example".parse().unwrap());
    store.pause(&scope, &world.actor(), world.now()).await.unwrap();
    let destination = &first.deliveries[0].destination;
    let lease = async |limit| {
        let leased = store.lease(destination, &world.lease("me"), world.now(), limit).await.unwrap();
        leased.iter().map(|leased| (leased.message, leased.deliveries.len())).collect::<Vec<_>>()
    };
    assert_eq!(lease(1).await, [(first.id, 1)]);
    assert_eq!(lease(10).await, [(second.id, 2)]);
    assert_eq!(lease(10).await, []);
    // What was found is looked at again before it is taken.
    let (held, third) = (site.accept(&other, 1).await, site.accept(&other, 1).await);
    let fourth = site.accept(&other, 1).await;
    let fifth = site.accept(&other, 1).await;
    assert_eq!(lease(1).await, [(held.id, 1)]);
    store.hold(&Selector::Message(third.id), &world.actor(), world.now()).await.unwrap();
    assert_eq!(lease(1).await, [(fourth.id, 1)]);
    let all = PauseScope::Domain("other.example".parse().unwrap());
    store.pause(&all, &world.actor(), world.now()).await.unwrap();
    assert_eq!(lease(1).await, []);
    store.resume(&all, &world.actor(), world.now()).await.unwrap();
    assert_eq!(lease(1).await, [(fifth.id, 1)]);
    store.resume(&scope, &world.actor(), world.now()).await.unwrap();
    assert_eq!(lease(10).await.len(), 3);
}

#[tokio::test]
async fn many_are_changed_in_steps_with_an_event_each() {
    let site = Site::new();
    let (world, store) = (&site.world, &site.store);
    let sender = world.add_sender("example.com").await.unwrap();
    let message = site.accept(&sender, 1_200).await;
    let (actor, now) = (world.actor(), world.now());
    let selectors = [
        Selector::Message(message.id),
        Selector::User(sender.user.id),
        Selector::Domain(sender.user.domain),
        Selector::Destination(message.deliveries[0].destination.clone()),
    ];
    let start = world.store.events_end().await.unwrap();
    for which in &selectors {
        assert_eq!(store.hold(which, &actor, now).await, Ok(1_200), "{which:?}");
        assert_eq!(store.release(which, &actor, now).await, Ok(1_200), "{which:?}");
    }
    // A slow machine takes more steps than there must be.
    let (mut steps, mut held, mut released) = (0, 0, 0);
    for logged in world.store.events_after(Some(&start), 10_000).await.unwrap() {
        steps += 1;
        match logged.event.kind {
            EventKind::DeliveriesHeld { count } => held += count,
            EventKind::DeliveriesReleased { count } => released += count,
            other => panic!("{other:?}"),
        }
    }
    assert!(steps >= 4 * 2 * 3, "{steps} steps");
    assert_eq!((held, released), (4 * 1_200, 4 * 1_200));
}

#[tokio::test]
async fn cancelling_removes_bytes_in_transactions_of_their_own() {
    let site = Site::new();
    let (world, store) = (&site.world, &site.store);
    let sender = world.add_sender("example.com").await.unwrap();
    let (message, kept) = (site.accept(&sender, 3).await, site.accept(&sender, 2).await);
    let before = store.commits().read().done;
    let cancel = async |which| store.cancel(&which, &world.actor(), world.now()).await;
    assert_eq!(cancel(Selector::Message(message.id)).await, Ok(3));
    assert!(store.commits().read().done >= before + 2);
    assert_eq!(store.content(message.id).await, Ok(None));
    assert_eq!(cancel(Selector::Delivery(kept.deliveries[0].id)).await, Ok(1));
    assert_eq!(store.content(kept.id).await, Ok(Some(kept.content)), "one of its deliveries is open");
}
