//! Send rights for tests. Only a sign-in mints one, so here is one against a store that knows a single user.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Account, AccountId, AccountState, Actor, Admission, Clock, DeliveryId, Destination, Domain, DomainId,
    DomainKey, DomainName, DomainState, HashError, LastConnection, Mechanism, MessageId, PasswordHash,
    PasswordHasher, Ports, Randomness, Secret, SendRight, Standing, Throttle, Timestamp, User, UserId,
    UserName, UserState, Username, Verification,
    store::{
        AcceptError, Accepted, Credential, Cursor, DeliveryFilter, DeliveryPage, Directory, DirectoryError,
        DueDestination, EventsError, Holder, Lease, LeasedMessage, Log, LoggedEvent, MessageHistory,
        NewDomain, NewMessage, NewUser, PageCursor, PauseScope, Queue, QueueSummary, Selector, Settled,
        Settlement, StoreError,
    },
    users::{self, SignIn},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// A right to send as `domain`.
pub(crate) fn right_for(domain: &str) -> SendRight {
    let world = World { domain: domain.parse().expect("a domain name") };
    let ports = Ports { store: &world, hasher: &world, clock: &world, randomness: &world };
    let attempt = SignIn {
        username: format!("app@{domain}"),
        password: Secret::new("any"),
        address: Ipv4Addr::LOCALHOST.into(),
        tls: "TLSv1.3".into(),
        mechanism: Mechanism::Plain,
        client: "test".into(),
    };
    // Nothing in it waits, so one poll is all.
    let mut login = pin!(users::login(ports, &world, attempt));
    match login.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(signed_in)) => signed_in.right,
        other => panic!("no sign-in: {other:?}"),
    }
}

struct World {
    domain: DomainName,
}

