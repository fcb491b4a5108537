//! The side that talks to the world: MX, TLS policy, connections.
