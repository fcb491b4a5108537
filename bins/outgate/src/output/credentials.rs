//! Credentials as hosted relays show them: everything that an application asks for, once.

use super::{facts, printable, view};
use outgate_core::{Mechanism, User};
use outgate_relay::Config;
use std::path::Path;

/// Where applications submit, as it is told them.
pub(crate) struct Endpoint;

impl Endpoint {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> view::Smtp {
        let (starttls, implicit_tls) = config.told_ports();
        Self::at(config.hostname.clone(), starttls, implicit_tls)
    }

    /// At this host and these ports.
    pub(crate) fn at(host: String, starttls_port: Option<u16>, implicit_tls_port: Option<u16>) -> view::Smtp {
        view::Smtp {
            host,
            starttls_port,
            implicit_tls_port,
            mechanisms: [Mechanism::Plain, Mechanism::Login],
        }
    }
}

/// Where the password can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Revealed<'a> {
    /// Here.
    Here(&'a str),
    /// In a file.
    InFile(&'a Path),
}

impl<'a> Revealed<'a> {
    /// The password, if it is to be shown here.
    pub(crate) fn here(self) -> Option<&'a str> {
        match self {
            Self::Here(password) => Some(password),
            Self::InFile(_) => None,
        }
    }
}

/// The credentials of a user, for people.
pub(crate) fn credentials(user: &User, smtp: &view::Smtp, password: Revealed<'_>) -> String {
    let (shown, hint) = match password {
        Revealed::Here(password) => (password.to_owned(), "This password will not be shown again."),
        Revealed::InFile(file) => {
            (format!("in {}", file.display()), "The file holds the only copy of this password.")
        }
    };
    let rows = [
        ("Username", user.username.to_string()),
        ("Password", shown),
        ("Server", smtp.host.clone()),
        ("Port", ports(smtp)),
        ("Sign-in", "PLAIN or LOGIN".to_owned()),
        ("Sender", format!("anything@{}", user.domain_name)),
    ];
    format!(
        "SMTP user “{}” of {}\n\n{}\n\n{hint}",
        printable(user.name.as_str()),
        user.domain_name,
        facts(&rows)
    )
}

/// The ports with what each begins with.
pub(crate) fn ports(smtp: &view::Smtp) -> String {
    match (smtp.starttls_port, smtp.implicit_tls_port) {
        (Some(starttls), Some(implicit)) => {
            format!("{starttls} with STARTTLS, or {implicit} with TLS from the start")
        }
        (Some(starttls), None) => format!("{starttls} with STARTTLS"),
        (None, Some(implicit)) => format!("{implicit} with TLS from the start"),
        (None, None) => "none: the configuration listens nowhere".to_owned(),
    }
}
