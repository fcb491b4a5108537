//! What the connections of one listener have in common.

use crate::{Cidr, Counters, Service, Tls, limits::Limiter};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How connections of a listener begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// In clear; whether STARTTLS can be had, the service's configuration says.
    Clear,
    /// Inside TLS from the first octet (RFC 8314 §3.3).
    Tls,
}

/// The limits of a set of listeners.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Connections open at once; past it `421 4.7.0`.
    pub connections: usize,
    /// Connections from one IPv4 address or one IPv6 /64; past it `421 4.7.0`.
    pub connections_per_address: usize,
    /// For a whole command line, from the reply before it (RFC 5321 §4.5.3.2.7 asks for at least five minutes).
    pub command_timeout: Duration,
    /// Between two reads of a message; a minimum rate and a longest time for all of a
    /// transaction hold too.
    pub data_timeout: Duration,
    /// Proxies: connections from there must begin with a PROXY header, and it is believed.
    pub proxies: Vec<Cidr>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 200,
            command_timeout: Duration::from_mins(5),
            data_timeout: Duration::from_mins(5),
            proxies: Vec::new(),
        }
    }
}

impl Rules {
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }
}

/// What a set of listeners shares.
pub(crate) struct House {
    pub(crate) rules: Rules,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) counters: Arc<Counters>,
    /// No new transactions.
    pub(crate) drain: CancellationToken,
    /// No waiting for those that are open.
    pub(crate) cut: CancellationToken,
}

/// What the connections of one listener share.
pub(crate) struct Door {
    pub(crate) house: Arc<House>,
    pub(crate) opening: Opening,
    pub(crate) service: Arc<dyn Service>,
    /// There whenever the opening or the service's configuration calls for it.
    pub(crate) tls: Option<Arc<Tls>>,
}
