//! A certificate of our own, for the first start.

use outgate_core::Secret;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use zeroize::Zeroizing;

/// A self-signed certificate and its key, both PEM.
#[derive(Debug)]
pub struct SelfSigned {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub private_key: Secret,
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate could be made: {0}")]
pub struct SelfSignedError(#[from] rcgen::Error);

/// Makes a self-signed certificate (ECDSA P-256) for these host names and addresses. It practically does not expire:
/// nobody can verify it anyway, and a relay must not stop one day for the lack of a real one.
pub fn self_signed(names: &[String]) -> Result<SelfSigned, SelfSignedError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    if let Some(first) = names.first() {
        params.distinguished_name.push(DnType::CommonName, first.as_str());
    }
    let certificate = params.self_signed(&key)?.pem();
    let private_key = Zeroizing::new(key.serialize_pem());
    Ok(SelfSigned { certificate, private_key: Secret::new(private_key.as_bytes()) })
}
