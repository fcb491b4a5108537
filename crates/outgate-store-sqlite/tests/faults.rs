//! What the exam cannot do to a store: close it in the middle, open it twice, forge what should not be.
#![expect(clippy::unwrap_used, reason = "trouble of a test is a panic")]

use outgate_core::{
    DeliveryId, MessageId,
    store::{
        AcceptError, Directory, Log, NewMessage, Queue, Selector, Settled, Settlement, Store, StoreError,
    },
};
use outgate_store_conformance::{Sender, World};
use outgate_store_sqlite::{BackupError, OpenOptions, Sqlite};
use rusqlite::Connection;
use std::{os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

struct Site {
    world: World,
    sender: Sender,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(open(&folder.path().join("outgate.db"), 0));
        let sender = world.add_sender("example.com").await.unwrap();
        Self { world, sender, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("outgate.db")
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn message(&self) -> NewMessage {
        self.world.message(&self.sender.right, &["a@one.example", "b@two.example"]).unwrap()
    }

    async fn accept(&self) -> NewMessage {
        let message = self.message();
        self.world.store.accept(&self.sender.right, message.clone(), self.world.now()).await.unwrap();
        message
    }
}

fn open(path: &std::path::Path, reserve_bytes: u64) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(path, &OpenOptions { create: true, migrate: false, reserve_bytes }).unwrap())
}

#[tokio::test]
async fn what_was_answered_is_there_after_closing_in_the_middle() {
    let Site { world, sender, folder } = Site::new().await;
    let path = folder.path().join("outgate.db");
    let messages: Vec<_> =
        (0..300).map(|_| world.message(&sender.right, &["a@one.example"]).unwrap()).collect();
    let at = world.now();
    let World { store, .. } = world;
    let tasks: Vec<_> = messages
        .into_iter()
        .map(|message| {
            let (store, right) = (store.clone(), sender.right.clone());
            tokio::spawn(async move {
                let id = message.id;
                store.accept(&right, message, at).await.map(|_| id)
            })
        })
        .collect();
    drop(store);
    let mut answered = Vec::new();
    for (number, task) in tasks.into_iter().enumerate() {
        // Some are given up while they wait.
        if number % 3 == 0 {
            task.abort();
        }
        answered.extend(task.await.ok().and_then(Result::ok));
    }
    assert!(!answered.is_empty());
    let store = open(&path, 0);
    for id in answered {
        assert!(store.content(id).await.unwrap().is_some());
    }
    let whole: i64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT count(*) FROM messages m WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.seq)
                 OR NOT EXISTS (SELECT 1 FROM content c WHERE c.message = m.seq)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(whole, 0, "half a message was kept");
}

#[tokio::test]
async fn relay_and_command_write_to_one_file() {
    let site = Site::new().await;
    let command = open(&site.path(), 0);
    let start = site.world.store.events_end().await.unwrap();
    for _ in 0..10 {
        let message = site.accept().await;
        assert_eq!(
            command.hold(&Selector::Message(message.id), &site.world.actor(), site.world.now()).await,
            Ok(2)
        );
    }
    assert_eq!(site.world.store.summary().await.unwrap().held, 20);
    for store in [&site.world.store, &command] {
        assert_eq!(store.events_after(Some(&start), 100).await.unwrap().len(), 20);
    }
    command
        .reset_password(
            site.sender.user.id,
            &outgate_core::PasswordHash::new("x"),
            &site.world.actor(),
            site.world.now(),
        )
        .await
        .unwrap();
    let refused = site.world.store.accept(&site.sender.right, site.message(), site.world.now()).await;
    assert_eq!(refused, Err(AcceptError::StaleRight));
}

#[tokio::test]
async fn damaged_bytes_are_told_and_the_rest_goes_on() {
    let site = Site::new().await;
    let (broken, sound) = (site.accept().await, site.accept().await);
    let sql = "UPDATE content SET bytes = substr(bytes, 1, length(bytes) - 1)
               WHERE message = (SELECT seq FROM messages WHERE id = ?1)";
    site.raw().execute(sql, [broken.id.as_bytes()]).unwrap();
    let store = &site.world.store;
    assert!(matches!(store.content(broken.id).await, Err(StoreError::Damaged(_))));
    assert_eq!(store.content(sound.id).await.unwrap().unwrap(), sound.content);
    store.set_aside(broken.id, site.world.now()).await.unwrap();
    assert_eq!(store.summary().await.unwrap().held, 2);
}

#[tokio::test]
async fn a_row_that_does_not_parse_is_damage() {
    let site = Site::new().await;
    let message = site.accept().await;
    site.raw().execute("UPDATE deliveries SET recipient = 'nobody' WHERE position = 1", []).unwrap();
    assert!(matches!(site.world.store.message(message.id).await, Err(StoreError::Damaged(_))));
    // A verb that meets it stops, and leaves nothing of itself.
    let outcome = |id: DeliveryId| site.world.delivered(id);
    let results = message.deliveries.iter().map(|delivery| outcome(delivery.id)).collect();
    let holder = site.world.lease("me").holder;
    let settlement = Settlement { message: message.id, holder: holder.clone(), results, notification: None };
    assert!(matches!(site.world.store.settle(settlement).await, Err(StoreError::Damaged(_))));
    assert_eq!(site.world.store.summary().await.unwrap().pending, 2);
    let results = vec![outcome(message.deliveries[0].id)];
    let settlement = Settlement { message: message.id, holder, results, notification: None };
    assert_eq!(site.world.store.settle(settlement).await, Ok(vec![Settled::Recorded]));
}

