use super::*;
use bytes::Bytes;
use outgate_core::{Body, DomainId, MessageId, Reply, ReversePath, Timestamp, TlsUsed, store::LeasedMessage};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Carries as it was told to.
struct Told {
    carried: Mutex<Vec<Carried>>,
    closed: AtomicBool,
}

#[async_trait]
impl Carrier for Told {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        7
    }

    async fn carry(&self, _: &Parcel) -> Carried {
        self.carried.lock().unwrap().remove(0)
    }

    async fn close(&self) {
        self.closed.store(true, Relaxed);
    }
}

fn parcel() -> Parcel {
    let message = LeasedMessage {
        message: MessageId::draw(Timestamp::UNIX_EPOCH, &crate::SystemRandomness),
        domain: DomainId::draw(Timestamp::UNIX_EPOCH, &crate::SystemRandomness),
        domain_name: "example.com".parse().unwrap(),
        accepted_at: Timestamp::UNIX_EPOCH,
        reverse_path: ReversePath::Null,
        body: Body::SevenBit,
        smtputf8: false,
        return_content: None,
        envelope_id: None,
        size: 0,
        destination: Destination::new("example.net"),
        deliveries: Vec::new(),
    };
    Parcel { message, signature: Bytes::new(), content: Bytes::new() }
}

fn path(connected: bool, tls: Option<(&str, Option<bool>)>) -> NetworkPath {
    NetworkPath {
        address: connected.then(|| ([192, 0, 2, 1], 25).into()),
        tls: tls.map(|(version, verified)| TlsUsed {
            version: version.into(),
            cipher: "x".into(),
            verified,
            fault: None,
        }),
        ..NetworkPath::default()
    }
}

#[tokio::test]
async fn what_became_of_a_parcel_is_counted_and_passed_on() {
    let reply = Reply { code: 250, enhanced: None, lines: Vec::new() };
    let deferred = |class| Outcome::Deferred { class, reply: None, reason: String::new() };
    let failed = |class| Outcome::Failed { class, reply: None, reason: String::new() };
    let outcomes = vec![
        Outcome::Delivered { reply },
        failed(FailureClass::Address),
        deferred(FailureClass::Greylisted),
        deferred(FailureClass::Greylisted),
        failed(FailureClass::Other),
    ];
    let one = Carried { path: path(true, Some(("TLSv1.3", Some(true)))), dsn: false, outcomes };
    let two =
        Carried { path: path(false, None), dsn: true, outcomes: vec![deferred(FailureClass::Connection)] };
    let told = Arc::new(Told { carried: Mutex::new(vec![one.clone(), two]), closed: AtomicBool::new(false) });
    let metrics = Arc::new(Metrics::new());
    let carrier = CountedCarrier::new(Arc::clone(&told) as _, Arc::clone(&metrics));

    assert_eq!(carrier.destination(&"a@example.net".parse().unwrap()), Destination::new("example.net"));
    assert_eq!(carrier.concurrency(&Destination::new("example.net")), 7);
    assert_eq!(carrier.carry(&parcel()).await.outcomes, one.outcomes);
    assert!(carrier.carry(&parcel()).await.dsn);
    carrier.close().await;
    assert!(told.closed.load(Relaxed));

    let counts = &metrics.carrying;
    assert_eq!((counts.attempt.read().count, counts.delivered.read()), (2, 1));
    let by_class = |counters: &[Counter; CLASSES.len()]| {
        let counted = CLASSES.into_iter().zip(counters).filter(|(_, counter)| counter.read() > 0);
        counted.map(|(class, counter)| (word(class), counter.read())).collect::<Vec<_>>()
    };
    assert_eq!(by_class(&counts.deferred), [("greylisted", 2), ("connection", 1)]);
    assert_eq!(by_class(&counts.failed), [("address", 1), ("other", 1)]);
    let levels: Vec<_> = LEVELS
        .into_iter()
        .zip(&counts.attempts)
        .filter(|(_, count)| count.read() > 0)
        .map(|(level, _)| level)
        .collect();
    assert_eq!(levels, [("unconnected", "unknown"), ("TLSv1.3", "yes")]);
}

#[test]
fn each_way_has_its_level() {
    assert_eq!(LEVELS[level(&path(false, None))], ("unconnected", "unknown"));
    assert_eq!(LEVELS[level(&path(true, None))], ("none", "unknown"));
    for (version, told) in
        [("TLSv1.2", "TLSv1.2"), ("TLSv1.3", "TLSv1.3"), ("what a server made up", "other")]
    {
        for (verified, word) in [(Some(true), "yes"), (Some(false), "no"), (None, "unknown")] {
            assert_eq!(LEVELS[level(&path(true, Some((version, verified))))], (told, word));
        }
    }
}

#[test]
fn each_class_has_its_place_and_its_word() {
    for (place, class) in CLASSES.into_iter().enumerate() {
        assert_eq!(class as usize, place);
        assert_eq!(serde_json::to_value(class).unwrap(), word(class));
    }
}
