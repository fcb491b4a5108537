//! From acceptance to settlement: intake, the runner, the retry law, and the port [`Carrier`].
//!
//! The promise: a message that was kept is carried until each of its recipients has ended (laws 7 and 9). Nothing here
//! opens a socket or sleeps: [`Carrier`] is all that the queue knows of delivery, and whoever drives the [`Runner`]
//! is told when to look again.
//!
//! The map, along a message's way:
//! - [`Intake`]: claimed → authorised → prepared → accepted
//! - [`Runner`]: leases what is due, has it signed and carried, and settles what became of it
//! - [`action`]: what its sender is told of it, pure
//! - [`decide`]: from an outcome to a status, pure; [`RetryLaw`]: when to try again, pure

mod carrier;
mod decide;
mod intake;
mod notify;
mod permits;
mod retry;
mod runner;

pub use carrier::{Carried, Carrier, Outcome, Parcel, SignError, Signer};
pub use decide::{Decision, Moment, decide};
pub use intake::{Claimed, Intake, IntakeError, Origin};
pub use notify::{Fate, Notices, action};
pub use permits::{Permit, Permits};
pub use retry::RetryLaw;
pub use runner::{Job, LEASE, LOOK_EVERY, Runner, RunnerParts, Step};
