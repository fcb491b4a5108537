//! The bytes of a message: header fields, the rule of `From:`, trace fields, DKIM, delivery status notifications.
//!
//! The promise: bytes are kept (law 8). Nothing here re-encodes, reorders or reformats what an application wrote: a
//! message is read in place, fields are put ahead of it or cut out of it whole, and the rest is copied once. Whatever
//! cannot be read with certainty is refused, because receivers would read it each in their own way.
//!
//! The map:
//! - [`Headers`]: the header section, zero-copy
//! - [`check_from`]: every address in `From:` and `Sender:` is of the exact domain (law 4)
//! - [`prepare`], [`hops`]: `Received:`, `Message-ID:`, `Date:` added, `Bcc:` gone
//! - [`bounce`]: what became of a message, told to its sender
//! - [`dkim`]: keys, signatures, and verifying them by an independent judge

pub mod bounce;
pub mod dkim;
mod field;
mod from;
mod headers;
mod scan;
mod trace;

pub use from::{AuthorField, FromRefusal, Unreadable, addresses, check_from};
pub use headers::{Field, HeaderFault, Headers};
pub use trace::{Prepared, TraceFacts, hops, prepare};
