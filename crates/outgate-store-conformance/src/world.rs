//! A store among test ports: domains, users, sign-ins and messages in one call each.

use crate::{
    Failure,
    ports::{ManualClock, OpenThrottle, PlainHasher, SeededKeys, SeededRandomness},
};
use bytes::Bytes;
use outgate_core::{
    AccountId, Actor, Attempt, AttemptId, Body, Clock, DeliveryId, DeliveryStatus, Destination, Domain,
    FailureClass, Mechanism, MessageId, NetworkPath, PasswordHasher, Ports, Recipient, Reply, ReversePath,
    Secret, SendRight, Timestamp, User, Username, domains,
    store::{Holder, Lease, NewDelivery, NewMessage, SettledDelivery, Store},
    users::{self, LoginError, SignIn, SignedIn},
};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

/// How far [`World::tick`] moves the clock.
const TICK: Duration = Duration::from_secs(1);

/// A store among test ports. Worlds of the same seed draw the same ids, names and passwords.
pub struct World {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time; stands still unless moved.
    pub clock: ManualClock,
    /// Chance, by seed.
    pub randomness: SeededRandomness,
    /// A hasher that hides nothing.
    pub hasher: PlainHasher,
    /// Keys that sign nothing.
    pub keys: SeededKeys,
}

/// An SMTP user who has signed in.
#[derive(Debug)]
pub struct Sender {
    /// The user as it was made.
    pub user: User,
    /// Its password.
    pub password: String,
    /// The proof of its sign-in.
    pub right: SendRight,
}

