//! The part for programs: `message/delivery-status` (RFC 3464).

use super::{
    Action, Report, Told,
    encoding::{harmless, harmless_ascii},
};
use crate::{field::Writer, trace::date};
use outgate_core::{Attempt, EmailAddress, FailureClass, Xtext};
use std::fmt::Write as _;

/// Characters of a remote reply that are repeated.
const MAX_DIAGNOSTIC: usize = 2_000;
/// Longer pieces without a blank are cut, so that a field can be folded.
const MAX_PIECE: usize = 60;

/// An enhanced status code (RFC 3463).
type Code = (u8, u16, u16);

/// Writes the part. With `utf8` addresses stand in UTF-8 (RFC 6533 §4), else everything is ASCII.
pub(super) fn part(text: &mut String, facts: &Report<'_>, utf8: bool) {
    let (kind, encoding) =
        if utf8 { ("message/global-delivery-status", "8bit") } else { ("message/delivery-status", "7bit") };
    let mut line = |line: String| {
        text.push_str(&line);
        text.push_str("\r\n");
    };
    line(format!("Content-Type: {kind}"));
    line(format!("Content-Transfer-Encoding: {encoding}"));
    line(String::new());
    line(format!("Reporting-MTA: dns; {}", harmless_ascii(facts.host, 255)));
    if let Some(id) = facts.envelope_id {
        line(folded("Original-Envelope-Id", "", &decoded(id))); // RFC 3464 §2.2.1
    }
    line(format!("Arrival-Date: {}", date(facts.accepted_at)));
    for told in facts.told {
        line(String::new());
        recipient(&mut line, told, utf8);
    }
    line(String::new());
}

/// The fields of one recipient (RFC 3464 §2.3).
fn recipient(line: &mut impl FnMut(String), told: &Told<'_>, utf8: bool) {
    let Told { recipient, action, attempt } = told;
    if let Some((kind, original)) =
        recipient.original.as_ref().and_then(|original| original.as_str().split_once(';'))
    {
        let original =
            original.parse().map_or_else(|_| harmless_ascii(original, 500), |original| decoded(&original));
        line(format!("Original-Recipient: {}; {original}", harmless_ascii(kind, 40)));
    }
    line(format!("Final-Recipient: {}", address(&recipient.address, utf8)));
    line(format!("Action: {}", word(*action)));
    let (class, subject, detail) = code(*action, attempt);
    line(format!("Status: {class}.{subject}.{detail}"));
    match &attempt.reply {
        Some(reply) => {
            if let Some(host) = &attempt.path.host {
                line(format!("Remote-MTA: dns; {}", harmless_ascii(host, 255)));
            }
            line(folded("Diagnostic-Code", "smtp;", &harmless_ascii(&reply.to_string(), MAX_DIAGNOSTIC)));
        }
        None => {
            line(folded("Diagnostic-Code", "X-Outgate;", &harmless_ascii(&attempt.reason, MAX_DIAGNOSTIC)));
        }
    }
    line(format!("Last-Attempt-Date: {}", date(attempt.ended_at)));
    if let Action::Delayed { until } = action {
        line(format!("Will-Retry-Until: {}", date(*until)));
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Failed { .. } => "failed",
        Action::Delayed { .. } => "delayed",
        Action::Relayed => "relayed",
    }
}

/// The status: the remote server's own where it fits the action, else what the kind of trouble comes to (RFC 3463 §3).
pub(super) fn code(action: Action, attempt: &Attempt) -> Code {
    use FailureClass as C;
    let class = match action {
        Action::Failed { expired: true } => return (4, 4, 7), // RFC 3463 §3.5: delivery time expired
        Action::Failed { expired: false } => 5,
        Action::Delayed { .. } => 4,
        Action::Relayed => 2,
    };
    if let Some(code) = attempt.reply.as_ref().and_then(|reply| reply.enhanced).filter(|code| code.0 == class)
    {
        return code;
    }
    let (subject, detail) = match attempt.class {
        Some(C::Address) => (1, 1),
        Some(C::Domain) => (1, 2),
        Some(C::MailboxFull) => (2, 2),
        Some(C::Content) => (6, 0),
        Some(C::Policy | C::Greylisted) => (7, 1),
        Some(C::Rate) => (4, 5),
        Some(C::Dns) => (4, 3),
        Some(C::Connection) => (4, 1),
        Some(C::Tls) => (7, 5),
        Some(C::Local) => (3, 0),
        Some(C::Other) | None => (0, 0),
    };
    (class, subject, detail)
}

/// An address with its type (RFC 6533 §3).
fn address(address: &EmailAddress, utf8: bool) -> String {
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let mut text = "utf-8; ".to_owned();
    for c in address.to_string().chars() {
        let plain = c.is_ascii_graphic() && !matches!(c, '+' | '=' | '\\');
        if plain || (utf8 && !c.is_ascii()) {
            text.push(c);
        } else {
            let _ = write!(text, "\\x{{{:X}}}", u32::from(c)); // writing to a string cannot fail
        }
    }
    text
}

/// Xtext decoded, unless something is in it that has no place in a field (RFC 3461 §4.2 and §4.4 forbid that).
fn decoded(xtext: &Xtext) -> String {
    let mut out = String::with_capacity(xtext.as_str().len());
    let mut rest = xtext.as_str();
    while let Some((before, behind)) = rest.split_once('+') {
        out.push_str(before);
        let byte = behind.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|byte| matches!(byte, 0x20..=0x7e)) {
            Some(byte) => out.push(char::from(byte)),
            None => return harmless(xtext.as_str(), 500),
        }
        rest = behind.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    harmless(&out, 500)
}

/// A field of harmless text, folded, without its line end.
fn folded(name: &str, kind: &str, text: &str) -> String {
    let mut field = Writer::new(name);
    if !kind.is_empty() {
        field.word(kind);
    }
    for word in text.split(' ') {
        let mut rest = word;
        while rest.len() > MAX_PIECE {
            let (piece, behind) = rest.split_at(MAX_PIECE);
            field.word(piece);
            rest = behind;
        }
        field.word(rest);
    }
    field.so_far().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_their_type() {
        for (text, ascii, utf8) in [
            ("bob@example.org", "rfc822; bob@example.org", "rfc822; bob@example.org"),
            ("\"a b\"@example.org", "rfc822; \"a b\"@example.org", "rfc822; \"a b\"@example.org"),
            (
                "jörg+x@example.org",
                "utf-8; j\\x{F6}rg\\x{2B}x@example.org",
                "utf-8; jörg\\x{2B}x@example.org",
            ),
        ] {
            let parsed: EmailAddress = text.parse().unwrap();
            assert_eq!((address(&parsed, false).as_str(), address(&parsed, true).as_str()), (ascii, utf8));
        }
    }

    #[test]
    fn xtext_is_decoded_where_that_is_safe() {
        for (text, wanted) in [
            ("QQ314159", "QQ314159"),
            ("a+2Bb+3Dc+20d", "a+b=c d"),
            ("a+0D+0AX-Evil:+20yes", "a+0D+0AX-Evil:+20yes"),
            ("+C3+A4", "+C3+A4"),
        ] {
            assert_eq!(decoded(&text.parse().unwrap()), wanted);
        }
    }

    #[test]
    fn long_replies_are_folded() {
        let field = folded("Diagnostic-Code", "smtp;", &harmless_ascii(&"x".repeat(5000), MAX_DIAGNOSTIC));
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        assert!(field.len() < 2_500);
    }
}
