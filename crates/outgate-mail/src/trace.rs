//! Making a submission ready to travel: trace field, missing fields, `Bcc:`.

mod received;
mod subject;

use crate::headers::Headers;
use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use outgate_core::{DomainName, EmailAddress, MessageId};
use std::{fmt::Write as _, net::IpAddr};

/// What a trace field tells: who brought the message, how, to whom, when.
#[derive(Clone, Debug)]
pub struct TraceFacts<'a> {
    /// The name the client gave in EHLO or HELO.
    pub client: &'a str,
    /// The client's address.
    pub address: IpAddr,
    /// The TLS version and cipher suite, as `("TLSv1.3", "TLS_AES_256_GCM_SHA384")`.
    pub tls: Option<(&'a str, &'a str)>,
    /// Whether it said EHLO.
    pub esmtp: bool,
    /// Whether it signed in.
    pub authenticated: bool,
    /// Whether it asked for SMTPUTF8.
    pub smtputf8: bool,
    /// This relay's name.
    pub host: &'a str,
    /// The message.
    pub id: MessageId,
    /// The recipient, when there is only one: of several, none may learn of the others (RFC 5321 §7.2).
    pub recipient: Option<&'a EmailAddress>,
    /// When.
    pub at: Timestamp,
    /// The sending domain, for a `Message-ID:` that is missing.
    pub sender_domain: &'a DomainName,
}

/// A message ready to be kept, signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its bytes.
    pub content: Bytes,
    /// Its subject for lists: decoded, without control characters, at most 255 characters. `None` when there is none.
    pub subject: Option<String>,
}

/// Puts `Received:` ahead of a message, then `Message-ID:` and `Date:` where they are missing (RFC 6409 §8.3), and cuts
/// out `Bcc:` and `Resent-Bcc:` (RFC 5322 §3.6.3). Nothing else is touched (law 8).
pub fn prepare(content: &[u8], facts: &TraceFacts<'_>) -> Prepared {
    let headers = Headers::read(content);
    let mut head = received::field(facts);
    if headers.named("Message-ID").next().is_none() {
        // Not folded: there are readers that find nothing on the second line. Writing to a string cannot fail.
        let _ = write!(head, "Message-ID: <{}@{}>\r\n", facts.id, facts.sender_domain);
    }
    if headers.named("Date").next().is_none() {
        let _ = write!(head, "Date: {}\r\n", date(facts.at));
    }
    let mut whole = Vec::with_capacity(head.len() + content.len());
    whole.extend_from_slice(head.as_bytes());
    let mut from = 0;
    for hidden in headers.fields().iter().filter(|field| field.is("Bcc") || field.is("Resent-Bcc")) {
        let range = hidden.range();
        whole.extend_from_slice(&content[from..range.start]);
        from = range.end;
    }
    whole.extend_from_slice(&content[from..]);
    let subject = headers.named("Subject").next().and_then(subject::decoded);
    Prepared { content: whole.into(), subject }
}

/// How many `Received:` fields a message has (RFC 5321 §6.3 counts them to find loops).
pub fn hops(content: &[u8]) -> usize {
    Headers::read(content).named("Received").count()
}

/// RFC 5322 §3.3, in UTC.
pub(crate) fn date(at: Timestamp) -> String {
    // It fails for years before 0 alone; the epoch is as good as any date then.
    rfc2822::to_string(&at.to_zoned(TimeZone::UTC))
        .unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned())
}

#[cfg(test)]
mod tests;
