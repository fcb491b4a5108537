//! The running relay: everything wired, started in order, and ended in order.

mod places;
mod settings;

use crate::{
    Config, ConfigError, OpenError, Opening,
    admin::{self, open_store},
    driver, http,
    identity::{self, IdentityError},
    keys::{self, KeySigner, SealedKeys},
    master_key::MasterKeyError,
    metrics::{CountedCarrier, CountedService, Metrics, Observed},
    route::{self, RouteError},
    system::{SystemClock, SystemRandomness},
};
use outgate_auth::{Hasher, HasherError, MasterKey};
use outgate_core::{
    ByteBudget, Clock, KeyMaker, Ports, Randomness, Resolve,
    store::{Holder, Store, StoreError},
};
use outgate_listen::{Certificates, Counters, Listeners, Opening as Door, Service, Tls, TlsError};
use outgate_queue::{Carrier, Intake, Runner, RunnerParts};
use outgate_store_sqlite::{LockError, ServeLock};
use outgate_submission::{Parts, Submission};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// How long open transactions may take to finish once the relay stops.
const SUBMISSION_GRACE: Duration = Duration::from_secs(10);
/// How long sign-ins may take to be written down after that.
const NOTES_GRACE: Duration = Duration::from_secs(3);
/// How long deliveries on their way may take to finish after that; the rest is made again after the start.
const DELIVERY_GRACE: Duration = Duration::from_secs(10);

/// How long the background work (HTTP, sweeping, watching) may take to end after that.
const REST_GRACE: Duration = Duration::from_secs(3);

/// Why the relay did not start. Nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store was not opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// Another relay serves this data folder.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// There is no certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The way out could not be set up.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The password hasher did not start.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// An address could not be listened on.
    #[error(transparent)]
    Listen(#[from] outgate_listen::OpenError),
    /// The HTTP address could not be listened on.
    #[error("cannot listen on {address} for HTTP: {error}")]
    Http {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The store failed while starting.
    #[error("the store failed while starting: {0}")]
    TakeOver(StoreError),
}

/// Where a relay listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// For STARTTLS.
    pub starttls: Vec<SocketAddr>,
    /// For TLS from the start.
    pub implicit_tls: Vec<SocketAddr>,
    /// For HTTP.
    pub http: SocketAddr,
}

/// Puts a relay together. Whatever is not given is what the configuration says.
pub struct RelayBuilder {
    config: Config,
    store: Option<Arc<dyn Store>>,
    resolve: Option<Arc<dyn Resolve>>,
    carrier: Option<Arc<dyn Carrier>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

/// A running relay.
pub struct Relay {
    config: Config,
    addresses: Addresses,
    store: Arc<dyn Store>,
    hasher: Arc<Hasher>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    keys: Arc<dyn KeyMaker>,
    certificates: Arc<Certificates>,
    self_signed: bool,
    /// Stops taking mail in.
    stop_intake: CancellationToken,
    /// Stops carrying.
    stop_carrying: CancellationToken,
    /// Stops the rest.
    stop_rest: CancellationToken,
    listeners: JoinHandle<outgate_listen::Drained>,
    submission: Arc<Submission>,
    driver: JoinHandle<()>,
    carrier: Arc<dyn Carrier>,
    rest: TaskTracker,
    _lock: Option<ServeLock>,
    /// A relay that is dropped instead of stopped ends too, only less politely.
    _dropped: [DropGuard; 3],
}

impl Relay {
    /// A relay by its configuration.
    pub fn builder(config: Config) -> RelayBuilder {
        RelayBuilder {
            config,
            store: None,
            resolve: None,
            carrier: None,
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
        }
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The configuration it started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether clients see a self-signed certificate.
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// What use cases are handed.
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            store: &*self.store,
            hasher: &*self.hasher,
            clock: &*self.clock,
            randomness: &*self.randomness,
        }
    }

    /// Makes DKIM keys for new domains.
    pub fn key_maker(&self) -> Arc<dyn KeyMaker> {
        Arc::clone(&self.keys)
    }

