//! An application, as far as it speaks SMTP.

use base64::{Engine, prelude::BASE64_STANDARD};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig};

/// Long enough that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

impl Client {
    /// Connects, goes on inside TLS by STARTTLS, and says EHLO.
    pub(crate) async fn connect(address: SocketAddr, trust: &Arc<ClientConfig>) -> Self {
        let mut clear = TcpStream::connect(address).await.unwrap();
        hear_in_clear(&mut clear, "220").await;
        clear.write_all(b"EHLO shop.test\r\n").await.unwrap();
        hear_in_clear(&mut clear, "250 ").await;
        clear.write_all(b"STARTTLS\r\n").await.unwrap();
        hear_in_clear(&mut clear, "220").await;
        let name = "relay.test".try_into().unwrap();
        let stream = TlsConnector::from(Arc::clone(trust)).connect(name, clear);
        let stream = timeout(PATIENCE, stream).await.unwrap().unwrap();
        let mut client = Self { stream, unread: Vec::new() };
        client.says("EHLO shop.test", "250").await;
        client
    }

    /// Says a line, or several, and hears the first reply, which begins so.
    pub(crate) async fn says(&mut self, line: &str, start: &str) -> String {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
        self.hears(start).await
    }

    /// The next reply's last line; the reply begins so.
    pub(crate) async fn hears(&mut self, start: &str) -> String {
        loop {
            let line = self.line().await;
            if line.as_bytes().get(3) != Some(&b'-') {
                assert!(line.starts_with(start), "wanted {start}, heard {line:?}");
                return line;
            }
        }
    }

    /// Nothing more comes but the end.
    pub(crate) async fn ends(&mut self) {
        let line = self.line().await;
        assert!(line.is_empty(), "wanted the end, heard {line:?}");
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.unread.drain(..end + 2).collect::<Vec<_>>();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await.unwrap();
            if read.unwrap_or(0) == 0 {
                return String::new();
            }
        }
    }

    /// AUTH PLAIN in one line (RFC 4616).
    pub(crate) async fn signs_in(&mut self, username: &str, password: &str, start: &str) {
        let response = BASE64_STANDARD.encode(format!("\0{username}\0{password}"));
        self.says(&format!("AUTH PLAIN {response}"), start).await;
    }

    /// AUTH LOGIN in its three lines.
    pub(crate) async fn signs_in_by_login(&mut self, username: &str, password: &str, start: &str) {
        self.says("AUTH LOGIN", "334").await;
        self.says(&BASE64_STANDARD.encode(username), "334").await;
        self.says(&BASE64_STANDARD.encode(password), start).await;
    }

    /// A transaction up to the `354`.
    pub(crate) async fn begins_data(&mut self, sender: &str) {
        self.says(&format!("MAIL FROM:<{sender}>"), "250").await;
        self.says("RCPT TO:<someone@example.net>", "250").await;
        self.says("DATA", "354").await;
    }

    /// A whole message.
    pub(crate) async fn sends(&mut self, sender: &str, from: &str, start: &str) -> String {
        self.begins_data(sender).await;
        self.says(&format!("From: {from}\r\nSubject: one\r\n\r\nHello.\r\n."), start).await
    }
}

async fn hear_in_clear(stream: &mut TcpStream, start: &str) {
    let mut heard = Vec::new();
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut heard)).await.unwrap().unwrap();
        assert!(read > 0, "ended: {heard:?}");
        let text = String::from_utf8_lossy(&heard);
        if text.ends_with("\r\n") && text.lines().last().is_some_and(|last| last.starts_with(start)) {
            return;
        }
    }
}
