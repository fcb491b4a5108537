//! DKIM keys between the store and the signer: made, sealed, opened, used.

use crate::master_key::{self, MasterKeyError};
use async_trait::async_trait;
use bytes::Bytes;
use outgate_auth::MasterKey;
use outgate_core::{
    Clock, DkimAlgorithm, DomainId, DomainKey, DomainName, KeyId, KeyMakeError, KeyMaker, KeyStage,
    MessageId, NewDomainKey, Randomness, store::Store,
};
use outgate_mail::dkim::{self, SigningKey};
use outgate_queue::{SignError, Signer};
use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How long opened keys are used before the store is asked again.
const KEYS_FRESH: Duration = Duration::from_secs(30);
/// Signatures kept, so that a message to many destinations is signed once.
const SIGNATURES_KEPT: usize = 256;

/// Makes a domain's key pairs, sealed under the master key.
pub struct SealedKeys {
    master: Arc<MasterKey>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl SealedKeys {
    /// A maker that seals under `master`.
    pub fn new(master: Arc<MasterKey>, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { master, clock, randomness }
    }
}

/// The master key. A missing one is made only for a store that has nothing sealed; one that does not open what is sealed
/// is refused, before anything is accepted that could not be signed.
pub(crate) fn master(
    data_dir: &Path,
    sealed: Option<&(DomainName, NewDomainKey)>,
    randomness: &dyn Randomness,
) -> Result<MasterKey, MasterKeyError> {
    let master = master_key::find(data_dir, sealed.is_none().then_some(randomness))?;
    if let Some((domain, key)) = sealed {
        let opened = master.open(&key.sealed_private_key, &context(domain, &key.selector));
        opened.map_err(|_| MasterKeyError::Wrong(domain.clone()))?;
    }
    Ok(master)
}

/// What a sealed key is bound to, so that one cannot be put in another's place.
fn context(domain: &DomainName, selector: &str) -> Vec<u8> {
    format!("outgate dkim {selector}._domainkey.{domain}").into_bytes()
}

#[async_trait]
impl KeyMaker for SealedKeys {
    async fn make(&self, domain: &DomainName) -> Result<Vec<NewDomainKey>, KeyMakeError> {
        let at = self.clock.now();
        // A random word in the selector: a name that was deleted and added again never reuses one.
        let mut word = [0_u8; 4];
        self.randomness.fill(&mut word);
        let word = u32::from_be_bytes(word);
        let mut keys = Vec::new();
        for (algorithm, letter) in [(DkimAlgorithm::RsaSha256, 'r'), (DkimAlgorithm::Ed25519Sha256, 'e')] {
            let made = spawn_blocking(move || dkim::generate(algorithm))
                .await
                .map_err(|error| KeyMakeError(error.to_string()))?
                .map_err(|error| KeyMakeError(error.to_string()))?;
            let selector = format!("og{word:08x}{letter}");
            let sealed = self.master.seal(&made.private_key, &context(domain, &selector), &*self.randomness);
            let sealed = sealed.map_err(|error| KeyMakeError(error.to_string()))?;
            keys.push(NewDomainKey {
                id: KeyId::draw(at, &*self.randomness),
                selector,
                algorithm,
                public_key: made.public_key,
                sealed_private_key: sealed,
            });
        }
        Ok(keys)
    }
}

struct Opened {
    keys: Arc<[SigningKey]>,
    at: Instant,
}

#[derive(Default)]
struct Kept {
    opened: HashMap<DomainId, Opened>,
    signatures: HashMap<MessageId, Bytes>,
    order: VecDeque<MessageId>,
}

/// Signs messages with the active keys of their domain, at the moment of sending.
pub struct KeySigner {
    store: Arc<dyn Store>,
    master: Arc<MasterKey>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    /// Signatures computed at a time, so that RSA never takes the async threads.
    pool: Semaphore,
}

impl KeySigner {
    /// A signer over the keys in `store`.
    pub fn new(store: Arc<dyn Store>, master: Arc<MasterKey>, clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { store, master, clock, kept: Mutex::default(), pool: Semaphore::new(2 * cores) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keys(&self, domain: DomainId, name: &DomainName) -> Result<Arc<[SigningKey]>, SignError> {
        if let Some(opened) =
            self.kept().opened.get(&domain).filter(|opened| opened.at.elapsed() < KEYS_FRESH)
        {
            return Ok(Arc::clone(&opened.keys));
        }
        let keys = self.store.domain_keys(domain).await.map_err(|error| SignError(error.to_string()))?;
        let active = keys.iter().filter(|key| key.stage == KeyStage::Active);
        let keys = active.map(|key| self.open(name, key)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(SignError("the domain has no active DKIM key".to_owned()));
        }
        let keys: Arc<[SigningKey]> = keys.into();
        let mut kept = self.kept();
        kept.opened.retain(|_, opened| opened.at.elapsed() < KEYS_FRESH); // opened keys stay in memory no longer than used
        kept.opened.insert(domain, Opened { keys: Arc::clone(&keys), at: Instant::now() });
        drop(kept);
        Ok(keys)
    }

    fn open(&self, name: &DomainName, key: &DomainKey) -> Result<SigningKey, SignError> {
        let key = &key.key;
        let private = self
            .master
            .open(&key.sealed_private_key, &context(name, &key.selector))
            .map_err(|error| SignError(error.to_string()))?;
        SigningKey::from_pkcs8(key.algorithm, &key.selector, name, &private)
            .map_err(|error| SignError(error.to_string()))
    }

    fn remember(&self, message: MessageId, signature: &Bytes) {
        let mut kept = self.kept();
        if kept.signatures.insert(message, signature.clone()).is_none() {
            kept.order.push_back(message);
        }
        while kept.order.len() > SIGNATURES_KEPT {
            if let Some(oldest) = kept.order.pop_front() {
                kept.signatures.remove(&oldest);
            }
        }
    }
}

#[async_trait]
impl Signer for KeySigner {
    async fn sign(
        &self,
        domain: DomainId,
        name: &DomainName,
        message: MessageId,
        content: &Bytes,
    ) -> Result<Bytes, SignError> {
        if let Some(signature) = self.kept().signatures.get(&message) {
            return Ok(signature.clone());
        }
        let keys = self.keys(domain, name).await?;
        let (content, at) = (content.clone(), self.clock.now());
        let _turn = self.pool.acquire().await.map_err(|error| SignError(error.to_string()))?;
        let signature = spawn_blocking(move || dkim::sign(keys.iter(), &content, at))
            .await
            .map_err(|error| SignError(error.to_string()))?
            .map_err(|error| SignError(error.to_string()))?;
        self.remember(message, &signature);
        Ok(signature)
    }
}
