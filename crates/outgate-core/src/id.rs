//! Identifiers: UUID version 7 (RFC 9562 §5.7), drawn from a clock and a source of randomness.

use crate::Randomness;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

fn draw(now: Timestamp, randomness: &dyn Randomness) -> Uuid {
    let mut random = [0_u8; 10];
    randomness.fill(&mut random);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Draws a new id; ids drawn later sort later, by millisecond.
            pub fn draw(now: Timestamp, randomness: &dyn Randomness) -> Self {
                Self(draw(now, randomness))
            }

            /// The id in the sixteen bytes that a store keeps.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// An id as a store kept it.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// Identifies an account.
    AccountId,
    /// Identifies a sending domain; a domain deleted and added again has another id.
    DomainId,
    /// Identifies a DKIM key of a domain.
    KeyId,
    /// Identifies an SMTP user.
    UserId,
    /// Identifies one accepted submission.
    MessageId,
    /// Identifies one recipient of one message.
    DeliveryId,
    /// Identifies one try at delivering.
    AttemptId,
}

impl AccountId {
    /// The account that a fresh install has.
    pub const DEFAULT: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}
