//! What an operator does with sending domains, one use case a file.

mod add;
mod check;
mod delete;
mod list;
mod records;
mod show;

pub use add::{AddDomain, add};
pub use check::{Check, RecordCheck, RecordVerdict, check};
pub use delete::{DeletedDomain, delete};
pub use list::list;
pub use records::{DnsRecord, Purpose, RecordType, records};
pub use show::{keys, show};

use crate::{
    KeyMakeError,
    store::{DirectoryError, StoreError},
};

/// Why a use case on domains changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// No such domain.
    #[error("there is no domain {0}")]
    NotFound(crate::DomainName),
    /// It is there already.
    #[error("the domain {0} exists already")]
    Exists(crate::DomainName),
    /// A name under which whole countries register.
    #[error("{0} is a public suffix: domains are registered under it, nobody sends as it")]
    PublicSuffix(crate::DomainName),
    /// Its keys could not be made.
    #[error(transparent)]
    Keys(#[from] KeyMakeError),
    /// Trouble of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DomainError {
    /// Reads a store's refusal in a use case on `name`.
    pub(crate) fn of(name: &crate::DomainName, error: DirectoryError) -> Self {
        match error {
            DirectoryError::DomainExists => Self::Exists(name.clone()),
            DirectoryError::DomainNotFound | DirectoryError::UserNotFound | DirectoryError::UsernameTaken => {
                Self::NotFound(name.clone())
            }
            DirectoryError::Store(error) => Self::Store(error),
        }
    }
}
