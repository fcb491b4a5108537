//! Lies about the directory.

use crate::liar::{Liar, Lie};
use async_trait::async_trait;
use outgate_core::{
    Account, AccountId, Actor, Domain, DomainId, DomainKey, DomainName, DomainState, LastConnection,
    PasswordHash, SendRight, Standing, Timestamp, User, UserId, UserName, Username,
    store::{Credential, Directory, DirectoryError, NewDomain, NewUser, StoreError},
};

impl Liar {
    /// The credential of a user by id, from the truth.
    async fn credential_of(&self, user: UserId) -> Result<Option<Credential>, StoreError> {
        let users = self.truth.users(None, None, 1_000).await?;
        match users.into_iter().find(|found| found.id == user) {
            Some(found) => self.truth.credential(&found.username).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Directory for Liar {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.truth.account(id).await?.filter(|_| !self.tells(Lie::HasNoAccount)))
    }

    async fn add_domain(
        &self,
        new: NewDomain,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Domain, DirectoryError> {
        let name = new.name.clone();
        let domain = match self.truth.add_domain(new, actor, at).await {
            Err(DirectoryError::DomainExists) if self.tells(Lie::AddsDomainsTwice) => {
                self.truth.domain(&name).await?.ok_or(DirectoryError::DomainNotFound)?
            }
            added => added?,
        };
        let keys = self.truth.domain_keys(domain.id).await?;
        self.notes().keys.entry(domain.name.clone()).or_insert(keys);
        Ok(domain)
    }

    async fn domain(&self, name: &DomainName) -> Result<Option<Domain>, StoreError> {
        let mut found = self.truth.domain(name).await?;
        if self.tells(Lie::FindsSubdomains)
            && let Some(parent) = name.as_str().strip_prefix("sub.")
        {
            found = self.truth.domain(&parent.parse().expect("the rest of a name")).await?;
        }
        if self.tells(Lie::MiscountsUsers)
            && let Some(domain) = &mut found
        {
            domain.users = 0;
        }
        Ok(found)
    }

    async fn domains(&self, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>, StoreError> {
        let mut domains = self.truth.domains(after, limit).await?;
        if self.tells(Lie::ListsDomainsUnordered) {
            domains.reverse();
        }
        Ok(domains)
    }

    async fn domain_keys(&self, domain: DomainId) -> Result<Vec<DomainKey>, StoreError> {
        if self.tells(Lie::GivesOldKeysToNewDomains) {
            let domains = self.truth.domains(None, 1_000).await?;
            let name = domains.into_iter().find(|found| found.id == domain).map(|found| found.name);
            if let Some(keys) = name.and_then(|name| self.notes().keys.get(&name).cloned()) {
                return Ok(keys);
            }
        }
        let mut keys = self.truth.domain_keys(domain).await?;
        if self.tells(Lie::ShufflesKeys) {
            keys.reverse();
        }
        if self.tells(Lie::DestroysKeysEarly) {
            let living = self.truth.domains(None, 1_000).await?;
            keys.retain(|_| living.iter().any(|found| found.id == domain));
        }
        Ok(keys)
    }

    async fn record_verification(
        &self,
        domain: DomainId,
        state: DomainState,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let recorded = self.truth.record_verification(domain, state, actor, at).await;
        if self.tells(Lie::IgnoresTheUnknown) { Ok(()) } else { recorded }
    }

    async fn delete_domain(
        &self,
        domain: DomainId,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, DirectoryError> {
        self.truth.delete_domain(domain, actor, at).await
    }

    async fn add_user(&self, new: NewUser, actor: &Actor, at: Timestamp) -> Result<User, DirectoryError> {
        let added = self.truth.add_user(new.clone(), actor, at).await;
        let gone = self.truth.user(&new.username).await?.is_none();
        let ignored = if gone { Lie::ForgetsTombstones } else { Lie::IssuesUsernamesTwice };
        if self.tells(Lie::AddsUsersDisabled) && added.is_ok() {
            self.truth.disable_user(new.id, actor, at).await?;
        }
        if self.tells(ignored) && added == Err(DirectoryError::UsernameTaken) {
            let username = format!("x{}", new.username).parse().expect("a username, one longer");
            let another = NewUser { username, ..new };
            return self.truth.add_user(another, actor, at).await;
        }
        added
    }

    async fn user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let mut user = self.truth.user(username).await?;
        if self.tells(Lie::NotesLoginsBackwards)
            && let Some(user) = &mut user
        {
            user.last_connection = self.notes().logins.get(&user.id).cloned();
        }
        Ok(user)
    }

    async fn users(
        &self,
        domain: Option<DomainId>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let mut users = self.truth.users(domain, after, limit).await?;
        if self.tells(Lie::ListsUsersUnordered) {
            users.reverse();
        }
        Ok(users)
    }

    async fn credential(&self, username: &Username) -> Result<Option<Credential>, StoreError> {
        let fresh = self.truth.credential(username).await?;
        if self.tells(Lie::CachesCredentials) {
            return Ok(self.notes().credentials.entry(username.clone()).or_insert(fresh).clone());
        }
        Ok(fresh)
    }

    async fn standing(&self, right: &SendRight) -> Result<Standing, StoreError> {
        let fresh = self.truth.standing(right).await?;
        if self.tells(Lie::CachesStandings) {
            let standings = &mut self.notes().standings;
            if let Some((_, cached)) = standings.iter().find(|(known, _)| known == right) {
                return Ok(*cached);
            }
            standings.push((right.clone(), fresh));
        }
        Ok(fresh)
    }

    async fn rename_user(
        &self,
        user: UserId,
        name: &UserName,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        if self.tells(Lie::ResetsOnRename)
            && let Some(found) = self.credential_of(user).await?
        {
            self.truth.reset_password(user, &found.hash, actor, at).await?;
        }
        self.truth.rename_user(user, name, actor, at).await
    }

    async fn disable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        self.truth.disable_user(user, actor, at).await
    }

    async fn enable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        if self.tells(Lie::TellsOfNoChange) {
            self.chatter(at).await?;
        }
        self.truth.enable_user(user, actor, at).await
    }

    async fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        if self.tells(Lie::KeepsTheEpochOnReset)
            && let Some(found) = self.credential_of(user).await?
        {
            self.truth.rehash(user, found.user.epoch, &found.hash, hash).await?;
            return Ok(());
        }
        self.truth.reset_password(user, hash, actor, at).await
    }

    async fn rehash(
        &self,
        user: UserId,
        epoch: u64,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        if self.tells(Lie::RehashesAnything)
            && let Some(found) = self.credential_of(user).await?
        {
            return self.truth.rehash(user, found.user.epoch, &found.hash, new).await;
        }
        self.truth.rehash(user, epoch, old, new).await
    }

    async fn delete_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let deleted = self.truth.delete_user(user, actor, at).await;
        if self.tells(Lie::IgnoresTheUnknown) { Ok(()) } else { deleted }
    }

    async fn note_login(&self, user: UserId, connection: &LastConnection) -> Result<(), StoreError> {
        self.notes().logins.insert(user, connection.clone());
        if self.tells(Lie::TellsOfTheGone) && self.credential_of(user).await?.is_none() {
            self.chatter(connection.at).await?;
        }
        if self.tells(Lie::NotesLoginsForOthers) {
            for other in self.truth.users(None, None, 1_000).await? {
                self.truth.note_login(other.id, connection).await?;
            }
        }
        self.truth.note_login(user, connection).await
    }
}
