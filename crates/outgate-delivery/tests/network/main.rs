//! Delivery over real sockets, to servers on the loopback interface: good ones and others.

mod carry;
mod fake_mx;
mod tls;
