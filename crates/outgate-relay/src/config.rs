//! The configuration: one TOML file, every key with a default, unknown keys refused by name.

mod load;
mod sections;
mod values;

pub use load::{ConfigError, Loaded, Source};
pub use sections::{
    Argon2, Auth, Delivery, Dns, Http, Log, LogFormat, Retry, SmartHost, SmartHostTable, SmartHostTls, Store,
    Submission, Throttle, Tls,
};
pub use values::{Bytes, Network, Rate, Span};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The relay's name: in its greeting, in EHLO to others, and beside the credentials it hands out. Default: the
    /// machine's name.
    pub hostname: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where applications submit.
    pub submission: Submission,
    /// Passwords and guesses.
    pub auth: Auth,
    /// The certificate; without this section a self-signed one is made at the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The way to the recipients.
    pub delivery: Delivery,
    /// Name resolution.
    pub dns: Dns,
    /// The HTTP listener.
    pub http: Http,
    /// The database.
    pub store: Store,
    /// What the relay writes about itself, on standard error.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: machine_name(),
            data_dir: "/var/lib/outgate".into(),
            submission: Submission::default(),
            auth: Auth::default(),
            tls: None,
            delivery: Delivery::default(),
            dns: Dns::default(),
            http: Http::default(),
            store: Store::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// The configuration when there is no file: the loopback interface, and data in the working folder.
    pub fn without_file() -> Self {
        Self {
            data_dir: "outgate-data".into(),
            submission: Submission {
                starttls: vec![([127, 0, 0, 1], 2587).into()],
                implicit_tls: vec![([127, 0, 0, 1], 2465).into()],
                ..Submission::default()
            },
            ..Self::default()
        }
    }

    /// The file of an SQLite store.
    pub fn sqlite_path(&self) -> Result<PathBuf, ConfigError> {
        let name = self.store.url.strip_prefix("sqlite:").ok_or_else(|| ConfigError::Invalid {
            key: "store.url",
            why: "not a store that this build knows: write sqlite:FILE".to_owned(), // the value may hold a password
        })?;
        Ok(self.data_dir.join(name))
    }

    /// The sections in which `other` differs.
    pub fn sections_that_differ(&self, other: &Self) -> Vec<&'static str> {
        [
            ("hostname", self.hostname != other.hostname),
            ("data_dir", self.data_dir != other.data_dir),
            ("submission", self.submission != other.submission),
            ("auth", self.auth != other.auth),
            ("tls", self.tls != other.tls),
            ("delivery", self.delivery != other.delivery),
            ("dns", self.dns != other.dns),
            ("http", self.http != other.http),
            ("store", self.store != other.store),
            ("log", self.log != other.log),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }

    /// The ports that an application is told, as they are listened on.
    pub fn told_ports(&self) -> (Option<u16>, Option<u16>) {
        let port = |addresses: &[std::net::SocketAddr]| addresses.first().map(std::net::SocketAddr::port);
        (port(&self.submission.starttls), port(&self.submission.implicit_tls))
    }
}

fn machine_name() -> String {
    let uname = rustix::system::uname();
    uname.nodename().to_str().ok().filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned()
}
