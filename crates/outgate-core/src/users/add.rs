//! Making an SMTP user.

use super::{Issued, UserError};
use crate::{
    Actor, DomainName, Ports, UserId, UserName, Username,
    store::{DirectoryError, NewUser},
};

/// A local part that the administrator chose for the username.
pub type ChosenUsername = String;

/// How often a generated username may turn out to be taken; at 69 bits once is a wonder.
const DRAWS: usize = 4;

/// What to make.
#[derive(Clone, Debug)]
pub struct AddUser {
    /// On which domain.
    pub domain: DomainName,
    /// What people call it.
    pub name: UserName,
    /// The local part of the username, if it is not to be generated.
    pub username: Option<ChosenUsername>,
}

/// Makes an SMTP user; its password is generated, and revealed by the caller once (law 1).
pub async fn add(ports: Ports<'_>, actor: &Actor, request: AddUser) -> Result<Issued, UserError> {
    let missing = || UserError::DomainNotFound(request.domain.clone());
    let domain = ports.store.domain(&request.domain).await?.ok_or_else(missing)?;
    let chosen = match &request.username {
        Some(local) => Some(Username::chosen(local, &domain.name)?),
        None => None,
    };
    let password = ports.hasher.generate(ports.randomness);
    let hash = ports.hasher.hash(&password).await?;
    let mut left = DRAWS;
    loop {
        left -= 1;
        let username = chosen.clone().unwrap_or_else(|| Username::generate(ports.randomness));
        let at = ports.clock.now();
        let new = NewUser {
            id: UserId::draw(at, ports.randomness),
            domain: domain.id,
            username: username.clone(),
            name: request.name.clone(),
            hash: hash.clone(),
        };
        match ports.store.add_user(new, actor, at).await {
            Ok(user) => return Ok(Issued { user, password }),
            Err(DirectoryError::UsernameTaken) if chosen.is_none() && left > 0 => {}
            Err(DirectoryError::DomainNotFound) => return Err(missing()),
            Err(error) => return Err(UserError::of(&username, error)),
        }
    }
}
