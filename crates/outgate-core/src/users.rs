//! What is done with SMTP users, one use case a file.

mod add;
mod delete;
mod disable;
mod enable;
mod list;
mod login;
mod note_connection;
mod rename;
mod reset_password;
mod show;

pub use add::{AddUser, ChosenUsername, add};
pub use delete::delete;
pub use disable::disable;
pub use enable::enable;
pub use list::list;
pub use login::{LoginError, SignIn, SignedIn, login};
pub use note_connection::{SignInRecord, note_connection};
pub use rename::rename;
pub use reset_password::reset_password;
pub use show::show;

use crate::{
    DomainName, HashError, Secret, User, Username, UsernameError,
    store::{DirectoryError, StoreError},
};

/// A user and its password, the only time that it exists in the clear (law 1).
#[derive(Debug)]
pub struct Issued {
    /// The user.
    pub user: User,
    /// Its password, to be revealed once.
    pub password: Secret,
}

/// Why a use case on SMTP users changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// No such user.
    #[error("there is no SMTP user {0}")]
    NotFound(Username),
    /// No such domain.
    #[error("there is no domain {0}")]
    DomainNotFound(DomainName),
    /// The chosen username was issued before.
    #[error("the username {0} was issued before and is never issued again: choose another")]
    UsernameTaken(Username),
    /// The chosen local part makes no username.
    #[error("not a local part for a username: {0}")]
    BadUsername(#[from] UsernameError),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Trouble of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UserError {
    /// Reads a store's refusal in a use case on `username`.
    pub(crate) fn of(username: &Username, error: DirectoryError) -> Self {
        match error {
            DirectoryError::UsernameTaken => Self::UsernameTaken(username.clone()),
            DirectoryError::UserNotFound | DirectoryError::DomainExists | DirectoryError::DomainNotFound => {
                Self::NotFound(username.clone())
            }
            DirectoryError::Store(error) => Self::Store(error),
        }
    }
}
