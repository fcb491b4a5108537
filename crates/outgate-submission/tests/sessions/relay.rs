//! Submission behind a listener, over the store in memory.

use crate::client::Client;
use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Actor, ByteBudget, Destination, DomainId, DomainName, EmailAddress, MessageId, Ports,
    store::{DeliveryFilter, Holder, Store},
};
use outgate_listen::{Certificates, Counters, Listeners, Opening, Rules, Tls, self_signed};
use outgate_queue::{
    Carried, Carrier, Intake, Notices, Parcel, RetryLaw, Runner, RunnerParts, SignError, Signer,
};
use outgate_smtp::{Limits, server::Config};
use outgate_store_conformance::{
    MemoryStore, Sender, World,
    ports::{ManualClock, OpenThrottle, PlainHasher, SeededRandomness},
};
use outgate_submission::{Parts, Submission};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_util::sync::CancellationToken;

/// Carries nothing: what is kept stays in the store.
struct Nowhere;

#[async_trait]
impl Carrier for Nowhere {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        0
    }

    async fn carry(&self, _: &Parcel) -> Carried {
        unreachable!("there is no permit")
    }
}

#[async_trait]
impl Signer for Nowhere {
    async fn sign(&self, _: DomainId, _: &DomainName, _: MessageId, _: &Bytes) -> Result<Bytes, SignError> {
        unreachable!("nothing is carried")
    }
}

/// A relay that takes mail and keeps it.
pub(crate) struct Relay {
    pub(crate) memory: MemoryStore,
    pub(crate) world: World,
    pub(crate) submission: Arc<Submission>,
    address: SocketAddr,
    trust: Arc<ClientConfig>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Relay {
    pub(crate) fn new() -> Self {
        let memory = MemoryStore::new();
        let store: Arc<dyn Store> = Arc::new(memory.clone());
        let world = World::new(Arc::clone(&store));
        let (clock, randomness) =
            (Arc::new(ManualClock::at(world.now())), Arc::new(SeededRandomness::new(2)));
        let budget = ByteBudget::new(64 << 20);
        let nowhere = Arc::new(Nowhere);
        let runner = Runner::new(RunnerParts {
            store: Arc::clone(&store),
            carrier: nowhere.clone(),
            signer: nowhere,
            clock: clock.clone(),
            randomness: randomness.clone(),
            law: RetryLaw::default(),
            notices: Notices { hostname: "relay.test".into(), delay_after: Duration::from_hours(4) },
            holder: Holder("test".into()),
            budget: Arc::clone(&budget),
        });
        let hostname = "relay.test".to_owned();
        let intake =
            Intake::new(Arc::clone(&store), runner, clock.clone(), randomness.clone(), hostname.clone());
        let config = Config { hostname, limits: Limits::default(), starttls: true, auth: true, budget };
        let submission = Submission::new(Parts {
            config: Arc::new(config),
            store,
            hasher: Arc::new(PlainHasher::default()),
            throttle: Arc::new(OpenThrottle),
            clock,
            randomness,
            intake: Arc::new(intake),
        });
        let (folder, tls, trust) = identity();
        let mut listeners = Listeners::new(Rules::default(), Arc::new(Counters::default()));
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let address = listeners.open(anywhere, Opening::Clear, submission.clone(), Some(tls)).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move {
                let drained = listeners.run(stop, Duration::from_secs(5)).await;
                assert_eq!(drained.left, 0);
            }
        });
        Self { memory, world, submission, address, trust, stop, running, _folder: folder }
    }

    /// Has open sessions cut off from now on.
    pub(crate) fn cut_off(&self) {
        let (submission, stop) = (Arc::clone(&self.submission), self.stop.clone());
        tokio::spawn(async move { submission.cut_off(&Notify::new(), stop).await });
    }

    /// A client inside TLS.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address, &self.trust).await
    }

    /// A client that has signed in.
    pub(crate) async fn signed_in(&self, sender: &Sender) -> Client {
        let mut client = self.client().await;
        client.signs_in(sender.user.username.as_str(), &sender.password, "235").await;
        client
    }

    /// A trusted domain `example.com` with one SMTP user.
    pub(crate) async fn sender(&self) -> Sender {
        self.world.add_sender("example.com").await.unwrap()
    }

    pub(crate) fn ports(&self) -> Ports<'_> {
        self.world.ports()
    }

    pub(crate) fn actor(&self) -> Actor {
        self.world.actor()
    }

    /// Messages that were kept.
    pub(crate) async fn kept(&self) -> usize {
        let page = self.world.store.deliveries(&DeliveryFilter::default(), None, 100).await.unwrap();
        page.rows.len()
    }

    /// Stops; everything that was to be written is.
    pub(crate) async fn stopped(self) -> World {
        self.stop.cancel();
        self.running.await.unwrap();
        assert!(self.submission.settle(Duration::from_secs(5)).await);
        self.world
    }
}

fn identity() -> (tempfile::TempDir, Arc<Tls>, Arc<ClientConfig>) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = self_signed(&["relay.test".to_owned()]).unwrap();
    std::fs::write(&key, made.private_key.reveal().unwrap().as_bytes()).unwrap();
    std::fs::write(&certificate, made.certificate).unwrap();
    let tls = Tls::new(Certificates::load(&certificate, &key).unwrap()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate).unwrap()).unwrap();
    let trust = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (folder, tls, Arc::new(trust))
}
