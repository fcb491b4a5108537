//! Which DNS records a domain needs.

use crate::{Domain, DomainKey, KeyStage};

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves that whoever added the domain controls it.
    Ownership,
    /// Publishes a key that signatures are checked with (RFC 6376 §3.6).
    Dkim,
    /// Names who may send as the domain (RFC 7208).
    Spf,
    /// Tells receivers what to do with mail that fails (RFC 7489).
    Dmarc,
}

impl Purpose {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ownership => "ownership",
            Self::Dkim => "dkim",
            Self::Spf => "spf",
            Self::Dmarc => "dmarc",
        }
    }

    /// What it does, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ownership => "proves that this domain is yours",
            Self::Dkim => "lets receivers check the signature on your mail",
            Self::Spf => {
                "names this relay as a sender for the domain; if you have an SPF record, add the a: term to it"
            }
            Self::Dmarc => {
                "tells receivers what to do with mail that is not signed; keep yours if you have one"
            }
        }
    }
}

/// The type of a DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Text.
    Txt,
}

impl RecordType {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Txt => "TXT",
        }
    }
}

/// A DNS record to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// What it is for.
    pub purpose: Purpose,
    /// Its type.
    pub record_type: RecordType,
    /// Its full name.
    pub name: String,
    /// Its value, unquoted and unsplit.
    pub value: String,
    /// Whether the domain is verified only with it. Of several keys, one is required.
    pub required: bool,
}

/// The records of a domain that sends through the relay `host`.
pub fn records(domain: &Domain, keys: &[DomainKey], host: &str) -> Vec<DnsRecord> {
    let name = &domain.name;
    let txt = |purpose, name: String, value: String, required| DnsRecord {
        purpose,
        record_type: RecordType::Txt,
        name,
        value,
        required,
    };
    let mut all = vec![txt(
        Purpose::Ownership,
        format!("_outgate.{name}"),
        ownership_value(&domain.ownership_token),
        true,
    )];
    let published = keys.iter().filter(|key| key.stage != KeyStage::Retired);
    all.extend(published.enumerate().map(|(n, key)| {
        let record = format!("{}._domainkey.{name}", key.key.selector);
        txt(Purpose::Dkim, record, key_value(key), n == 0)
    }));
    all.push(txt(Purpose::Spf, name.to_string(), format!("v=spf1 a:{host} ~all"), false));
    all.push(txt(Purpose::Dmarc, format!("_dmarc.{name}"), "v=DMARC1; p=none".to_owned(), false));
    all
}

/// The ownership record's value.
fn ownership_value(token: &str) -> String {
    format!("outgate-verification={token}")
}

/// The key record's value (RFC 6376 §3.6.1).
fn key_value(key: &DomainKey) -> String {
    format!("v=DKIM1; k={}; p={}", key.key.algorithm.key_type(), key.key.public_key)
}
