//! A mail server that does as it is told, and a world around it.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Body, Clock, DeliveryId, DomainId, DomainName, MessageId, Mx, Randomness, Recipient, Resolve,
    ResolveError, ReversePath, Timestamp,
    store::{LeasedDelivery, LeasedMessage},
};
use outgate_delivery::{Config, NetworkCarrier, Route, Timeouts};
use outgate_queue::{Carrier, Outcome, Parcel};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// What a server does instead of what a good one would.
#[derive(Clone, Debug)]
pub(crate) enum Reaction {
    /// Answers with these bytes.
    Say(String),
    /// Answers with these bytes and closes.
    SayAndDrop(String),
    /// Closes.
    Drop,
    /// Says nothing more, for good.
    Stall,
    /// Answers with these bytes, one every few milliseconds.
    Drip(String),
}

pub(crate) fn say(line: &str) -> Reaction {
    Reaction::Say(format!("{line}\r\n"))
}

/// Told the number of the connection, from 0, and the command line: `GREETING` for none, `BODY` for the start of a
/// message, `.` for its end.
pub(crate) type Script = Arc<dyn Fn(usize, &str) -> Option<Reaction> + Send + Sync>;

/// What a server saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) commands: Mutex<Vec<String>>,
    pub(crate) messages: Mutex<Vec<Vec<u8>>>,
    changed: watch::Sender<u64>,
}

impl Seen {
    pub(crate) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        self.messages.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until a command was seen.
    pub(crate) async fn wait_for(&self, command: &str) {
        let mut changes = self.changed.subscribe();
        let found = async {
            while !self.commands().iter().any(|seen| seen == command) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.expect(command);
    }
}

#[derive(Clone)]
pub(crate) struct FakeMx {
    pub(crate) ehlo: &'static str,
    pub(crate) script: Script,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) implicit: bool,
}

impl FakeMx {
    pub(crate) fn new(script: impl Fn(usize, &str) -> Option<Reaction> + Send + Sync + 'static) -> Self {
        Self {
            ehlo: "250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n",
            script: Arc::new(script),
            tls: None,
            implicit: false,
        }
    }

    pub(crate) fn good() -> Self {
        Self::new(|_, _| None)
    }

    pub(crate) async fn start(self) -> (SocketAddr, Arc<Seen>) {
        self.start_at("127.0.0.1:0").await
    }

    pub(crate) async fn start_at(self, address: &str) -> (SocketAddr, Arc<Seen>) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, seen) = (self.clone(), Arc::clone(&all));
                let number = seen.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ended = server.serve(stream, number, &seen).await;
                });
            }
        });
        (address, seen)
    }

    async fn serve(&self, stream: tokio::net::TcpStream, number: usize, seen: &Seen) -> io::Result<()> {
        match &self.tls {
            Some(tls) if self.implicit => {
                let stream = tls.accept(stream).await?;
                self.talk(stream, number, seen, true).await?;
                Ok(())
            }
            Some(tls) => match self.talk(stream, number, seen, true).await? {
                Some(stream) => {
                    let stream = tls.accept(stream).await?;
                    self.talk(stream, number, seen, false).await?;
                    Ok(())
                }
                None => Ok(()),
            },
            None => self.talk(stream, number, seen, true).await.map(|_| ()),
        }
    }

    /// Talks until the end, or until TLS starts, and then gives the stream back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        number: usize,
        seen: &Seen,
        greet: bool,
    ) -> io::Result<Option<S>> {
        if greet && !self.react(&mut stream, number, "GREETING", "220 hello\r\n").await? {
            return Ok(None);
        }
        let mut buffer = Vec::new();
        loop {
            let line = read_line(&mut stream, &mut buffer).await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            seen.commands.lock().unwrap().push(line.clone());
            seen.changed.send_modify(|count| *count += 1);
            let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let usual = match word.as_str() {
                "EHLO" => self.ehlo,
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                "STARTTLS" => "220 go on\r\n",
                "AUTH" => "235 welcome\r\n",
                _ => "250 ok\r\n",
            };
            let overridden = (self.script)(number, &line).is_some();
            if !self.react(&mut stream, number, &line, usual).await? || word == "QUIT" {
                return Ok(None);
            }
            if word == "STARTTLS" && self.tls.is_some() {
                return Ok(Some(stream));
            }
            if word == "DATA" && !overridden {
                if !self.react(&mut stream, number, "BODY", "").await? {
                    return Ok(None);
                }
                let mut message = Vec::new();
                loop {
                    let line = read_line(&mut stream, &mut buffer).await?;
                    if line == b".\r\n" {
                        break;
                    }
                    message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                }
                seen.messages.lock().unwrap().push(message);
                if !self.react(&mut stream, number, ".", "250 2.0.0 queued\r\n").await? {
                    return Ok(None);
                }
            }
        }
    }

    /// Answers; `false` to close.
    async fn react<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        number: usize,
        line: &str,
        usual: &str,
    ) -> io::Result<bool> {
        let reaction = (self.script)(number, line).unwrap_or_else(|| Reaction::Say(usual.to_owned()));
        let go_on = match reaction {
            Reaction::Say(text) => {
                stream.write_all(text.as_bytes()).await?;
                true
            }
            Reaction::SayAndDrop(text) => {
                stream.write_all(text.as_bytes()).await?;
                false
            }
            Reaction::Drop => false,
            Reaction::Stall => {
                std::future::pending::<()>().await;
                false
            }
            Reaction::Drip(text) => {
                for byte in text.bytes() {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                true
            }
        };
        stream.flush().await?;
        if !go_on {
            stream.shutdown().await?;
        }
        Ok(go_on)
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            return Ok(buffer.drain(..=end).collect());
        }
        let mut chunk = [0; 8192];
        match stream.read(&mut chunk).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The DNS.
#[derive(Default)]
pub(crate) struct Zone {
    pub(crate) mx: HashMap<String, Vec<Mx>>,
    pub(crate) addresses: HashMap<String, Vec<IpAddr>>,
}

impl Zone {
    /// Every domain has the servers at these addresses of the loopback interface, in this order.
    pub(crate) fn with(domain: &str, addresses: &[&str]) -> Self {
        let mut zone = Self::default();
        for (n, address) in addresses.iter().enumerate() {
            let host = format!("mx{n}.{domain}");
            zone.mx
                .entry(domain.to_owned())
                .or_default()
                .push(Mx { preference: n as u16, exchange: host.clone() });
            zone.addresses.insert(host, vec![address.parse().unwrap()]);
        }
        zone
    }
}

#[async_trait]
impl Resolve for Zone {
    async fn mx(&self, name: &DomainName) -> Result<Vec<Mx>, ResolveError> {
        self.mx.get(name.as_str()).cloned().ok_or(ResolveError::NoSuchName)
    }
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        self.addresses.get(host).cloned().ok_or(ResolveError::NoSuchName)
    }
    async fn txt(&self, _: &str) -> Result<Vec<String>, ResolveError> {
        Err(ResolveError::NoRecords)
    }
}

