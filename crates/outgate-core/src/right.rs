//! The proof of a sign-in.

use crate::{AccountId, DomainBar, DomainId, DomainName, UserId, Username, store::Credential};

/// Proof that a user signed in, at an epoch, and may send as exactly one domain.
///
/// It is minted in one place, [`crate::users::login`], and nothing else can make one: whoever holds it signed in.
/// It ages: every use asks the store whether it still stands ([`crate::store::Directory::standing`]), and
/// [`crate::store::Queue::accept`] asks again inside its own transaction (law 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRight {
    account: AccountId,
    domain: DomainId,
    domain_name: DomainName,
    user: UserId,
    username: Username,
    epoch: u64,
}

impl SendRight {
    pub(crate) fn mint(credential: &Credential) -> Self {
        Self {
            account: credential.account,
            domain: credential.user.domain,
            domain_name: credential.user.domain_name.clone(),
            user: credential.user.id,
            username: credential.user.username.clone(),
            epoch: credential.user.epoch,
        }
    }

    /// The account that pays.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The domain it may send as.
    pub fn domain(&self) -> DomainId {
        self.domain
    }

    /// The name of the domain it may send as.
    pub fn domain_name(&self) -> &DomainName {
        &self.domain_name
    }

    /// Who signed in.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Who signed in.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The user's epoch at the sign-in.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether it allows sending as `domain`: the exact domain, no parent, no child (law 4).
    pub fn covers(&self, domain: &DomainName) -> bool {
        self.domain_name == *domain
    }
}

/// Whether a send right still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    InForce,
    /// The user was reset, disabled or deleted, or the domain deleted, since the sign-in.
    Stale,
    /// The user stands, but nothing may be sent as its domain.
    Barred(DomainBar),
}
