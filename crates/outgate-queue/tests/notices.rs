//! What senders hear: of failures, delays and successes, once, and never of what they were told.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Actor, Body, ByteBudget, Clock, DeliveryStatus, Destination, DomainId, DomainName, EmailAddress,
    Envelope, FailureClass, MessageId, NetworkPath, Notify, Recipient, Reply, ReturnContent, ReversePath,
    store::{DeliveryFilter, Holder, Queue, Selector, StoreError},
};
use outgate_queue::{
    Carried, Carrier, Claimed, Intake, Notices, Origin, Outcome, Parcel, RetryLaw, Runner, RunnerParts,
    SignError, Signer,
};
use outgate_store_conformance::{
    Sender, World,
    memory::MemoryStore,
    ports::{ManualClock, SeededRandomness},
};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

const HOUR: Duration = Duration::from_hours(1);

/// A world in which the local part of an address says what becomes of its mail.
struct Post {
    store: MemoryStore,
    dsn: bool,
    /// What arrived, by recipient.
    arrived: Mutex<Vec<(EmailAddress, Parcel)>>,
}

#[async_trait]
impl Carrier for Post {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        2
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        let reply = |code, text: &str| Reply { code, enhanced: None, lines: vec![text.to_owned()] };
        let mut outcomes = Vec::new();
        for delivery in &parcel.message.deliveries {
            let address = &delivery.recipient.address;
            outcomes.push(match address.local() {
                "cancelled" => {
                    let which = Selector::Delivery(delivery.id);
                    let now = parcel.message.accepted_at;
                    self.store.cancel(&which, &Actor::System, now).await.unwrap();
                    Outcome::Failed { class: FailureClass::Address, reply: None, reason: "no".into() }
                }
                "nobody" => Outcome::Failed {
                    class: FailureClass::Address,
                    reply: Some(reply(550, "who?")),
                    reason: "no such user".into(),
                },
                "later" => {
                    Outcome::Deferred { class: FailureClass::Greylisted, reply: None, reason: "later".into() }
                }
                _ => {
                    self.arrived.lock().unwrap().push((address.clone(), parcel.clone()));
                    Outcome::Delivered { reply: reply(250, "taken") }
                }
            });
        }
        Carried { path: NetworkPath::default(), dsn: self.dsn, outcomes }
    }
}

struct NoSigner;

#[async_trait]
impl Signer for NoSigner {
    async fn sign(
        &self,
        _: DomainId,
        name: &DomainName,
        _: MessageId,
        _: &Bytes,
    ) -> Result<Bytes, SignError> {
        Ok(format!("DKIM-Signature: d={name}\r\n").into())
    }
}

struct Bench {
    store: MemoryStore,
    sender: Sender,
    clock: Arc<ManualClock>,
    post: Arc<Post>,
    runner: Arc<Runner>,
    intake: Intake,
}

impl Bench {
    async fn new(dsn: bool) -> Self {
        let store = MemoryStore::new();
        let world = World::new(Arc::new(store.clone()));
        let sender = world.add_sender("example.test").await.unwrap();
        let clock = Arc::new(ManualClock::at(world.now()));
        let post = Arc::new(Post { store: store.clone(), dsn, arrived: Mutex::default() });
        let randomness = Arc::new(SeededRandomness::new(7));
        let runner = Runner::new(RunnerParts {
            store: Arc::new(store.clone()),
            carrier: Arc::clone(&post) as _,
            signer: Arc::new(NoSigner),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            randomness: Arc::clone(&randomness) as _,
            law: RetryLaw::default(),
            notices: Notices { hostname: "relay.test".into(), delay_after: 4 * HOUR },
            holder: Holder("bench".into()),
            budget: ByteBudget::new(1 << 20),
        });
        let intake = Intake::new(
            Arc::new(store.clone()),
            Arc::clone(&runner),
            Arc::clone(&clock) as Arc<dyn Clock>,
            randomness,
            "relay.test".into(),
        );
        Self { store, sender, clock, post, runner, intake }
    }

    /// Submits, and does what there is to do.
    async fn submit(&self, sender: &str, recipients: &[(&str, Option<Notify>)]) {
        self.accept(sender, recipients).await;
        self.work().await;
    }

