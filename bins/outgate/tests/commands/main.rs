//! The commands as scripts call them: exit statuses, JSON shapes, confirmations, password files. No relay runs.

mod config;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod desk;
mod domain;
mod log;
mod misc;
mod queue;
mod user;
