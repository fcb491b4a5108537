//! What an operator decides about delivery.

use outgate_smtp::client::{Credentials, EhloName, Stage};
use rustls_pki_types::CertificateDer;
use std::{sync::Arc, time::Duration};

/// Connections to one destination at the same time.
pub const CONNECTIONS_PER_DESTINATION: usize = 20;
/// Parcels that may be on their way for each of those connections: one is carried while the next waits for it. So at
/// most this many messages a connection are without a settlement when the relay is killed.
pub const UNSETTLED_PER_CONNECTION: usize = 2;
/// Messages over one connection before it is closed and another opened.
pub const MESSAGES_PER_CONNECTION: usize = 500;
/// What must be left of a parcel's time for a transaction to begin. With less it could break off half-way, and the
/// server would have had the work for nothing.
pub const LEAST_FOR_TRANSACTION: Duration = Duration::from_mins(2);
/// How long a connection is kept open for the next message.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that are kept open for the next message, all destinations together.
pub(crate) const IDLE_CONNECTIONS: usize = 1000;
/// Recipients of one transaction: what every server must take (RFC 5321 §4.5.3.1.8). A parcel with more goes in several
/// transactions over the same connection.
pub(crate) const RECIPIENTS_PER_TRANSACTION: usize = 100;
/// Names of a destination's list of mail servers that are looked up.
pub(crate) const HOSTS_TRIED: usize = 16;
/// Addresses that are connected to in one attempt.
pub(crate) const ADDRESSES_TRIED: usize = 8;

/// How delivery is done.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to.
    pub route: Route,
    /// Our name. A mail server of that name in a list of mail servers is ourselves (RFC 5321 §5.1).
    pub ehlo_name: EhloName,
    /// Whether mail may go to servers in loopback, private or link-local space. A smart host always may be there.
    pub allow_private: bool,
    /// Certificate authorities that are trusted beside the public ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Connections to one destination at the same time.
    pub connections_per_destination: usize,
    /// Messages over one connection.
    pub messages_per_connection: usize,
    /// How long a connection is kept open for the next message.
    pub idle_timeout: Duration,
    /// How long each step may take.
    pub timeouts: Timeouts,
}

impl Config {
    /// Everything by default, under this name.
    pub fn new(ehlo_name: EhloName, route: Route) -> Self {
        Self {
            route,
            ehlo_name,
            allow_private: false,
            extra_roots: Vec::new(),
            connections_per_destination: CONNECTIONS_PER_DESTINATION,
            messages_per_connection: MESSAGES_PER_CONNECTION,
            idle_timeout: IDLE_TIMEOUT,
            timeouts: Timeouts::default(),
        }
    }
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Route {
    /// To the mail servers of each recipient's domain.
    Mx {
        /// Their port.
        port: u16,
    },
    /// All to one server, which takes it from there.
    SmartHost(SmartHost),
}

/// A server that takes all our mail.
#[derive(Clone, Debug)]
pub struct SmartHost {
    /// Its name, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS on the way to it.
    pub tls: SmartHostTls,
    /// What to sign in with. A password is said only to a server whose certificate was verified, so with credentials
    /// [`SmartHostTls::Opportunistic`] means [`SmartHostTls::Require`].
    pub credentials: Option<Arc<Credentials>>,
}

/// TLS on the way to a smart host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmartHostTls {
    /// When it is offered, with whatever certificate; otherwise in clear.
    #[default]
    Opportunistic,
    /// STARTTLS, with a valid certificate, or not at all.
    Require,
    /// TLS from the first byte (RFC 8314 §3.3), with a valid certificate, or not at all.
    Implicit,
}

/// How long each step may take. A step is over when its reply is there whole: a server that drips its reply in byte by
/// byte has no more time than any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the greeting (RFC 5321 §4.5.3.2.1).
    pub greeting: Duration,
    /// For the answers to EHLO, STARTTLS, AUTH and RSET, and for commands to be taken.
    pub hello: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// For the answer to MAIL (RFC 5321 §4.5.3.2.2).
    pub mail: Duration,
    /// For the answer to RCPT (RFC 5321 §4.5.3.2.3).
    pub recipient: Duration,
    /// For the answer to DATA (RFC 5321 §4.5.3.2.4).
    pub data: Duration,
    /// For a block of the message to be taken (RFC 5321 §4.5.3.2.5).
    pub block: Duration,
    /// For the answer to the final dot (RFC 5321 §4.5.3.2.6). It counts whole, even when `carry` is over: whoever gives
    /// up here may send the message twice.
    pub content: Duration,
    /// For the answer to QUIT, and for what a server that broke a message off has to say.
    pub quit: Duration,
    /// For a parcel in all, the wait for a free connection included and the answer to the final dot excepted.
    pub carry: Duration,
    /// What must be left of `carry` for a transaction to begin.
    pub begin: Duration,
}

impl Timeouts {
    /// For what a server answers to a command.
    pub(crate) fn of(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Greeting => self.greeting,
            Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Reset => self.hello,
            Stage::Mail => self.mail,
            Stage::Recipient => self.recipient,
            Stage::Data => self.data,
            Stage::Content => self.content,
            Stage::Quit => self.quit,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_mins(5),
            hello: Duration::from_mins(5),
            tls: Duration::from_mins(1),
            mail: Duration::from_mins(5),
            recipient: Duration::from_mins(5),
            data: Duration::from_mins(2),
            block: Duration::from_mins(3),
            content: Duration::from_mins(10),
            quit: Duration::from_secs(5),
            carry: Duration::from_mins(30),
            begin: LEAST_FOR_TRANSACTION,
        }
    }
}
