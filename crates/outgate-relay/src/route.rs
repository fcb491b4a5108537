//! The way out, as the configuration says: to a smart host, or to each recipient's own servers.

use crate::{Config, SmartHostTable, SmartHostTls};
use outgate_core::{Clock, Randomness, Resolve, Secret};
use outgate_delivery::{NetworkCarrier, Route, SmartHost, TlsSetupError};
use outgate_queue::Carrier;
use outgate_smtp::client::{Credentials, EhloName};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{fs, path::Path, sync::Arc};

/// The port of a smart host that names none (RFC 6409 §3.1).
const SUBMISSION_PORT: u16 = 587;

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The smart host cannot be read.
    #[error("delivery.smart_host: {0}")]
    SmartHost(String),
    /// The extra certificates cannot be read.
    #[error("delivery.extra_ca: {0}")]
    ExtraCa(String),
    /// The relay's name is not one to greet with.
    #[error("hostname: {0}")]
    Hostname(String),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
}

/// The carrier that the configuration asks for.
pub(crate) fn carrier(
    config: &Config,
    resolve: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> Result<Arc<dyn Carrier>, RouteError> {
    let name: EhloName = config
        .hostname
        .parse()
        .map_err(|error: outgate_smtp::client::EhloNameError| RouteError::Hostname(error.to_string()))?;
    let route = match &config.delivery.smart_host {
        Some(smart_host) => Route::SmartHost(read(&smart_host.table())?),
        None => Route::Mx { port: config.delivery.mx_port },
    };
    let mut out = outgate_delivery::Config::new(name, route);
    out.allow_private = config.delivery.allow_private_destinations;
    out.timeouts.connect = config.delivery.connect_timeout.0;
    if let Some(file) = &config.delivery.extra_ca {
        out.extra_roots = certificates(file)?;
    }
    Ok(Arc::new(NetworkCarrier::new(out, resolve, clock, randomness)?))
}

/// Whether a smart host makes sense, before any file is read.
pub(crate) fn judge(table: &SmartHostTable) -> Result<(), String> {
    if split(&table.address).is_none() {
        return Err(format!(
            "`{}` is not an address: write \"host:port\" or \"[2001:db8::1]:port\"",
            table.address
        ));
    }
    if table.username.is_some() != table.password_file.is_some() {
        return Err("username and password_file go together".to_owned());
    }
    Ok(())
}

fn read(table: &SmartHostTable) -> Result<SmartHost, RouteError> {
    let wrong = |why: String| RouteError::SmartHost(why);
    let (host, port) = split(&table.address).ok_or_else(|| {
        wrong(format!("`{}` is not an address: write \"host:port\" or \"[2001:db8::1]:port\"", table.address))
    })?;
    let credentials = match (&table.username, &table.password_file) {
        (None, None) => None,
        (Some(username), Some(file)) => {
            let text = fs::read(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
            let password = Secret::new(text.trim_ascii_end());
            Some(Arc::new(Credentials { username: username.clone(), password }))
        }
        (Some(_), None) => return Err(wrong("username needs password_file".to_owned())),
        (None, Some(_)) => return Err(wrong("password_file needs username".to_owned())),
    };
    let tls = match table.tls {
        SmartHostTls::Opportunistic => outgate_delivery::SmartHostTls::Opportunistic,
        SmartHostTls::Require => outgate_delivery::SmartHostTls::Require,
        SmartHostTls::Implicit => outgate_delivery::SmartHostTls::Implicit,
    };
    Ok(SmartHost { host, port, tls, credentials })
}

/// Host and port of `host`, `host:port` or `[address]:port`.
fn split(address: &str) -> Option<(String, u16)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = if port.is_empty() { SUBMISSION_PORT } else { port.strip_prefix(':')?.parse().ok()? };
        return host.parse::<std::net::Ipv6Addr>().is_ok().then(|| (host.to_owned(), port));
    }
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (address, SUBMISSION_PORT),
    };
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && port != 0 && host.chars().all(harmless)).then(|| (host.to_owned(), port))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, RouteError> {
    let wrong = |why: String| RouteError::ExtraCa(format!("{}: {why}", file.display()));
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() { Err(wrong("no certificate in it".to_owned())) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split() {
        for (text, host, port) in [
            ("127.0.0.1:2525", "127.0.0.1", 2525),
            ("smtp.example.net", "smtp.example.net", 587),
            ("[2001:db8::1]:25", "2001:db8::1", 25),
            ("[::1]", "::1", 587),
        ] {
            assert_eq!(split(text), Some((host.to_owned(), port)), "{text}");
        }
        for wrong in ["", ":25", "a:b", "a:99999", "2001:db8::1", "[x]:25", "a b:25"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
