//! `outgate config …`

use super::Invocation;
use crate::{
    args::ConfigCommand,
    exit::{CommandError, Status},
    output::{document, facts, view::CheckedConfig},
};
use outgate_relay::{Config, Source};
use std::{fs::File, path::PathBuf};

pub(crate) fn run(invocation: &Invocation, command: &ConfigCommand) -> Result<Status, CommandError> {
    let loaded = invocation.load()?;
    match command {
        ConfigCommand::Check => check(invocation, &loaded.config, &loaded.source)?,
        ConfigCommand::Show if invocation.output.is_json() => document(&loaded.config)?,
        ConfigCommand::Show => {
            let text = toml::to_string_pretty(&loaded.config).map_err(|error| {
                CommandError::Failed(format!("the configuration cannot be written as TOML: {error}"))
            })?;
            invocation.output.line(&format!("# from {}\n{text}", origin(&loaded.source)))?;
        }
    }
    Ok(Status::Done)
}

fn check(invocation: &Invocation, config: &Config, source: &Source) -> Result<(), CommandError> {
    for (key, file) in named_files(config) {
        File::open(&file).map_err(|error| {
            CommandError::Failed(format!("{key} names {}, which cannot be read: {error}", file.display()))
        })?;
    }
    let checked = CheckedConfig {
        file: match source {
            Source::File(file) => Some(file.display().to_string()),
            Source::Defaults => None,
        },
        hostname: config.hostname.clone(),
        data_dir: config.data_dir.display().to_string(),
    };
    invocation.output.tell(&checked, || {
        let listen = |addresses: &[std::net::SocketAddr]| match addresses {
            [] => "nowhere".to_owned(),
            _ => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let rows = [
            ("Hostname", config.hostname.clone()),
            ("Data", config.data_dir.display().to_string()),
            ("STARTTLS", listen(&config.submission.starttls)),
            ("TLS", listen(&config.submission.implicit_tls)),
            (
                "Certificate",
                config.tls.as_ref().map_or_else(
                    || "self-signed, made at the first start".to_owned(),
                    |tls| tls.certificate.display().to_string(),
                ),
            ),
            (
                "Delivery",
                config.delivery.smart_host.as_ref().map_or_else(
                    || "to the recipients' own servers".to_owned(),
                    |host| format!("everything to {}", host.table().address),
                ),
            ),
            ("HTTP", config.http.listen.to_string()),
        ];
        format!("The configuration is fine; it comes from {}.\n\n{}", origin(source), facts(&rows))
    })?;
    Ok(())
}

/// The files that a configuration names, which `serve` will need.
fn named_files(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let mut files = Vec::new();
    if let Some(tls) = &config.tls {
        files.push(("tls.certificate", tls.certificate.clone()));
        files.push(("tls.private_key", tls.private_key.clone()));
    }
    if let Some(file) = &config.delivery.extra_ca {
        files.push(("delivery.extra_ca", file.clone()));
    }
    if let Some(file) = config.delivery.smart_host.as_ref().and_then(|host| host.table().password_file) {
        files.push(("delivery.smart_host.password_file", file));
    }
    files
}

fn origin(source: &Source) -> String {
    match source {
        Source::File(file) => file.display().to_string(),
        Source::Defaults => {
            "the defaults: no file was named, and /etc/outgate/outgate.toml is not there".to_owned()
        }
    }
}
