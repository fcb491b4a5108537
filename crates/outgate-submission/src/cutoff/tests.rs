//! The cut-off over the store in memory.

use super::*;
use outgate_core::users;
use outgate_store_conformance::{MemoryStore, Sender, World};
use tokio::{task::JoinHandle, time::timeout};

struct Watched {
    world: World,
    memory: MemoryStore,
    cutoff: Arc<Cutoff>,
    look: Arc<Notify>,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl Watched {
    async fn new() -> Self {
        let memory = MemoryStore::new();
        let world = World::new(Arc::new(memory.clone()));
        let (cutoff, look) = (Arc::<Cutoff>::default(), Arc::new(Notify::new()));
        let stop = CancellationToken::new();
        let watching = tokio::spawn({
            let (cutoff, look, stop) = (Arc::clone(&cutoff), Arc::clone(&look), stop.clone());
            let store = Arc::clone(&world.store);
            async move { cutoff.watch(&*store, &look, stop).await }
        });
        let watched = Self { world, memory, cutoff, look, stop, watching };
        watched.looked().await;
        watched
    }

    /// Returns after a check of all that is there now.
    async fn looked(&self) {
        let before = self.cutoff.checks();
        while self.cutoff.checks() == before {
            self.look.notify_one();
            tokio::task::yield_now().await;
        }
    }

    fn sit(&self, sender: &Sender) -> (Seat, Closer) {
        let closer = Closer::default();
        (self.cutoff.seat(sender.right.clone(), closer.clone()), closer)
    }

    async fn reset(&self, sender: &Sender) {
        let (world, username) = (&self.world, &sender.user.username);
        users::reset_password(world.ports(), &world.actor(), username).await.unwrap();
    }
}

async fn is_closed(closer: &Closer) -> bool {
    let closed = async {
        while closer.reason().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(1), closed).await.is_ok() && closer.reason() == Some(&Refusal::StaleRight)
}

#[tokio::test]
async fn a_reset_ends_that_users_sessions_and_no_others() {
    let watched = Watched::new().await;
    let one = watched.world.add_sender("example.com").await.unwrap();
    let other = watched.world.add_user("example.com").await.unwrap();
    let (first, second, apart) = (watched.sit(&one), watched.sit(&one), watched.sit(&other));
    watched.reset(&one).await;
    assert!(is_closed(&first.1).await && is_closed(&second.1).await);
    assert!(apart.1.reason().is_none());
}

#[tokio::test]
async fn a_sign_in_after_the_reset_stays() {
    let watched = Watched::new().await;
    let mut one = watched.world.add_sender("example.com").await.unwrap();
    let old = watched.sit(&one);
    let (world, username) = (&watched.world, &one.user.username);
    let issued = users::reset_password(world.ports(), &world.actor(), username).await.unwrap();
    let password = issued.password.reveal().unwrap();
    one.right = world.sign_in(username, &password).await.unwrap().right;
    // Seated before the event is read, so it is the store that tells old from new.
    let new = watched.sit(&one);
    assert!(is_closed(&old.1).await);
    assert!(new.1.reason().is_none());
}

#[tokio::test]
async fn a_disable_a_delete_and_a_deleted_domain_end_sessions_too() {
    let watched = Watched::new().await;
    let world = &watched.world;
    let disabled = world.add_sender("a.example.com").await.unwrap();
    let deleted = world.add_user("a.example.com").await.unwrap();
    let gone = world.add_sender("b.example.com").await.unwrap();
    let seats = [watched.sit(&disabled), watched.sit(&deleted), watched.sit(&gone)];
    let (ports, actor) = (world.ports(), world.actor());
    users::disable(ports, &actor, &disabled.user.username).await.unwrap();
    users::delete(ports, &actor, &deleted.user.username).await.unwrap();
    outgate_core::domains::delete(ports, &actor, &"b.example.com".parse().unwrap()).await.unwrap();
    for (_, closer) in &seats {
        assert!(is_closed(closer).await);
    }
}

#[tokio::test]
async fn what_happens_while_the_store_fails_is_found_afterwards() {
    let watched = Watched::new().await;
    let one = watched.world.add_sender("example.com").await.unwrap();
    let (_seat, closer) = watched.sit(&one);
    watched.reset(&one).await;
    watched.memory.fail_with(Some(StoreError::Unavailable("the disk is gone".to_owned())));
    watched.look.notify_one();
    tokio::task::yield_now().await;
    watched.memory.fail_with(None);
    assert!(is_closed(&closer).await);
}

#[tokio::test]
async fn a_seat_is_left_on_drop_and_the_watch_ends_on_demand() {
    let watched = Watched::new().await;
    let one = watched.world.add_sender("example.com").await.unwrap();
    let seat = watched.sit(&one);
    assert_eq!(watched.cutoff.seats(), 1);
    drop(seat);
    assert_eq!(watched.cutoff.seats(), 0);
    watched.stop.cancel();
    timeout(Duration::from_secs(5), watched.watching).await.unwrap().unwrap();
}
