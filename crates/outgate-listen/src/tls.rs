//! TLS for the side that is connected to: versions 1.2 and 1.3 (RFC 8997), resumption, certificates that can change.

mod certificates;
mod self_signed;

pub use certificates::{CertificateError, Certificates};
pub use self_signed::{SelfSigned, SelfSignedError, self_signed};

use outgate_smtp::server::TlsFacts;
use rustls::{
    CommonState, ProtocolVersion, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::ServerSessionMemoryCache,
};
use std::{io, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Sessions kept for clients of TLS 1.2 without tickets; the rest resume by ticket and are not kept.
const SESSIONS_KEPT: usize = 1024;
/// What one connection may have waiting to be sent inside TLS. Replies are short.
const WAITING_OCTETS: usize = 16 * 1024;

/// TLS as our listeners speak it.
pub struct Tls(TlsAcceptor);

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS could not be set up: {0}")]
pub struct TlsError(#[from] rustls::Error);

impl Tls {
    /// TLS with these certificates, and whatever they are later.
    pub fn new(certificates: Arc<Certificates>) -> Result<Arc<Self>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_KEPT);
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(Self(TlsAcceptor::from(Arc::new(config)))))
    }

    /// Does the handshake. On the heap, so that nothing of it burdens the session that follows.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Box<TlsStream<TcpStream>>> {
        let handshake = self.0.accept_with(stream, |tls| tls.set_buffer_limit(Some(WAITING_OCTETS)));
        Box::pin(handshake).await.map(Box::new)
    }
}

/// TLS as it came to be on a connection.
pub(crate) fn facts(tls: &CommonState) -> TlsFacts {
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = tls.negotiated_cipher_suite().map_or_else(String::new, |suite| {
        // rustls calls TLS 1.3's suites TLS13_…, the registry (RFC 8446 §B.4) TLS_….
        format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
    });
    TlsFacts { version, cipher }
}

/// The one provider of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
