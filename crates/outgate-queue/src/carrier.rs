//! All that the queue knows of delivery and of signing.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Destination, DomainId, DomainName, EmailAddress, FailureClass, MessageId, NetworkPath, Reply,
    store::LeasedMessage,
};

/// A message on its way to one destination.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The envelope, with the recipients that go to this destination.
    pub message: LeasedMessage,
    /// Header fields to be sent ahead of the content: its DKIM signatures.
    pub signature: Bytes,
    /// The message's bytes as they were kept, every line ended by CR LF.
    pub content: Bytes,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The recipient's server took the message (`250` after the final dot).
    Delivered {
        /// What it said.
        reply: Reply,
    },
    /// Not now (law 9).
    Deferred {
        /// What kind of trouble.
        class: FailureClass,
        /// What the server said, when it spoke.
        reply: Option<Reply>,
        /// One sentence for people.
        reason: String,
    },
    /// Never.
    Failed {
        /// What kind of trouble.
        class: FailureClass,
        /// What the server said, when it spoke.
        reply: Option<Reply>,
        /// One sentence for people.
        reason: String,
    },
    /// Nothing was said of this recipient to anybody, because the relay is stopping ([`Carrier::wind_down`]): no attempt.
    Untried,
}

/// What became of a parcel.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Which way it went.
    pub path: NetworkPath,
    /// Whether every server that took it announced DSN (RFC 3461), and so tells the sender itself of its success.
    pub dsn: bool,
    /// What became of each recipient, in the parcel's order, one each.
    pub outcomes: Vec<Outcome>,
}

/// Carries parcels to the world. It keeps nothing and knows no retry law; every wait in it has a deadline, so `carry`
/// always returns.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// What a recipient's delivery waits and travels with.
    fn destination(&self, recipient: &EmailAddress) -> Destination;

    /// How many parcels may be on their way to a destination at the same time.
    fn concurrency(&self, destination: &Destination) -> usize;

    /// Carries one parcel.
    async fn carry(&self, parcel: &Parcel) -> Carried;

    /// From now on nothing is begun: parcels that no server has heard of yet come back at once, as [`Outcome::Untried`].
    fn wind_down(&self) {}

    /// Ends what is kept open for the next parcel; at the end of a drain.
    async fn close(&self) {}
}

/// Why a message could not be signed; it is tried again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message could not be signed: {0}")]
pub struct SignError(pub String);

/// Signs a message with its domain's DKIM keys.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The signature fields, each ended by CR LF, to be sent ahead of `content`.
    async fn sign(
        &self,
        domain: DomainId,
        name: &DomainName,
        message: MessageId,
        content: &Bytes,
    ) -> Result<Bytes, SignError>;
}
