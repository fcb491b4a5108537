//! Counts what comes in, before the service that handles it.

use super::{
    Metrics,
    measure::{Counter, Histogram},
};
use async_trait::async_trait;
use outgate_core::{EmailAddress, ReversePath, SendRight};
use outgate_listen::{Attempt, Closer, Handler, Peer, Service};
use outgate_smtp::server::{ClientFacts, Config, QueuedAs, Refusal, Transaction};
use std::{sync::Arc, time::Instant};

/// How a sign-in can end.
pub(super) const SIGN_INS: [&str; 5] = ["accepted", "refused", "throttled", "busy", "unavailable"];

/// What came in. Refusals are counted by the listeners, which say them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By [`SIGN_INS`].
    pub(super) sign_ins: [Counter; SIGN_INS.len()],
    pub(super) messages: Counter,
    pub(super) recipients: Counter,
    pub(super) bytes: Counter,
    pub(super) acceptance: Histogram,
}

/// A service, counted.
pub(crate) struct CountedService {
    inner: Arc<dyn Service>,
    metrics: Arc<Metrics>,
}

impl CountedService {
    /// Counts at `inner`.
    pub(crate) fn new(inner: Arc<dyn Service>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

impl Service for CountedService {
    fn config(&self) -> Arc<Config> {
        self.inner.config()
    }

    fn open(&self, peer: &Peer, closer: Closer) -> Box<dyn Handler> {
        Box::new(CountedHandler { inner: self.inner.open(peer, closer), metrics: Arc::clone(&self.metrics) })
    }
}

struct CountedHandler {
    inner: Box<dyn Handler>,
    metrics: Arc<Metrics>,
}

#[async_trait]
impl Handler for CountedHandler {
    async fn sign_in(&mut self, attempt: Attempt, client: &ClientFacts) -> Result<SendRight, Refusal> {
        let answer = self.inner.sign_in(attempt, client).await;
        self.metrics.taking.sign_ins[result(&answer)].one();
        answer
    }

    async fn mail(&mut self, sender: &ReversePath, client: &ClientFacts) -> Result<(), Refusal> {
        self.inner.mail(sender, client).await
    }

    async fn recipient(&mut self, recipient: &EmailAddress, client: &ClientFacts) -> Result<(), Refusal> {
        self.inner.recipient(recipient, client).await
    }

    async fn keep(&mut self, transaction: Transaction) -> Result<QueuedAs, Refusal> {
        let (recipients, bytes) = (transaction.envelope.recipients.len(), transaction.content.len());
        let began = Instant::now();
        let answer = self.inner.keep(transaction).await;
        if answer.is_ok() {
            let counts = &self.metrics.taking;
            counts.acceptance.observe(began.elapsed());
            counts.messages.one();
            counts.recipients.add(recipients);
            counts.bytes.add(bytes);
        }
        answer
    }
}

/// Which of [`SIGN_INS`] an answer is.
fn result(answer: &Result<SendRight, Refusal>) -> usize {
    match answer {
        Ok(_) => 0,
        Err(Refusal::BadCredentials) => 1,
        Err(Refusal::SignInThrottled) => 2,
        Err(Refusal::SignInBusy) => 3,
        Err(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use outgate_core::{Body, ByteBudget, Envelope, Mechanism, Recipient, Secret};
    use outgate_smtp::Limits;
    use outgate_store_conformance::{MemoryStore, World};
    use std::{collections::VecDeque, net::Ipv4Addr, sync::Mutex};

    /// Answers as it was told to.
    #[derive(Default)]
    struct Told {
        sign_ins: Arc<Mutex<VecDeque<Result<SendRight, Refusal>>>>,
        keeps: Arc<Mutex<VecDeque<Result<QueuedAs, Refusal>>>>,
    }

    impl Service for Told {
        fn config(&self) -> Arc<Config> {
            let (limits, budget) = (Limits::default(), ByteBudget::new(0));
            Arc::new(Config { hostname: "relay.test".into(), limits, starttls: false, auth: true, budget })
        }

        fn open(&self, _: &Peer, _: Closer) -> Box<dyn Handler> {
            Box::new(Self { sign_ins: Arc::clone(&self.sign_ins), keeps: Arc::clone(&self.keeps) })
        }
    }

    #[async_trait]
    impl Handler for Told {
        async fn sign_in(&mut self, _: Attempt, _: &ClientFacts) -> Result<SendRight, Refusal> {
            self.sign_ins.lock().unwrap().pop_front().unwrap()
        }

        async fn mail(&mut self, _: &ReversePath, _: &ClientFacts) -> Result<(), Refusal> {
            Err(Refusal::StoreFull)
        }

        async fn recipient(&mut self, _: &EmailAddress, _: &ClientFacts) -> Result<(), Refusal> {
            Err(Refusal::BarePostmaster)
        }

        async fn keep(&mut self, _: Transaction) -> Result<QueuedAs, Refusal> {
            self.keeps.lock().unwrap().pop_front().unwrap()
        }
    }

    fn client() -> ClientFacts {
        let address = Ipv4Addr::LOCALHOST.into();
        ClientFacts { address, client: String::new(), esmtp: true, tls: None, mechanism: None }
    }

    fn transaction(recipients: usize, content: &'static [u8]) -> Transaction {
        let recipient = |n| Recipient {
            address: format!("r{n}@example.net").parse().unwrap(),
            notify: None,
            original: None,
        };
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            recipients: (0..recipients).map(recipient).collect(),
            body: Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
        };
        let reservation = ByteBudget::new(0).open();
        Transaction {
            right: None,
            envelope,
            content: Bytes::from_static(content),
            reservation,
            client: client(),
        }
    }

    #[tokio::test]
    async fn what_is_answered_is_counted_and_passed_on() {
        let world = World::new(Arc::new(MemoryStore::new()));
        let right = world.add_sender("example.com").await.unwrap().right;
        let told = Told::default();
        let answers = [
            (Ok(right), "accepted"),
            (Err(Refusal::BadCredentials), "refused"),
            (Err(Refusal::SignInThrottled), "throttled"),
            (Err(Refusal::SignInBusy), "busy"),
            (Err(Refusal::SignInUnavailable), "unavailable"),
            (Err(Refusal::BadCredentials), "refused"),
        ];
        told.sign_ins.lock().unwrap().extend(answers.iter().map(|(answer, _)| answer.clone()));
        let kept = [Ok(QueuedAs("one".into())), Err(Refusal::StoreFull), Ok(QueuedAs("two".into()))];
        told.keeps.lock().unwrap().extend(kept.clone());

        let metrics = Arc::new(Metrics::new());
        let service = CountedService::new(Arc::new(told), Arc::clone(&metrics));
        assert_eq!(service.config().hostname, "relay.test");
        let here = (Ipv4Addr::LOCALHOST, 1).into();
        let mut handler = service.open(&Peer { remote: here, local: here }, Closer::default());
        for (answer, _) in &answers {
            let attempt =
                Attempt { mechanism: Mechanism::Plain, username: String::new(), password: Secret::new(b"x") };
            assert_eq!(&handler.sign_in(attempt, &client()).await, answer);
        }
        assert_eq!(handler.mail(&ReversePath::Null, &client()).await, Err(Refusal::StoreFull));
        let recipient = "a@example.net".parse().unwrap();
        assert_eq!(handler.recipient(&recipient, &client()).await, Err(Refusal::BarePostmaster));
        for (answer, recipients) in kept.into_iter().zip([3, 5, 1]) {
            assert_eq!(handler.keep(transaction(recipients, b"12345678\r\n")).await, answer);
        }

        let counts = &metrics.taking;
        for (count, word) in counts.sign_ins.iter().zip(SIGN_INS) {
            let expected = answers.iter().filter(|(_, named)| *named == word).count();
            assert_eq!(count.read(), expected as u64, "{word}");
        }
        let read = (counts.messages.read(), counts.recipients.read(), counts.bytes.read());
        assert_eq!(read, (2, 4, 20), "what was refused is not counted");
        assert_eq!(counts.acceptance.read().count, 2);
    }
}