    /// Submits from `sender`, empty for the null reverse path, to recipients with their wishes.
    async fn accept(&self, sender: &str, recipients: &[(&str, Option<Notify>)]) {
        let recipient = |(address, notify): &(&str, Option<Notify>)| Recipient {
            address: address.parse().unwrap(),
            notify: *notify,
            original: None,
        };
        let envelope = Envelope {
            reverse_path: match sender {
                "" => ReversePath::Null,
                sender => ReversePath::Address(sender.parse().unwrap()),
            },
            recipients: recipients.iter().map(recipient).collect(),
            body: Body::SevenBit,
            smtputf8: false,
            return_content: Some(ReturnContent::Full),
            envelope_id: Some("order-17".parse().unwrap()),
        };
        let claimed = Claimed {
            right: self.sender.right.clone(),
            envelope,
            content: Bytes::from_static(b"From: app@example.test\r\nSubject: hello\r\n\r\nthe text\r\n"),
            origin: Origin {
                address: Ipv4Addr::LOCALHOST.into(),
                client: "c.test".into(),
                esmtp: true,
                tls: None,
            },
            memory: ByteBudget::new(1000).open(),
        };
        self.intake.keep(claimed).await.unwrap();
    }

    /// Steps and runs until nothing is left to do now.
    async fn work(&self) {
        loop {
            let step = self.runner.step().await;
            if step.jobs.is_empty() {
                return;
            }
            for job in step.jobs {
                self.runner.run(job).await;
            }
        }
    }

    /// What arrived at an address, and takes it out of there.
    fn arrived_at(&self, address: &str) -> Vec<(Parcel, String)> {
        let address: EmailAddress = address.parse().unwrap();
        let mut all = self.post.arrived.lock().unwrap();
        let (here, rest) = std::mem::take(&mut *all).into_iter().partition(|(to, _)| *to == address);
        *all = rest;
        let here: Vec<(EmailAddress, Parcel)> = here;
        let text = |parcel: &Parcel| String::from_utf8(parcel.content.to_vec()).unwrap();
        here.into_iter().map(|(_, parcel)| (parcel.clone(), text(&parcel))).collect()
    }

    async fn rows(&self) -> usize {
        self.store.deliveries(&DeliveryFilter::default(), None, 1000).await.unwrap().rows.len()
    }
}

const APP: &str = "app@example.test";

const NEVER: Option<Notify> = Some(Notify { success: false, failure: false, delay: false });
const FAILURE: Option<Notify> = Some(Notify { success: false, failure: true, delay: false });
const ALL: Option<Notify> = Some(Notify { success: true, failure: true, delay: true });
const NOT_FAILURE: Option<Notify> = Some(Notify { success: true, failure: false, delay: true });

