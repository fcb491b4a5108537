//! Delivery status notifications (RFC 3461–3464, RFC 6533): what became of a message, told to its sender.
//!
//! A notification has three parts: one for people, one for programs, and the original's header or the whole original.
//! Whatever comes from outside (replies, the original) is folded, shortened and made harmless before it stands in a
//! field of ours.

mod encoding;
mod original;
mod status;
mod words;

use crate::{field::Writer, headers::Headers, trace::date};
use bytes::Bytes;
use jiff::Timestamp;
use original::Returned;
use outgate_core::{Attempt, Body, DomainName, EmailAddress, MessageId, Recipient, ReturnContent, Xtext};

/// The longest `Message-ID:` that is answered to.
const MAX_MESSAGE_ID: usize = 250;

/// What happened to a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It will not be delivered.
    Failed {
        /// Whether only because the time for trying is over.
        expired: bool,
    },
    /// It is late, and is still being tried.
    Delayed {
        /// Until when.
        until: Timestamp,
    },
    /// A server took it that tells nothing further of it.
    Relayed,
}

/// A recipient, and what happened to it in the last attempt.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Who.
    pub recipient: &'a Recipient,
    /// What happened.
    pub action: Action,
    /// The last attempt.
    pub attempt: &'a Attempt,
}

/// What a notification is made of.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The notification's own id.
    pub id: MessageId,
    /// When it is made.
    pub at: Timestamp,
    /// This relay's name.
    pub host: &'a str,
    /// The sending domain: the notification comes from its postmaster, so it can be signed like its other mail.
    pub domain: &'a DomainName,
    /// The original's sender.
    pub sender: &'a EmailAddress,
    /// The sender's own name for the original's envelope.
    pub envelope_id: Option<&'a Xtext>,
    /// When the original was accepted.
    pub accepted_at: Timestamp,
    /// What the sender wants back of the original.
    pub return_content: Option<ReturnContent>,
    /// The original's bytes.
    pub original: &'a [u8],
    /// The recipients it tells of; at least one.
    pub told: &'a [Told<'a>],
}

/// A notification ready to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its bytes, every line ended by CR LF and at most 998 octets long.
    pub content: Bytes,
    /// Its subject.
    pub subject: &'static str,
    /// Its body type.
    pub body: Body,
    /// Whether it needs SMTPUTF8: only when the sender's own address does.
    pub smtputf8: bool,
}

/// Writes a notification.
pub fn report(facts: &Report<'_>) -> Notification {
    let smtputf8 = !facts.sender.is_ascii();
    let subject = words::subject(facts.told);
    let returned = Returned::of(facts);
    let boundary = format!("=_{}", facts.id);

    let mut text = head(facts, subject, &boundary, returned.is_eight_bit() || smtputf8);
    text.push_str("This is a delivery status notification in MIME format.\r\n");
    open(&mut text, &boundary);
    words::part(&mut text, facts);
    open(&mut text, &boundary);
    status::part(&mut text, facts, smtputf8);
    open(&mut text, &boundary);
    let mut content = text.into_bytes();
    returned.write(&mut content);
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let body = if returned.is_eight_bit() || smtputf8 { Body::EightBitMime } else { Body::SevenBit };
    Notification { content: content.into(), subject, body, smtputf8 }
}

fn open(text: &mut String, boundary: &str) {
    text.push_str("--");
    text.push_str(boundary);
    text.push_str("\r\n");
}

/// The header, and the empty line.
fn head(facts: &Report<'_>, subject: &str, boundary: &str, eight_bit: bool) -> String {
    let mut head = String::with_capacity(2048);
    let mut line = |text: String| {
        head.push_str(&text);
        head.push_str("\r\n");
    };
    let mut from = Writer::new("From");
    from.word("Mail Delivery System");
    from.word(&format!("<postmaster@{}>", facts.domain));
    line(from.so_far().to_owned());
    line(format!("To: <{}>", facts.sender));
    line(format!("Subject: {subject}"));
    line(format!("Date: {}", date(facts.at)));
    line(format!("Message-ID: <{}@{}>", facts.id, facts.domain));
    if let Some(original) = sound_message_id(facts.original) {
        line(format!("In-Reply-To: {original}"));
        line(format!("References: {original}"));
    }
    line("Auto-Submitted: auto-replied".to_owned()); // RFC 3834 §5
    line("MIME-Version: 1.0".to_owned());
    // RFC 6522 §3
    line(format!(
        "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\""
    ));
    if eight_bit {
        line("Content-Transfer-Encoding: 8bit".to_owned());
    }
    line(String::new());
    head
}

/// The original's `Message-ID:`, if it has one that can be repeated as it is (RFC 5322 §3.6.4).
fn sound_message_id(original: &[u8]) -> Option<&str> {
    let headers = Headers::read(original);
    let mut all = headers.named("Message-ID");
    let (only, None) = (all.next()?, all.next()) else { return None };
    let id = std::str::from_utf8(only.value()).ok()?.trim();
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let plain = inner.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    (plain && inner.contains('@') && id.len() <= MAX_MESSAGE_ID).then_some(id)
}
