//! The `Received:` field (RFC 5321 §4.4).

use super::{TraceFacts, date};
use crate::field::Writer;
use std::net::IpAddr;

/// The longest name told: that of a domain (RFC 5321 §4.5.3.1.2).
const MAX_NAME: usize = 255;

/// The field, with its line end.
pub(super) fn field(facts: &TraceFacts<'_>) -> String {
    let literal = literal(facts.address);
    let mut field = Writer::new("Received");
    field.word("from");
    // What is not a name or literal is not repeated; RFC 5321 §4.4 then wants the address as a literal.
    field.word(harmless(facts.client).unwrap_or(&literal));
    field.word(&format!("({literal})"));
    field.fold();
    field.piece("by");
    field.word(harmless(facts.host).unwrap_or("localhost"));
    field.word("with");
    field.word(protocol(facts));
    if let Some((version, cipher)) = facts.tls
        && let (Some(version), Some(cipher)) = (harmless(version), harmless(cipher))
    {
        field.word(&format!("({version} {cipher})"));
    }
    field.fold();
    field.piece("id");
    field.word(&facts.id.to_string());
    // An address beyond ASCII may stand in a header only with SMTPUTF8 (RFC 6531 §3.7.3).
    if let Some(recipient) = facts.recipient.filter(|address| facts.smtputf8 || address.is_ascii()) {
        field.fold();
        field.piece("for");
        field.word(&format!("<{recipient}>"));
    }
    field.piece(";");
    field.fold();
    field.piece(&date(facts.at));
    field.finish()
}

/// The `with` clause (RFC 3848, RFC 6531 §4.3).
fn protocol(facts: &TraceFacts<'_>) -> &'static str {
    match (facts.esmtp, facts.smtputf8, facts.tls.is_some(), facts.authenticated) {
        (false, ..) => "SMTP",
        (true, false, false, false) => "ESMTP",
        (true, false, false, true) => "ESMTPA",
        (true, false, true, false) => "ESMTPS",
        (true, false, true, true) => "ESMTPSA",
        (true, true, false, false) => "UTF8SMTP",
        (true, true, false, true) => "UTF8SMTPA",
        (true, true, true, false) => "UTF8SMTPS",
        (true, true, true, true) => "UTF8SMTPSA",
    }
}

/// RFC 5321 §4.1.3.
fn literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}

/// A name from outside, if it can stand in a header without meaning anything else.
fn harmless(name: &str) -> Option<&str> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    fits.then_some(name)
}
