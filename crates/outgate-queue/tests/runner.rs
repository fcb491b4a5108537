//! The runner and intake over the reference store: what is handed over, what waits in the store, what a failing store
//! and damaged bytes do.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    ByteBudget, Clock, DeliveryStatus, Destination, DomainId, DomainName, EmailAddress, Envelope, MessageId,
    NetworkPath, Recipient, Recording, Reply, ReversePath, Transcript,
    store::{DeliveryFilter, Holder, PauseScope, Queue, StoreError},
};
use outgate_queue::{
    Carried, Carrier, Claimed, Intake, IntakeError, Notices, Origin, Outcome, Parcel, RetryLaw, Runner,
    RunnerParts, SignError, Signer,
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

/// Takes everything, two parcels at a time, and keeps what it was given; but it does not come to who is called `late`.
#[derive(Default)]
struct Taker(Mutex<Vec<Parcel>>);

#[async_trait]
impl Carrier for Taker {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        2
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        self.0.lock().unwrap().push(parcel.clone());
        let reply = Reply { code: 250, enhanced: None, lines: vec!["taken".into()] };
        let outcomes = parcel.message.deliveries.iter().map(|delivery| {
            let late = delivery.recipient.address.to_string().starts_with("late@");
            if late { Outcome::Untried } else { Outcome::Delivered { reply: reply.clone() } }
        });
        let mut recording = Recording::default();
        recording.note("carried");
        let path = NetworkPath { transcript: recording.finish(), ..NetworkPath::default() };
        Carried { path, dsn: false, outcomes: outcomes.collect() }
    }
}

struct Mark;

#[async_trait]
impl Signer for Mark {
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
    world: World,
    sender: Sender,
    clock: Arc<ManualClock>,
    taker: Arc<Taker>,
    runner: Arc<Runner>,
    intake: Intake,
}

