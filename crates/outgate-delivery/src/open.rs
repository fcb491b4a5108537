//! Opening a connection to a destination: host by host, address by address, until one is ready for mail.

use crate::{
    classify::{classify, words},
    config::{ADDRESSES_TRIED, Config, Route, SmartHostTls},
    connection::{Connection, Stream},
    failure::Failure,
    mx::Directory,
    stopping::Stopping,
    story::{Part, Story},
    tls::{Certificate, Tls},
};
use outgate_core::{Clock, Destination, FailureClass, NetworkPath, Randomness, Resolve, TlsUsed};
use outgate_smtp::client::{Closing, Conversation, Settings, StartTls, Step};
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpStream, time::Instant};
use tracing::debug;

/// Opens connections.
pub(crate) struct Opener {
    pub(crate) config: Arc<Config>,
    pub(crate) resolve: Arc<dyn Resolve>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tls: Tls,
    pub(crate) stopping: Stopping,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Nothing.
    Clear,
    /// TLS when it is offered, with whatever certificate.
    Opportunistic,
    /// STARTTLS with a valid certificate.
    Require,
    /// TLS from the first byte with a valid certificate.
    Implicit,
}

/// Why one address gave no connection.
enum Shut {
    /// The TLS handshake failed.
    Handshake(Failure),
    /// Something else.
    Other(Failure),
}

impl Opener {
    /// A connection to a destination that is ready for a transaction, unless the relay stops before; it goes on with the
    /// story, which stays here when there is none. `avoid` are addresses that were tried already, and `earlier` is what came of the last of them.
    pub(crate) async fn open(
        &self,
        destination: &Destination,
        avoid: &[SocketAddr],
        earlier: Option<Failure>,
        deadline: Instant,
        story: &mut Story,
    ) -> Result<Connection, Failure> {
        let directory = Directory {
            config: &self.config,
            resolve: self.resolve.as_ref(),
            randomness: self.randomness.as_ref(),
        };
        let late = || {
            Failure::temporary(FailureClass::Connection, "no server of the destination was reached in time")
        };
        let began = Instant::now();
        let hosts = self.stopping.within(deadline, directory.hosts(destination)).await;
        story.spent.add(Part::Dns, began.elapsed());
        let hosts = hosts.ok_or_else(late)??;
        let mut failure = earlier;
        let mut tried = avoid.len();
        for host in hosts {
            let path = NetworkPath { host: Some(host.name.clone()), ..NetworkPath::default() };
            let began = Instant::now();
            let addresses = self.stopping.within(deadline, directory.addresses(&host)).await;
            story.spent.add(Part::Dns, began.elapsed());
            let addresses = match addresses {
                Some(Ok(addresses)) => addresses,
                Some(Err(error)) => {
                    story.recording.note(&error.reason);
                    failure = Some(error.at(path).or(failure));
                    continue;
                }
                None => return Err(late().at(path).or(failure)),
            };
            for address in addresses.into_iter().filter(|address| !avoid.contains(address)) {
                if tried >= ADDRESSES_TRIED || Instant::now() >= deadline || self.stopping.has_begun() {
                    // What was not tried may be well: that another host has no address is not the last word.
                    return Err(failure.filter(|failure| !failure.permanent).unwrap_or_else(late));
                }
                tried += 1;
                match self.connect(&host.name, address, deadline, story).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => {
                        debug!(host = host.name, %address, reason = error.reason, "no connection");
                        story.recording.note(&error.reason);
                        failure = Some(error.or(failure));
                    }
                }
            }
        }
        Err(failure.unwrap_or_else(late))
    }

    fn protection(&self) -> Protection {
        match &self.config.route {
            Route::Mx { .. } => Protection::Opportunistic,
            Route::SmartHost(host) => match host.tls {
                SmartHostTls::Opportunistic if host.credentials.is_none() => Protection::Opportunistic,
                SmartHostTls::Opportunistic | SmartHostTls::Require => Protection::Require,
                SmartHostTls::Implicit => Protection::Implicit,
            },
        }
    }

    async fn connect(
        &self,
        host: &str,
        address: SocketAddr,
        deadline: Instant,
        story: &mut Story,
    ) -> Result<Connection, Failure> {
        let protection = self.protection();
        match self.try_once(host, address, protection, deadline, story).await {
            Ok(connection) => Ok(connection),
            // RFC 3207 §4.1 leaves it to us, and RFC 7435 §3 advises it: where TLS is a bonus, a handshake that fails
            // costs the bonus, not the mail. The server's side of a failed handshake is unusable, so it is a new
            // connection, in clear, to the same address.
            Err(Shut::Handshake(failure)) if protection == Protection::Opportunistic => {
                debug!(host, %address, reason = failure.reason, "TLS failed, going on in clear");
                story.recording.note(format_args!("{}; once more, in clear", failure.reason));
                match self.try_once(host, address, Protection::Clear, deadline, story).await {
                    Ok(connection) => Ok(connection),
                    Err(Shut::Handshake(failure) | Shut::Other(failure)) => Err(failure),
                }
            }
            Err(Shut::Handshake(failure) | Shut::Other(failure)) => Err(failure),
        }
    }

    async fn try_once(
        &self,
        host: &str,
        address: SocketAddr,
        protection: Protection,
        deadline: Instant,
        story: &mut Story,
    ) -> Result<Connection, Shut> {
        let timeouts = self.config.timeouts;
        let path =
            NetworkPath { host: Some(host.to_owned()), address: Some(address), ..NetworkPath::default() };
        let no_connection = |why: &dyn std::fmt::Display| {
            let reason = format!("no connection to {host} at {address}: {why}");
            Shut::Other(Failure::temporary(FailureClass::Connection, reason).at(path.clone()))
        };
        let began = Instant::now();
        let until = deadline.min(began + timeouts.connect);
        let stream = self.stopping.within(until, TcpStream::connect(address)).await;
        story.spent.add(Part::Connect, began.elapsed());
        let stream = stream
            .ok_or_else(|| no_connection(&"it did not answer in time"))?
            .map_err(|error| no_connection(&error))?;
        // Commands and replies are small and wait for each other: Nagle's algorithm would only hold them up.
        stream.set_nodelay(true).map_err(|error| no_connection(&error))?;
        story.recording.note(format_args!("connected to {host} at {address}"));

        let settings = Settings {
            name: self.config.ehlo_name.clone(),
            starttls: match protection {
                Protection::Clear | Protection::Implicit => StartTls::Never,
                Protection::Opportunistic => StartTls::WhenOffered,
                Protection::Require => StartTls::Always,
            },
            credentials: match &self.config.route {
                Route::SmartHost(host) => host.credentials.clone(),
                Route::Mx { .. } => None,
            },
        };
        let conversation = Conversation::new(settings, protection == Protection::Implicit);
        let opened_at = self.clock.now();
        let mut connection = Connection::new(Stream::Clear(stream), conversation, path, timeouts, opened_at);
        connection.begin_story(std::mem::take(story));
        match self.greet(&mut connection, host, address, protection, deadline).await {
            Ok(()) => Ok(connection),
            Err(shut) => {
                *story = connection.take_story();
                Err(shut)
            }
        }
    }

    /// Brings a new connection to where it is ready for a transaction.
    async fn greet(
        &self,
        connection: &mut Connection,
        host: &str,
        address: SocketAddr,
        protection: Protection,
        deadline: Instant,
    ) -> Result<(), Shut> {
        if protection == Protection::Implicit {
            self.secure(connection, host, address, protection, deadline).await?;
        }
        loop {
            let step = self.stopping.within(deadline, connection.advance(deadline)).await;
            let Some(step) = step else {
                let failure = Failure::temporary(FailureClass::Local, "the relay is stopping");
                return Err(Shut::Other(failure.at(connection.path.clone())));
            };
            match step {
                Step::Ready => return Ok(()),
                Step::StartTls => {
                    self.secure(connection, host, address, protection, deadline).await?;
                    connection.conversation.tls_started();
                }
                Step::Close(closing) => return Err(Shut::Other(closed(connection, host, &closing))),
                // Nothing else is asked for before the first transaction.
                Step::Send(_) | Step::NeedInput(_) | Step::Content | Step::Finished(_) => {}
            }
        }
    }

    async fn secure(
        &self,
        connection: &mut Connection,
        host: &str,
        address: SocketAddr,
        protection: Protection,
        deadline: Instant,
    ) -> Result<(), Shut> {
        let path = connection.path.clone();
        let failed = |why: &str| {
            let reason = format!("TLS with {host} at {address} failed: {why}");
            Shut::Handshake(Failure::temporary(FailureClass::Tls, reason).at(path.clone()))
        };
        let Stream::Clear(stream) = std::mem::replace(&mut connection.stream, Stream::None) else {
            return Err(failed("it is on already"));
        };
        let certificate = match protection {
            Protection::Clear | Protection::Opportunistic => Certificate::Any,
            Protection::Require | Protection::Implicit => Certificate::Valid,
        };
        let began = Instant::now();
        let until = deadline.min(began + self.config.timeouts.tls);
        let handshake = self.tls.handshake(stream, host, address.ip(), certificate);
        let handshake = self.stopping.within(until, handshake).await;
        connection.count(Part::Tls, began);
        let (stream, used) =
            handshake.ok_or_else(|| failed("it took too long"))?.map_err(|why| failed(&why))?;
        connection.stream = Stream::Tls(stream);
        connection.conversation.recording().note(in_words(&used));
        connection.path.tls = Some(used);
        Ok(())
    }
}

