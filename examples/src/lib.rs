//! How to embed the relay and how to put another database under it.
