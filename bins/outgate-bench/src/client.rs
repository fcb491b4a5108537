//! One submitting session: connect, TLS, sign in, send.

use crate::ledger::Ledger;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::ValueEnum;
use rustls::pki_types::ServerName;
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Longest reply that is read.
const REPLY_LIMIT: usize = 64 * 1024;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsMode {
    /// Never.
    None,
    /// After `STARTTLS` (RFC 3207).
    Starttls,
    /// With the connection (RFC 8314 §3.3).
    Implicit,
}

/// Where sessions go, and as whom.
pub(crate) struct Target {
    pub(crate) server: SocketAddr,
    pub(crate) tls: TlsMode,
    pub(crate) connector: TlsConnector,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) pipelining: bool,
    pub(crate) deadline: Duration,
}

/// Why a session or transaction failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server was not reached, or the connection ended.
    #[error("{at}: {kind}")]
    Lost { at: &'static str, kind: io::ErrorKind },
    /// No answer came in time.
    #[error("{at}: no answer in time")]
    Late { at: &'static str },
    /// The server said no.
    #[error("{at}: {reply}")]
    Refused { at: &'static str, reply: String },
}

/// How a transaction is to be done.
pub(crate) struct Transaction<'a> {
    pub(crate) number: u64,
    pub(crate) from: &'a str,
    pub(crate) to: &'a [String],
    /// Without the final dot.
    pub(crate) content: &'a [u8],
    /// Gets the number just before the final dot is sent.
    pub(crate) dotted: Option<&'a Ledger>,
    /// End the connection instead of sending the final dot.
    pub(crate) abandon: bool,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An open session that has signed in.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    pipelining: bool,
    deadline: Duration,
}

impl Client {
    /// Connects and goes as far as the sign-in.
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        let deadline = target.deadline;
        let socket = within(deadline, "connect", TcpStream::connect(target.server)).await?;
        socket.set_nodelay(true).map_err(|e| Failure::Lost { at: "connect", kind: e.kind() })?;
        let mut client =
            Self { stream: Box::new(socket), unread: Vec::new(), pipelining: target.pipelining, deadline };
        if target.tls == TlsMode::Implicit {
            client = client.encrypt(target).await?;
        }
        client.reply("greeting", 220).await?;
        client.command("EHLO", "EHLO bench.test\r\n", 250).await?;
        if target.tls == TlsMode::Starttls {
            client.command("STARTTLS", "STARTTLS\r\n", 220).await?;
            client = client.encrypt(target).await?;
            client.command("EHLO", "EHLO bench.test\r\n", 250).await?;
        }
        if let Some((user, password)) = &target.credentials {
            // RFC 4616 §2: authorization id (empty), authentication id, password.
            let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            client.command("AUTH", &format!("AUTH PLAIN {response}\r\n"), 235).await?;
        }
        Ok(client)
    }

    async fn encrypt(self, target: &Target) -> Result<Self, Failure> {
        let name = ServerName::from(target.server.ip());
        let stream = within(self.deadline, "TLS", target.connector.connect(name, self.stream)).await?;
        Ok(Self { stream: Box::new(stream), unread: Vec::new(), ..self })
    }

    /// Sends one message; tells how long the reply to the final dot took.
    pub(crate) async fn send(&mut self, work: &Transaction<'_>) -> Result<Duration, Failure> {
        let mail = format!("MAIL FROM:<{}> SIZE={}\r\n", work.from, work.content.len());
        let rcpt = |to: &String| format!("RCPT TO:<{to}>\r\n");
        if self.pipelining {
            // RFC 2920 §3.1: DATA is the last of a group.
            let group: String = mail + &work.to.iter().map(rcpt).collect::<String>() + "DATA\r\n";
            self.write("envelope", group.as_bytes()).await?;
            self.reply("MAIL", 250).await?;
            for _ in work.to {
                self.reply("RCPT", 250).await?;
            }
            self.reply("DATA", 354).await?;
        } else {
            self.command("MAIL", &mail, 250).await?;
            for to in work.to {
                self.command("RCPT", &rcpt(to), 250).await?;
            }
            self.command("DATA", "DATA\r\n", 354).await?;
        }
        self.write("content", work.content).await?;
        if work.abandon {
            return Err(Failure::Lost { at: "abandoned on purpose", kind: io::ErrorKind::Interrupted });
        }
        if let Some(dotted) = work.dotted {
            dotted.note(work.number).map_err(|e| Failure::Lost { at: "ledger", kind: e.kind() })?;
        }
        let began = Instant::now();
        self.write("final dot", b".\r\n").await?;
        self.reply("final dot", 250).await?;
        Ok(began.elapsed())
    }

    /// Says good-bye.
    pub(crate) async fn quit(mut self) -> Result<(), Failure> {
        self.command("QUIT", "QUIT\r\n", 221).await
    }

    async fn command(&mut self, at: &'static str, line: &str, wanted: u16) -> Result<(), Failure> {
        self.write(at, line.as_bytes()).await?;
        self.reply(at, wanted).await
    }

    async fn write(&mut self, at: &'static str, bytes: &[u8]) -> Result<(), Failure> {
        within(self.deadline, at, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
    }

    async fn reply(&mut self, at: &'static str, wanted: u16) -> Result<(), Failure> {
        loop {
            if let Some(last) = take_reply(&mut self.unread) {
                if last.get(..3) == Some(wanted.to_string().as_str()) {
                    return Ok(());
                }
                return Err(Failure::Refused { at, reply: last });
            }
            let read = within(self.deadline, at, self.stream.read_buf(&mut self.unread)).await?;
            if read == 0 {
                return Err(Failure::Lost { at, kind: io::ErrorKind::UnexpectedEof });
            }
            if self.unread.len() > REPLY_LIMIT {
                return Err(Failure::Lost { at, kind: io::ErrorKind::InvalidData });
            }
        }
    }
}

/// Takes one whole reply and gives its last line (RFC 5321 §4.2.1: a hyphen after the code says that more follows).
fn take_reply(unread: &mut Vec<u8>) -> Option<String> {
    let mut from = 0;
    while let Some(length) = unread[from..].iter().position(|byte| *byte == b'\n') {
        let line = &unread[from..from + length];
        from += length + 1;
        if line.get(3) != Some(&b'-') {
            let last = String::from_utf8_lossy(line).trim_end().to_owned();
            unread.drain(..from);
            return Some(last);
        }
    }
    None
}

async fn within<T>(
    deadline: Duration,
    at: &'static str,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(deadline, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::Lost { at, kind: error.kind() }),
        Err(_) => Err(Failure::Late { at }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_whole() {
        let mut unread = b"250-a\r\n250-b".to_vec();
        assert_eq!(take_reply(&mut unread), None);
        unread.extend_from_slice(b"\r\n250 c\r\n354 go\r\n");
        assert_eq!(take_reply(&mut unread).as_deref(), Some("250 c"));
        assert_eq!(take_reply(&mut unread).as_deref(), Some("354 go"));
        assert!(unread.is_empty());
    }
}
