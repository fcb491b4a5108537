//! Finding, reading and judging the configuration file.

use super::{Config, Span};
use std::path::{Path, PathBuf};

/// The most recipients that a message may be allowed.
const MOST_RECIPIENTS: usize = 100_000;
/// Read when no file is named and it is there.
const SYSTEM_FILE: &str = "/etc/outgate/outgate.toml";

/// Where a configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// No file was named and none was found.
    Defaults,
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where it came from.
    pub source: Source,
}

/// Why a configuration cannot be used. Each says where and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("the configuration {} could not be read: {why}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The file is not what it should be.
    #[error("the configuration {} is wrong: {why}", .file.display())]
    Wrong {
        /// Which.
        file: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A value makes no sense.
    #[error("the configuration key {key} is wrong: {why}")]
    Invalid {
        /// Which.
        key: &'static str,
        /// Why.
        why: String,
    },
}

impl Config {
    /// Reads the file that was named, else the system's if it is there, else the defaults for a machine without one.
    pub fn load(named: Option<&Path>) -> Result<Loaded, ConfigError> {
        let system = Path::new(SYSTEM_FILE);
        let file = match named {
            Some(file) => file,
            None if system.exists() => system,
            None => return Ok(Loaded { config: Self::without_file(), source: Source::Defaults }),
        };
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable { file: file.to_owned(), why: error.to_string() })?;
        let config = Self::parse(&text).map_err(|why| ConfigError::Wrong { file: file.to_owned(), why })?;
        config.judge()?;
        Ok(Loaded { config, source: Source::File(file.to_owned()) })
    }

    /// Reads a configuration from its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = place.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{place}{}", explain(error.message()))
        })
    }

    /// Looks for values that parse but make no sense.
    pub fn judge(&self) -> Result<(), ConfigError> {
        let wrong = |key, why: &str| Err(ConfigError::Invalid { key, why: why.to_owned() });
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if self.hostname.is_empty() || self.hostname.len() > 253 || !self.hostname.chars().all(harmless) {
            return wrong("hostname", "write a host name of letters, digits, dots and hyphens");
        }
        let submission = &self.submission;
        if !(1..=MOST_RECIPIENTS).contains(&submission.max_recipients) {
            return wrong("submission.max_recipients", "from 1 to 100000");
        }
        if submission.max_connections == 0 || submission.max_connections_per_address == 0 {
            return wrong(
                "submission.max_connections",
                "this and max_connections_per_address are at least 1",
            );
        }
        if submission.max_errors == 0 {
            return wrong("submission.max_errors", "at least 1");
        }
        if submission.max_line_octets < 1000 {
            return wrong("submission.max_line_octets", "at least 1000 (RFC 5321 §4.5.3.1.6)");
        }
        if submission.max_message_bytes.0 < 65_536 {
            return wrong("submission.max_message_bytes", "at least 65536 (RFC 5321 §4.5.3.1.7)");
        }
        if submission.memory_budget.0 / 2 < submission.max_message_bytes.0 {
            return wrong(
                "submission.memory_budget",
                "at least twice max_message_bytes, or no large message fits",
            );
        }
        let retry = &self.delivery.retry;
        for (key, span) in [
            ("submission.command_timeout", submission.command_timeout),
            ("submission.data_timeout", submission.data_timeout),
            ("delivery.connect_timeout", self.delivery.connect_timeout),
            ("delivery.retry.first", retry.first),
        ] {
            if span < Span::seconds(1) {
                return wrong(key, "at least 1s");
            }
        }
        if retry.first > retry.most || retry.most > retry.give_up_after {
            return wrong("delivery.retry", "first is at most `most`, and `most` is at most give_up_after");
        }
        if self.delivery.mx_port == 0 {
            return wrong("delivery.mx_port", "a port, 25 as a rule");
        }
        if let Some(smart_host) = &self.delivery.smart_host {
            crate::route::judge(&smart_host.table())
                .map_err(|why| ConfigError::Invalid { key: "delivery.smart_host", why })?;
        }
        let argon2 = &self.auth.argon2;
        let params = outgate_auth::Params {
            memory_kib: argon2.memory_kib,
            iterations: argon2.iterations,
            parallelism: argon2.parallelism,
        };
        params
            .judge()
            .map_err(|error| ConfigError::Invalid { key: "auth.argon2", why: error.to_string() })?;
        if self.auth.max_concurrent_hashes == Some(0) {
            return wrong("auth.max_concurrent_hashes", "at least 1");
        }
        if !["error", "warn", "info", "debug", "trace"].contains(&self.log.level.as_str()) {
            return wrong("log.level", "one of error, warn, info, debug, trace");
        }
        self.sqlite_path().map(|_| ())
    }
}

/// Adds the nearest known key to serde's message of an unknown one.
fn explain(message: &str) -> String {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") {
        return message.to_owned();
    }
    let Some(unknown) = quoted.next() else { return message.to_owned() };
    match quoted.map(|known| (distance(unknown, known), known)).min() {
        Some((_, nearest)) => format!("there is no key `{unknown}` here; the nearest is `{nearest}`"),
        None => format!("there is no key `{unknown}` here"),
    }
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let why = Config::parse("hostname = \"a.test\"\n[submission]\nmax_recipient = 5\n").unwrap_err();
        assert_eq!(why, "line 3: there is no key `max_recipient` here; the nearest is `max_recipients`");
        assert!(Config::parse("[deliver]\n").unwrap_err().contains("`delivery`"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let config = Config::parse(
            "[delivery]\nsmart_host = { address = \"a.test:587\", tls = \"require\", username = \"u\" }\n\
             [submission]\nmemory_budget = \"64MiB\"\nproxy_protocol_from = [\"10.0.0.0/8\"]\n",
        )
        .unwrap();
        let written = toml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&written).unwrap(), config);
    }

    #[test]
    fn nonsense_is_named() {
        for (text, key) in [
            ("hostname = \"a b\"", "hostname"),
            ("[submission]\nmax_recipients = 0", "submission.max_recipients"),
            ("[auth]\nargon2 = { memory_kib = 4 }", "auth.argon2"),
            ("[auth]\nargon2 = { memory_kib = 4294967295 }", "auth.argon2"),
            ("[submission]\nmax_connections = 0", "submission.max_connections"),
            ("[submission]\nmax_recipients = 100000000", "submission.max_recipients"),
            ("[submission]\nmemory_budget = 26214400", "submission.memory_budget"),
            ("[submission]\ndata_timeout = \"0s\"", "submission.data_timeout"),
            ("[delivery.retry]\nfirst = \"0s\"", "delivery.retry.first"),
            ("[delivery.retry]\nmost = \"1s\"", "delivery.retry"),
            ("[delivery]\nsmart_host = \"a:0\"", "delivery.smart_host"),
            ("[log]\nlevel = \"loud\"", "log.level"),
            ("[store]\nurl = \"mysql://x\"", "store.url"),
        ] {
            match Config::parse(text).unwrap().judge() {
                Err(ConfigError::Invalid { key: named, .. }) => assert_eq!(named, key),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
