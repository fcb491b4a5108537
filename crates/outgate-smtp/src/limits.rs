//! How much of anything a conversation takes (law 11).

/// The limits of a server conversation. Those that an operator sets are fields, the rest are constants.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of a message, announced by SIZE (RFC 1870).
    pub message_bytes: usize,
    /// Recipients of a message, announced by LIMITS RCPTMAX (RFC 9422); past it `452 4.5.3` (RFC 5321 §4.5.3.1.10).
    pub recipients: usize,
    /// Octets of a message's line, CR LF aside; past it `550 5.6.0`.
    pub line_octets: usize,
    /// Errors of a client, refused recipients aside; past it `421` and close.
    pub errors: usize,
}

impl Limits {
    /// Octets of a command line with its CR LF. RFC 5321 §4.5.3.1.4 asks for 512, the extensions add to it.
    pub const COMMAND_LINE: usize = 4096;
    /// Octets of AUTH, and of a line inside its exchange, with CR LF (RFC 4954 §4).
    pub const AUTH_LINE: usize = 12_288;
    /// Octets of a refused line, or of chunks that belong to no transaction, that are read only to be thrown away
    /// before a sign-in; past it `421` and close. Inside a transaction, and once signed in, it is twice the message
    /// limit: who has sent a message ahead of its refusal (RFC 2920, RFC 3030 §4.2) is heard to its end.
    pub const DISCARDED: usize = 65_536;
    /// What a recipient takes of the memory budget beside its address and ORCPT.
    pub const RECIPIENT_OCTETS: usize = 320;
    /// `Received:` fields of a message; more is a loop (RFC 5321 §6.3).
    pub const HOPS: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 26_214_400, recipients: 1000, line_octets: 65_536, errors: 20 }
    }
}
