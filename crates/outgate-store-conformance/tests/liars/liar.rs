//! A wrapper around the reference store that tells one lie.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    AccountId, Actor, DomainKey, DomainName, LastConnection, MessageId, SendRight, Standing, Timestamp,
    UserId, Username,
    store::{Credential, Cursor, Holder, PauseScope, Queue, QueueSummary, Store, StoreError},
};
use outgate_store_conformance::{Fixture, MemoryStore, World};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

macro_rules! lies {
    ($($lie:ident,)*) => {
        /// What a store may get wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Lie {
            /// The truth.
            None,
            $($lie),*
        }

        impl Lie {
            /// Every lie.
            pub(crate) const ALL: &[Self] = &[$(Self::$lie),*];
        }
    };
}

lies! {
    HasNoAccount,
    FindsSubdomains,
    AddsDomainsTwice,
    ShufflesKeys,
    MiscountsUsers,
    IgnoresTheUnknown,
    DestroysKeysEarly,
    ForgetsDeletedDomains,
    AddsUsersDisabled,
    IssuesUsernamesTwice,
    ListsUsersUnordered,
    ResetsOnRename,
    TellsOfNoChange,
    TellsOfTheGone,
    NotesLoginsForOthers,
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
    ListsDestinationsUnordered,
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
    ClaimsToRecord,
    ReleasesOnDeferral,
    ForgetsNotifications,
    NotifiesAgain,
    KeepsFalseNotifications,
    ForgetsToldDelays,
    HidesReasons,
    ForgetsTheNextAttempt,
    HoldsMoreThanMeant,
    CachesTheSummary,
    PagesByOffset,
    MindsCaseInSubjects,
    IgnoresTheSender,
    HidesResets,
    EndsTooEarly,
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
pub(crate) struct Liar {
    pub(crate) truth: MemoryStore,
    lie: Lie,
    notes: Mutex<Notes>,
}

/// What a liar keeps for its lie.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) credentials: HashMap<Username, Option<Credential>>,
    pub(crate) standings: Vec<(SendRight, Standing)>,
    pub(crate) logins: HashMap<UserId, LastConnection>,
    pub(crate) keys: HashMap<DomainName, Vec<DomainKey>>,
    pub(crate) holders: HashMap<MessageId, Holder>,
    pub(crate) rights: HashMap<MessageId, SendRight>,
    pub(crate) contents: HashMap<MessageId, Option<Bytes>>,
    pub(crate) summary: Option<QueueSummary>,
    pub(crate) settled: u64,
    pub(crate) end: Option<Cursor>,
}

impl Liar {
    pub(crate) fn tells(&self, lie: Lie) -> bool {
        self.lie == lie
    }

    /// Appends events that tell of nothing.
    pub(crate) async fn chatter(&self, at: Timestamp) -> Result<(), StoreError> {
        self.truth.pause(&PauseScope::Everything, &Actor::System, at).await?;
        self.truth.resume(&PauseScope::Everything, &Actor::System, at).await
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("no liar panics")
    }
}

/// Opens liars.
pub(crate) struct LyingFixture {
    truth: MemoryStore,
    lie: Lie,
}

impl LyingFixture {
    pub(crate) fn new(lie: Lie) -> Self {
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
                for scope in self.truth.paused().await.expect("memory never fails") {
                    self.truth.resume(&scope, &world.actor(), world.now()).await.expect("memory never fails");
                }
            }
            Lie::ForgetsLeases => {
                self.truth.take_back_leases(&Holder("nobody".into())).await.expect("memory never fails");
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
