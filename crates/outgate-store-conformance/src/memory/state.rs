//! What the reference store keeps.

use outgate_core::{
    Account, AccountId, AccountState, Actor, Attempt, DeliveryId, DeliveryStatus, Destination, Domain,
    DomainId, DomainKey, DomainName, Event, EventKind, MessageId, PasswordHash, SendRight, Standing,
    Timestamp, User, UserId, UserState, Username,
    store::{Lease, NewDelivery, NewMessage, PauseScope, StoreError},
};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// Everything that is kept.
pub(super) struct State {
    pub(super) accounts: BTreeMap<AccountId, Account>,
    /// Living and deleted.
    pub(super) domains: BTreeMap<DomainId, KeptDomain>,
    /// In order of making.
    pub(super) keys: Vec<DomainKey>,
    /// The living.
    pub(super) users: BTreeMap<UserId, KeptUser>,
    /// Every username that was ever issued (law 3).
    pub(super) issued: BTreeSet<Username>,
    pub(super) messages: BTreeMap<MessageId, KeptMessage>,
    /// Messages in order of acceptance.
    pub(super) accepted: Vec<MessageId>,
    pub(super) deliveries: BTreeMap<DeliveryId, KeptDelivery>,
    /// The deliveries that have not ended, so that what looks for due ones need not pass all history.
    pub(super) open: BTreeSet<DeliveryId>,
    pub(super) paused: HashSet<PauseScope>,
    /// The newest at the back.
    pub(super) events: VecDeque<Event>,
    /// How many events were trimmed; the number of an event is its place among all that ever were.
    pub(super) trimmed: u64,
    /// For tests: no room.
    pub(super) full: bool,
    /// For tests: what every verb fails with.
    pub(super) trouble: Option<StoreError>,
}

/// A domain, living or deleted. How many users it has is counted when asked.
pub(super) struct KeptDomain {
    pub(super) domain: Domain,
    pub(super) deleted: bool,
}

pub(super) struct KeptUser {
    pub(super) user: User,
    pub(super) hash: PasswordHash,
}

pub(super) struct KeptMessage {
    /// As it was accepted; without its bytes once they have gone.
    pub(super) new: NewMessage,
    pub(super) right: SendRight,
    pub(super) accepted_at: Timestamp,
    pub(super) size: u64,
    pub(super) content_kept: bool,
    /// For tests: the bytes are not what they were.
    pub(super) damaged: bool,
    /// Its place in order of acceptance.
    pub(super) place: usize,
}

pub(super) struct KeptDelivery {
    pub(super) message: MessageId,
    pub(super) new: NewDelivery,
    pub(super) status: DeliveryStatus,
    /// When it is or was due; means nothing while held or ended.
    pub(super) due_at: Timestamp,
    /// The last lease; it may have run out.
    pub(super) lease: Option<Lease>,
    pub(super) attempts: Vec<Attempt>,
    /// Whether the sender was told that it is late.
    pub(super) delay_told: bool,
}

impl Default for State {
    fn default() -> Self {
        let default =
            Account { id: AccountId::DEFAULT, name: "default".to_owned(), state: AccountState::Active };
        Self {
            accounts: BTreeMap::from([(default.id, default)]),
            domains: BTreeMap::new(),
            keys: Vec::new(),
            users: BTreeMap::new(),
            issued: BTreeSet::new(),
            messages: BTreeMap::new(),
            accepted: Vec::new(),
            deliveries: BTreeMap::new(),
            open: BTreeSet::new(),
            paused: HashSet::new(),
            events: VecDeque::new(),
            trimmed: 0,
            full: false,
            trouble: None,
        }
    }
}

impl State {
    pub(super) fn append(&mut self, at: Timestamp, actor: &Actor, kind: EventKind) {
        self.events.push_back(Event { at, actor: actor.clone(), kind });
    }

    /// A living domain.
    pub(super) fn living_domain(&self, id: DomainId) -> Option<Domain> {
        let kept = self.domains.get(&id).filter(|kept| !kept.deleted)?;
        let users = self.users.values().filter(|kept| kept.user.domain == id).count();
        Some(Domain { users: users as u64, ..kept.domain.clone() })
    }

    /// A living domain by name.
    pub(super) fn domain_named(&self, name: &DomainName) -> Option<Domain> {
        let living = self.domains.values().find(|kept| !kept.deleted && kept.domain.name == *name)?;
        self.living_domain(living.domain.id)
    }

    /// A living user by username.
    pub(super) fn user_named(&self, username: &Username) -> Option<&KeptUser> {
        self.users.values().find(|kept| kept.user.username == *username)
    }

    /// Whether a send right still stands: what `standing` tells and `accept` goes by.
    pub(super) fn standing(&self, right: &SendRight) -> Standing {
        let user = self.users.get(&right.user()).map(|kept| &kept.user);
        let in_force = user.filter(|user| user.epoch == right.epoch() && user.state == UserState::Active);
        let Some(domain) = in_force.and_then(|user| self.living_domain(user.domain)) else {
            return Standing::Stale;
        };
        let account = self.accounts.get(&domain.account);
        if account.is_none_or(|account| account.state != AccountState::Active) {
            return Standing::Barred(outgate_core::DomainBar::AccountSuspended);
        }
        match domain.may_send() {
            Ok(()) => Standing::InForce,
            Err(bar) => Standing::Barred(bar),
        }
    }

    /// Whether a pause covers deliveries of this domain to this destination.
    pub(super) fn is_paused(&self, domain: &DomainName, destination: &Destination) -> bool {
        !self.paused.is_empty()
            && (self.paused.contains(&PauseScope::Everything)
                || self.paused.contains(&PauseScope::Domain(domain.clone()))
                || self.paused.contains(&PauseScope::Destination(destination.clone())))
    }

    /// Open deliveries with their messages.
    pub(super) fn open_deliveries(&self) -> impl Iterator<Item = (&KeptMessage, &KeptDelivery)> {
        self.open.iter().filter_map(|id| {
            let delivery = self.deliveries.get(id)?;
            Some((self.messages.get(&delivery.message)?, delivery))
        })
    }

    /// The open deliveries of one message, in its order.
    pub(super) fn open_of(&self, message: MessageId) -> Vec<DeliveryId> {
        let all = self.messages.get(&message).map_or(&[][..], |kept| &kept.new.deliveries);
        all.iter().map(|new| new.id).filter(|id| self.open.contains(id)).collect()
    }

    /// Ends a delivery; with a message's last open delivery its bytes go.
    pub(super) fn end(&mut self, id: DeliveryId, status: DeliveryStatus) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.status = status;
        delivery.lease = None;
        let message = delivery.message;
        self.open.remove(&id);
        if self.open_of(message).is_empty()
            && let Some(kept) = self.messages.get_mut(&message)
        {
            kept.content_kept = false;
            kept.new.content.clear();
        }
    }
}

impl KeptDelivery {
    /// Whether it is waiting for its time, rather than held or ended.
    pub(super) fn waits(&self) -> bool {
        matches!(self.status, DeliveryStatus::Pending | DeliveryStatus::Deferred)
    }

    /// When it falls due: not before its lease ends.
    pub(super) fn falls_due(&self) -> Timestamp {
        self.lease.as_ref().map_or(self.due_at, |lease| lease.until.max(self.due_at))
    }
}
