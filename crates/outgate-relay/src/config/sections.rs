//! The sections of the configuration. Their comments and defaults are what `docs/configuration.md` says.

use super::{Bytes, Network, Rate, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

/// Where applications submit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Submission {
    /// Addresses that offer STARTTLS.
    #[schemars(with = "Vec<String>")]
    pub starttls: Vec<SocketAddr>,
    /// Addresses that begin with TLS.
    #[schemars(with = "Vec<String>")]
    pub implicit_tls: Vec<SocketAddr>,
    /// The largest message, in bytes.
    pub max_message_bytes: Bytes,
    /// The most recipients of one message.
    pub max_recipients: usize,
    /// The longest line of a message, in bytes.
    pub max_line_octets: usize,
    /// The most connections at a time.
    pub max_connections: usize,
    /// The most connections at a time from one address (IPv6: from one /64).
    pub max_connections_per_address: usize,
    /// After this many errors the connection is closed; refused recipients do not count.
    pub max_errors: usize,
    /// How long a command may take to come.
    pub command_timeout: Span,
    /// How long a message may pause while it comes; a minimum rate holds too.
    pub data_timeout: Span,
    /// What messages may take in memory, all sessions together; at least twice the largest message. Deliveries on their way
    /// have as much again.
    pub memory_budget: Bytes,
    /// Networks whose PROXY protocol header (v1, v2) is believed, and demanded.
    pub proxy_protocol_from: Vec<Network>,
}

impl Default for Submission {
    fn default() -> Self {
        let any = std::net::Ipv6Addr::UNSPECIFIED;
        Self {
            starttls: vec![(any, 587).into()],
            implicit_tls: vec![(any, 465).into()],
            max_message_bytes: Bytes(26_214_400),
            max_recipients: 1000,
            max_line_octets: 65_536,
            max_connections: 10_000,
            max_connections_per_address: 200,
            max_errors: 20,
            command_timeout: Span::seconds(300),
            data_timeout: Span::seconds(300),
            memory_budget: Bytes(256 << 20),
            proxy_protocol_from: Vec::new(),
        }
    }
}

/// Passwords and guesses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The cost of a password hash (argon2id; the default is OWASP's). Raised, each user's hash follows at its next
    /// sign-in.
    pub argon2: Argon2,
    /// How many hashes are computed at a time; 64 more wait at most 5 s, then sign-ins get `454 4.7.0`. Default: the
    /// number of cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_hashes: Option<usize>,
    /// How many failed sign-ins are taken.
    pub throttle: Throttle,
}

/// The cost of a password hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Argon2 {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Argon2 {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// How many failed sign-ins are taken before more get `454 4.7.0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Throttle {
    /// From one address (IPv6: from one /64).
    pub per_address: Rate,
    /// For one username, from addresses where it has not signed in of late.
    pub per_username: Rate,
}

impl Default for Throttle {
    fn default() -> Self {
        let rate = Rate { count: NonZeroU32::MIN.saturating_add(29), per: Span::seconds(300) };
        Self { per_address: rate, per_username: rate }
    }
}

/// The certificate, reloaded when its file changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub private_key: PathBuf,
}

/// The way to the recipients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// A server that takes everything; without it each recipient's own servers (MX) are used. `"host:port"`, or a
    /// table with `address`, `tls` (`opportunistic`, `require`, `implicit`), `username` and `password_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smart_host: Option<SmartHost>,
    /// The port of recipients' servers.
    pub mx_port: u16,
    /// Whether recipients' servers may be in loopback, private or link-local space; a smart host always may. Where they may
    /// not, mail waits with that reason and is given up when the retry time is over.
    pub allow_private_destinations: bool,
    /// Certificates trusted besides the usual ones, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_ca: Option<PathBuf>,
    /// How long a connection may take to be made.
    pub connect_timeout: Span,
    /// How long after acceptance the sender is told, once for each recipient, that a message is late (RFC 3464).
    pub delay_notice_after: Span,
    /// When to try again.
    pub retry: Retry,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            smart_host: None,
            mx_port: 25,
            allow_private_destinations: false,
            extra_ca: None,
            connect_timeout: Span::seconds(30),
            delay_notice_after: Span::seconds(4 * 3600),
            retry: Retry::default(),
        }
    }
}

/// When to try again after a temporary failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// The delay after the first try; it doubles, with jitter.
    pub first: Span,
    /// The longest delay.
    pub most: Span,
    /// How long after acceptance a delivery is given up.
    pub give_up_after: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Span::seconds(60),
            most: Span::seconds(4 * 3600),
            give_up_after: Span::seconds(72 * 3600),
        }
    }
}

/// A server that takes everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SmartHost {
    /// `"host:port"`.
    Address(String),
    /// With TLS or a sign-in.
    Table(SmartHostTable),
}

/// A smart host in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmartHostTable {
    /// `"host:port"`.
    pub address: String,
    /// How TLS is used.
    #[serde(default)]
    pub tls: SmartHostTls,
    /// The username to sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A file with the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// How TLS is used to a smart host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmartHostTls {
    /// STARTTLS where it is offered, whatever the certificate.
    #[default]
    Opportunistic,
    /// STARTTLS with a valid certificate, or nothing is sent.
    Require,
    /// TLS from the start, with a valid certificate.
    Implicit,
}

impl SmartHost {
    /// The smart host in full.
    pub fn table(&self) -> SmartHostTable {
        match self {
            Self::Address(address) => SmartHostTable {
                address: address.clone(),
                tls: SmartHostTls::default(),
                username: None,
                password_file: None,
            },
            Self::Table(table) => table.clone(),
        }
    }
}

/// Name resolution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers; where set, only these are asked, for everything. Default: the system's.
    #[schemars(with = "Vec<String>")]
    pub servers: Vec<SocketAddr>,
}

/// The HTTP listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where `/healthz`, `/readyz` and `/metrics` answer.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8025).into() }
    }
}

/// The database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite:FILE`, relative to `data_dir`.
    pub url: String,
    /// Below this much free disk nothing more is accepted: `MAIL` gets `452 4.3.1`.
    pub reserve_bytes: Bytes,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:outgate.db".to_owned(), reserve_bytes: Bytes(134_217_728) }
    }
}

/// What the relay writes about itself, on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
