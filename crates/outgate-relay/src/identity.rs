//! The certificate that clients see: the configured one, or a self-signed one made at the first start.

use crate::Config;
use outgate_listen::{CertificateError, Certificates, SelfSignedError, self_signed};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The self-signed certificate's files, in the data folder.
const CERTIFICATE: &str = "self-signed.crt";
const PRIVATE_KEY: &str = "self-signed.key";

/// Why the relay has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It could not be loaded.
    #[error(transparent)]
    Load(#[from] CertificateError),
    /// None could be made.
    #[error(transparent)]
    Make(#[from] SelfSignedError),
    /// The one that was made could not be written.
    #[error("{}: {error}", .file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The certificate, and whether it is a self-signed one of ours.
pub(crate) fn load(config: &Config) -> Result<(Arc<Certificates>, bool), IdentityError> {
    if let Some(tls) = &config.tls {
        return Ok((Certificates::load(&tls.certificate, &tls.private_key)?, false));
    }
    let certificate = config.data_dir.join(CERTIFICATE);
    let private_key = config.data_dir.join(PRIVATE_KEY);
    if !(certificate.exists() && private_key.exists()) {
        make(config, &certificate, &private_key)?;
    }
    Ok((Certificates::load(&certificate, &private_key)?, true))
}

fn make(config: &Config, certificate: &Path, private_key: &Path) -> Result<(), IdentityError> {
    let mut names = vec![config.hostname.clone()];
    if config.hostname != "localhost" {
        names.push("localhost".to_owned());
    }
    names.push("127.0.0.1".to_owned());
    let made = self_signed(&names)?;
    made.private_key.with_bytes(|pem| write(private_key, pem))?;
    write(certificate, made.certificate.as_bytes())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    let written = (|| {
        let _ = fs::remove_file(file); // half of a pair, from a start that was cut off
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        made.write_all(bytes)?;
        made.sync_all()
    })();
    written.map_err(|error| IdentityError::Write { file: file.to_owned(), error })
}
