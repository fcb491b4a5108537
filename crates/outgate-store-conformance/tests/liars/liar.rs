//! A wrapper around the reference store that tells one lie.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    AccountId, DomainKey, DomainName, LastConnection, MessageId, SendRight, Standing, UserId, Username,
    store::{Credential, Holder, Queue, QueueSummary, Store},
};
use outgate_store_conformance::{Fixture, MemoryStore, World};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// What a store may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The truth.
    None,
    ForgetsTombstones,
    CachesCredentials,
    CachesStandings,
    KeepsTheEpochOnReset,
    RehashesAnything,
    NotesLoginsBackwards,
    ListsDomainsUnordered,
    GivesOldKeysToNewDomains,
    DropsARecipient,
    AcceptsStaleRights,
    LeavesTracesOfRefusals,
    GrantsLeasesUnderPause,
    LeasesTwice,
    LeasesThroughPauses,
    SplitsMessages,
    LeasesNewestFirst,
    KeepsWhatIsGivenBack,
    RenewsForAnybody,
    SleepsTooLong,
    CorruptsBytes,
    HidesDamage,
    KeepsBytesForever,
    SettlesAgain,
    SettlesAllAlike,
    AnswersAllAlike,
    LosesLateSuccesses,
    TakesLateFailures,
    ReleasesOnDeferral,
    ForgetsTheNextAttempt,
    HoldsMoreThanMeant,
    CachesTheSummary,
    PagesByOffset,
    MindsCaseInSubjects,
    IgnoresTheSender,
    HidesResets,
    SkipsEvents,
    RepeatsEvents,
    ReordersEvents,
    StartsOverWhenGone,
    ReadsAnyCursor,
    ForgetsEverything,
    ForgetsPauses,
    ForgetsLeases,
}

/// The reference store behind one lie.
pub struct Liar {
    pub truth: MemoryStore,
    lie: Lie,
    notes: Mutex<Notes>,
}

/// What a liar keeps for its lie.
#[derive(Default)]
pub struct Notes {
    pub credentials: HashMap<Username, Option<Credential>>,
    pub standings: Vec<(SendRight, Standing)>,
    pub logins: HashMap<UserId, LastConnection>,
    pub keys: HashMap<DomainName, Vec<DomainKey>>,
    pub holders: HashMap<MessageId, Holder>,
    pub contents: HashMap<MessageId, Option<Bytes>>,
    pub summary: Option<QueueSummary>,
    pub settled: u64,
}

impl Liar {
    pub fn tells(&self, lie: Lie) -> bool {
        self.lie == lie
    }

    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }
}

/// Opens liars.
pub struct LyingFixture {
    truth: MemoryStore,
    lie: Lie,
}

impl LyingFixture {
    pub fn new(lie: Lie) -> Self {
        Self { truth: MemoryStore::new(), lie }
    }
}

#[async_trait]
impl Fixture for LyingFixture {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Liar { truth: self.truth.clone(), lie: self.lie, notes: Mutex::default() })
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        let world = World::new(Arc::new(self.truth.clone()));
        match self.lie {
            Lie::ForgetsEverything => return Arc::new(MemoryStore::new()),
            Lie::ForgetsPauses => {
                for scope in self.truth.paused().await.unwrap() {
                    self.truth.resume(&scope, &world.actor(), world.now()).await.unwrap();
                }
            }
            Lie::ForgetsLeases => {
                self.truth.take_back_leases(&Holder("nobody".into())).await.unwrap();
            }
            _ => {}
        }
        self.open().await
    }

    async fn damage(&self, message: MessageId) {
        self.truth.damage(message).await;
    }

    async fn suspend(&self, account: AccountId) {
        self.truth.suspend(account).await;
    }
}