/// TLS in a few words.
fn in_words(used: &TlsUsed) -> String {
    let TlsUsed { version, cipher, verified, fault } = used;
    let verdict = match (verified, fault) {
        (Some(true), _) => "the certificate is valid",
        (Some(false), None) => "the certificate is not valid",
        (_, Some(fault)) => fault,
        (None, None) => "nobody looked at the certificate",
    };
    format!("{version}, {cipher}: {verdict}")
}

/// Why a server that was reached is not ready for mail. None of it speaks of a recipient, so none of it is permanent.
fn closed(connection: &Connection, host: &str, closing: &Closing) -> Failure {
    let failure = match closing {
        Closing::Refused { at, reply } => {
            let class = classify(*at, reply, false).class;
            let reason = format!("{host} refused {at} with {}: {}", reply.code, words(class));
            Failure { reply: Some(reply.clone()), ..Failure::temporary(class, reason) }
        }
        Closing::NoTls => {
            Failure::temporary(FailureClass::Tls, format!("{host} does not offer TLS, which is demanded"))
        }
        Closing::NoAuth => Failure::temporary(
            FailureClass::Local,
            format!("{host} offers neither AUTH PLAIN nor AUTH LOGIN, and it is to be signed in to"),
        ),
        Closing::Lost { at } => Failure::temporary(
            FailureClass::Connection,
            format!("{host}, at {at}: {}", connection.trouble(Some(closing))),
        ),
        Closing::Quit | Closing::Garbled(_) | Closing::Nonsense { .. } | Closing::OutOfStep => {
            Failure::temporary(
                FailureClass::Connection,
                format!("{host}: {}", connection.trouble(Some(closing))),
            )
        }
    };
    failure.at(connection.path.clone())
}