    /// Loads the certificates again, and returns the sections of `new` that wait for the next start.
    pub fn reload(&self, new: &Config) -> Result<Vec<&'static str>, StartError> {
        new.judge()?;
        self.certificates.reload().map_err(IdentityError::from)?;
        Ok(self.config.sections_that_differ(new))
    }

    /// Ends the relay: takes nothing more in, lets open transactions and deliveries on their way finish, each within a
    /// named time, and settles the rest. Returns after at most half a minute.
    pub async fn stop(self) {
        self.stop_intake.cancel();
        match self.listeners.await {
            Ok(drained) if drained.left > 0 => tracing::warn!(left = drained.left, "sessions were cut off"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the listeners ended badly"),
        }
        if !self.submission.settle(NOTES_GRACE).await {
            tracing::warn!("not every sign-in could be written down");
        }
        self.stop_carrying.cancel();
        if let Err(error) = self.driver.await {
            tracing::error!(%error, "the queue's driver ended badly");
        }
        self.carrier.close().await;
        self.stop_rest.cancel();
        self.rest.close();
        if timeout(REST_GRACE, self.rest.wait()).await.is_err() {
            tracing::warn!(
                left = self.rest.len(),
                "stopping with background work unfinished; nothing depends on it"
            );
        }
    }
}

impl RelayBuilder {
    /// Keeps everything in this store instead of the configured one.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Looks names up here.
    pub fn resolve(mut self, resolve: Arc<dyn Resolve>) -> Self {
        self.resolve = Some(resolve);
        self
    }

    /// Carries messages this way instead of by SMTP.
    pub fn carrier(mut self, carrier: Arc<dyn Carrier>) -> Self {
        self.carrier = Some(carrier);
        self
    }

