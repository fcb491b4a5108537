//! The conversation with a server that we connect to.
//!
//! A driver feeds bytes with [`Conversation::receive`] and does what [`Conversation::step`] says. The conversation
//! greets, starts TLS, signs in where it is told to, and is then [`Step::Ready`] for transactions, one after the other
//! ([`Conversation::begin`]), each of which ends with one [`Verdict`] per recipient ([`Step::Finished`]).
//!
//! A server may say anything, at any length and in any order: whatever it says ends in a step, and a recipient counts
//! as [`Verdict::Taken`] only by a `2xx` that answers a final dot which was really sent.

mod capabilities;
mod command;
mod conversation;
mod kept;
mod reply;
mod settings;
mod step;
mod stuffing;
mod transaction;

pub use capabilities::Capabilities;
pub use command::{EhloName, EhloNameError};
pub use conversation::Conversation;
pub use reply::{ReplyError, ReplyReader};
pub use settings::{Credentials, Settings, StartTls};
pub use step::{BeginError, Closing, Step};
pub use stuffing::Stuffing;
pub use transaction::{Mail, Stage, Verdict};
