//! Mail addresses: parsed once, kept exactly, written canonically.

use crate::{DomainName, DomainNameError};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// RFC 5321 §4.5.3.1.1: the longest local part, in octets.
const MAX_LOCAL: usize = 64;
/// RFC 5321 §4.5.3.1.3: the longest path, in octets, less its two angle brackets.
const MAX_ADDRESS: usize = 254;

/// A mail address: local part and domain.
///
/// The local part is kept unquoted and exactly as it came, case included (RFC 5321 §2.4); [`fmt::Display`] writes it
/// as a dot-atom where it is one and as a quoted string otherwise, so `"a b"@example.org` comes out as it went in and
/// nothing inside a local part can end the address early.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    local: Box<str>,
    domain: DomainName,
}

/// Why a text is not an address that Outgate takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`.
    #[error("an address needs a local part, an @ and a domain")]
    NoAt,
    /// Nothing before the `@`.
    #[error("the part before the @ is empty")]
    EmptyLocal,
    /// The local part is neither a dot-atom nor a quoted string.
    #[error("the part before the @ is not valid; quote it if it has unusual characters")]
    BadLocal,
    /// A control character.
    #[error("an address must not have control characters")]
    Control,
    /// Longer than RFC 5321 §4.5.3.1 allows.
    #[error("the address is too long: at most 64 octets before the @ and 254 in all")]
    TooLong,
    /// `user@[192.0.2.1]`: Outgate sends to domains only.
    #[error("an address literal is not taken: write the domain's name")]
    Literal,
    /// The domain is not valid.
    #[error(transparent)]
    Domain(#[from] DomainNameError),
}

impl EmailAddress {
    /// An address from its parts; `local` unquoted.
    pub fn new(local: &str, domain: DomainName) -> Result<Self, AddressError> {
        if local.is_empty() {
            return Err(AddressError::EmptyLocal);
        }
        if local.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let address = Self { local: local.into(), domain };
        if address.written_local().len() > MAX_LOCAL || address.to_string().len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }

    /// The part before the `@`, unquoted.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// Whether it can be sent without SMTPUTF8 (RFC 6531); the domain always can, in A-labels.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }

    fn written_local(&self) -> std::borrow::Cow<'_, str> {
        if is_dot_atom(&self.local) {
            return self.local.as_ref().into();
        }
        let mut quoted = String::with_capacity(self.local.len() + 2);
        quoted.push('"');
        for c in self.local.chars() {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted.push('"');
        quoted.into()
    }
}

/// RFC 5321 §4.1.2 `Dot-string`, with the characters of RFC 6531 §3.3.
fn is_dot_atom(local: &str) -> bool {
    !local.is_empty()
        && local.split('.').all(|atom| {
            !atom.is_empty() && atom.chars().all(|c| is_atext(c) || (!c.is_ascii() && !c.is_control()))
        })
}

/// RFC 5322 §3.2.3 `atext`.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Takes the content out of an RFC 5321 §4.1.2 `Quoted-string`.
fn unquote(quoted: &str) -> Result<String, AddressError> {
    let inner =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(AddressError::BadLocal)?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().ok_or(AddressError::BadLocal)?),
            '"' => return Err(AddressError::BadLocal),
            c => out.push(c),
        }
    }
    Ok(out)
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > 2 * MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        // A quoted local part may hold an @: the last one divides.
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local.is_empty() {
            return Err(AddressError::EmptyLocal);
        }
        if domain.starts_with('[') {
            return Err(AddressError::Literal);
        }
        let local = if local.starts_with('"') {
            unquote(local)?
        } else if is_dot_atom(local) {
            local.to_owned()
        } else {
            return Err(AddressError::BadLocal);
        };
        Self::new(&local, domain.parse()?)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.written_local(), self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_forms() {
        for (given, canonical) in [
            ("Bob@Example.COM", "Bob@example.com"),
            ("\"bob\"@example.com", "bob@example.com"),
            ("\"a b\"@example.com", "\"a b\"@example.com"),
            ("\"x@evil\"@good.com", "\"x@evil\"@good.com"),
            ("\"a> NOTIFY=NEVER \"@d.com", "\"a> NOTIFY=NEVER \"@d.com"),
            ("\"a\\\"b\"@d.com", "\"a\\\"b\"@d.com"),
            ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ] {
            let address: EmailAddress = given.parse().unwrap();
            assert_eq!(address.to_string(), canonical, "{given}");
            assert_eq!(canonical.parse::<EmailAddress>().unwrap(), address);
        }
    }

    #[test]
    fn refusals() {
        use AddressError as E;
        for (given, error) in [
            ("bob", E::NoAt),
            ("@example.com", E::EmptyLocal),
            ("a..b@example.com", E::BadLocal),
            (".a@example.com", E::BadLocal),
            ("a b@example.com", E::BadLocal),
            ("\"a\"b\"@example.com", E::BadLocal),
            ("x@evil@good.com", E::BadLocal),
            ("a\r\n@example.com", E::Control),
            ("a\0@example.com", E::Control),
            ("bob@[192.0.2.1]", E::Literal),
        ] {
            assert_eq!(given.parse::<EmailAddress>().unwrap_err(), error, "{given:?}");
        }
        assert!("a@".parse::<EmailAddress>().is_err());
        assert!("a@localhost".parse::<EmailAddress>().is_err());
        assert!(format!("{}@example.com", "a".repeat(65)).parse::<EmailAddress>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_parses_comes_back_the_same(text in ".{0,40}@[a-z]{1,9}\\.[a-z]{2,4}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert_eq!(address.to_string().parse::<EmailAddress>().unwrap(), address);
            }
        }
    }
}
