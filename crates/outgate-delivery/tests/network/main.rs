//! Delivery over real sockets, to servers on the loopback interface: good ones and others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod carry;
mod deadlines;
mod fake_mx;
mod stopping;
mod story;
mod tls;
