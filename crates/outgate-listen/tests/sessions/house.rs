//! Listeners with a handler that says yes to everything and remembers what it was asked.

use crate::client::Client;
use async_trait::async_trait;
use outgate_core::{ByteBudget, EmailAddress, ReversePath, SendRight};
use outgate_listen::{
    Attempt, Certificates, Closer, Counters, Drained, Handler, Listeners, Opening, Peer, Rules, Service, Tls,
    self_signed,
};
use outgate_smtp::{
    Limits,
    server::{ClientFacts, Config, QueuedAs, Refusal, Transaction},
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_util::sync::CancellationToken;

/// Says yes to everything.
pub(crate) struct Desk {
    config: Arc<Config>,
    pub(crate) seen: Arc<Seen>,
}

/// What the handlers were asked.
pub(crate) struct Seen {
    pub(crate) sessions: Mutex<Vec<(Peer, Closer)>>,
    pub(crate) kept: Mutex<Vec<Transaction>>,
    /// Without a permit no message is kept.
    pub(crate) may_keep: Semaphore,
    /// One permit for each message that is being kept.
    pub(crate) keeping: Semaphore,
}

impl Seen {
    /// The closer of the newest session.
    pub(crate) fn closer(&self) -> Closer {
        self.sessions.lock().unwrap().last().unwrap().1.clone()
    }

    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.sessions.lock().unwrap().iter().map(|(peer, _)| *peer).collect()
    }
}

impl Service for Desk {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    fn open(&self, peer: &Peer, closer: Closer) -> Box<dyn Handler> {
        self.seen.sessions.lock().unwrap().push((*peer, closer));
        Box::new(Clerk(Arc::clone(&self.seen)))
    }
}

struct Clerk(Arc<Seen>);

#[async_trait]
impl Handler for Clerk {
    async fn sign_in(&mut self, _: Attempt, _: &ClientFacts) -> Result<SendRight, Refusal> {
        Err(Refusal::BadCredentials)
    }

    async fn mail(&mut self, _: &ReversePath, _: &ClientFacts) -> Result<(), Refusal> {
        Ok(())
    }

    async fn recipient(&mut self, _: &EmailAddress, _: &ClientFacts) -> Result<(), Refusal> {
        Ok(())
    }

    async fn keep(&mut self, transaction: Transaction) -> Result<QueuedAs, Refusal> {
        self.0.keeping.add_permits(1);
        let permit = self.0.may_keep.acquire().await.unwrap();
        drop(permit);
        self.0.kept.lock().unwrap().push(transaction);
        Ok(QueuedAs("1".to_owned()))
    }
}

/// Running listeners: one in clear with STARTTLS, one inside TLS.
pub(crate) struct House {
    pub(crate) clear: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Drained>,
    pub(crate) certificates: Arc<Certificates>,
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Rules::default())
    }

    pub(crate) fn with(rules: Rules) -> Self {
        Self::at("127.0.0.1:0", rules, Duration::from_secs(10))
    }

    /// How often a refusal was said.
    pub(crate) fn said(&self, code: &str) -> u64 {
        self.counters.refusals().into_iter().find(|(short, _)| *short == code).unwrap().1
    }

    pub(crate) fn at(address: &str, rules: Rules, grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_pair(&folder);
        let certificates =
            Certificates::load(&folder.path().join("cert.pem"), &folder.path().join("key.pem")).unwrap();
        let tls = Tls::new(Arc::clone(&certificates)).unwrap();
        let config = Config {
            hostname: "relay.test".to_owned(),
            limits: Limits::default(),
            starttls: true,
            auth: false,
            budget: ByteBudget::new(1 << 20),
        };
        let seen = Arc::new(Seen {
            sessions: Mutex::default(),
            kept: Mutex::default(),
            may_keep: Semaphore::new(1),
            keeping: Semaphore::new(0),
        });
        let desk = Arc::new(Desk { config: Arc::new(config), seen: Arc::clone(&seen) });
        let counters = Arc::new(Counters::default());
        let mut listeners = Listeners::new(rules, Arc::clone(&counters));
        let mut open = |opening| {
            listeners.open(address.parse().unwrap(), opening, desk.clone(), Some(Arc::clone(&tls))).unwrap()
        };
        let (clear, tls) = (open(Opening::Clear), open(Opening::Tls));
        let stop = CancellationToken::new();
        let running = tokio::spawn(listeners.run(stop.clone(), grace));
        Self { clear, tls, seen, counters, stop, running, certificates, folder }
    }

    /// Makes another certificate, in the same files.
    pub(crate) fn renew_certificate(&self) {
        write_pair(&self.folder);
    }

    pub(crate) fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// What a client needs to trust the certificate as it is now.
    pub(crate) fn trust(&self) -> Arc<ClientConfig> {
        self.trust_with(&[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    pub(crate) fn trust_with(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.certificate_file()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    /// A client that was greeted in clear.
    pub(crate) async fn client(&self) -> Client {
        Client::greeted(self.clear).await
    }

    /// A client that was greeted inside TLS.
    pub(crate) async fn tls_client(&self) -> Client {
        let mut client = Client::connect(self.tls).await.start_tls(&self.trust()).await;
        client.hears("220").await;
        client
    }

    /// Stops, and waits for the end.
    pub(crate) async fn drained(self) -> Drained {
        self.stop.cancel();
        self.running.await.unwrap()
    }
}

fn write_pair(folder: &tempfile::TempDir) {
    let made = self_signed(&["relay.test".to_owned()]).unwrap();
    let key = made.private_key.reveal().unwrap();
    std::fs::write(folder.path().join("key.pem"), key.as_bytes()).unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.certificate).unwrap();
}
