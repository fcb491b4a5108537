//! Fills the port `Resolve` with a real resolver.
//!
//! The promise: an answer that DNS gave is told as it is; trouble of any kind, however long it takes to show, is
//! [`ResolveError::Temporary`](outgate_core::ResolveError::Temporary) within [`LOOKUP_TIMEOUT`], and never mistaken for
//! "there is no such name" (law 9). Nothing is validated with DNSSEC here: mail goes by what a plain resolver says.
//!
//! The map: [`Resolver`] is all there is; it asks the system's servers ([`Resolver::system`]) or those it is told to
//! ([`Resolver::asking`]).

mod answer;
mod resolver;

pub use resolver::{LOOKUP_TIMEOUT, QUERY_TIMEOUT, QUERY_TRIES, Resolver, ResolverError};