#[tokio::test]
async fn a_sweep_removes_bytes_that_nobody_needs() {
    let site = Site::new().await;
    let (orphan, queued) = (site.accept().await, site.accept().await);
    let sql = "UPDATE deliveries SET status = 3 WHERE message = (SELECT seq FROM messages WHERE id = ?1)";
    site.raw().execute(sql, [orphan.id.as_bytes()]).unwrap();
    let store = &site.world.store;
    assert_eq!(store.sweep(0).await, Ok(0));
    assert_eq!(store.sweep(10).await, Ok(1));
    assert_eq!(store.sweep(10).await, Ok(0));
    assert_eq!(store.content(orphan.id).await, Ok(None));
    assert!(store.content(queued.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sweep_buries_the_users_of_a_deleted_domain() {
    let site = Site::new().await;
    let store = &site.world.store;
    store.delete_domain(site.sender.user.domain, &site.world.actor(), site.world.now()).await.unwrap();
    store.sweep(10).await.unwrap();
    let hashes: i64 =
        site.raw().query_row("SELECT count(*) FROM users WHERE hash != ''", [], |row| row.get(0)).unwrap();
    assert_eq!(hashes, 0);
}

#[tokio::test]
async fn nothing_is_accepted_into_the_reserve() {
    let site = Site::new().await;
    assert!(site.world.store.has_room());
    let full = open(&site.path(), u64::MAX);
    assert!(!full.has_room());
    let message = site.message();
    let id = message.id;
    let refused = full.accept(&site.sender.right, message, site.world.now()).await;
    assert_eq!(refused, Err(StoreError::Full.into()));
    assert_eq!(full.content(id).await, Ok(None));
    // What is queued is still settled.
    let kept = site.accept().await;
    assert_eq!(full.cancel(&Selector::Message(kept.id), &site.world.actor(), site.world.now()).await, Ok(2));
}

#[tokio::test]
async fn a_message_is_not_accepted_that_would_eat_the_reserve() {
    const MIB: u64 = 1 << 20;
    let site = Site::new().await;
    let free = rustix::fs::statvfs(site.folder.path()).unwrap();
    // Others write to this medium too: what is refused is much bigger than what they may do meanwhile.
    let reserve = (free.f_bavail * free.f_frsize).saturating_sub(32 * MIB);
    let near = open(&site.path(), reserve);
    let mut message = site.message();
    message.content = vec![b'x'; 64 * MIB as usize].into();
    let refused = near.accept(&site.sender.right, message, site.world.now()).await;
    assert_eq!(refused, Err(StoreError::Full.into()));
}

#[tokio::test]
async fn a_sealed_key_is_found_while_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outgate.db");
    let world = World::new(open(&path, 0));
    let store = Sqlite::open(&path, &OpenOptions::default()).unwrap();
    assert!(store.sealed_key().await.unwrap().is_none());
    world.add_sender("gone.example").await.unwrap();
    let gone = world.store.domain(&"gone.example".parse().unwrap()).await.unwrap().unwrap();
    world.store.delete_domain(gone.id, &world.actor(), world.now()).await.unwrap();
    let (domain, _) = store.sealed_key().await.unwrap().unwrap();
    assert_eq!(domain, gone.name, "a deleted domain's queue may still need it");
    let user = world.add_sender("example.com").await.unwrap().user;
    let (domain, key) = store.sealed_key().await.unwrap().unwrap();
    assert_eq!(domain.as_str(), "example.com");
    let kept = world.store.domain_keys(user.domain).await.unwrap();
    let kept = kept.iter().find(|kept| kept.key.id == key.id).unwrap();
    assert_eq!((&kept.key.selector, &kept.key.sealed_private_key), (&key.selector, &key.sealed_private_key));
    Connection::open(&path).unwrap().execute("UPDATE domain_keys SET sealed_private_key = x''", []).unwrap();
    assert!(store.sealed_key().await.unwrap().is_none());
}

#[tokio::test]
async fn a_backup_is_a_store_and_never_writes_over_anything() {
    let site = Site::new().await;
    let store = Sqlite::open(&site.path(), &OpenOptions::default()).unwrap();
    let file = site.folder.path().join("copy.db");
    let message = site.accept().await;
    store.backup(&file).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(store.backup(&file).await, Err(BackupError::File { .. })));
    let later = site.accept().await;
    let copy = Sqlite::open(&file, &OpenOptions::default()).unwrap();
    let bytes = |id: MessageId| copy.content(id);
    assert_eq!(bytes(message.id).await.unwrap(), Some(message.content));
    assert_eq!(bytes(later.id).await, Ok(None));
    assert!(copy.user(&site.sender.user.username).await.unwrap().is_some());
    assert_eq!(copy.events_end().await.unwrap().as_str(), "3");
}
