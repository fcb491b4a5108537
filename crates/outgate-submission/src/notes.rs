//! Sign-ins being written down, behind the client's `235`.

use outgate_core::{
    UserId,
    store::Store,
    users::{SignInRecord, note_connection},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Users whose sign-ins are being written down at the same time; past it a client waits for its own.
const USERS_AT_ONCE: usize = 1024;

/// Sign-ins being written down. While one of a user is being written, only its newest is remembered (law 5), so a
/// client that signs in a thousand times a second costs one write at a time.
pub(crate) struct Notes {
    store: Arc<dyn Store>,
    /// Who is being written, and what is to be written next.
    writing: Mutex<HashMap<UserId, Option<SignInRecord>>>,
    tasks: TaskTracker,
}

impl Notes {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, writing: Mutex::default(), tasks: TaskTracker::new() })
    }

    /// Has a sign-in written down, and does not wait for it unless too many others are on their way.
    pub(crate) async fn note(self: &Arc<Self>, user: UserId, record: SignInRecord) {
        let alone = {
            let mut writing = self.writing();
            if let Some(next) = writing.get_mut(&user) {
                *next = Some(record);
                return;
            }
            let room = writing.len() < USERS_AT_ONCE;
            if room {
                writing.insert(user, None);
            }
            !room
        };
        if alone {
            return self.write(&record).await;
        }
        let notes = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut record = record;
            loop {
                notes.write(&record).await;
                let mut writing = notes.writing();
                let Some(next) = writing.get_mut(&user).and_then(Option::take) else {
                    writing.remove(&user);
                    return;
                };
                record = next;
            }
        });
    }

    async fn write(&self, record: &SignInRecord) {
        if let Err(error) = note_connection(&*self.store, record).await {
            tracing::warn!(%error, "a sign-in could not be written down");
        }
    }

    /// Waits until all is written, at most `within`; whether it is.
    pub(crate) async fn settle(&self, within: Duration) -> bool {
        self.tasks.close();
        timeout(within, self.tasks.wait()).await.is_ok()
    }

    fn writing(&self) -> MutexGuard<'_, HashMap<UserId, Option<SignInRecord>>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::{Mechanism, Secret, users};
    use outgate_store_conformance::{MemoryStore, Sender, World, ports::OpenThrottle};
    use std::net::Ipv4Addr;

    /// A sign-in as `client`, later than the one before.
    async fn sign_in(world: &World, sender: &Sender, client: &str) -> SignInRecord {
        world.tick();
        let attempt = users::SignIn {
            username: sender.user.username.to_string(),
            password: Secret::new(sender.password.as_str()),
            address: Ipv4Addr::LOCALHOST.into(),
            tls: "TLSv1.3".to_owned(),
            mechanism: Mechanism::Plain,
            client: client.to_owned(),
        };
        users::login(world.ports(), &OpenThrottle, attempt).await.unwrap().record
    }

    #[tokio::test]
    async fn the_newest_of_many_is_written_down() {
        let world = World::new(Arc::new(MemoryStore::new()));
        let sender = world.add_sender("example.com").await.unwrap();
        let notes = Notes::new(Arc::clone(&world.store));
        for n in 0..50 {
            notes.note(sender.user.id, sign_in(&world, &sender, &format!("client-{n}")).await).await;
        }
        assert!(notes.settle(Duration::from_secs(10)).await);
        let user = world.store.user(&sender.user.username).await.unwrap().unwrap();
        assert_eq!(user.last_connection.unwrap().client, "client-49");
        assert!(notes.writing().is_empty());
    }
}
