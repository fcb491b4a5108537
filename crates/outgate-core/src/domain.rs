//! Sending domains: their names, their states and their keys.

use crate::{AccountId, DomainId, KeyId, Timestamp};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A domain name, at least two labels, as lower-case A-labels (RFC 5890) without a trailing dot.
///
/// Two names are the same domain exactly when they are equal (law 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(Box<str>);

/// Why a text is not a domain name that Outgate takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    /// Nothing there.
    #[error("a domain name is missing")]
    Empty,
    /// One label.
    #[error("a domain name needs at least two labels, as in example.com")]
    OneLabel,
    /// An IP address, bare or as a literal.
    #[error("an IP address is not a domain name")]
    Address,
    /// A trailing dot.
    #[error("write the domain name without the dot at its end")]
    TrailingDot,
    /// Not valid by IDNA (RFC 5891, UTS #46) or too long for DNS (RFC 1035 §2.3.4).
    #[error("not a valid domain name")]
    Invalid,
}

impl DomainName {
    /// The name in lower-case A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as people read it, in U-labels where it has any.
    pub fn to_unicode(&self) -> String {
        Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow).0.into_owned()
    }

    /// Whether the name is a public suffix by the list's ICANN section (`co.uk`, `com.au`): nobody sends as that.
    pub fn is_public_suffix(&self) -> bool {
        psl::suffix(self.0.as_bytes()).is_some_and(|suffix| {
            suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == self.0.as_bytes()
        })
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, DomainNameError> {
        use DomainNameError as E;
        if text.is_empty() {
            return Err(E::Empty);
        }
        if text.starts_with('[') || text.parse::<std::net::IpAddr>().is_ok() {
            return Err(E::Address);
        }
        if text.ends_with(['.', '。', '．', '｡']) {
            return Err(E::TrailingDot);
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Verify)
            .map_err(|_| E::Invalid)?;
        let (_, last) = ascii.rsplit_once('.').ok_or(E::OneLabel)?;
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(E::Address); // RFC 3696 §2: a top-level name is never all digits
        }
        if ascii.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
            return Err(E::Invalid); // RFC 5321 §4.1.2 sub-domain
        }
        Ok(Self(ascii.into_owned().into()))
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;
    fn try_from(text: String) -> Result<Self, DomainNameError> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({})", self.0)
    }
}

/// A sending domain of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its identity.
    pub id: DomainId,
    /// The account that owns it.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// What its DNS records say.
    pub state: DomainState,
    /// Whether an operator vouched for it: it may then send before its DNS is checked.
    pub trusted: bool,
    /// The random text that its ownership record must hold.
    pub ownership_token: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// How many SMTP users it has.
    pub users: u64,
}

impl Domain {
    /// Whether mail may be sent as this domain, by its own state.
    pub fn may_send(&self) -> Result<(), DomainBar> {
        match self.state {
            _ if self.trusted => Ok(()),
            DomainState::Verified | DomainState::Failing => Ok(()),
            DomainState::Pending => Err(DomainBar::Pending),
        }
    }
}

/// What a domain's DNS records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// Not proven yet.
    Pending,
    /// Ownership and a DKIM key were seen in DNS.
    Verified,
    /// Was verified, and its records have gone since.
    Failing,
}

impl DomainState {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Failing => "failing",
        }
    }
}

/// Why nothing may be sent as a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainBar {
    /// Its DNS records are not verified, and no operator vouched for it.
    #[error("the domain is not verified yet")]
    Pending,
    /// Its account is suspended.
    #[error("the account is suspended")]
    AccountSuspended,
}

/// How a DKIM key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DkimAlgorithm {
    /// rsa-sha256 (RFC 6376 §3.3.2, RFC 8301), 2048 bits.
    RsaSha256,
    /// ed25519-sha256 (RFC 8463).
    Ed25519Sha256,
}

impl DkimAlgorithm {
    /// The `k=` tag of its key record (RFC 6376 §3.6.1, RFC 8463 §4).
    pub fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa",
            Self::Ed25519Sha256 => "ed25519",
        }
    }
}

/// Where a DKIM key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStage {
    /// To be published; does not sign.
    Pending,
    /// Signs.
    Active,
    /// Still published; does not sign.
    Retiring,
    /// Destroyed; its record may go.
    Retired,
}

/// A DKIM key pair about to be kept.
#[derive(Clone)]
pub struct NewDomainKey {
    /// Its identity.
    pub id: KeyId,
    /// The name it is published under (RFC 6376 §3.1).
    pub selector: String,
    /// How it signs.
    pub algorithm: DkimAlgorithm,
    /// The `p=` tag of its record: base64 of the public key.
    pub public_key: String,
    /// The private key, sealed under the master key; no store sees it in the clear.
    pub sealed_private_key: Vec<u8>,
}

/// A DKIM key pair of a domain.
#[derive(Clone)]
pub struct DomainKey {
    /// What was kept.
    pub key: NewDomainKey,
    /// Its domain.
    pub domain: DomainId,
    /// Where it stands.
    pub stage: KeyStage,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (given, canonical) in [
            ("Example.COM", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("r3---sn.example.com", "r3---sn.example.com"),
        ] {
            assert_eq!(given.parse::<DomainName>().unwrap().as_str(), canonical);
        }
        assert_eq!("bücher.example".parse::<DomainName>().unwrap().to_unicode(), "bücher.example");
    }

    #[test]
    fn refusals() {
        use DomainNameError as E;
        let long = format!("{}.com", "a".repeat(64));
        for (given, error) in [
            ("", E::Empty),
            ("localhost", E::OneLabel),
            ("example.com.", E::TrailingDot),
            ("192.0.2.1", E::Address),
            ("1.2.3.4.5", E::Address),
            ("[192.0.2.1]", E::Address),
            ("::1", E::Address),
            ("exa mple.com", E::Invalid),
            ("a..b", E::Invalid),
            (".com", E::Invalid),
            ("-a.com", E::Invalid),
            ("a_b.com", E::Invalid),
            ("a\r\n.com", E::Invalid),
            (long.as_str(), E::Invalid),
        ] {
            assert_eq!(given.parse::<DomainName>().unwrap_err(), error, "{given:?}");
        }
    }

    #[test]
    fn public_suffixes_are_known() {
        assert!("co.uk".parse::<DomainName>().unwrap().is_public_suffix());
        assert!(!"example.co.uk".parse::<DomainName>().unwrap().is_public_suffix());
        assert!(!"example.test".parse::<DomainName>().unwrap().is_public_suffix());
        assert!(
            !"github.io".parse::<DomainName>().unwrap().is_public_suffix(),
            "the private section does not count"
        );
    }
}