fn never() -> ! {
    panic!("a sign-in does not need this")
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl Randomness for World {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[async_trait]
impl Throttle for World {
    async fn admit(&self, _: IpAddr, _: &Username, _: Timestamp) -> Admission {
        Admission::Admitted
    }
    fn note(&self, _: IpAddr, _: &Username, _: bool, _: Timestamp) {}
    fn leave(&self, _: IpAddr, _: &Username) {}
}

#[async_trait]
impl PasswordHasher for World {
    fn generate(&self, _: &dyn Randomness) -> Secret {
        never()
    }
    async fn hash(&self, _: &Secret) -> Result<PasswordHash, HashError> {
        never()
    }
    async fn verify(&self, _: Option<&PasswordHash>, _: &Secret) -> Result<Verification, HashError> {
        Ok(Verification::Right { rehash: None })
    }
}

type Stored<T> = Result<T, StoreError>;
type Changed<T> = Result<T, DirectoryError>;

#[async_trait]
impl Directory for World {
    async fn credential(&self, username: &Username) -> Stored<Option<Credential>> {
        let at = self.now();
        let user = User {
            id: UserId::draw(at, self),
            domain: DomainId::draw(at, self),
            domain_name: self.domain.clone(),
            username: username.clone(),
            name: "App".parse().expect("a name"),
            state: UserState::Active,
            epoch: 1,
            created_at: at,
            last_connection: None,
        };
        Ok(Some(Credential {
            user,
            hash: PasswordHash::new("$argon2id$"),
            account: AccountId::DEFAULT,
            account_state: AccountState::Active,
        }))
    }

    async fn account(&self, _: AccountId) -> Stored<Option<Account>> {
        never()
    }
    async fn add_domain(&self, _: NewDomain, _: &Actor, _: Timestamp) -> Changed<Domain> {
        never()
    }
    async fn domain(&self, _: &DomainName) -> Stored<Option<Domain>> {
        never()
    }
    async fn domains(&self, _: Option<&DomainName>, _: usize) -> Stored<Vec<Domain>> {
        never()
    }
    async fn domain_keys(&self, _: DomainId) -> Stored<Vec<DomainKey>> {
        never()
    }
    async fn record_verification(&self, _: DomainId, _: DomainState, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn delete_domain(&self, _: DomainId, _: &Actor, _: Timestamp) -> Changed<u64> {
        never()
    }
    async fn add_user(&self, _: NewUser, _: &Actor, _: Timestamp) -> Changed<User> {
        never()
    }
    async fn user(&self, _: &Username) -> Stored<Option<User>> {
        never()
    }
    async fn users(&self, _: Option<DomainId>, _: Option<&Username>, _: usize) -> Stored<Vec<User>> {
        never()
    }
    async fn standing(&self, _: &SendRight) -> Stored<Standing> {
        never()
    }
    async fn rename_user(&self, _: UserId, _: &UserName, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn disable_user(&self, _: UserId, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn enable_user(&self, _: UserId, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn reset_password(&self, _: UserId, _: &PasswordHash, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn rehash(&self, _: UserId, _: u64, _: &PasswordHash, _: &PasswordHash) -> Stored<bool> {
        never()
    }
    async fn delete_user(&self, _: UserId, _: &Actor, _: Timestamp) -> Changed<()> {
        never()
    }
    async fn note_login(&self, _: UserId, _: &LastConnection) -> Stored<()> {
        never()
    }
}

#[async_trait]
impl Queue for World {
    fn has_room(&self) -> bool {
        never()
    }
    async fn accept(&self, _: &SendRight, _: NewMessage, _: Timestamp) -> Result<Accepted, AcceptError> {
        never()
    }
    async fn due_destinations(
        &self,
        _: Timestamp,
        _: Option<&Destination>,
        _: usize,
    ) -> Stored<Vec<DueDestination>> {
        never()
    }
    async fn next_due(&self) -> Stored<Option<Timestamp>> {
        never()
    }
    async fn lease(&self, _: &Destination, _: &Lease, _: Timestamp, _: usize) -> Stored<Vec<LeasedMessage>> {
        never()
    }
    async fn content(&self, _: MessageId) -> Stored<Option<Bytes>> {
        never()
    }
    async fn renew(&self, _: MessageId, _: &Lease) -> Stored<bool> {
        never()
    }
    async fn give_back(&self, _: &[DeliveryId], _: &Holder) -> Stored<()> {
        never()
    }
    async fn settle(&self, _: Settlement) -> Stored<Vec<Settled>> {
        never()
    }
    async fn set_aside(&self, _: MessageId, _: Timestamp) -> Stored<()> {
        never()
    }
    async fn take_back_leases(&self, _: &Holder) -> Stored<u64> {
        never()
    }
    async fn hold(&self, _: &Selector, _: &Actor, _: Timestamp) -> Stored<u64> {
        never()
    }
    async fn release(&self, _: &Selector, _: &Actor, _: Timestamp) -> Stored<u64> {
        never()
    }
    async fn retry(&self, _: &Selector, _: &Actor, _: Timestamp) -> Stored<u64> {
        never()
    }
    async fn cancel(&self, _: &Selector, _: &Actor, _: Timestamp) -> Stored<u64> {
        never()
    }
    async fn pause(&self, _: &PauseScope, _: &Actor, _: Timestamp) -> Stored<()> {
        never()
    }
    async fn resume(&self, _: &PauseScope, _: &Actor, _: Timestamp) -> Stored<()> {
        never()
    }
    async fn paused(&self) -> Stored<Vec<PauseScope>> {
        never()
    }
    async fn summary(&self) -> Stored<QueueSummary> {
        never()
    }
    async fn deliveries(&self, _: &DeliveryFilter, _: Option<&PageCursor>, _: usize) -> Stored<DeliveryPage> {
        never()
    }
    async fn message(&self, _: MessageId) -> Stored<Option<MessageHistory>> {
        never()
    }
    async fn message_of(&self, _: DeliveryId) -> Stored<Option<MessageId>> {
        never()
    }
    async fn sweep(&self, _: usize) -> Stored<u64> {
        never()
    }
}

#[async_trait]
impl Log for World {
    async fn events_after(&self, _: Option<&Cursor>, _: usize) -> Result<Vec<LoggedEvent>, EventsError> {
        never()
    }
    async fn events_end(&self) -> Stored<Cursor> {
        never()
    }
    async fn trim_events(&self, _: Timestamp, _: usize) -> Stored<u64> {
        never()
    }
}
