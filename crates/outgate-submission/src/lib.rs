//! The handler for applications: sign-in, send right, intake, and the cut-off of open sessions.
//!
//! The promise: whoever sends has signed in and may send as exactly one domain, and that is asked anew for every
//! message (laws 2 and 4). `250` is said only for what intake kept (law 7). Nothing here decides: core's use cases,
//! the store's verbs and intake do, and this crate puts their answers into SMTP's words.
//!
//! The map:
//! - [`Submission`]: the service that listeners are given
//! - `application`: one session's handler
//! - `refusals`: every error and the refusal that a client hears for it
//! - `notes`: sign-ins being written down, behind the client's `235`
//! - `cutoff`: ends open sessions of users who were reset, disabled or deleted

mod application;
mod cutoff;
mod notes;
mod refusals;
mod submission;

pub use submission::{Parts, Submission};
