//! The directory's verbs.

mod domains;
pub(crate) mod standing;
mod users;

use crate::{Sqlite, row};
use async_trait::async_trait;
use outgate_core::{
    Account, AccountId, Actor, Domain, DomainId, DomainKey, DomainName, DomainState, LastConnection,
    NewDomainKey, PasswordHash, SendRight, Standing, Timestamp, User, UserId, UserName, UserState, Username,
    store::{Credential, Directory, DirectoryError, NewDomain, NewUser, StoreError},
};

impl Sqlite {
    /// Any one key that is sealed under the master key, with its domain's name; a living domain's if there is one.
    ///
    /// `None`: nothing is sealed yet, and any master key is as good as another. Otherwise only the master key that opens
    /// this one will do, and a new one must not be made.
    pub async fn sealed_key(&self) -> Result<Option<(DomainName, NewDomainKey)>, StoreError> {
        self.read(|tx| Ok(domains::sealed_key(tx)?)).await
    }
}

#[async_trait]
impl Directory for Sqlite {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.point(|tx| {
            let sql = "SELECT name, state FROM accounts WHERE id = ?1";
            let read =
                |row: &rusqlite::Row<'_>| Ok(Account { id, name: row.get(0)?, state: row::state(row, 1)? });
            Ok(row::first(tx, sql, [id.as_bytes()], read)?)
        })
    }

    async fn add_domain(
        &self,
        new: NewDomain,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Domain, DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| domains::add(tx, &new, &actor, at)).await
    }

    async fn domain(&self, name: &DomainName) -> Result<Option<Domain>, StoreError> {
        self.point(|tx| Ok(domains::named(tx, name)?))
    }

    async fn domains(&self, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>, StoreError> {
        let after = after.cloned();
        self.read(move |tx| Ok(domains::list(tx, after.as_ref(), limit)?)).await
    }

    async fn domain_keys(&self, domain: DomainId) -> Result<Vec<DomainKey>, StoreError> {
        self.read(move |tx| Ok(domains::keys(tx, domain)?)).await
    }

    async fn record_verification(
        &self,
        domain: DomainId,
        state: DomainState,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| domains::record_verification(tx, domain, state, &actor, at)).await
    }

    async fn delete_domain(
        &self,
        domain: DomainId,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| domains::delete(tx, domain, &actor, at)).await
    }

    async fn add_user(&self, new: NewUser, actor: &Actor, at: Timestamp) -> Result<User, DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| users::add(tx, &new, &actor, at)).await
    }

    async fn user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.point(|tx| Ok(users::named(tx, username)?))
    }

    async fn users(
        &self,
        domain: Option<DomainId>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.cloned();
        self.read(move |tx| Ok(users::list(tx, domain, after.as_ref(), limit)?)).await
    }

    async fn credential(&self, username: &Username) -> Result<Option<Credential>, StoreError> {
        self.point(|tx| Ok(users::credential(tx, username)?))
    }

    async fn standing(&self, right: &SendRight) -> Result<Standing, StoreError> {
        self.point(|tx| Ok(standing::of(tx, right)?.standing))
    }

    async fn rename_user(
        &self,
        user: UserId,
        name: &UserName,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (name, actor) = (name.clone(), actor.clone());
        self.write(move |tx| users::rename(tx, user, &name, &actor, at)).await
    }

    async fn disable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| users::set_state(tx, user, UserState::Disabled, &actor, at)).await
    }

    async fn enable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| users::set_state(tx, user, UserState::Active, &actor, at)).await
    }

    async fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (hash, actor) = (hash.clone(), actor.clone());
        self.write(move |tx| users::reset_password(tx, user, &hash, &actor, at)).await
    }

    async fn rehash(
        &self,
        user: UserId,
        epoch: u64,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let (old, new) = (old.clone(), new.clone());
        self.write(move |tx| Ok(users::rehash(tx, user, epoch, &old, &new)?)).await
    }

    async fn delete_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let actor = actor.clone();
        self.write(move |tx| users::delete(tx, user, &actor, at)).await
    }

    async fn note_login(&self, user: UserId, connection: &LastConnection) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.write(move |tx| users::note_login(tx, user, &connection)).await
    }
}
