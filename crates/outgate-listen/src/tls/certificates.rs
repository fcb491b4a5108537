//! The certificate and its key, replaced while connections come and go.

use super::provider;
use arc_swap::ArcSwap;
use rustls::{
    InconsistentKeys,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A certificate chain with its key, from two PEM files.
pub struct Certificates {
    certificate: PathBuf,
    private_key: PathBuf,
    current: ArcSwap<Loaded>,
}

/// When a file changed last, and how long it is; `None` when there is none.
type Stamp = Option<(SystemTime, u64)>;

/// What was read, and of which state of the files.
struct Loaded {
    key: Arc<CertifiedKey>,
    stamps: [Stamp; 2],
}

/// Why a certificate could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is not PEM with {what}: {error}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why.
        error: pem::Error,
    },
    /// The two files do not belong together.
    #[error("the key in {} does not belong to the first certificate in {}", private_key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        private_key: PathBuf,
    },
    /// The certificate or the key is of a kind that cannot be used.
    #[error("the certificate in {} or its key cannot be used: {error}", certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why.
        error: rustls::Error,
    },
}

impl Certificates {
    /// Loads a certificate chain (the server's own first) and its private key.
    pub fn load(certificate: &Path, private_key: &Path) -> Result<Arc<Self>, CertificateError> {
        let current = ArcSwap::from_pointee(read(certificate, private_key)?);
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            private_key: private_key.to_owned(),
            current,
        }))
    }

    /// Loads the files again; on an error the old certificate stays. Handshakes from now on use what it loaded.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.current.store(Arc::new(read(&self.certificate, &self.private_key)?));
        Ok(())
    }

    /// Reloads whenever one of the files changes, until `stop`. Looks every five seconds.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        self.watch_every(LOOK_EVERY, stop).await;
    }

    async fn watch_every(self: Arc<Self>, every: Duration, stop: CancellationToken) {
        let mut warned = None;
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            let files = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || files.reload_if_changed()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => {
                    tracing::info!(certificate = %self.certificate.display(), "the new certificate is in use");
                    warned = None;
                }
                // The files may be replaced one after the other: it is tried again until they fit, and told once.
                Ok(Err(error)) => {
                    let text = error.to_string();
                    if warned.as_ref() != Some(&text) {
                        tracing::warn!(
                            error = text,
                            "the changed certificate is not used; the old one stays"
                        );
                        warned = Some(text);
                    }
                }
                Err(_) => return, // the runtime is going down
            }
        }
    }

    fn reload_if_changed(&self) -> Result<bool, CertificateError> {
        let changed = stamps(&self.certificate, &self.private_key) != self.current.load().stamps;
        if changed {
            self.reload()?;
        }
        Ok(changed)
    }
}

fn stamps(certificate: &Path, private_key: &Path) -> [Stamp; 2] {
    let stamp = |path: &Path| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    [stamp(certificate), stamp(private_key)]
}

fn read(certificate: &Path, private_key: &Path) -> Result<Loaded, CertificateError> {
    // Before the bytes, so that a change meanwhile is seen as one.
    let stamps = stamps(certificate, private_key);
    let file =
        |path: &Path| fs::read(path).map_err(|error| CertificateError::Read { path: path.to_owned(), error });
    let bad = |path: &Path, what| {
        let path = path.to_owned();
        move |error| CertificateError::Pem { path, what, error }
    };
    let chain = CertificateDer::pem_slice_iter(&file(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(bad(certificate, "a certificate"))?;
    let key =
        PrivateKeyDer::from_pem_slice(&file(private_key)?).map_err(bad(private_key, "a private key"))?;
    let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::Mismatch {
            certificate: certificate.to_owned(),
            private_key: private_key.to_owned(),
        },
        error => CertificateError::Unusable { certificate: certificate.to_owned(), error },
    })?;
    Ok(Loaded { key: Arc::new(key), stamps })
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().key))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::self_signed, *};

    struct Files {
        _folder: tempfile::TempDir,
        certificate: PathBuf,
        private_key: PathBuf,
    }

    impl Files {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (certificate, private_key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
            let files = Self { _folder: folder, certificate, private_key };
            files.write_both();
            files
        }

        fn write_both(&self) {
            let made = self_signed(&["relay.example".to_owned()]).unwrap();
            fs::write(&self.certificate, &made.certificate).unwrap();
            self.write_key(made);
        }

        fn write_key(&self, made: crate::SelfSigned) {
            fs::write(&self.private_key, made.private_key.reveal().unwrap().as_bytes()).unwrap();
        }

        fn load(&self) -> Result<Arc<Certificates>, CertificateError> {
            Certificates::load(&self.certificate, &self.private_key)
        }
    }

    fn leaf(certificates: &Certificates) -> CertificateDer<'static> {
        certificates.current.load().key.cert[0].clone()
    }

    #[test]
    fn a_reload_replaces_and_a_bad_one_does_not() {
        let files = Files::new();
        let certificates = files.load().unwrap();
        let first = leaf(&certificates);
        files.write_both();
        certificates.reload().unwrap();
        let second = leaf(&certificates);
        assert_ne!(first, second);
        fs::write(&files.certificate, "rubbish").unwrap();
        assert!(certificates.reload().is_err());
        assert_eq!(leaf(&certificates), second);
    }

    #[test]
    fn each_error_names_its_file() {
        let files = Files::new();
        files.write_key(self_signed(&["other.example".to_owned()]).unwrap());
        assert!(matches!(files.load(), Err(CertificateError::Mismatch { .. })));
        for (path, content, part) in [
            (&files.private_key, Some("no key"), "key.pem is not PEM with a private key"),
            (&files.certificate, Some(""), "cert.pem is not PEM with a certificate"),
            (&files.certificate, None, "cert.pem cannot be read"),
        ] {
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
            let error = files.load().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[tokio::test]
    async fn the_watcher_takes_up_a_change() {
        let files = Files::new();
        let certificates = files.load().unwrap();
        let first = leaf(&certificates);
        let stop = CancellationToken::new();
        let watching =
            tokio::spawn(Arc::clone(&certificates).watch_every(Duration::from_millis(10), stop.clone()));
        let changed = async {
            while leaf(&certificates) == first {
                // Again each time: a file system's clock may be too coarse to tell two changes apart.
                files.write_both();
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), changed).await.unwrap();
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), watching).await.unwrap().unwrap();
    }
}
