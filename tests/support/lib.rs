//! What the whole-relay tests stand on: the built binary and real peers, each in a temporary folder, on free loopback
//! ports, and gone when the test ends.
//!
//! The map:
//! - the relay: [`Relay`], its [`Config`], its commands ([`Admin`]), [`Credentials`]
//! - talking SMTP by hand: [`Session`]; guesses: [`password`]; taking mail: [`Sink`]
//! - peers from the distribution: [`Bind`], [`Postfix`], [`dkim`]; what is installed: [`peers`]
//! - underneath: [`Program`] (a child that cannot outlive the test), [`ports`], [`binaries`], [`Certificate`],
//!   [`wait`], [`Shared`] (one relay for the tests of a file)

mod admin;
pub mod binaries;
mod bind;
mod certificate;
mod config;
pub mod dkim;
pub mod password;
pub mod peers;
pub mod ports;
mod postfix;
mod program;
mod relay;
mod session;
mod shared;
mod sink;
pub mod wait;

pub use admin::{Admin, Credentials, Outcome};
pub use bind::{Bind, txt_line};
pub use certificate::Certificate;
pub use config::Config;
pub use postfix::Postfix;
pub use program::Program;
pub use relay::Relay;
pub use session::{Reply, Session, Tls, base64};
pub use shared::Shared;
pub use sink::{Received, Sink};