    /// Tells the time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Gives chance; it must be cryptographically secure.
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// Starts it. When this returns, clients can connect.
    pub async fn start(self) -> Result<Relay, StartError> {
        let Self { config, store, resolve, carrier, clock, randomness } = self;
        config.judge()?;
        let metrics = Arc::new(Metrics::new());
        let (store, commits, sealed, lock): (Arc<dyn Store>, _, _, _) = if let Some(store) = store {
            (store, None, None, None)
        } else {
            admin::make_folder(&config)?;
            // Held before the store is opened, so that no second relay even looks at it.
            let lock = ServeLock::acquire(&config.data_dir)?;
            let store = open_store(&config, Opening::Serve).await?;
            let commits = store.commits();
            let sealed = store.sealed_key().await.map_err(StartError::TakeOver)?;
            (Arc::new(store), Some(commits), sealed, Some(lock))
        };
        let master: Arc<MasterKey> = Arc::new(keys::master(&config.data_dir, sealed.as_ref(), &*randomness)?);
        let hasher = Arc::new(admin::hasher(&config)?);
        let (certificates, self_signed) = identity::load(&config)?;
        let tls = Tls::new(Arc::clone(&certificates))?;

        let budget = ByteBudget::new(settings::memory(&config));
        let carrier = if let Some(carrier) = carrier {
            carrier
        } else {
            let resolve = match resolve {
                Some(resolve) => resolve,
                None => Arc::new(admin::resolver(&config)?),
            };
            route::carrier(&config, resolve, Arc::clone(&clock), Arc::clone(&randomness))?
        };
        let carrier: Arc<dyn Carrier> = Arc::new(CountedCarrier::new(carrier, Arc::clone(&metrics)));
        let runner = Runner::new(RunnerParts {
            store: Arc::clone(&store),
            carrier: Arc::clone(&carrier),
            signer: Arc::new(KeySigner::new(Arc::clone(&store), Arc::clone(&master), Arc::clone(&clock))),
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
            law: settings::law(&config),
            notices: settings::notices(&config),
            holder: holder(&*randomness),
            // Beside what sessions hold: a slow destination must not keep applications from submitting.
            budget: ByteBudget::new(settings::memory(&config)),
        });
        if lock.is_some() {
            // The only relay on this store: what an earlier life had leased is nobody's now.
            let taken = runner.take_over().await.map_err(StartError::TakeOver)?;
            if taken > 0 {
                tracing::info!(
                    taken,
                    "took up deliveries that were on their way when the relay last stopped"
                );
            }
        }
        let intake = Arc::new(Intake::new(
            Arc::clone(&store),
            Arc::clone(&runner),
            Arc::clone(&clock),
            Arc::clone(&randomness),
            config.hostname.clone(),
        ));
        let throttle = settings::throttle(&config);
        places::remember(&*store, &throttle).await.map_err(StartError::TakeOver)?;
        let submission = Submission::new(Parts {
            config: Arc::new(settings::session(&config, &budget)),
            store: Arc::clone(&store),
            hasher: Arc::clone(&hasher) as Arc<dyn outgate_core::PasswordHasher>,
            throttle: Arc::new(throttle),
            intake,
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
        });

        let counters = Arc::new(Counters::default());
        let counted: Arc<dyn Service> =
            Arc::new(CountedService::new(Arc::clone(&submission) as _, Arc::clone(&metrics)));
        let mut listeners = Listeners::new(settings::rules(&config), Arc::clone(&counters));
        let mut addresses =
            Addresses { starttls: Vec::new(), implicit_tls: Vec::new(), http: config.http.listen };
        for (wanted, opening, got) in [
            (&config.submission.starttls, Door::Clear, &mut addresses.starttls),
            (&config.submission.implicit_tls, Door::Tls, &mut addresses.implicit_tls),
        ] {
            for address in wanted {
                got.push(listeners.open(*address, opening, Arc::clone(&counted), Some(Arc::clone(&tls)))?);
            }
        }
        let http_failed = |error| StartError::Http { address: config.http.listen, error };
        let http_listener = TcpListener::bind(config.http.listen).await.map_err(http_failed)?;
        addresses.http = http_listener.local_addr().map_err(http_failed)?;

        let [stop_intake, stop_carrying, stop_rest] = [(); 3].map(|()| CancellationToken::new());
        let dropped = [&stop_intake, &stop_carrying, &stop_rest].map(|stop| stop.clone().drop_guard());
        let rest = TaskTracker::new();
        rest.spawn(Arc::clone(&certificates).watch(stop_rest.clone()));
        rest.spawn(driver::sweep(Arc::clone(&store), Arc::clone(&clock), stop_rest.clone()));
        rest.spawn({
            let (submission, stop) = (Arc::clone(&submission), stop_rest.clone());
            async move { submission.cut_off(&Notify::new(), stop).await }
        });
        let observed = Observed {
            metrics,
            store: Arc::clone(&store),
            commits,
            runner: Arc::clone(&runner),
            counters,
            submission: Arc::clone(&submission),
            hasher: Arc::clone(&hasher),
            budget,
            budget_limit: config.submission.memory_budget.0,
            clock: Arc::clone(&clock),
            draining: stop_intake.clone(),
        };
        rest.spawn(http::serve(http_listener, Arc::new(observed), stop_rest.clone()));
        let driver = tokio::spawn(driver::drive(runner, stop_carrying.clone(), DELIVERY_GRACE));
        let listeners = tokio::spawn(listeners.run(stop_intake.clone(), SUBMISSION_GRACE));

        let keys = Arc::new(SealedKeys::new(master, Arc::clone(&clock), Arc::clone(&randomness)));
        Ok(Relay {
            config,
            addresses,
            store,
            hasher,
            clock,
            randomness,
            keys,
            certificates,
            self_signed,
            stop_intake,
            stop_carrying,
            stop_rest,
            listeners,
            submission,
            driver,
            carrier,
            rest,
            _lock: lock,
            _dropped: dropped,
        })
    }
}

/// A name for this life of the relay, under which it holds leases.
fn holder(randomness: &dyn Randomness) -> Holder {
    let mut word = [0_u8; 8];
    randomness.fill(&mut word);
    Holder(format!("relay-{:016x}", u64::from_be_bytes(word)).into())
}
