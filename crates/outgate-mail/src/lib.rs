//! The bytes of a message: header fields, trace, DKIM.
