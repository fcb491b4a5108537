//! Sockets, TLS, deadlines and limits that drive a server conversation.
