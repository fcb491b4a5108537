//! Where one law is asked.

use super::Fixture;
use crate::{Failure, Sender, World};
use outgate_core::{
    AccountId, DeliveryId, Destination, Event, EventKind, MessageId, PasswordHash, UserId,
    store::{
        Cursor, DeliveryFilter, DeliveryRow, Holder, LeasedMessage, NewDomain, NewMessage, NewUser, Settled,
        SettledDelivery, Settlement,
    },
};
use std::{ops::Deref, sync::Arc, time::Duration};

/// More than any law puts anywhere.
pub(super) const ALL: usize = 1_000;

/// A world around the store, and the fixture that opened it.
pub(super) struct Room {
    pub(super) fixture: Arc<dyn Fixture>,
    world: World,
}

impl Deref for Room {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl Room {
    /// Opens the store.
    pub(super) async fn enter(fixture: Arc<dyn Fixture>) -> Self {
        let world = World::new(fixture.open().await);
        Self { fixture, world }
    }

    /// Closes the store and opens it again. Takes the room, so that nobody keeps a handle on the closed store.
    pub(super) async fn reopen(self) -> Self {
        let Self { fixture, world } = self;
        let World { store, clock, randomness, hasher, keys } = world;
        drop(store);
        let store = fixture.reopen().await;
        Self { fixture, world: World { store, clock, randomness, hasher, keys } }
    }

    /// A domain about to be added, without keys.
    pub(super) fn new_domain(&self, name: &str) -> Result<NewDomain, Failure> {
        Ok(NewDomain {
            id: outgate_core::DomainId::draw(self.tick(), &self.randomness),
            account: AccountId::DEFAULT,
            name: name.parse()?,
            trusted: true,
            ownership_token: format!("token of {name}"),
            keys: Vec::new(),
        })
    }

    /// A user about to be added under a username.
    pub(super) fn new_user(
        &self,
        domain: outgate_core::DomainId,
        username: &str,
    ) -> Result<NewUser, Failure> {
        Ok(NewUser {
            id: UserId::draw(self.tick(), &self.randomness),
            domain,
            username: username.parse()?,
            name: "Shop".parse()?,
            hash: PasswordHash::new("$plain$s=1$$password"),
        })
    }

    /// Accepts a message, leased to nobody.
    pub(super) async fn queue(&self, sender: &Sender, recipients: &[&str]) -> Result<NewMessage, Failure> {
        let message = self.message(&sender.right, recipients)?;
        self.store.accept(&sender.right, message.clone(), self.now()).await?;
        Ok(message)
    }

    /// Accepts a message and leases all of it to a holder at once.
    pub(super) async fn queue_leased(
        &self,
        sender: &Sender,
        recipients: &[&str],
        holder: &str,
    ) -> Result<NewMessage, Failure> {
        let message = self.leased_message(sender, recipients, holder)?;
        self.store.accept(&sender.right, message.clone(), self.now()).await?;
        Ok(message)
    }

    /// A message that asks for a lease on all its deliveries.
    pub(super) fn leased_message(
        &self,
        sender: &Sender,
        recipients: &[&str],
        holder: &str,
    ) -> Result<NewMessage, Failure> {
        let mut message = self.message(&sender.right, recipients)?;
        message.lease = Some(self.lease(holder));
        for delivery in &mut message.deliveries {
            delivery.leased = true;
        }
        Ok(message)
    }

    /// Leases whatever is due to a destination now.
    pub(super) async fn lease_due(
        &self,
        destination: &str,
        holder: &str,
    ) -> Result<Vec<LeasedMessage>, Failure> {
        let (lease, now) = (self.lease(holder), self.now());
        Ok(self.store.lease(&Destination::new(destination), &lease, now, ALL).await?)
    }

    /// Names of the destinations with something due now.
    pub(super) async fn due_now(&self) -> Result<Vec<String>, Failure> {
        let due = self.store.due_destinations(self.now(), None, ALL).await?;
        Ok(due.iter().map(|due| due.destination.to_string()).collect())
    }

    /// Settles.
    pub(super) async fn settle(
        &self,
        message: MessageId,
        by: &str,
        results: Vec<SettledDelivery>,
    ) -> Result<Vec<Settled>, Failure> {
        Ok(self.store.settle(Settlement { message, holder: holder(by), results, notification: None }).await?)
    }

    /// A delivery as lists show it.
    pub(super) async fn row(&self, delivery: DeliveryId) -> Result<DeliveryRow, Failure> {
        let message = self.store.message_of(delivery).await?;
        let message = message.ok_or_else(|| Failure::new(format!("{delivery} has no message")))?;
        let history = self.store.message(message).await?;
        let rows = history.map(|history| history.deliveries).unwrap_or_default();
        let row = rows.into_iter().find(|row| row.delivery == delivery);
        row.ok_or_else(|| Failure::new(format!("the history of {message} lacks {delivery}")))
    }

    /// All deliveries that a filter picks, read in small pages.
    pub(super) async fn rows(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRow>, Failure> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.deliveries(filter, after.as_ref(), 7).await?;
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
            if rows.len() > ALL {
                return Err(Failure::new("the pages never end"));
            }
        }
    }

    /// Where the log ends now.
    pub(super) async fn mark(&self) -> Result<Cursor, Failure> {
        Ok(self.store.events_end().await?)
    }

    /// What the log tells since a mark, or all that it keeps.
    pub(super) async fn told(&self, since: Option<&Cursor>) -> Result<Vec<Event>, Failure> {
        let events = self.store.events_after(since, ALL).await?;
        Ok(events.into_iter().map(|logged| logged.event).collect())
    }

    /// What the log tells since a mark, without time and actor.
    pub(super) async fn kinds(&self, since: &Cursor) -> Result<Vec<EventKind>, Failure> {
        Ok(self.told(Some(since)).await?.into_iter().map(|event| event.kind).collect())
    }
}

/// A holder by name.
pub(super) fn holder(name: &str) -> Holder {
    Holder(name.into())
}

/// The deliveries of a message, in its order.
pub(super) fn ids(message: &NewMessage) -> Vec<DeliveryId> {
    message.deliveries.iter().map(|delivery| delivery.id).collect()
}

/// Sorted, for comparing what has no order of its own.
pub(super) fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort();
    values
}

/// Seconds.
pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
