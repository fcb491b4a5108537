//! The reference store in memory, and the exam that every store sits.
//!
//! The promise: a store that passes the exam keeps every contract that is written above the traits in
//! [`outgate_core::store`], as far as a test inside one process can see. Whoever puts another database under Outgate
//! writes a [`Fixture`] and one line, [`exam!`], and is done when the tests are green.
//!
//! The map:
//! - [`memory`]: the reference store, plain maps under one lock, and the reading of the contracts where words leave room
//! - [`exam`]: the laws, one async function each; [`exam!`] makes a `#[test]` of each
//! - [`ports`]: a clock, randomness, a hasher, a throttle and keys for tests, none of them secure
//! - [`World`]: a store with those ports, which adds domains and users, signs in and makes messages in one call each

pub mod exam;
mod failure;
pub mod memory;
pub mod ports;
mod world;

pub use exam::Fixture;
pub use failure::Failure;
pub use memory::MemoryStore;
pub use world::{Sender, World, sign_in};
