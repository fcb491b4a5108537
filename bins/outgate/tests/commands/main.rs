//! The commands as scripts and service managers call them: exit statuses, JSON shapes, confirmations, files, signals.

mod backup;
mod config;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod desk;
mod domain;
mod log;
mod queue;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod serve;
mod tryout;
mod usage;
mod user;
