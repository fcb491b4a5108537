//! The domain model of Outgate: its words, its laws, its use cases, and the ports that others fill.
//!
//! The promise: nothing here knows a runtime, a socket, the SMTP syntax or a database. Time and chance are
//! arguments ([`Clock`], [`Randomness`]). A value that exists is valid: the newtypes parse at the door.
//!
//! The map:
//! - words: [`DomainName`], [`EmailAddress`], [`Username`], [`UserName`], [`Secret`], ids, [`SendRight`],
//!   [`Actor`], [`Event`], [`Envelope`], [`DeliveryStatus`], [`Attempt`], [`Transcript`]
//! - use cases, one per file: [`domains`], [`users`]
//! - ports: [`store`] (the verbs a database fills), [`PasswordHasher`], [`Throttle`], [`KeyMaker`],
//!   [`Resolve`], [`Clock`], [`Randomness`]

mod account;
mod actor;
mod budget;
mod delivery;
mod domain;
pub mod domains;
mod email;
mod envelope;
mod event;
mod id;
mod ports;
mod resolve;
mod right;
mod secret;
pub mod store;
mod transcript;
mod user;
mod username;
pub mod users;
mod xtext;

pub use account::{Account, AccountState};
pub use actor::Actor;
pub use budget::{ByteBudget, Reservation};
pub use delivery::{
    Attempt, DeliveryStatus, Destination, FailureClass, NetworkPath, Reply, TlsUsed, UnknownStatus,
};
pub use domain::{
    DkimAlgorithm, Domain, DomainBar, DomainKey, DomainName, DomainNameError, DomainState, KeyStage,
    NewDomainKey,
};
pub use email::{AddressError, EmailAddress};
pub use envelope::{Body, Envelope, Notify, Recipient, ReturnContent, ReversePath};
pub use event::{Event, EventKind, SettledRecipient};
pub use id::{AccountId, AttemptId, DeliveryId, DomainId, KeyId, MessageId, UserId};
pub use jiff::Timestamp;
pub use ports::{
    Admission, Clock, HashError, KeyMakeError, KeyMaker, PasswordHash, PasswordHasher, Ports, Randomness,
    Throttle, Verification,
};
pub use resolve::{Mx, Resolve, ResolveError};
pub use right::{SendRight, Standing};
pub use secret::Secret;
pub use transcript::{Recording, Timings, Transcript};
pub use user::{LastConnection, Mechanism, User, UserState};
pub use username::{UserName, UserNameError, Username, UsernameError};
pub use xtext::{Xtext, XtextError};
