//! TLS on the way out.

use crate::failure::within_reason;
use outgate_core::{Clock, TlsUsed};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    time_provider::TimeProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsSetupError(String);

/// What a handshake asks of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// Nothing: any server's word is better than no encryption (RFC 7435). Its verdict is noted all the same.
    Any,
    /// Valid for the host's name.
    Valid,
}

/// Everything that handshakes need, made once.
pub(crate) struct Tls {
    any: TlsConnector,
    valid: TlsConnector,
    verifier: Arc<WebPkiServerVerifier>,
    time: Arc<Time>,
}

impl Tls {
    pub(crate) fn new(
        extra_roots: &[CertificateDer<'static>],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsSetupError> {
        let failed = |error: &dyn fmt::Display| TlsSetupError(error.to_string());
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in extra_roots {
            roots.add(root.clone()).map_err(|error| failed(&error))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let time = Arc::new(Time(clock));
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| failed(&error))?;
        let builder = || {
            ClientConfig::builder_with_details(
                Arc::clone(&provider),
                Arc::clone(&time) as Arc<dyn TimeProvider>,
            )
            .with_safe_default_protocol_versions()
        };
        let any = builder()
            .map_err(|error| failed(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(Arc::clone(&provider))))
            .with_no_client_auth();
        let valid = builder()
            .map_err(|error| failed(&error))?
            .with_webpki_verifier(Arc::clone(&verifier))
            .with_no_client_auth();
        Ok(Self {
            any: TlsConnector::from(Arc::new(any)),
            valid: TlsConnector::from(Arc::new(valid)),
            verifier,
            time,
        })
    }

    /// Does the handshake with `host`, or says why it failed.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        address: IpAddr,
        certificate: Certificate,
    ) -> Result<(Box<TlsStream<TcpStream>>, TlsUsed), String> {
        let name = ServerName::try_from(host.to_owned());
        let (connector, name) = match (certificate, name) {
            (Certificate::Any, Ok(name)) => (&self.any, name),
            // No name that a certificate could have: the handshake does without.
            (Certificate::Any, Err(_)) => (&self.any, ServerName::IpAddress(address.into())),
            (Certificate::Valid, Ok(name)) => (&self.valid, name),
            (Certificate::Valid, Err(_)) => {
                return Err(format!("no certificate can be valid for the name {host}"));
            }
        };
        let stream = connector.connect(name.clone(), stream).await.map_err(|error| error.to_string())?;
        let used = self.used(&stream, &name, certificate);
        Ok((Box::new(stream), used))
    }

    fn used(
        &self,
        stream: &TlsStream<TcpStream>,
        name: &ServerName<'_>,
        certificate: Certificate,
    ) -> TlsUsed {
        let (_, connection) = stream.get_ref();
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        };
        let cipher = connection
            .negotiated_cipher_suite()
            .map(|suite| format!("{:?}", suite.suite()))
            .unwrap_or_default();
        let verdict = match certificate {
            Certificate::Valid => Some(Ok(())),
            Certificate::Any => match (connection.peer_certificates(), self.time.current_time()) {
                (Some([end, between @ ..]), Some(now)) => {
                    Some(self.verifier.verify_server_cert(end, between, name, &[], now).map(|_| ()))
                }
                _ => None,
            },
        };
        let verified = verdict.as_ref().map(Result::is_ok);
        let fault = verdict.and_then(Result::err).map(|error| fault(&error));
        TlsUsed { version, cipher, verified, fault }
    }
}

/// In words, what is wrong with a certificate.
fn fault(error: &rustls::Error) -> String {
    use CertificateError as E;
    let words = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            E::Expired | E::ExpiredContext { .. } => "the certificate has expired",
            E::NotValidYet | E::NotValidYetContext { .. } => "the certificate is not valid yet",
            E::UnknownIssuer => "the certificate's issuer is not known",
            E::NotValidForName | E::NotValidForNameContext { .. } => "the certificate is for another name",
            E::Revoked => "the certificate was revoked",
            E::BadSignature => "the certificate's signature is wrong",
            other => return within_reason(format!("the certificate is not valid: {other}")),
        },
        other => return within_reason(format!("the certificate is not valid: {other}")),
    };
    words.to_owned()
}

/// The time by the clock that we were handed.
struct Time(Arc<dyn Clock>);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().as_millisecond()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// Takes any certificate, but not without proof that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
