//! Talking SMTP by hand.

use crate::Credentials;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// How long any reply may take.
const REPLY_LIMIT: Duration = Duration::from_mins(1);

/// How a session gets its TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By `STARTTLS`.
    Starttls,
    /// With the connection.
    Implicit,
}

/// One whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its code.
    pub code: u16,
    /// Its lines as they came, without line ends.
    pub lines: Vec<String>,
}

impl Reply {
    /// All of it.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Panics unless it has this code.
    #[track_caller]
    pub fn expect_code(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.text());
        self
    }

    /// Panics unless it begins like this, as in `550 5.7.1`.
    #[track_caller]
    pub fn expect(self, beginning: &str) -> Self {
        assert!(self.text().starts_with(beginning), "wanted {beginning}, got {}", self.text());
        self
    }
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A conversation with a server.
pub struct Session {
    stream: Option<Stream>,
    unread: Vec<u8>,
    /// What the server said first.
    pub greeting: Reply,
}

impl Session {
    /// Connects in the clear.
    pub fn connect(server: SocketAddr) -> Self {
        Self::connect_behind(server, b"")
    }

    /// Connects in the clear, and sends bytes before anything is said, as a proxy does.
    pub fn connect_behind(server: SocketAddr, header: &[u8]) -> Self {
        let mut socket = socket(server);
        socket.write_all(header).expect("sending");
        Self::greeted(Stream::Clear(socket)).expect("a greeting")
    }

    /// Connects inside TLS, trusting `authority`.
    pub fn implicit(server: SocketAddr, authority: &Path) -> Self {
        Self::implicit_behind(server, b"", authority).expect("a greeting inside TLS")
    }

    /// Connects, sends bytes as a proxy does, and goes over to TLS, trusting `authority`; or says why not.
    pub fn implicit_behind(server: SocketAddr, header: &[u8], authority: &Path) -> io::Result<Self> {
        let mut socket = socket(server);
        socket.write_all(header)?;
        Self::greeted(encrypt(socket, authority))
    }

    fn greeted(stream: Stream) -> io::Result<Self> {
        let empty = Reply { code: 0, lines: Vec::new() };
        let mut session = Self { stream: Some(stream), unread: Vec::new(), greeting: empty };
        session.greeting = session.try_reply()?;
        Ok(session)
    }

    /// Says EHLO and STARTTLS, and goes over to TLS.
    pub fn starttls(&mut self, authority: &Path) {
        self.say("EHLO client.test").expect_code(250);
        self.say("STARTTLS").expect_code(220);
        self.upgrade(authority);
    }

    /// Goes over to TLS.
    pub fn upgrade(&mut self, authority: &Path) {
        let Some(Stream::Clear(socket)) = self.stream.take() else { panic!("inside TLS already") };
        self.stream = Some(encrypt(socket, authority));
    }

    /// Sends a line and takes the reply.
    #[track_caller]
    pub fn say(&mut self, line: &str) -> Reply {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("sending");
    }

    /// Sends bytes as they are.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.stream.as_mut().expect("a stream") {
            Stream::Clear(socket) => socket.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// Takes one reply.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("a reply")
    }

    /// Takes one reply, or says why there is none.
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") else {
                if self.more()? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            };
            let line = String::from_utf8_lossy(&self.unread[..end]).into_owned();
            self.unread.drain(..end + 2);
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                let code = lines[0].get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
                return Ok(Reply { code, lines });
            }
        }
    }

    /// Reads to the end of the connection; what came, and whether the end came within `limit`.
    pub fn rest(&mut self, limit: Duration) -> (Vec<u8>, bool) {
        self.socket().set_read_timeout(Some(limit)).expect("a time limit");
        loop {
            match self.more() {
                Ok(0) => return (std::mem::take(&mut self.unread), true),
                Ok(_) => {}
                Err(error) => {
                    let late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    return (std::mem::take(&mut self.unread), !late);
                }
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let read = match self.stream.as_mut().expect("a stream") {
            Stream::Clear(socket) => socket.read(&mut chunk),
            Stream::Tls(tls) => tls.read(&mut chunk),
        }?;
        self.unread.extend_from_slice(&chunk[..read]);
        Ok(read)
    }

    /// The port that the server sees it come from.
    pub fn local_port(&self) -> u16 {
        self.socket().local_addr().expect("an address").port()
    }

    fn socket(&self) -> &TcpStream {
        match self.stream.as_ref().expect("a stream") {
            Stream::Clear(socket) => socket,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    /// Signs in with PLAIN.
    pub fn sign_in(&mut self, user: &Credentials) -> Reply {
        let response = base64(format!("\0{}\0{}", user.username, user.password).as_bytes());
        self.say(&format!("AUTH PLAIN {response}"))
    }

    /// Sends a message in a transaction; the first reply that refuses it, or the last.
    #[track_caller]
    pub fn submit(&mut self, from: &str, to: &[&str], content: &[u8]) -> Reply {
        let mut lines = vec![format!("MAIL FROM:<{from}>")];
        lines.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        for line in lines {
            let reply = self.say(&line);
            if reply.code != 250 {
                return reply;
            }
        }
        let reply = self.say("DATA");
        if reply.code != 354 {
            return reply;
        }
        self.send(content);
        self.send(b"\r\n.\r\n");
        self.reply()
    }
}

/// Bytes in base64.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, at| word << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize] as char;
            let _ = text.write_char(if place <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

fn socket(server: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(server).expect("connecting");
    socket.set_read_timeout(Some(REPLY_LIMIT)).expect("a time limit");
    socket.set_write_timeout(Some(REPLY_LIMIT)).expect("a time limit");
    socket.set_nodelay(true).expect("no delay");
    socket
}

fn encrypt(socket: TcpStream, authority: &Path) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("a certificate");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("TLS");
    Stream::Tls(Box::new(StreamOwned::new(connection, socket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
