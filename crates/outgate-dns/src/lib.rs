//! Fills the port Resolve with a real resolver.
