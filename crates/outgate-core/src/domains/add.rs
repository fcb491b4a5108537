//! Adding a sending domain.

use super::DomainError;
use crate::{AccountId, Actor, Domain, DomainId, DomainName, KeyMaker, Ports, store::NewDomain};

/// What to add.
#[derive(Clone, Debug)]
pub struct AddDomain {
    /// The owner.
    pub account: AccountId,
    /// The name.
    pub name: DomainName,
    /// Whether the operator vouches for it: it may then send before its DNS is checked.
    pub trusted: bool,
}

/// Adds a domain and makes its DKIM keys.
///
/// A name that was deleted before becomes a new domain with new keys (law 3).
pub async fn add(
    ports: Ports<'_>,
    keys: &dyn KeyMaker,
    actor: &Actor,
    request: AddDomain,
) -> Result<Domain, DomainError> {
    let name = request.name;
    if name.is_public_suffix() {
        return Err(DomainError::PublicSuffix(name));
    }
    // Looked at first so that no key pair is made in vain; the verb below decides.
    if ports.store.domain(&name).await?.is_some() {
        return Err(DomainError::Exists(name));
    }
    let keys = keys.make(&name).await?;
    let at = ports.clock.now();
    let new = NewDomain {
        id: DomainId::draw(at, ports.randomness),
        account: request.account,
        name: name.clone(),
        trusted: request.trusted,
        ownership_token: token(ports.randomness),
        keys,
    };
    ports.store.add_domain(new, actor, at).await.map_err(|error| DomainError::of(&name, error))
}

/// 160 random bits in hexadecimal, for the ownership record.
fn token(randomness: &dyn crate::Randomness) -> String {
    let mut bytes = [0_u8; 20];
    randomness.fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(40), |mut text, byte| {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        text.extend([digit(byte >> 4), digit(byte & 15)]);
        text
    })
}