#[tokio::test]
async fn a_failure_comes_home_at_once_signed_and_from_nobody() {
    let bench = Bench::new(false).await;
    bench.submit(APP, &[("nobody@x.test", None), ("ann@x.test", None), ("cy@x.test", ALL)]).await;
    let heard = bench.arrived_at(APP);
    let [(parcel, text)] = heard.as_slice() else { panic!("one notification of one settlement: {heard:?}") };
    assert_eq!(parcel.message.reverse_path, ReversePath::Null);
    assert_eq!(parcel.message.domain_name.as_str(), "example.test");
    assert_eq!(parcel.signature, "DKIM-Signature: d=example.test\r\n");
    assert_eq!(parcel.message.deliveries[0].recipient.notify, NEVER, "nobody is told of it");
    for part in [
        "From: Mail Delivery System <postmaster@example.test>\r\n",
        "To: <app@example.test>\r\n",
        "Reporting-MTA: dns; relay.test\r\n",
        "Original-Envelope-Id: order-17\r\n",
        "Final-Recipient: rfc822; nobody@x.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 who?\r\n",
        "Final-Recipient: rfc822; cy@x.test\r\nAction: relayed\r\nStatus: 2.0.0\r\n",
        "\r\n\r\nthe text\r\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(!text.contains("ann@x.test"), "nothing was asked of her");
    assert_eq!(bench.rows().await, 4);
    assert_eq!(bench.runner.in_flight(), 0, "every permit came back");
}

#[tokio::test]
async fn silence_where_it_is_due() {
    let bench = Bench::new(false).await;
    bench.submit("", &[("nobody@x.test", ALL)]).await;
    bench.submit(APP, &[("nobody@x.test", NEVER), ("nobody@y.test", NOT_FAILURE)]).await;
    bench.submit(APP, &[("ann@x.test", None), ("later@x.test", None)]).await;
    assert!(bench.arrived_at(APP).is_empty());
    assert_eq!(bench.rows().await, 5, "no notification is kept either");
}

#[tokio::test]
async fn a_bounce_never_bounces() {
    let bench = Bench::new(false).await;
    bench.submit("nobody@example.test", &[("nobody@x.test", None)]).await;
    bench.clock.advance(100 * HOUR);
    bench.work().await;
    let page = bench.store.deliveries(&DeliveryFilter::default(), None, 10).await.unwrap();
    let statuses: Vec<_> = page.rows.iter().map(|row| (row.sender.to_string(), row.status)).collect();
    let ended = DeliveryStatus::HardBounced;
    assert_eq!(statuses, [(String::new(), ended), ("nobody@example.test".to_owned(), ended)]);
}

#[tokio::test]
async fn a_delay_is_told_once_and_its_end_again() {
    let bench = Bench::new(false).await;
    bench.submit(APP, &[("later@x.test", None), ("later@y.test", FAILURE)]).await;
    let mut heard = Vec::new();
    for hour in 0..90 {
        bench.work().await;
        heard.extend(bench.arrived_at(APP).into_iter().map(|(_, text)| (hour, text)));
        bench.clock.advance(HOUR);
    }
    let about = |action: &str, to: &str| {
        let told = format!("Final-Recipient: rfc822; {to}\r\nAction: {action}\r\n");
        heard.iter().filter(|(_, text)| text.contains(&told)).map(|(hour, _)| *hour).collect::<Vec<i32>>()
    };
    let delayed = about("delayed", "later@x.test");
    assert!(matches!(delayed.as_slice(), [4..=8]), "after four hours, once: {delayed:?}");
    assert!(about("delayed", "later@y.test").is_empty(), "not asked for");
    for to in ["later@x.test", "later@y.test"] {
        let failed = about("failed", to);
        assert!(matches!(failed.as_slice(), [72..=80]), "at its end, once: {failed:?}");
    }
    let (_, last) = heard.last().unwrap();
    assert!(last.contains("Status: 4.4.7\r\n"), "the time was over: {last}");
}

#[tokio::test]
async fn a_server_with_dsn_tells_of_success_itself() {
    let bench = Bench::new(true).await;
    bench.submit(APP, &[("ann@x.test", ALL), ("nobody@x.test", ALL)]).await;
    let heard = bench.arrived_at(APP);
    let [(_, text)] = heard.as_slice() else { panic!("one notification: {heard:?}") };
    assert!(text.contains("nobody@x.test") && !text.contains("relayed"), "{text}");
}

#[tokio::test]
async fn what_was_cancelled_meanwhile_is_not_told_and_the_rest_is() {
    let bench = Bench::new(false).await;
    bench.submit(APP, &[("cancelled@x.test", None), ("nobody@x.test", None)]).await;
    let heard = bench.arrived_at(APP);
    let [(_, text)] = heard.as_slice() else { panic!("one notification: {heard:?}") };
    assert!(text.contains("Final-Recipient: rfc822; nobody@x.test\r\n"), "{text}");
    assert!(!text.contains("cancelled@x.test"), "{text}");
}

#[tokio::test]
async fn a_store_that_fails_meanwhile_costs_no_notification_and_makes_no_second() {
    let bench = Bench::new(false).await;
    bench.accept(APP, &[("nobody@x.test", None)]).await;
    let job = bench.runner.step().await.jobs.pop().unwrap();
    bench.store.fail_with(Some(StoreError::Unavailable("disk".into())));
    bench.runner.run(job).await;
    assert_eq!(bench.runner.in_flight(), 1, "the permit stays with what is not recorded");
    bench.store.fail_with(None);
    for _ in 0..5 {
        bench.clock.advance(Duration::from_secs(2));
        bench.work().await;
    }
    assert_eq!(bench.arrived_at(APP).len(), 1);
    assert_eq!(bench.rows().await, 2);
}
