//! An application, as far as it speaks SMTP.

use crate::PATIENCE;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
}

impl Client {
    /// Connects, goes on inside TLS by STARTTLS, and says EHLO. Trusts the certificate in the relay's data folder.
    pub(crate) async fn connect(address: SocketAddr, folder: &Path) -> Self {
        let mut clear = TcpStream::connect(address).await.unwrap();
        hear(&mut clear, "220").await;
        clear.write_all(b"EHLO shop.test\r\n").await.unwrap();
        hear(&mut clear, "250").await;
        clear.write_all(b"STARTTLS\r\n").await.unwrap();
        hear(&mut clear, "220").await;
        let connector = TlsConnector::from(Arc::new(trust(folder)));
        let stream = connector.connect("localhost".try_into().unwrap(), clear);
        let mut client = Self { stream: timeout(PATIENCE, stream).await.unwrap().unwrap() };
        client.says("EHLO shop.test", "250").await;
        client
    }

    /// Says a line, or several, and hears one reply, which begins so.
    pub(crate) async fn says(&mut self, line: &str, start: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
        hear(&mut self.stream, start).await;
    }

    /// AUTH PLAIN in one line (RFC 4616).
    pub(crate) async fn signs_in(&mut self, username: &str, password: &str, start: &str) {
        let response = BASE64_STANDARD.encode(format!("\0{username}\0{password}"));
        self.says(&format!("AUTH PLAIN {response}"), start).await;
    }
}

async fn hear(stream: &mut (impl AsyncReadExt + Unpin), start: &str) {
    let mut heard = Vec::new();
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut heard)).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&heard);
        assert!(read > 0, "ended: {text:?}");
        let last = text.lines().last().unwrap_or_default();
        if text.ends_with("\r\n") && last.as_bytes().get(3) == Some(&b' ') {
            assert!(last.starts_with(start), "wanted {start}, heard {text:?}");
            return;
        }
    }
}

fn trust(folder: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("self-signed.crt")).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
