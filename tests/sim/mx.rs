//! The receiving side of the world: destinations with moods.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Destination, DomainId, DomainName, EmailAddress, FailureClass, MessageId, NetworkPath, Notify, Reply,
    ReversePath,
};
use outgate_queue::{Carried, Carrier, Outcome, Parcel, SignError, Signer};
use outgate_store_conformance::{
    memory::MemoryStore,
    ports::{ManualClock, SeededRandomness},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

/// What the receiving side saw and did, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) deferrals: u64,
    pub(crate) stalls: u64,
    pub(crate) lost_answers: u64,
    pub(crate) store_failures: u64,
}

/// What can be told: of which mark, of which recipient, what action.
type Tale = (String, EmailAddress, String);
/// Notifications, how often each arrived, and at whom.
type Notices = BTreeMap<MessageId, (u64, EmailAddress)>;

/// All destinations of the world.
pub(crate) struct Mx {
    pub(crate) chance: SeededRandomness,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryStore,
    /// How often each mark reached each recipient.
    pub(crate) received: Mutex<HashMap<(String, EmailAddress), u64>>,
    /// What senders were told: of each mark, recipient and action, each notification that was on its way, how often it
    /// arrived, and at whom.
    pub(crate) told: Mutex<HashMap<Tale, Notices>>,
    pub(crate) seen: Mutex<Seen>,
    /// While true, everything works: for the end of a world.
    pub(crate) calm: std::sync::atomic::AtomicBool,
}

fn reply(code: u16) -> Reply {
    Reply { code, enhanced: None, lines: vec!["said the world".into()] }
}

impl Mx {
    fn mark(content: &[u8]) -> String {
        let text = String::from_utf8_lossy(content);
        text.lines().find_map(|line| line.strip_prefix("mark=")).expect("a message of this world").to_owned()
    }

    /// What a notification tells: the mark of the original, and each recipient with what happened to it.
    fn tale(content: &[u8]) -> (String, Vec<(EmailAddress, String)>) {
        let text = String::from_utf8_lossy(content);
        // The last subject is that in the original's header.
        let mark =
            text.lines().rev().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject").to_owned();
        let recipients = text.lines().filter_map(|line| line.strip_prefix("Final-Recipient: rfc822; "));
        let actions = text.lines().filter_map(|line| line.strip_prefix("Action: "));
        let told =
            recipients.zip(actions).map(|(to, action)| (to.parse().expect("an address"), action.to_owned()));
        (mark, told.collect())
    }

    /// Notes a message, or the notification that it is.
    /// How many things a message tells: itself, or the fate of each recipient that a notification speaks of.
    fn tells(content: &[u8]) -> u64 {
        if content.starts_with(b"From: Mail Delivery System") {
            Self::tale(content).1.len() as u64
        } else {
            1
        }
    }

    fn note(&self, parcel: &Parcel, recipient: &EmailAddress, arrived: u64) {
        if !parcel.content.starts_with(b"From: Mail Delivery System") {
            *self
                .received
                .lock()
                .unwrap()
                .entry((Self::mark(&parcel.content), recipient.clone()))
                .or_default() += arrived;
            return;
        }
        assert_eq!(parcel.message.reverse_path, ReversePath::Null, "a notification comes from nobody");
        assert_eq!(
            parcel.message.deliveries[0].recipient.notify,
            Some(Notify::default()),
            "and asks for none"
        );
        let (mark, told) = Self::tale(&parcel.content);
        let mut all = self.told.lock().unwrap();
        for (whom, action) in told {
            let each = all.entry((mark.clone(), whom, action)).or_default();
            each.entry(parcel.message.message).or_insert((0, recipient.clone())).0 += arrived;
        }
    }
}

#[async_trait]
impl Carrier for Mx {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        2
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        tokio::task::yield_now().await; // where a crash finds it on its way
        let calm = self.calm.load(std::sync::atomic::Ordering::Relaxed);
        let mut outcomes = Vec::new();
        for delivery in &parcel.message.deliveries {
            let recipient = &delivery.recipient.address;
            self.note(parcel, recipient, 0);
            let mood = if calm { 0 } else { self.chance.below(12) };
            let mut seen = self.seen.lock().unwrap();
            outcomes.push(match (recipient.local(), mood) {
                ("nobody", _) => Outcome::Failed {
                    class: FailureClass::Address,
                    reply: Some(reply(550)),
                    reason: "unknown".into(),
                },
                (_, 1..=3) => {
                    seen.deferrals += 1;
                    Outcome::Deferred {
                        class: FailureClass::Greylisted,
                        reply: Some(reply(451)),
                        reason: "later".into(),
                    }
                }
                (_, 4) => {
                    // It took the message, and its answer got lost.
                    seen.lost_answers += Self::tells(&parcel.content);
                    self.note(parcel, recipient, 1);
                    Outcome::Deferred { class: FailureClass::Connection, reply: None, reason: "lost".into() }
                }
                (_, 5) => {
                    // It stalls for longer than a lease, and then takes the message.
                    seen.stalls += 1;
                    self.clock.advance(Duration::from_secs(self.chance.below(300) as u64));
                    self.note(parcel, recipient, 1);
                    Outcome::Delivered { reply: reply(250) }
                }
                _ => {
                    self.note(parcel, recipient, 1);
                    Outcome::Delivered { reply: reply(250) }
                }
            });
        }
        if !calm && self.chance.below(20) == 0 {
            // The disk fails before the outcome is written down.
            self.seen.lock().unwrap().store_failures += 1;
            self.store
                .fail_with(Some(outgate_core::store::StoreError::Unavailable("the world's disk".into())));
        }
        tokio::task::yield_now().await; // where a crash finds it delivered and not recorded
        Carried { path: NetworkPath::default(), dsn: false, outcomes }
    }
}

/// Signs nothing; signing is not the subject here.
pub(crate) struct NoSigner;

#[async_trait]
impl Signer for NoSigner {
    async fn sign(&self, _: DomainId, _: &DomainName, _: MessageId, _: &Bytes) -> Result<Bytes, SignError> {
        Ok(Bytes::new())
    }
}