/// A clock that stands in 2027.
pub(crate) struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

#[derive(Default)]
pub(crate) struct Dice(AtomicU64);

impl Randomness for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) >> 32) as u8;
        }
    }
}

/// Short, so that a test that waits for one of them is short.
pub(crate) fn impatient() -> Timeouts {
    let short = Duration::from_millis(300);
    Timeouts {
        connect: Duration::from_secs(2),
        greeting: short,
        hello: short,
        tls: Duration::from_secs(5),
        mail: short,
        recipient: short,
        data: short,
        block: short,
        content: short,
        quit: short,
        carry: Duration::from_secs(20),
        begin: short,
    }
}

pub(crate) fn mx_config(port: u16) -> Config {
    let name = "relay.example.net".parse().unwrap();
    Config { allow_private: true, timeouts: impatient(), ..Config::new(name, Route::Mx { port }) }
}

pub(crate) fn carrier(config: Config, zone: Zone) -> NetworkCarrier {
    NetworkCarrier::new(config, Arc::new(zone), Arc::new(Stopped), Arc::new(Dice::default())).unwrap()
}

pub(crate) fn parcel(recipients: &[&str], content: &str) -> Parcel {
    let (now, dice) = (Stopped.now(), Dice::default());
    let deliveries = recipients.iter().map(|address| LeasedDelivery {
        id: DeliveryId::draw(now, &dice),
        recipient: Recipient { address: address.parse().unwrap(), notify: None, original: None },
        attempts: 0,
        delay_told: false,
    });
    let first = recipients[0].rsplit('@').next().unwrap();
    Parcel {
        message: LeasedMessage {
            message: MessageId::draw(now, &dice),
            domain: DomainId::draw(now, &dice),
            domain_name: "example.com".parse().unwrap(),
            accepted_at: now,
            reverse_path: ReversePath::Address("app@example.com".parse().unwrap()),
            body: Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
            size: content.len() as u64,
            destination: outgate_core::Destination::new(first),
            deliveries: deliveries.collect(),
        },
        signature: Bytes::from_static(b"DKIM-Signature: v=1\r\n"),
        content: Bytes::copy_from_slice(content.as_bytes()),
    }
}

/// Carries one message to `a@example.org` whose only server is `mx`.
pub(crate) async fn carry_one(mx: FakeMx) -> (Outcome, Arc<Seen>) {
    let (address, seen) = mx.start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = carrier.carry(&parcel(&["a@example.org"], "Subject: x\r\n\r\nhello\r\n")).await;
    assert_eq!(carried.outcomes.len(), 1);
    (carried.outcomes.into_iter().next().unwrap(), seen)
}
