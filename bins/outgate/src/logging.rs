//! What the relay writes about itself, on standard error: lines for people, or JSON for machines.

use outgate_relay::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// Changes the level while the relay runs.
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Sets the level from a reloaded configuration.
    pub(crate) fn set(&self, log: &Log) {
        if let Err(error) = self.0.reload(filter(&log.level)) {
            tracing::warn!(%error, "the log level stays as it was");
        }
    }
}

/// Starts logging. The level may be changed later, the format not.
pub(crate) fn start(log: &Log) -> Level {
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A subscriber that is there already was set by whoever embeds this; it stays.
    let _ = match log.format {
        LogFormat::Text => registry.with(layer.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    Level(handle)
}

/// The level counts for Outgate's own lines. Libraries may only warn: what they say at lower levels can hold bytes of a
/// conversation, and so a secret (law 1).
fn filter(level: &str) -> EnvFilter {
    EnvFilter::new(directives(level))
}

fn directives(level: &str) -> String {
    let others = if level == "error" { "error" } else { "warn" };
    format!("{others},outgate={level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_never_say_more_than_warnings() {
        for (level, expected) in [
            ("error", "error,outgate=error"),
            ("warn", "warn,outgate=warn"),
            ("info", "warn,outgate=info"),
            ("trace", "warn,outgate=trace"),
        ] {
            assert_eq!(directives(level), expected);
            assert!(filter(level).to_string().contains("outgate"));
        }
    }
}
