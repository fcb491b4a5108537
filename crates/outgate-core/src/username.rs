//! The username that an application signs in with, and the name that people give an SMTP user.

use crate::{AddressError, DomainName, EmailAddress, Randomness};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Characters of a generated username: none looks like another (no `0`/`o`, `1`/`l`/`i`).
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 14 characters of 31 are 69 bits.
const GENERATED_LEN: usize = 14;
/// The longest username, in octets: that of an address.
const MAX_USERNAME: usize = 254;

/// A username: generated, or an address of its domain; immutable, unique in the installation, never reissued (law 3).
///
/// Lower case; [`FromStr`] folds, so applications may write it as they like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(Box<str>);

/// Why a text cannot be a username.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Empty, too long, or with characters that no username has.
    #[error("not a username: 1 to 254 printable ASCII characters without spaces")]
    Invalid,
    /// A chosen local part that does not make an address.
    #[error(transparent)]
    LocalPart(#[from] AddressError),
}

impl Username {
    /// Draws a username of 69 random bits.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let mut name = String::with_capacity(GENERATED_LEN);
        let mut byte = [0_u8; 1];
        while name.len() < GENERATED_LEN {
            randomness.fill(&mut byte);
            // 248 = 8 × 31: bytes above would favour the first letters.
            if byte[0] < 248 {
                name.push(char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]));
            }
        }
        Self(name.into())
    }

    /// A username chosen by the administrator: an address of the user's own domain.
    pub fn chosen(local: &str, domain: &DomainName) -> Result<Self, UsernameError> {
        if !local.is_ascii() || local.contains('@') {
            return Err(UsernameError::Invalid);
        }
        let address: EmailAddress = format!("{}@{domain}", local.to_ascii_lowercase()).parse()?;
        address.to_string().parse()
    }

    /// The username.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = UsernameError;
    fn from_str(text: &str) -> Result<Self, UsernameError> {
        let fits = (1..=MAX_USERNAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_ascii_lowercase().into())) } else { Err(UsernameError::Invalid) }
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;
    fn try_from(text: String) -> Result<Self, UsernameError> {
        text.parse()
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0.into()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The changeable name of an SMTP user ("WordPress"): 1 to 100 printable characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(Box<str>);

/// Why a text cannot name an SMTP user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 printable characters")]
pub struct UserNameError;

impl UserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that print nothing or turn the text around, so that a name could pose as another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl FromStr for UserName {
    type Err = UserNameError;
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(is_invisible);
        if fits { Ok(Self(text.into())) } else { Err(UserNameError) }
    }
}

impl TryFrom<String> for UserName {
    type Error = UserNameError;
    fn try_from(text: String) -> Result<Self, UserNameError> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for b in bytes {
                *b = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn generated_names_have_no_lookalikes() {
        let counting = Counting(240.into());
        let name = Username::generate(&counting);
        assert_eq!(name.as_str().len(), GENERATED_LEN);
        assert!(name.as_str().bytes().all(|b| ALPHABET.contains(&b)), "{name}");
        assert!(GENERATED_LEN as f64 * (ALPHABET.len() as f64).log2() >= 64.0);
    }

    #[test]
    fn chosen_names_are_addresses_of_the_domain() {
        let domain: DomainName = "example.com".parse().unwrap();
        assert_eq!(Username::chosen("Info", &domain).unwrap().as_str(), "info@example.com");
        for bad in ["", "a b", "info@example.org", "a..b", "jörg"] {
            assert!(Username::chosen(bad, &domain).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_printable() {
        assert_eq!(" WordPress ".parse::<UserName>().unwrap().as_str(), "WordPress");
        for bad in ["", "   ", "a\tb", "a\u{202e}b", &"x".repeat(101)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }
}
