//! Signing in: the one place where a send right is minted.

use crate::{
    Admission, HashError, LastConnection, Mechanism, Ports, Secret, SendRight, Throttle, Timestamp,
    UserState, Username, Verification,
    store::{Credential, StoreError},
    users::SignInRecord,
};
use std::net::IpAddr;

/// What a client shows when it signs in.
#[derive(Debug)]
pub struct SignIn {
    /// The username as the client sent it.
    pub username: String,
    /// The password as the client sent it.
    pub password: Secret,
    /// From where.
    pub address: IpAddr,
    /// The TLS version, as `TLSv1.3`. There is always one (law 6).
    pub tls: String,
    /// The SASL mechanism.
    pub mechanism: Mechanism,
    /// The name the client gave in EHLO.
    pub client: String,
}

/// A successful sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The proof.
    pub right: SendRight,
    /// What is to be written down of it, by [`crate::users::note_connection`], after the client has its answer.
    pub record: SignInRecord,
}

/// Why a sign-in gave no send right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown username, wrong or malformed password, or a disabled user: nobody can tell which (law 6).
    #[error("the username or password is not right")]
    Refused,
    /// Too many failed of late, and the password is not one known to be right. Temporary; no hash was made.
    #[error("too many failed sign-ins")]
    Throttled,
    /// Too many sign-ins wait for the hasher. Temporary.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Trouble of the store. Temporary.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs in.
///
/// The user is read from the store at every call, so a reset, a disable or a delete counts at once (law 2).
pub async fn login(
    ports: Ports<'_>,
    throttle: &dyn Throttle,
    attempt: SignIn,
) -> Result<SignedIn, LoginError> {
    // A text that is no username has no user, and is judged like an unknown one.
    let parsed = attempt.username.parse::<Username>().ok();
    let counted = parsed.clone().unwrap_or_else(unnameable);
    let (address, now) = (attempt.address, ports.clock.now());
    if !ports.hasher.is_well_formed(&attempt.password) {
        // A guess like any other, but the store is not asked: reading a user takes longer than finding none.
        let _turn = Turn::take(throttle, address, &counted, now).await?;
        throttle.note(address, &counted, false, now);
        return Err(LoginError::Refused);
    }
    // A disabled user is judged like an unknown one.
    let credential = match &parsed {
        Some(username) => ports.store.credential(username).await?,
        None => None,
    }
    .filter(|found| found.user.state == UserState::Active);
    let kept = credential.as_ref().map(|found| &found.hash);
    // A password known to be right is no guess. Without this, an old worker that keeps failing at the password of
    // yesterday would lock out the updated one beside it.
    let _turn = if ports.hasher.is_known(kept, &attempt.password) {
        None
    } else {
        Some(Turn::take(throttle, address, &counted, now).await?)
    };
    let verification = ports.hasher.verify_as(&counted, kept, &attempt.password).await?;
    // The time of the judgement, not of the question: what waited for a hash must not look older than it is.
    let now = ports.clock.now();
    match (credential, verification) {
        (Some(credential), Verification::Right { rehash }) => {
            throttle.note(address, &counted, true, now);
            let right = SendRight::mint(&credential);
            let Credential { user, hash, .. } = credential;
            let connection = LastConnection {
                at: now,
                address,
                tls: attempt.tls,
                mechanism: attempt.mechanism,
                client: attempt.client,
            };
            let record = SignInRecord {
                user: user.id,
                epoch: user.epoch,
                connection,
                rehash: rehash.map(|new| (hash, new)),
            };
            Ok(SignedIn { right, record })
        }
        (Some(_) | None, Verification::Right { .. } | Verification::Wrong) => {
            throttle.note(address, &counted, false, now);
            Err(LoginError::Refused)
        }
    }
}

/// An admitted attempt. Left however the sign-in ends, also when its client is gone before it is judged.
struct Turn<'a> {
    throttle: &'a dyn Throttle,
    address: IpAddr,
    username: &'a Username,
}

impl<'a> Turn<'a> {
    async fn take(
        throttle: &'a dyn Throttle,
        address: IpAddr,
        username: &'a Username,
        now: Timestamp,
    ) -> Result<Self, LoginError> {
        match throttle.admit(address, username, now).await {
            Admission::Admitted => Ok(Self { throttle, address, username }),
            Admission::Throttled => Err(LoginError::Throttled),
            Admission::Busy => Err(HashError::Busy.into()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.throttle.leave(self.address, self.username);
    }
}

/// What stands for every text that cannot be a username, so that guesses with such texts are counted too.
fn unnameable() -> Username {
    #[expect(clippy::unwrap_used, reason = "a constant that parses; the test below holds it")]
    "(none)".parse().unwrap()
}

#[cfg(test)]
mod tests {
    #[test]
    fn unnameable_parses() {
        assert_eq!(super::unnameable().as_str(), "(none)");
    }
}