impl Bench {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let world = World::new(Arc::new(store.clone()));
        let sender = world.add_sender("example.test").await.unwrap();
        let clock = Arc::new(ManualClock::at(world.now()));
        let taker = Arc::new(Taker::default());
        let randomness = Arc::new(SeededRandomness::new(7));
        let runner = Runner::new(RunnerParts {
            store: Arc::new(store.clone()),
            carrier: Arc::clone(&taker) as Arc<dyn Carrier>,
            signer: Arc::new(Mark),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            randomness: Arc::clone(&randomness) as _,
            law: RetryLaw::default(),
            notices: Notices { hostname: "relay.test".into(), delay_after: Duration::from_hours(4) },
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
        Self { store, world, sender, clock, taker, runner, intake }
    }

    async fn submit(&self, from: &str, recipients: &[&str]) -> Result<MessageId, IntakeError> {
        let recipients = recipients
            .iter()
            .map(|r| Recipient { address: r.parse().unwrap(), notify: None, original: None })
            .collect();
        let envelope = Envelope {
            reverse_path: ReversePath::Address("app@example.test".parse().unwrap()),
            recipients,
            body: outgate_core::Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
        };
        let claimed = Claimed {
            right: self.sender.right.clone(),
            envelope,
            content: format!("From: {from}\r\nBcc: secret@b.test\r\n\r\nhello\r\n").into(),
            origin: Origin {
                address: Ipv4Addr::LOCALHOST.into(),
                client: "c.test".into(),
                esmtp: true,
                tls: None,
            },
            memory: ByteBudget::new(1000).open(),
        };
        self.intake.keep(claimed).await
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

    async fn statuses(&self) -> Vec<DeliveryStatus> {
        let page = self.store.deliveries(&DeliveryFilter::default(), None, 1000).await.unwrap();
        page.rows.iter().map(|row| row.status).collect()
    }
}

#[tokio::test]
async fn what_is_accepted_is_carried_at_once_signed_and_without_bcc() {
    let bench = Bench::new().await;
    bench.submit("<app@example.test>", &["a@x.test", "b@x.test", "c@y.test"]).await.unwrap();
    bench.work().await;
    let parcels = bench.taker.0.lock().unwrap().clone();
    let mut sizes: Vec<usize> = parcels.iter().map(|parcel| parcel.message.deliveries.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2], "one parcel a destination, its recipients together");
    for parcel in &parcels {
        let text = String::from_utf8(parcel.content.to_vec()).unwrap();
        assert!(text.starts_with("Received: from c.test"), "{text}");
        assert!(!text.contains("Bcc"), "{text}");
        assert_eq!(parcel.signature, "DKIM-Signature: d=example.test\r\n");
    }
    assert_eq!(bench.statuses().await, [DeliveryStatus::Delivered; 3]);
    assert_eq!(bench.runner.in_flight(), 0, "every permit came back");
}

#[tokio::test]
async fn recipients_that_were_tried_together_share_a_transcript() {
    let bench = Bench::new().await;
    let to = ["a@b.test", "b@b.test", "c@b.test"];
    let message = bench.submit("app@example.test", &to).await.unwrap();
    bench.work().await;
    let history = bench.store.message(message).await.unwrap().unwrap();
    let first = history.deliveries[0].delivery;
    let transcript = |n: usize| {
        let of = history.deliveries[n].delivery;
        let (_, attempt) = history.attempts.iter().find(|(delivery, _)| *delivery == of).unwrap();
        attempt.path.transcript.clone()
    };
    assert_eq!(transcript(0).lines().collect::<Vec<_>>(), ["* carried"]);
    assert_eq!([transcript(1), transcript(2)], [Transcript::With(first), Transcript::With(first)]);
}

#[tokio::test]
async fn a_from_of_another_domain_is_refused_and_nothing_is_kept() {
    let bench = Bench::new().await;
    for from in ["<app@sub.example.test>", "<app@example.org>", "<a@example.test>, <b@example.org>"] {
        let refused = bench.submit(from, &["a@x.test"]).await.unwrap_err();
        assert!(matches!(refused, IntakeError::From(_)), "{from}: {refused:?}");
    }
    assert!(bench.statuses().await.is_empty());
}

#[tokio::test]
async fn a_backlog_waits_in_the_store_and_is_drained() {
    let bench = Bench::new().await;
    for _ in 0..10 {
        bench.submit("<app@example.test>", &["a@x.test"]).await.unwrap();
    }
    assert_eq!(bench.runner.in_flight(), 2, "the rest waits on disk");
    bench.work().await;
    assert_eq!(bench.statuses().await, [DeliveryStatus::Delivered; 10]);
}

#[tokio::test]
async fn a_pause_keeps_and_a_resume_releases() {
    let bench = Bench::new().await;
    let actor = bench.world.actor();
    bench.store.pause(&PauseScope::Everything, &actor, bench.clock.now()).await.unwrap();
    bench.submit("<app@example.test>", &["a@x.test"]).await.unwrap();
    bench.work().await;
    assert_eq!(bench.statuses().await, [DeliveryStatus::Pending]);
    bench.store.resume(&PauseScope::Everything, &actor, bench.clock.now()).await.unwrap();
    bench.clock.advance(Duration::from_secs(2)); // the runner looks once a second
    bench.work().await;
    assert_eq!(bench.statuses().await, [DeliveryStatus::Delivered]);
}

#[tokio::test]
async fn a_store_that_fails_to_settle_is_asked_again_and_nothing_is_sent_twice() {
    let bench = Bench::new().await;
    bench.submit("<app@example.test>", &["a@x.test"]).await.unwrap();
    let mut jobs = bench.runner.step().await.jobs;
    bench.store.fail_with(Some(StoreError::Unavailable("disk".into())));
    bench.runner.run(jobs.pop().unwrap()).await;
    assert_eq!(bench.runner.in_flight(), 1, "the permit stays with what is not recorded");
    bench.store.fail_with(None);
    // Longer than a lease: it must have been renewed on the way.
    for _ in 0..40 {
        bench.clock.advance(Duration::from_secs(2));
        bench.work().await;
    }
    assert_eq!(bench.statuses().await, [DeliveryStatus::Delivered]);
    assert_eq!(bench.taker.0.lock().unwrap().len(), 1);
    assert_eq!(bench.runner.in_flight(), 0);
}

#[tokio::test]
async fn a_damaged_message_is_set_aside_and_the_rest_goes_on() {
    let bench = Bench::new().await;
    let actor = bench.world.actor();
    bench.store.pause(&PauseScope::Everything, &actor, bench.clock.now()).await.unwrap();
    let damaged = bench.submit("<app@example.test>", &["a@x.test"]).await.unwrap();
    bench.submit("<app@example.test>", &["b@x.test"]).await.unwrap();
    bench.store.damage_content(damaged);
    bench.store.resume(&PauseScope::Everything, &actor, bench.clock.now()).await.unwrap();
    bench.clock.advance(Duration::from_secs(2));
    bench.work().await;
    let mut statuses = bench.statuses().await;
    statuses.sort_by_key(|status| status.as_str());
    assert_eq!(statuses, [DeliveryStatus::Delivered, DeliveryStatus::Held]);
}

/// Who was not tried costs no attempt, and is due again.
#[tokio::test]
async fn what_was_not_tried_is_given_back() {
    let bench = Bench::new().await;
    bench.submit("<app@example.test>", &["late@x.test", "a@x.test", "late@y.test"]).await.unwrap();
    for job in bench.runner.step().await.jobs {
        bench.runner.run(job).await;
    }
    let page = bench.store.deliveries(&DeliveryFilter::default(), None, 1000).await.unwrap();
    let mut found: Vec<_> =
        page.rows.iter().map(|row| (row.recipient.to_string(), row.status, row.attempts)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("a@x.test".to_owned(), DeliveryStatus::Delivered, 1),
        ("late@x.test".to_owned(), DeliveryStatus::Pending, 0),
        ("late@y.test".to_owned(), DeliveryStatus::Pending, 0),
    ];
    assert_eq!(found, expected);
    assert_eq!(bench.runner.in_flight(), 0);
    let due = bench.store.due_destinations(bench.clock.now(), None, 10).await.unwrap();
    assert_eq!(due.len(), 2, "both are due");
}
