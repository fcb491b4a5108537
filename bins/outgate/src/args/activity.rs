//! `outgate activity`, and the filters that lists of deliveries take.

use super::{When, queue::destination};
use clap::Args;
use outgate_core::{
    DeliveryStatus, Destination, DomainName, EmailAddress, Timestamp, Username, store::DeliveryFilter,
};

/// Which deliveries to tell of.
#[derive(Debug, Args)]
pub(crate) struct ActivityArgs {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// At most so many [default: 50; with --json, all]
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    pub(crate) limit: Option<usize>,
    /// Go on with what happens from now on, one line each time a delivery changes
    #[arg(long, conflicts_with = "until")]
    pub(crate) follow: bool,
}

/// Which deliveries; each flag narrows further.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Of this sending domain
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<DomainName>,
    /// Submitted by this SMTP user
    #[arg(long, value_name = "USERNAME")]
    pub(crate) user: Option<Username>,
    /// In this status; several divided by commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<DeliveryStatus>,
    /// To this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) recipient: Option<EmailAddress>,
    /// From this envelope sender
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) sender: Option<EmailAddress>,
    /// With this text in the subject, in capitals or not
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// Going to this recipient domain, or smart host
    #[arg(long, value_name = "NAME", value_parser = destination)]
    pub(crate) destination: Option<Destination>,
    /// Accepted since: 2026-11-21T19:21:00Z, 2026-11-21, or 2h and 3d for so long ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Accepted before, written the same way
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<When>,
}

impl Filter {
    /// The filter that a store takes, with spans of time counted back from `now`.
    pub(crate) fn at(&self, now: Timestamp) -> DeliveryFilter {
        DeliveryFilter {
            domain: self.domain.clone(),
            user: self.user.clone(),
            statuses: self.status.clone(),
            recipient: self.recipient.clone(),
            sender: self.sender.clone(),
            subject: self.subject.clone(),
            since: self.since.map(|when| when.from(now)),
            until: self.until.map(|when| when.from(now)),
            destination: self.destination.clone(),
        }
    }
}
