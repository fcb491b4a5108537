//! The resolver.

use crate::answer::records;
use async_trait::async_trait;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RData, RecordType},
};
use outgate_core::{DomainName, Mx, Resolve, ResolveError};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::timeout;

/// How long one query to one server may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a query that got no answer is repeated.
pub const QUERY_TRIES: usize = 2;
/// How long a lookup may take in all: every server, try, CNAME and the change to TCP.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);
/// Answers that are kept in memory, as long as their time to live allows.
const CACHED_ANSWERS: u64 = 10_000;
/// The longest time an answer is kept, whatever its time to live: a changed MX is seen within the hour.
const LONGEST_CACHED: Duration = Duration::from_hours(1);

/// Why there is no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolverError {
    /// The system's configuration could not be read.
    #[error("the system's DNS configuration cannot be read: {0}")]
    System(String),
    /// A configuration without a server to ask.
    #[error("there is no DNS server to ask")]
    NoServers,
    /// The resolver could not be made.
    #[error("the DNS resolver cannot be started: {0}")]
    Failed(String),
}

/// Looks names up through DNS servers: over UDP, and over TCP where an answer does not fit. Answers are cached.
///
/// Every name is taken as it is, from the root: no search domains.
#[derive(Clone)]
pub struct Resolver {
    inner: TokioResolver,
    deadline: Duration,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that asks the system's servers (`/etc/resolv.conf`) and heeds its hosts file.
    pub fn system() -> Result<Self, ResolverError> {
        let (config, options) = hickory_resolver::system_conf::read_system_conf()
            .map_err(|error| ResolverError::System(error.to_string()))?;
        Self::build(config, options, QUERY_TIMEOUT, LOOKUP_TIMEOUT)
    }

    /// A resolver that asks these servers for everything, and nothing else.
    pub fn asking(servers: &[SocketAddr]) -> Result<Self, ResolverError> {
        Self::asking_within(servers, QUERY_TIMEOUT, LOOKUP_TIMEOUT)
    }

    /// As [`Resolver::asking`], with other times for one query and for a lookup in all.
    pub fn asking_within(
        servers: &[SocketAddr],
        query: Duration,
        lookup: Duration,
    ) -> Result<Self, ResolverError> {
        let config = ResolverConfig::from_name_servers(servers.iter().map(name_server).collect());
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        Self::build(config, options, query, lookup)
    }

    fn build(
        config: ResolverConfig,
        mut options: ResolverOpts,
        query: Duration,
        lookup: Duration,
    ) -> Result<Self, ResolverError> {
        if config.name_servers().is_empty() {
            return Err(ResolverError::NoServers);
        }
        options.timeout = query;
        options.attempts = QUERY_TRIES;
        options.edns0 = true;
        options.cache_size = CACHED_ANSWERS;
        options.positive_max_ttl = Some(LONGEST_CACHED);
        options.negative_max_ttl = Some(LONGEST_CACHED);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let inner = builder.build().map_err(|error| ResolverError::Failed(error.to_string()))?;
        Ok(Self { inner, deadline: lookup })
    }

    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        pick: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, ResolveError> {
        let Some(name) = rooted(name) else {
            // What DNS cannot even be asked for is not there.
            return Err(ResolveError::NoSuchName);
        };
        match timeout(self.deadline, self.inner.lookup(name, kind)).await {
            Ok(answer) => records(answer, pick),
            Err(_) => Err(ResolveError::Temporary("the lookup took too long".to_owned())),
        }
    }
}

#[async_trait]
impl Resolve for Resolver {
    async fn mx(&self, name: &DomainName) -> Result<Vec<Mx>, ResolveError> {
        self.records(name.as_str(), RecordType::MX, |data| match data {
            RData::MX(mx) => Some(Mx { preference: mx.preference, exchange: unrooted(&mx.exchange) }),
            _ => None,
        })
        .await
    }

    /// Both kinds of address are asked for at the same time. When one kind is there the other's trouble does not
    /// matter; when neither is, trouble with one means that nobody knows.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let six = self.records(host, RecordType::AAAA, |data| match data {
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        });
        let four = self.records(host, RecordType::A, |data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        });
        match tokio::join!(six, four) {
            (Ok(mut six), Ok(four)) => {
                six.extend(four);
                Ok(six)
            }
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
            (Err(six), Err(four)) => Err(together(six, four)),
        }
    }

    async fn txt(&self, name: &str) -> Result<Vec<String>, ResolveError> {
        self.records(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }
}

/// What two lookups of one name that found nothing mean together: trouble outweighs absence, and a name that has
/// something else exists.
fn together(one: ResolveError, other: ResolveError) -> ResolveError {
    match (one, other) {
        (trouble @ ResolveError::Temporary(_), _) | (_, trouble @ ResolveError::Temporary(_)) => trouble,
        (ResolveError::NoRecords, _) | (_, ResolveError::NoRecords) => ResolveError::NoRecords,
        (ResolveError::NoSuchName, ResolveError::NoSuchName) => ResolveError::NoSuchName,
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

/// A name as it hangs from the root.
fn rooted(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok().filter(|name| name.num_labels() > 0)?;
    name.set_fqdn(true);
    Some(name)
}

/// A host's name without the dot at its end; empty for the root, which is how a null MX is written (RFC 7505 §3).
fn unrooted(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(rooted("mx.example.org").unwrap().to_ascii(), "mx.example.org.");
        assert_eq!(rooted("_dmarc.example.org.").unwrap().to_ascii(), "_dmarc.example.org.");
        assert!(rooted("").is_none());
        assert!(rooted(".").is_none());
        assert!(rooted(&"a".repeat(64)).is_none());
        assert_eq!(unrooted(&Name::root()), "");
        assert_eq!(unrooted(&Name::from_ascii("MX.Example.org.").unwrap()), "mx.example.org");
    }

    #[test]
    fn two_lookups_together() {
        use ResolveError::{NoRecords, NoSuchName, Temporary};
        let trouble = || Temporary("x".to_owned());
        for (one, other, both) in [
            (NoSuchName, NoSuchName, NoSuchName),
            (NoRecords, NoSuchName, NoRecords),
            (NoSuchName, NoRecords, NoRecords),
            (NoRecords, NoRecords, NoRecords),
            (trouble(), NoSuchName, trouble()),
            (NoRecords, trouble(), trouble()),
        ] {
            assert_eq!(together(one, other), both);
        }
    }
}
