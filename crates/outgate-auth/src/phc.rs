//! Kept hashes as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use crate::Params;
use argon2::{Algorithm, Argon2, Version};
use outgate_core::{HashError, PasswordHash, Randomness, Secret};
use password_hash::{PasswordHasher, PasswordVerifier, phc};

/// Salt octets (RFC 9106 §3.1 recommends 16).
const SALT_LEN: usize = 16;

/// Hashes `password` under a fresh salt.
pub(crate) fn hash(
    password: &Secret,
    params: Params,
    randomness: &dyn Randomness,
) -> Result<PasswordHash, HashError> {
    let params = params.checked().map_err(failed)?;
    let mut salt = [0_u8; SALT_LEN];
    randomness.fill(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed: phc::PasswordHash =
        password.with_bytes(|bytes| argon2.hash_password_with_salt(bytes, &salt)).map_err(failed)?;
    Ok(PasswordHash::new(&hashed.to_string()))
}

/// A kept hash, understood.
pub(crate) struct Kept {
    hash: phc::PasswordHash,
    params: Params,
}

impl Kept {
    /// Reads a kept hash. What is not a whole argon2id hash of a bearable cost is damage in the store, not a wrong
    /// password.
    pub(crate) fn read(kept: &PasswordHash) -> Result<Self, HashError> {
        let damaged = || HashError::Failed("the kept hash is damaged".to_owned());
        let hash = phc::PasswordHash::new(kept.as_str()).map_err(|_| damaged())?;
        let whole = hash.algorithm == argon2::ARGON2ID_IDENT
            && hash.version == Some(Version::V0x13.into())
            && hash.salt.is_some()
            && hash.hash.is_some();
        let params = argon2::Params::try_from(&hash).map_err(|_| damaged())?;
        let params =
            Params { memory_kib: params.m_cost(), iterations: params.t_cost(), parallelism: params.p_cost() };
        if !whole || params.checked().is_err() {
            return Err(damaged());
        }
        Ok(Self { hash, params })
    }

    /// What it costs to verify.
    pub(crate) fn params(&self) -> Params {
        self.params
    }

    /// Whether it is the hash of `password`. Compares in constant time, at the kept hash's cost.
    pub(crate) fn matches(&self, password: &Secret) -> Result<bool, HashError> {
        // The hash brings its own parameters; those of this context do not count.
        match password.with_bytes(|bytes| Argon2::default().verify_password(bytes, &self.hash)) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(failed(other)),
        }
    }
}

/// A failure of the library; its words name no secret.
fn failed(error: impl std::fmt::Display) -> HashError {
    HashError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    const SMALL: Params = Params { memory_kib: 8, iterations: 1, parallelism: 1 };

    #[test]
    fn a_hash_matches_its_password_alone() {
        let randomness = Seeded::new(1);
        let secret = Secret::new("right");
        let kept = hash(&secret, SMALL, &randomness).unwrap();
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", kept.as_str());
        let again = hash(&secret, SMALL, &randomness).unwrap();
        assert!(kept != again, "every hash has its own salt");
        let kept = Kept::read(&kept).unwrap();
        assert_eq!(kept.params(), SMALL);
        assert!(kept.matches(&secret).unwrap());
        assert!(!kept.matches(&Secret::new("wrong")).unwrap());
    }

    #[test]
    fn damage_is_not_a_wrong_password() {
        let good = hash(&Secret::new("x"), SMALL, &Seeded::new(2)).unwrap();
        let (whole, _) = good.as_str().rsplit_once('$').unwrap();
        for bad in [
            "",
            "plain",
            whole,
            &good.as_str().replace("argon2id", "argon2i"),
            &good.as_str().replace("v=19", "v=16"),
            &good.as_str().replace("m=8", "m=4294967295"),
            &good.as_str().replace("t=1", "t=4000000000"),
            &good.as_str().replace("p=1", "p=x"),
        ] {
            assert!(matches!(Kept::read(&PasswordHash::new(bad)), Err(HashError::Failed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_known_hash_of_the_reference_implementation_verifies() {
        // From the argon2 command line tool: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -e
        let kept = PasswordHash::new(
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        );
        assert!(Kept::read(&kept).unwrap().matches(&Secret::new("password")).unwrap());
    }
}
