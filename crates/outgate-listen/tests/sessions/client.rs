//! A client that says what it is told, over a socket of its own.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};

/// Long enough that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(crate) struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Client {
    /// Connects and says nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    /// Connects and reads the greeting.
    pub(crate) async fn greeted(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        client.hears("220").await;
        client
    }

    /// Goes on inside TLS, after `220` to STARTTLS.
    pub(crate) async fn start_tls(self, config: &Arc<rustls::ClientConfig>) -> Self {
        assert!(self.unread.is_empty(), "nothing may come between");
        Self::over(start_tls(self.stream, config).await.unwrap())
    }

    pub(crate) async fn send(&mut self, text: &str) {
        timeout(PATIENCE, self.stream.write_all(text.as_bytes())).await.unwrap().unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends as much as the other side takes, for a while.
    pub(crate) async fn send_until_stuck(&mut self, text: &str) {
        while let Ok(sent) = timeout(Duration::from_millis(300), self.stream.write(text.as_bytes())).await {
            sent.unwrap();
        }
    }

    /// One line of a reply, without its end; empty at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.unread.drain(..end + 2).collect::<Vec<_>>();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            if self.read().await == 0 {
                assert!(self.unread.is_empty(), "ended within a line: {:?}", self.unread);
                return String::new();
            }
        }
    }

    /// Reads what has come; 0 at the end.
    async fn read(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await.unwrap();
        match read {
            Ok(read) => read,
            // How a TLS peer without close_notify, or a socket with unread bytes, ends.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                0
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A whole reply, its lines joined by a line feed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = self.line().await;
        while reply.lines().last().is_some_and(|last| last.as_bytes().get(3) == Some(&b'-')) {
            reply.push('\n');
            reply.push_str(&self.line().await);
        }
        reply
    }

    /// The next reply, which begins so.
    pub(crate) async fn hears(&mut self, start: &str) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(start), "wanted {start}, heard {reply:?}");
        reply
    }

    /// Says a line and hears a reply that begins so.
    pub(crate) async fn says(&mut self, line: &str, start: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.hears(start).await
    }

    /// Nothing more comes but the end.
    pub(crate) async fn ends(&mut self) {
        let line = self.line().await;
        assert!(line.is_empty(), "wanted the end, heard {line:?}");
    }

    /// The end, whatever comes before it.
    pub(crate) async fn ends_somehow(&mut self) {
        while self.read().await > 0 {}
    }

    /// Opens a transaction, up to the `354`.
    pub(crate) async fn begins_data(&mut self) {
        self.says("EHLO client.test", "250").await;
        self.says("MAIL FROM:<a@client.test>", "250").await;
        self.says("RCPT TO:<b@relay.test>", "250").await;
        self.says("DATA", "354").await;
    }
}

/// The client's side of a handshake.
pub(crate) async fn start_tls<S: Stream + 'static>(
    stream: S,
    config: &Arc<rustls::ClientConfig>,
) -> io::Result<TlsStream<S>> {
    let name = "relay.test".try_into().unwrap();
    timeout(PATIENCE, TlsConnector::from(Arc::clone(config)).connect(name, stream)).await.unwrap()
}
