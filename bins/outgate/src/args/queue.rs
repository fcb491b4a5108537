//! `outgate queue …`

use super::Filter;
use clap::{Args, Subcommand};
use outgate_core::{DeliveryId, Destination, DomainName, MessageId, Username};
use std::{fmt, str::FromStr};

/// What to do with mail on its way.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// The queue in a few numbers
    Summary,
    /// List deliveries that are pending, deferred or held, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many [default: 50; with --json, all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a message or a delivery with every attempt
    Show {
        /// The id of a message or of a delivery
        id: QueueId,
    },
    /// Try waiting deliveries now
    Retry(Change),
    /// Set deliveries aside until they are released
    Hold(Change),
    /// Let held deliveries go on, at once
    Release(Change),
    /// End deliveries without sending them
    Cancel(Change),
    /// Let deliveries wait while submissions go on; lasts over restarts
    Pause(PauseArgs),
    /// End a pause
    Resume(PauseArgs),
}

/// Which deliveries to change, and whether to ask.
#[derive(Debug, Args)]
pub(crate) struct Change {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Do not ask (only `cancel` asks, and only in bulk)
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Which deliveries.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// One delivery, or all of a message, by its id
    pub(crate) id: Option<QueueId>,
    /// All of this message
    #[arg(long, value_name = "ID")]
    pub(crate) message: Option<MessageId>,
    /// All that this SMTP user submitted
    #[arg(long, value_name = "USERNAME")]
    pub(crate) user: Option<Username>,
    /// All of this sending domain
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<DomainName>,
    /// All that go to this recipient domain, or smart host
    #[arg(long, value_name = "NAME", value_parser = destination)]
    pub(crate) destination: Option<Destination>,
}

/// What a pause covers.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Only deliveries to this recipient domain, or smart host [default: all deliveries]
    #[arg(long, value_name = "NAME", value_parser = destination, conflicts_with = "domain")]
    pub(crate) destination: Option<Destination>,
    /// Only deliveries of this sending domain
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<DomainName>,
}

/// An id that may be a message's or a delivery's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueId {
    pub(crate) message: MessageId,
    pub(crate) delivery: DeliveryId,
}

impl FromStr for QueueId {
    type Err = <MessageId as FromStr>::Err;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { message: text.parse()?, delivery: text.parse()? })
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// A text that names no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a recipient domain like example.org, or the smart host as the queue shows it")]
pub(crate) struct NotADestination;

/// A destination as the queue writes it: a domain name in its one form, or the smart host's host.
pub(super) fn destination(text: &str) -> Result<Destination, NotADestination> {
    if let Ok(name) = text.parse::<DomainName>() {
        return Ok(Destination::new(name.as_str()));
    }
    let printable = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if printable { Ok(Destination::new(&text.to_ascii_lowercase())) } else { Err(NotADestination) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_have_one_form() {
        for (given, written) in [
            ("Example.ORG", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("127.0.0.1:2525", "127.0.0.1:2525"),
        ] {
            assert_eq!(destination(given).unwrap().as_str(), written);
        }
        for wrong in ["", "a b", "a\n"] {
            assert_eq!(destination(wrong), Err(NotADestination), "{wrong:?}");
        }
    }
}
