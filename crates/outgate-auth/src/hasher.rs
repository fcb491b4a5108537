//! The port [`PasswordHasher`], filled: shape first, then the cache, then one argon2id in a bounded pool.

use crate::{
    Params, ParamsError, PoolLimits, PoolLoad,
    cache::{CAPACITY, Cache},
    fingerprint::Fingerprinter,
    flight::Flights,
    generate::{generate, is_well_formed},
    phc::{self, Kept},
    pool::Pool,
};
use async_trait::async_trait;
use outgate_core::{HashError, PasswordHash, PasswordHasher, Randomness, Secret, Username, Verification};
use std::{sync::Arc, time::Instant};

type Judgement = Result<Verification, HashError>;

/// Makes, hashes and verifies passwords. Needs a tokio runtime to run in.
///
/// A verification costs the same for a known and an unknown username: the latter is judged by a hash made at start with
/// today's parameters. A user whose hash is older than a raise of the parameters differs until the next sign-in, which
/// brings the new hash.
pub struct Hasher {
    parts: Arc<Parts>,
    flights: Arc<Flights<Judgement>>,
}

struct Parts {
    params: Params,
    pool: Pool,
    randomness: Arc<dyn Randomness>,
    fingerprints: Fingerprinter,
    cache: Cache,
    /// The hash of a password that nobody was told.
    decoy: PasswordHash,
}

/// Why there is no hasher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// The parameters are out of range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A first hash with them failed, for want of memory most likely.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl Hasher {
    /// A hasher; makes one hash, to see that the parameters work here.
    pub fn new(
        params: Params,
        pool: PoolLimits,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, HasherError> {
        params.checked()?;
        let decoy = phc::hash(&generate(&*randomness), params, &*randomness)?;
        let fingerprints = Fingerprinter::new(&*randomness);
        let (pool, cache) = (Pool::new(pool), Cache::new(CAPACITY));
        let parts = Arc::new(Parts { params, pool, randomness, fingerprints, cache, decoy });
        Ok(Self { parts, flights: Flights::new() })
    }

    /// How busy its pool is.
    pub fn load(&self) -> PoolLoad {
        self.parts.pool.load()
    }

    async fn judge(
        &self,
        username: Option<&Username>,
        kept: Option<&PasswordHash>,
        password: &Secret,
    ) -> Judgement {
        // Tells nothing of any user: it depends on the password alone.
        if !password.with_bytes(is_well_formed) {
            return Ok(Verification::Wrong);
        }
        let parts = &self.parts;
        let hash = kept.unwrap_or(&parts.decoy);
        let read = Kept::read(hash)?;
        if parts.cache.holds(&parts.fingerprints.of_pair(hash, password), Instant::now()) {
            return Ok(Verification::Right { rehash: None });
        }
        let attempt = username.map(|username| parts.fingerprints.of_attempt(username, hash, password));
        let work =
            Arc::clone(parts).hash_and_compare(kept.is_some(), hash.clone(), read, password.duplicate());
        match attempt {
            Some(attempt) => self
                .flights
                .share(attempt, work)
                .await
                .unwrap_or_else(|| Err(HashError::Failed("the hash was cut short".to_owned()))),
            None => work.await,
        }
    }
}

impl Parts {
    async fn hash_and_compare(
        self: Arc<Self>,
        known: bool,
        hash: PasswordHash,
        kept: Kept,
        password: Secret,
    ) -> Judgement {
        let parts = Arc::clone(&self);
        self.pool
            .run(move || {
                let matches = kept.matches(&password)?;
                if !(matches && known) {
                    return Ok(Verification::Wrong);
                }
                let rehash = if kept.params().are_weaker_than(parts.params) {
                    Some(phc::hash(&password, parts.params, &*parts.randomness)?)
                } else {
                    None
                };
                // With a new hash on its way the old one is not remembered: should the store not take the new one, the
                // next sign-in offers it again.
                let lasting = rehash.as_ref().unwrap_or(&hash);
                parts.cache.note(parts.fingerprints.of_pair(lasting, &password), Instant::now());
                Ok(Verification::Right { rehash })
            })
            .await?
    }
}

#[async_trait]
impl PasswordHasher for Hasher {
    fn generate(&self, randomness: &dyn Randomness) -> Secret {
        generate(randomness)
    }

    fn is_well_formed(&self, password: &Secret) -> bool {
        password.with_bytes(is_well_formed)
    }

    fn is_known(&self, kept: Option<&PasswordHash>, password: &Secret) -> bool {
        // The decoy stands in for no hash, so that both take a MAC and a look; it is never remembered.
        let hash = kept.unwrap_or(&self.parts.decoy);
        self.parts.cache.remembers(&self.parts.fingerprints.of_pair(hash, password))
    }

    async fn hash(&self, password: &Secret) -> Result<PasswordHash, HashError> {
        if !password.with_bytes(is_well_formed) {
            // It could never sign in.
            return Err(HashError::Failed("not a password of the generated format".to_owned()));
        }
        let (parts, password) = (Arc::clone(&self.parts), password.duplicate());
        self.parts.pool.run(move || phc::hash(&password, parts.params, &*parts.randomness)).await?
    }

    async fn verify(
        &self,
        kept: Option<&PasswordHash>,
        password: &Secret,
    ) -> Result<Verification, HashError> {
        self.judge(None, kept, password).await
    }

    async fn verify_as(
        &self,
        username: &Username,
        kept: Option<&PasswordHash>,
        password: &Secret,
    ) -> Result<Verification, HashError> {
        self.judge(Some(username), kept, password).await
    }
}

#[cfg(test)]
mod tests;
