//! The rule of `From:` (law 4): whoever the message says it is from is of the exact domain that signed in.
//!
//! The parser is our own, and strict: a mail client's parser makes the best of anything, and two of them make two
//! different things of it. An address is taken only where there is one way to read it.

mod cursor;
mod mailbox;

use crate::headers::{Field, HeaderFault, Headers};
use outgate_core::{AddressError, DomainName, EmailAddress};
use std::fmt;

/// A field that names who wrote or sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorField {
    /// `From:` (RFC 5322 §3.6.2).
    From,
    /// `Sender:` (RFC 5322 §3.6.2).
    Sender,
}

impl fmt::Display for AuthorField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::From => "From",
            Self::Sender => "Sender",
        })
    }
}

/// Why the addresses of a field cannot be read with certainty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A control character, or a fold without anything on its line.
    #[error("it has a control character")]
    Control,
    /// White space between the field's name and its colon.
    #[error("it has white space before its colon")]
    Spaced,
    /// No address in it.
    #[error("it has no address")]
    NoAddress,
    /// Words where an address belongs.
    #[error("it has something that is not an address")]
    NotAnAddress,
    /// An address that receivers could read in more than one way.
    #[error("it has an address that receivers could read in more than one way")]
    Ambiguous,
    /// A source route, `<@a,@b:c@d>`.
    #[error("it has a source route")]
    Route,
    /// A quoted string, comment or group without its end.
    #[error("it has a quote, comment or group without its end")]
    Unfinished,
    /// Something after the last address.
    #[error("it has something after its addresses")]
    Trailing,
    /// Comments nested too deep.
    #[error("it has too many comments in comments")]
    TooDeep,
    /// Too many addresses.
    #[error("it has too many addresses")]
    TooMany,
    /// An address that Outgate does not take.
    #[error(transparent)]
    Address(AddressError),
}

/// Why a message may not be sent as a domain. Its text is safe to show to the client: it repeats nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FromRefusal {
    /// The header section cannot be read with certainty, or is too large.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// No `From:`.
    #[error("the message has no From field")]
    Missing,
    /// The field is there more than once.
    #[error("the message has more than one {0} field")]
    Several(AuthorField),
    /// The field's addresses cannot be read with certainty.
    #[error("the {0} field cannot be read: {1}")]
    Unreadable(AuthorField, Unreadable),
    /// An address of another domain.
    #[error("the {field} field has an address that is not of the domain signed in for")]
    NotYours {
        /// In which field.
        field: AuthorField,
        /// Which address.
        address: EmailAddress,
    },
}

/// Every address in the value of an address field, or why it cannot be read with certainty.
///
/// Display names, comments and encoded words are passed over and never looked into for addresses.
pub fn addresses(value: &[u8]) -> Result<Vec<EmailAddress>, Unreadable> {
    mailbox::list(value)
}

/// Whether a message is from `allowed`: exactly one `From:` and at most one `Sender:`, with every address in them of
/// exactly that domain. `Resent-` fields do not count.
pub fn check_from(content: &[u8], allowed: &DomainName) -> Result<(), FromRefusal> {
    let headers = Headers::read(content);
    if let Some(fault) = headers.refusal() {
        return Err(fault.into());
    }
    let from = only(&headers, AuthorField::From)?.ok_or(FromRefusal::Missing)?;
    check(AuthorField::From, from, allowed)?;
    if let Some(sender) = only(&headers, AuthorField::Sender)? {
        check(AuthorField::Sender, sender, allowed)?;
    }
    Ok(())
}

/// RFC 5322 §3.6: each at most once.
fn only<'h, 'm>(headers: &'h Headers<'m>, name: AuthorField) -> Result<Option<&'h Field<'m>>, FromRefusal> {
    let text = match name {
        AuthorField::From => "From",
        AuthorField::Sender => "Sender",
    };
    let mut fields = headers.named(text);
    match (fields.next(), fields.next()) {
        (_, Some(_)) => Err(FromRefusal::Several(name)),
        (first, None) => Ok(first),
    }
}

fn check(name: AuthorField, field: &Field<'_>, allowed: &DomainName) -> Result<(), FromRefusal> {
    if field.is_spaced() {
        return Err(FromRefusal::Unreadable(name, Unreadable::Spaced));
    }
    let found = addresses(field.value()).map_err(|reason| FromRefusal::Unreadable(name, reason))?;
    match found.into_iter().find(|address| address.domain() != allowed) {
        None => Ok(()),
        Some(address) => Err(FromRefusal::NotYours { field: name, address }),
    }
}

#[cfg(test)]
mod tests;