impl World {
    /// A world around a store, of seed 1.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::seeded(store, 1)
    }

    /// A world around a store.
    pub fn seeded(store: Arc<dyn Store>, seed: u64) -> Self {
        Self {
            store,
            clock: ManualClock::default(),
            randomness: SeededRandomness::new(seed),
            hasher: PlainHasher::default(),
            keys: SeededKeys::new(seed),
        }
    }

    /// The ports, as use cases take them.
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            store: self.store.as_ref(),
            hasher: &self.hasher,
            clock: &self.clock,
            randomness: &self.randomness,
        }
    }

    /// Who does what operators do here.
    pub fn actor(&self) -> Actor {
        Actor::Operator { name: "tester".to_owned() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A second later.
    pub fn tick(&self) -> Timestamp {
        self.clock.advance(TICK)
    }

    /// Adds a domain that an operator vouches for.
    pub async fn add_domain(&self, name: &str) -> Result<Domain, Failure> {
        self.add_domain_with(name, true).await
    }

    /// Adds a domain that may not send yet.
    pub async fn add_unverified_domain(&self, name: &str) -> Result<Domain, Failure> {
        self.add_domain_with(name, false).await
    }

    async fn add_domain_with(&self, name: &str, trusted: bool) -> Result<Domain, Failure> {
        self.tick();
        let request = domains::AddDomain { account: AccountId::DEFAULT, name: name.parse()?, trusted };
        Ok(domains::add(self.ports(), &self.keys, &self.actor(), request).await?)
    }

    /// Adds an SMTP user to a domain, signs it in, and tells its password.
    pub async fn add_user(&self, domain: &str) -> Result<Sender, Failure> {
        self.tick();
        let request = users::AddUser { domain: domain.parse()?, name: "WordPress".parse()?, username: None };
        let issued = users::add(self.ports(), &self.actor(), request).await?;
        let password = issued.password.reveal().ok_or_else(|| Failure::new("the password is not text"))?;
        let right = self.sign_in(&issued.user.username, &password).await?.right;
        Ok(Sender { user: issued.user, password: password.to_string(), right })
    }

    /// Adds a trusted domain with one SMTP user, who signs in.
    pub async fn add_sender(&self, domain: &str) -> Result<Sender, Failure> {
        self.add_domain(domain).await?;
        self.add_user(domain).await
    }

    /// Signs in; notes nothing.
    pub async fn sign_in(&self, username: &Username, password: &str) -> Result<SignedIn, LoginError> {
        let attempt = attempt(username.as_str(), password);
        users::login(self.ports(), &OpenThrottle, attempt).await
    }

    /// A message of a signed-in user, a second later than what was before; each recipient's destination is its domain,
    /// and nothing is leased.
    pub fn message(&self, right: &SendRight, recipients: &[&str]) -> Result<NewMessage, Failure> {
        let at = self.tick();
        let deliveries = recipients.iter().map(|recipient| self.delivery(recipient));
        let sender = format!("sender@{}", right.domain_name()).parse()?;
        Ok(NewMessage {
            id: MessageId::draw(at, &self.randomness),
            reverse_path: ReversePath::Address(sender),
            body: Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
            subject: Some("A message".to_owned()),
            content: Bytes::from_static(b"Subject: A message\r\n\r\nHello.\r\n"),
            deliveries: deliveries.collect::<Result<_, Failure>>()?,
            lease: None,
        })
    }

    fn delivery(&self, recipient: &str) -> Result<NewDelivery, Failure> {
        let address: outgate_core::EmailAddress = recipient.parse()?;
        Ok(NewDelivery {
            id: DeliveryId::draw(self.now(), &self.randomness),
            destination: Destination::new(address.domain().as_str()),
            recipient: Recipient { address, notify: None, original: None },
            leased: false,
        })
    }

    /// A lease on behalf of `holder`, of a minute from now.
    pub fn lease(&self, holder: &str) -> Lease {
        Lease { holder: Holder(holder.into()), until: self.now() + Duration::from_mins(1) }
    }

    /// The outcome of an attempt made now that succeeded.
    pub fn delivered(&self, delivery: DeliveryId) -> SettledDelivery {
        self.outcome(delivery, DeliveryStatus::Delivered, None, 250, "accepted")
    }

    /// The outcome of an attempt made now that is to be repeated at `next`.
    pub fn deferred(&self, delivery: DeliveryId, next: Timestamp) -> SettledDelivery {
        self.outcome(delivery, DeliveryStatus::Deferred, Some(next), 451, "try again later")
    }

    /// The outcome of an attempt made now that ended the delivery.
    pub fn bounced(&self, delivery: DeliveryId) -> SettledDelivery {
        self.outcome(delivery, DeliveryStatus::HardBounced, None, 550, "no such user")
    }

    fn outcome(
        &self,
        delivery: DeliveryId,
        status: DeliveryStatus,
        next_attempt_at: Option<Timestamp>,
        code: u16,
        text: &str,
    ) -> SettledDelivery {
        let now = self.now();
        let class = match status {
            DeliveryStatus::Delivered => None,
            DeliveryStatus::Deferred => Some(FailureClass::Greylisted),
            _ => Some(FailureClass::Address),
        };
        let attempt = Attempt {
            id: AttemptId::draw(now, &self.randomness),
            started_at: now,
            ended_at: now,
            path: NetworkPath::default(),
            reply: Some(Reply { code, enhanced: None, lines: vec![text.to_owned()] }),
            class,
            reason: format!("the server said {code}"),
        };
        SettledDelivery { delivery, attempt, status, next_attempt_at, notified: false }
    }
}

/// Signs in with a password that a [`PlainHasher`] hashed, and returns the proof.
///
/// # Panics
/// When the sign-in is refused: for tests only.
pub async fn sign_in(store: &dyn Store, username: &Username, password: &str) -> SendRight {
    let (clock, randomness, hasher) =
        (ManualClock::default(), SeededRandomness::default(), PlainHasher::default());
    let ports =
        Ports { store, hasher: &hasher as &dyn PasswordHasher, clock: &clock, randomness: &randomness };
    match users::login(ports, &OpenThrottle, attempt(username.as_str(), password)).await {
        Ok(signed_in) => signed_in.right,
        Err(error) => panic!("{username} could not sign in: {error}"),
    }
}

fn attempt(username: &str, password: &str) -> SignIn {
    SignIn {
        username: username.to_owned(),
        password: Secret::new(password),
        address: Ipv4Addr::LOCALHOST.into(),
        tls: "TLSv1.3".to_owned(),
        mechanism: Mechanism::Plain,
        client: "client.test".to_owned(),
    }
}
