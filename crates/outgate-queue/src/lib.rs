//! From acceptance to settlement: intake, the runner, the retry law, and the port [`Carrier`].
//!
//! The promise: nothing here opens a socket or sleeps. [`Carrier`] is all that the queue knows of delivery.

mod carrier;

pub use carrier::{Carried, Carrier, Outcome, Parcel, SignError, Signer};
