//! Accounts, domains, keys and SMTP users.

use super::{
    MemoryStore,
    state::{KeptDomain, KeptUser, State},
};
use async_trait::async_trait;
use outgate_core::{
    Account, AccountId, Actor, Domain, DomainId, DomainKey, DomainName, DomainState, EventKind, KeyStage,
    LastConnection, PasswordHash, SendRight, Standing, Timestamp, User, UserId, UserName, UserState,
    Username,
    store::{Credential, Directory, DirectoryError, NewDomain, NewUser, StoreError},
};
use std::collections::BTreeMap;

impl State {
    fn living_user(&mut self, id: UserId) -> Result<&mut KeptUser, DirectoryError> {
        self.users.get_mut(&id).ok_or(DirectoryError::UserNotFound)
    }
}

#[async_trait]
impl Directory for MemoryStore {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.state()?.accounts.get(&id).cloned())
    }

    async fn add_domain(
        &self,
        new: NewDomain,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Domain, DirectoryError> {
        let mut state = self.state()?;
        if state.domain_named(&new.name).is_some() {
            return Err(DirectoryError::DomainExists);
        }
        let domain = Domain {
            id: new.id,
            account: new.account,
            name: new.name,
            state: DomainState::Pending,
            trusted: new.trusted,
            ownership_token: new.ownership_token,
            created_at: at,
            users: 0,
        };
        state.domains.insert(domain.id, KeptDomain { domain: domain.clone(), deleted: false });
        state.keys.extend(new.keys.into_iter().map(|key| DomainKey {
            key,
            domain: domain.id,
            stage: KeyStage::Active,
            created_at: at,
        }));
        let (id, name, trusted) = (domain.id, domain.name.clone(), domain.trusted);
        state.append(at, actor, EventKind::DomainAdded { domain: id, name, trusted });
        Ok(domain)
    }

    async fn domain(&self, name: &DomainName) -> Result<Option<Domain>, StoreError> {
        Ok(self.state()?.domain_named(name))
    }

    async fn domains(&self, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>, StoreError> {
        let state = self.state()?;
        let living = state.domains.keys().filter_map(|id| state.living_domain(*id));
        let by_name: BTreeMap<_, _> = living.map(|domain| (domain.name.clone(), domain)).collect();
        let behind = by_name.into_values().filter(|domain| after.is_none_or(|after| domain.name > *after));
        Ok(behind.take(limit).collect())
    }

    async fn domain_keys(&self, domain: DomainId) -> Result<Vec<DomainKey>, StoreError> {
        Ok(self.state()?.keys.iter().filter(|key| key.domain == domain).cloned().collect())
    }

    async fn record_verification(
        &self,
        domain: DomainId,
        to: DomainState,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.domains.get_mut(&domain).filter(|kept| !kept.deleted);
        let kept = kept.ok_or(DirectoryError::DomainNotFound)?;
        let from = std::mem::replace(&mut kept.domain.state, to);
        let name = kept.domain.name.clone();
        if from != to {
            state.append(at, actor, EventKind::DomainVerification { domain, name, from, to });
        }
        Ok(())
    }

    async fn delete_domain(
        &self,
        domain: DomainId,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, DirectoryError> {
        let mut state = self.state()?;
        let living = state.living_domain(domain).ok_or(DirectoryError::DomainNotFound)?;
        state.users.retain(|_, kept| kept.user.domain != domain);
        if let Some(kept) = state.domains.get_mut(&domain) {
            kept.deleted = true;
        }
        let kind = EventKind::DomainDeleted { domain, name: living.name, users: living.users };
        state.append(at, actor, kind);
        Ok(living.users)
    }

    async fn add_user(&self, new: NewUser, actor: &Actor, at: Timestamp) -> Result<User, DirectoryError> {
        let mut state = self.state()?;
        let domain = state.living_domain(new.domain).ok_or(DirectoryError::DomainNotFound)?;
        if !state.issued.insert(new.username.clone()) {
            return Err(DirectoryError::UsernameTaken);
        }
        let user = User {
            id: new.id,
            domain: domain.id,
            domain_name: domain.name,
            username: new.username,
            name: new.name,
            state: UserState::Active,
            epoch: 1,
            created_at: at,
            last_connection: None,
        };
        state.users.insert(user.id, KeptUser { user: user.clone(), hash: new.hash });
        let kind = EventKind::UserAdded {
            user: user.id,
            domain: user.domain,
            username: user.username.clone(),
            name: user.name.clone(),
        };
        state.append(at, actor, kind);
        Ok(user)
    }

    async fn user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        Ok(self.state()?.user_named(username).map(|kept| kept.user.clone()))
    }

    async fn users(
        &self,
        domain: Option<DomainId>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let state = self.state()?;
        let all = state.users.values().map(|kept| (&kept.user.username, &kept.user));
        let by_username: BTreeMap<_, _> = all.collect();
        let wanted = by_username.into_values().filter(|user| {
            domain.is_none_or(|domain| user.domain == domain)
                && after.is_none_or(|after| user.username > *after)
        });
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn credential(&self, username: &Username) -> Result<Option<Credential>, StoreError> {
        let state = self.state()?;
        let found = state.user_named(username).and_then(|kept| {
            let domain = state.living_domain(kept.user.domain)?;
            let account = state.accounts.get(&domain.account)?;
            Some(Credential {
                user: kept.user.clone(),
                hash: kept.hash.clone(),
                account: account.id,
                account_state: account.state,
            })
        });
        Ok(found)
    }

    async fn standing(&self, right: &SendRight) -> Result<Standing, StoreError> {
        Ok(self.state()?.standing(right))
    }

    async fn rename_user(
        &self,
        user: UserId,
        name: &UserName,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.living_user(user)?;
        if kept.user.name != *name {
            kept.user.name = name.clone();
            let username = kept.user.username.clone();
            state.append(at, actor, EventKind::UserRenamed { user, username, name: name.clone() });
        }
        Ok(())
    }

    async fn disable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.living_user(user)?;
        if kept.user.state != UserState::Disabled {
            kept.user.state = UserState::Disabled;
            kept.user.epoch += 1;
            let username = kept.user.username.clone();
            state.append(at, actor, EventKind::UserDisabled { user, username });
        }
        Ok(())
    }

    async fn enable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.living_user(user)?;
        if kept.user.state != UserState::Active {
            kept.user.state = UserState::Active;
            let username = kept.user.username.clone();
            state.append(at, actor, EventKind::UserEnabled { user, username });
        }
        Ok(())
    }

    async fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.living_user(user)?;
        kept.hash = hash.clone();
        kept.user.epoch += 1;
        let username = kept.user.username.clone();
        state.append(at, actor, EventKind::PasswordReset { user, username });
        Ok(())
    }

    async fn rehash(
        &self,
        user: UserId,
        epoch: u64,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut state = self.state()?;
        let unchanged =
            state.users.get_mut(&user).filter(|kept| kept.user.epoch == epoch && kept.hash == *old);
        Ok(unchanged.map(|kept| kept.hash = new.clone()).is_some())
    }

    async fn delete_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        let mut state = self.state()?;
        let kept = state.users.remove(&user).ok_or(DirectoryError::UserNotFound)?;
        state.append(at, actor, EventKind::UserDeleted { user, username: kept.user.username });
        Ok(())
    }

    async fn note_login(&self, user: UserId, connection: &LastConnection) -> Result<(), StoreError> {
        let mut state = self.state()?;
        let Some(kept) = state.users.get_mut(&user) else { return Ok(()) };
        let before = kept.user.last_connection.as_ref();
        if before.is_some_and(|before| before.at >= connection.at) {
            return Ok(());
        }
        let different = before.is_none_or(|before| connection.looks_different(before));
        kept.user.last_connection = Some(connection.clone());
        let username = kept.user.username.clone();
        if different {
            let actor = Actor::User { username: username.clone() };
            let kind = EventKind::LoginNoted { user, username, connection: connection.clone() };
            state.append(connection.at, &actor, kind);
        }
        Ok(())
    }
}
