//! A certificate for the loopback address, and the authority that clients trust for it.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::path::{Path, PathBuf};

/// PEM files of a certificate for `localhost`, `127.0.0.1` and one more name.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The authority that signed it.
    pub authority: PathBuf,
    /// The certificate.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one in `folder`.
    pub fn make(folder: &Path, name: &str) -> Self {
        let authority_key = KeyPair::generate().expect("key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "Test authority");
        let authority_certificate = authority.self_signed(&authority_key).expect("certificate");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), name.to_owned()];
        let mut certificate = CertificateParams::new(names).expect("parameters");
        // OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
        certificate.distinguished_name = DistinguishedName::new();
        certificate.distinguished_name.push(DnType::CommonName, name);
        let certificate = certificate.signed_by(&key, &issuer).expect("certificate");
        let made = Self {
            authority: folder.join("authority.pem"),
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        };
        for (path, text) in [
            (&made.authority, authority_certificate.pem()),
            (&made.chain, certificate.pem()),
            (&made.key, key.serialize_pem()),
        ] {
            std::fs::write(path, text).expect("writing a PEM file");
        }
        made
    }
}
