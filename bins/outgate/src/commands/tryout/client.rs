//! A small SMTP client, as an application has one: STARTTLS, AUTH PLAIN, one message.

use super::credulous;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ProtocolVersion, pki_types::ServerName};
use std::{fmt, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

/// The longest line of a reply; RFC 5321 §4.5.3.1.5 has 512.
const LONGEST_LINE: u64 = 2048;
/// The most lines of a reply.
const MOST_LINES: usize = 100;
/// The longest wait for anything: all of it is on this machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// The name in EHLO.
const CLIENT: &str = "shop.example.test";

/// A server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of the last line.
    text: String,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// Why a conversation broke.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    #[error("the server said something that is no SMTP reply: {0:?}")]
    NoReply(String),
    #[error("unexpected answer to {to}: {reply}")]
    Unexpected { to: &'static str, reply: Reply },
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A session inside TLS.
pub(super) struct Session {
    conversation: Conversation<TlsStream<TcpStream>>,
}

impl Session {
    /// Connects, and goes on inside TLS by STARTTLS (RFC 3207).
    pub(super) async fn open(server: SocketAddr) -> Result<Self, ClientError> {
        patiently(async {
            let mut clear = Conversation(BufReader::new(TcpStream::connect(server).await?));
            expect("connecting", 220, clear.reply().await?)?;
            expect("EHLO", 250, clear.command(&format!("EHLO {CLIENT}")).await?)?;
            expect("STARTTLS", 220, clear.command("STARTTLS").await?)?;
            let name = ServerName::from(server.ip());
            let stream = credulous::connector()?.connect(name, clear.0.into_inner()).await?;
            let mut conversation = Conversation(BufReader::new(stream));
            expect("EHLO", 250, conversation.command(&format!("EHLO {CLIENT}")).await?)?;
            Ok(Self { conversation })
        })
        .await
    }

    /// The version of TLS.
    pub(super) fn tls(&self) -> &'static str {
        match self.conversation.0.get_ref().get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        }
    }

    /// Signs in by AUTH PLAIN (RFC 4616); the answer is the server's.
    pub(super) async fn sign_in(&mut self, username: &str, password: &str) -> Result<Reply, ClientError> {
        let initial = STANDARD.encode(format!("\0{username}\0{password}"));
        patiently(self.conversation.command(&format!("AUTH PLAIN {initial}"))).await
    }

    /// Sends one message whose lines do not begin with a dot; the answer is the server's to the message, or its first
    /// refusal.
    pub(super) async fn send(&mut self, from: &str, to: &str, message: &str) -> Result<Reply, ClientError> {
        patiently(async {
            for (command, wanted) in [
                (format!("MAIL FROM:<{from}>"), 250),
                (format!("RCPT TO:<{to}>"), 250),
                ("DATA".to_owned(), 354),
            ] {
                let reply = self.conversation.command(&command).await?;
                if reply.code != wanted {
                    return Ok(reply);
                }
            }
            self.conversation.command(&format!("{message}\r\n.")).await
        })
        .await
    }

    /// Says goodbye; whether it is answered does not matter.
    pub(super) async fn quit(mut self) {
        let _ = patiently(self.conversation.command("QUIT")).await;
    }
}

async fn patiently<T>(wait: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    timeout(PATIENCE, wait).await.map_err(|_| ClientError::Silent)?
}

fn expect(to: &'static str, code: u16, reply: Reply) -> Result<(), ClientError> {
    if reply.code == code { Ok(()) } else { Err(ClientError::Unexpected { to, reply }) }
}

struct Conversation<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    async fn command(&mut self, line: &str) -> Result<Reply, ClientError> {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.0.flush().await?;
        self.reply().await
    }

    /// Reads a reply of one or more lines (RFC 5321 §4.2.1).
    async fn reply(&mut self) -> Result<Reply, ClientError> {
        for _ in 0..MOST_LINES {
            let mut line = Vec::new();
            (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let line = String::from_utf8_lossy(&line);
            let (reply, last) =
                parse(&line).ok_or_else(|| ClientError::NoReply(line.trim_end().to_owned()))?;
            if last {
                return Ok(reply);
            }
        }
        Err(ClientError::NoReply("more lines than a reply has".to_owned()))
    }
}

/// One line of a reply, and whether it is the last.
fn parse(line: &str) -> Option<(Reply, bool)> {
    let line = line.strip_suffix('\n')?.trim_end_matches('\r');
    let (code, rest) = (line.get(..3)?, line.get(3..)?);
    if !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let last = match rest.as_bytes().first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = rest.get(1..).unwrap_or_default().to_owned();
    Some((Reply { code: code.parse().ok()?, text }, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_line_by_line() {
        for (line, code, text, last) in [
            ("250 2.0.0 ok\r\n", 250, "2.0.0 ok", true),
            ("250-PIPELINING\r\n", 250, "PIPELINING", false),
            ("250\r\n", 250, "", true),
        ] {
            let reply = Reply { code, text: text.to_owned() };
            assert_eq!(parse(line), Some((reply, last)), "{line:?}");
        }
        for wrong in ["250 ok", "25\r\n", "abc ok\r\n", "2500\r\n", "é50 x\r\n", "\r\n"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_reply_of_many_lines_is_its_last() {
        let (client, mut server) = tokio::io::duplex(1024);
        server.write_all(b"250-a\r\n250-b\r\n250 c\r\n").await.unwrap();
        let reply = Conversation(BufReader::new(client)).reply().await.unwrap();
        assert_eq!(reply.to_string(), "250 c");
    }

    #[tokio::test]
    async fn an_endless_reply_ends_in_an_error() {
        for endless in ["250-x\r\n".repeat(MOST_LINES + 1), "2".repeat(5000)] {
            let (client, mut server) = tokio::io::duplex(64 * 1024);
            server.write_all(endless.as_bytes()).await.unwrap();
            let reply = Conversation(BufReader::new(client)).reply().await;
            assert!(matches!(reply, Err(ClientError::NoReply(_))), "{reply:?}");
        }
    }
}
