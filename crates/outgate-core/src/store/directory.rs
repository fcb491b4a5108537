//! Accounts, domains, keys and SMTP users.

use super::StoreError;
use crate::{
    Account, AccountId, AccountState, Actor, Domain, DomainId, DomainKey, DomainName, DomainState,
    LastConnection, NewDomainKey, PasswordHash, SendRight, Standing, Timestamp, User, UserId, UserName,
    Username,
};
use async_trait::async_trait;

/// A domain about to be kept.
#[derive(Clone)]
pub struct NewDomain {
    /// Its identity.
    pub id: DomainId,
    /// Its owner.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// Whether the operator vouches for it.
    pub trusted: bool,
    /// What its ownership record must hold.
    pub ownership_token: String,
    /// Its DKIM keys; each starts [`crate::KeyStage::Active`].
    pub keys: Vec<NewDomainKey>,
}

/// An SMTP user about to be kept.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its identity.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// What it signs in with.
    pub username: Username,
    /// What people call it.
    pub name: UserName,
    /// Its password's hash.
    pub hash: PasswordHash,
}

/// What a sign-in reads, in one look.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The user.
    pub user: User,
    /// Its password's hash.
    pub hash: PasswordHash,
    /// Its account.
    pub account: AccountId,
    /// Whether its account is in force.
    pub account_state: AccountState,
}

/// Why a directory verb changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The installation has this domain already.
    #[error("the domain exists already")]
    DomainExists,
    /// No such domain.
    #[error("no such domain")]
    DomainNotFound,
    /// No such SMTP user.
    #[error("no such SMTP user")]
    UserNotFound,
    /// The username was issued before; a deleted one never comes back (law 3).
    #[error("the username was issued before and is never issued again")]
    UsernameTaken,
    /// Trouble of the store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts, domains, keys and SMTP users.
///
/// Every verb that changes something is durable when it returns and appends exactly one event in the same
/// transaction. A verb that finds the wanted state already there (enable an enabled user) changes nothing and appends
/// nothing.
#[async_trait]
pub trait Directory: Send + Sync {
    /// An account by id. [`AccountId::DEFAULT`] is always there.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Adds a domain with its keys. A name that a deleted domain had is free again, as a new domain (law 3).
    async fn add_domain(
        &self,
        new: NewDomain,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Domain, DirectoryError>;

    /// A living domain by name.
    async fn domain(&self, name: &DomainName) -> Result<Option<Domain>, StoreError>;

    /// Living domains in order of name, from after `after`, at most `limit`.
    async fn domains(&self, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>, StoreError>;

    /// The keys of a domain in order of making, a deleted domain's too while messages of it are in the queue.
    async fn domain_keys(&self, domain: DomainId) -> Result<Vec<DomainKey>, StoreError>;

    /// Records what DNS says of a living domain.
    async fn record_verification(
        &self,
        domain: DomainId,
        state: DomainState,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError>;

    /// Deletes a domain and its users; returns how many users went. Its messages, deliveries and events stay, and what
    /// is queued is still delivered. Its users' usernames are never issued again.
    async fn delete_domain(
        &self,
        domain: DomainId,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, DirectoryError>;

    /// Adds an SMTP user, active, at epoch 1, and buries its username for good.
    async fn add_user(&self, new: NewUser, actor: &Actor, at: Timestamp) -> Result<User, DirectoryError>;

    /// A living SMTP user by username.
    async fn user(&self, username: &Username) -> Result<Option<User>, StoreError>;

    /// Living SMTP users in order of username, of one domain or of all, from after `after`, at most `limit`.
    async fn users(
        &self,
        domain: Option<DomainId>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;

    /// What a sign-in reads: the user with its hash, in one look. Never from a cache (law 2).
    async fn credential(&self, username: &Username) -> Result<Option<Credential>, StoreError>;

    /// Whether a send right still stands: one indexed read, never from a cache (law 2).
    async fn standing(&self, right: &SendRight) -> Result<Standing, StoreError>;

    /// Gives a user another name.
    async fn rename_user(
        &self,
        user: UserId,
        name: &UserName,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError>;

    /// Disables a user and raises its epoch.
    async fn disable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError>;

    /// Enables a user; the epoch stays, so what a disable cut stays cut.
    async fn enable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError>;

    /// Replaces a user's hash and raises its epoch. When it returns, the old password is dead everywhere (law 2).
    async fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError>;

    /// Replaces a hash by one of the same password with today's parameters, only if hash and epoch are still the given
    /// ones: a sign-in under way can never undo a reset. Returns whether it did. No event.
    async fn rehash(
        &self,
        user: UserId,
        epoch: u64,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Deletes a user for good.
    async fn delete_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError>;

    /// Notes a sign-in. The newest `at` wins, never backwards (law 5); an event only when it
    /// [looks different](LastConnection::looks_different) from the one before. A user gone meanwhile is no error.
    async fn note_login(&self, user: UserId, connection: &LastConnection) -> Result<(), StoreError>;
}
