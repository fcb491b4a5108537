//! Handlers for mail that comes in without a user.
//!
//! The promise: nobody signs in here and nothing is sent on. What is kept is bounded.
//!
//! The map:
//! - [`Capture`]: takes every message for everybody and keeps the last ones in memory, for `outgate try` and for tests

mod capture;

pub use capture::{Capture, Captured, Only};
