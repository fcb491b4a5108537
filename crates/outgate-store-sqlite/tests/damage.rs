//! Rows that cannot be read keep nothing else from going on.
#![expect(clippy::unwrap_used, reason = "trouble of a test is a panic")]

use outgate_core::{
    EventKind, MessageId,
    store::{NewMessage, Selector, Settled, SettledDelivery, Settlement, StoreError},
};
use outgate_store_conformance::{Sender, World};
use outgate_store_sqlite::{OpenOptions, Sqlite};
use rusqlite::Connection;
use std::sync::Arc;

struct Site {
    world: World,
    sender: Sender,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { create: true, ..OpenOptions::default() };
        let store = Sqlite::open(&folder.path().join("outgate.db"), &options).unwrap();
        let world = World::new(Arc::new(store));
        let sender = world.add_sender("example.com").await.unwrap();
        Self { world, sender, folder }
    }

    async fn accept(&self, recipients: &[&str]) -> NewMessage {
        let message = self.world.message(&self.sender.right, recipients).unwrap();
        self.world.store.accept(&self.sender.right, message.clone(), self.world.now()).await.unwrap();
        message
    }

    /// Changes something of a message behind the store's back.
    fn damage(&self, sql: &str, message: MessageId) {
        let raw = Connection::open(self.folder.path().join("outgate.db")).unwrap();
        raw.pragma_update(None, "foreign_keys", false).unwrap();
        assert_eq!(raw.execute(sql, [message.as_bytes()]).unwrap(), 1, "{sql}");
    }

    async fn lease(&self, message: &NewMessage) -> Result<Vec<MessageId>, StoreError> {
        let (destination, lease) = (&message.deliveries[0].destination, self.world.lease("me"));
        let leased = self.world.store.lease(destination, &lease, self.world.now(), 10).await?;
        Ok(leased.iter().map(|leased| leased.message).collect())
    }

    async fn settle(
        &self,
        message: &NewMessage,
        result: SettledDelivery,
    ) -> Result<Vec<Settled>, StoreError> {
        let holder = self.world.lease("me").holder;
        let settlement =
            Settlement { message: message.id, holder, results: vec![result], notification: None };
        self.world.store.settle(settlement).await
    }
}

const WAYS: [&str; 7] = [
    "UPDATE deliveries SET recipient = 'nobody'
     WHERE message = (SELECT seq FROM messages WHERE id = ?1) AND position = 0",
    "UPDATE deliveries SET notify = 99
     WHERE message = (SELECT seq FROM messages WHERE id = ?1) AND position = 0",
    "UPDATE deliveries SET attempts = -1
     WHERE message = (SELECT seq FROM messages WHERE id = ?1) AND position = 0",
    "UPDATE deliveries SET id = x'00'
     WHERE message = (SELECT seq FROM messages WHERE id = ?1) AND position = 0",
    "UPDATE messages SET sender = 'nobody' WHERE id = ?1",
    "UPDATE messages SET domain = 99 WHERE id = ?1",
    "UPDATE messages SET accepted_at = 1 << 62 WHERE id = ?1",
];

#[tokio::test]
async fn a_message_that_cannot_be_read_is_set_aside_and_the_others_go() {
    for way in WAYS {
        let site = Site::new().await;
        let store = &site.world.store;
        let before = site.accept(&["a@one.example"]).await;
        let broken = site.accept(&["b@one.example", "c@two.example"]).await;
        let after = site.accept(&["d@one.example"]).await;
        site.damage(way, broken.id);
        let start = store.events_end().await.unwrap();
        assert_eq!(site.lease(&before).await, Ok(vec![before.id, after.id]), "{way}");
        let summary = store.summary().await.unwrap();
        assert_eq!((summary.pending, summary.held), (2, 2), "{way}");
        let events = store.events_after(Some(&start), 10).await.unwrap();
        let kinds: Vec<_> = events.into_iter().map(|logged| logged.event.kind).collect();
        assert_eq!(kinds, [EventKind::MessageDamaged { message: broken.id }], "{way}");
    }
}

#[tokio::test]
async fn a_message_whose_id_is_lost_is_set_aside_without_an_event() {
    let site = Site::new().await;
    let store = &site.world.store;
    let (broken, sound) = (site.accept(&["a@one.example"]).await, site.accept(&["b@one.example"]).await);
    site.damage("UPDATE messages SET id = x'00' WHERE id = ?1", broken.id);
    let start = store.events_end().await.unwrap();
    assert_eq!(site.lease(&sound).await, Ok(vec![sound.id]));
    assert_eq!(store.summary().await.unwrap().held, 1);
    assert_eq!(store.events_end().await, Ok(start));
}

#[tokio::test]
async fn what_can_never_be_recorded_is_damage_and_can_be_set_aside() {
    for way in [
        // It has been tried and says it was not.
        "UPDATE deliveries SET attempts = 0 WHERE message = (SELECT seq FROM messages WHERE id = ?1)",
        "UPDATE deliveries SET recipient = 'nobody' WHERE message = (SELECT seq FROM messages WHERE id = ?1)",
        "UPDATE deliveries SET status = -1 WHERE message = (SELECT seq FROM messages WHERE id = ?1)",
        "UPDATE messages SET user = 99 WHERE id = ?1",
        "UPDATE messages SET domain = 99 WHERE id = ?1",
    ] {
        let site = Site::new().await;
        let store = &site.world.store;
        let message = site.accept(&["a@one.example"]).await;
        let id = message.deliveries[0].id;
        site.lease(&message).await.unwrap();
        let deferred = site.settle(&message, site.world.deferred(id, site.world.now())).await;
        assert_eq!(deferred, Ok(vec![Settled::Recorded]));
        assert_eq!(site.lease(&message).await, Ok(vec![message.id]));
        site.damage(way, message.id);
        let refused = site.settle(&message, site.world.delivered(id)).await;
        assert!(matches!(refused, Err(StoreError::Damaged(_))), "{way}: {refused:?}");
        store.set_aside(message.id, site.world.now()).await.unwrap();
        assert_eq!(store.summary().await.unwrap().held, 1, "{way}");
        assert_eq!(store.next_due().await, Ok(None), "{way}");
    }
}

#[tokio::test]
async fn a_time_that_is_none_does_not_keep_what_is_due_from_being_told() {
    let site = Site::new().await;
    let store = &site.world.store;
    let (broken, sound) = (site.accept(&["a@one.example"]).await, site.accept(&["b@two.example"]).await);
    let sql = "UPDATE deliveries SET due_at = -(1 << 62), next_at = -(1 << 62)
               WHERE message = (SELECT seq FROM messages WHERE id = ?1)";
    site.damage(sql, broken.id);
    assert!(store.next_due().await.unwrap().unwrap() < site.world.now());
    assert_eq!(store.due_destinations(site.world.now(), None, 10).await.unwrap().len(), 2);
    assert_eq!(site.lease(&sound).await, Ok(vec![sound.id]));
}

#[tokio::test]
async fn what_was_set_aside_can_be_cancelled() {
    let site = Site::new().await;
    let message = site.accept(&["a@one.example"]).await;
    site.damage(WAYS[4], message.id);
    assert_eq!(site.lease(&message).await, Ok(Vec::new()));
    let which = Selector::Message(message.id);
    assert_eq!(site.world.store.cancel(&which, &site.world.actor(), site.world.now()).await, Ok(1));
    assert_eq!(site.world.store.summary().await.unwrap().held, 0);
}
