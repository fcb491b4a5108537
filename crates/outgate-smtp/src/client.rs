//! The conversation with a server that we connect to.
