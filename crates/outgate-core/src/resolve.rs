//! The port to the DNS.

use crate::DomainName;
use async_trait::async_trait;
use std::net::IpAddr;

/// One mail exchanger of a domain (RFC 5321 §5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// The host's name without a trailing dot; empty for a null MX (RFC 7505).
    pub exchange: String,
}

/// Why a name gave no records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist in DNS")]
    NoSuchName,
    /// The name exists but has no record of this type.
    #[error("the name has no such DNS record")]
    NoRecords,
    /// No answer, or a server failure: it may be otherwise later (law 9).
    #[error("DNS did not answer: {0}")]
    Temporary(String),
}

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The MX records of a domain, in no order.
    async fn mx(&self, name: &DomainName) -> Result<Vec<Mx>, ResolveError>;
    /// The IPv6 and IPv4 addresses of a host, CNAMEs followed.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError>;
    /// The TXT records of a name, the strings of each joined.
    async fn txt(&self, name: &str) -> Result<Vec<String>, ResolveError>;
}
