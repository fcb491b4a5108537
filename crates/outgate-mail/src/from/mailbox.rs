//! The grammar of addresses in a header (RFC 5322 §3.4), less what receivers read differently.
//!
//! Left out on purpose, and refused: source routes, empty list elements, white space or comments around the `@` and the
//! dots of an address (all obsolete, RFC 5322 §4.4, or as good as), comments inside angle brackets, and local parts that
//! hold an `@`, an angle bracket, a quote, or the beginning of an encoded word. The last are valid and nobody has them,
//! except to make one receiver see another address than the next.

use super::{Unreadable, cursor::Cursor};
use outgate_core::{AddressError, DomainName, EmailAddress};

/// Addresses in one field; more is refused.
const MAX_ADDRESSES: usize = 100;

/// Every address in a field's value: a list of mailboxes and groups (RFC 6854 allows groups in `From:`).
pub(super) fn list(value: &[u8]) -> Result<Vec<EmailAddress>, Unreadable> {
    let mut cursor = Cursor::new(value)?;
    let mut found = Vec::new();
    loop {
        element(&mut cursor, Group::Allowed, &mut found)?;
        if !cursor.take(b',') {
            break;
        }
    }
    match cursor.peek() {
        Some(_) => Err(Unreadable::Trailing),
        None if found.is_empty() => Err(Unreadable::NoAddress),
        None => Ok(found),
    }
}

/// Whether a group may stand here: not inside another.
#[derive(Clone, Copy, PartialEq)]
enum Group {
    Allowed,
    Inside,
}

/// A piece of a phrase, or of a local part.
enum Word<'v> {
    Atom(&'v [u8]),
    Quoted(Vec<u8>),
    Dot,
}

/// Words, and whether no white space or comment stands among and after them.
struct Phrase<'v> {
    words: Vec<Word<'v>>,
    is_glued: bool,
}

fn element(cursor: &mut Cursor<'_>, group: Group, found: &mut Vec<EmailAddress>) -> Result<(), Unreadable> {
    let phrase = phrase(cursor)?;
    match cursor.peek() {
        Some(b'<') => {
            // A display name begins with a word; further dots are of §4.1 and everywhere.
            if matches!(phrase.words.first(), Some(Word::Dot)) {
                return Err(Unreadable::Trailing);
            }
            let address = in_brackets(cursor)?;
            keep(address, found)?;
        }
        Some(b'@') => {
            let address = bare(cursor, &phrase)?;
            keep(address, found)?;
        }
        Some(b':') if group == Group::Allowed && !phrase.words.is_empty() => {
            cursor.take(b':');
            members(cursor, found)?;
        }
        _ if phrase.words.is_empty() => return Err(Unreadable::NoAddress),
        _ => return Err(Unreadable::NotAnAddress),
    }
    cursor.skip_comments().map(drop)
}

fn keep(address: EmailAddress, found: &mut Vec<EmailAddress>) -> Result<(), Unreadable> {
    if found.len() == MAX_ADDRESSES {
        return Err(Unreadable::TooMany);
    }
    found.push(address);
    Ok(())
}

/// The mailboxes of a group, up to its semicolon; there may be none.
fn members(cursor: &mut Cursor<'_>, found: &mut Vec<EmailAddress>) -> Result<(), Unreadable> {
    cursor.skip_comments()?;
    if cursor.take(b';') {
        return Ok(());
    }
    loop {
        element(cursor, Group::Inside, found)?;
        if cursor.take(b';') {
            return Ok(());
        }
        if !cursor.take(b',') {
            return Err(Unreadable::Unfinished);
        }
    }
}

/// Words up to whatever is none.
fn phrase<'v>(cursor: &mut Cursor<'v>) -> Result<Phrase<'v>, Unreadable> {
    let mut phrase = Phrase { words: Vec::new(), is_glued: true };
    cursor.skip_comments()?;
    loop {
        let word = match cursor.peek() {
            Some(b'"') => Word::Quoted(cursor.quoted_string()?),
            Some(b'.') => {
                cursor.take(b'.');
                Word::Dot
            }
            _ => match cursor.atom() {
                [] => return Ok(phrase),
                atom => Word::Atom(atom),
            },
        };
        phrase.words.push(word);
        phrase.is_glued &= !cursor.skip_comments()?;
    }
}

/// `<local@domain>`; the cursor is at `<`.
fn in_brackets(cursor: &mut Cursor<'_>) -> Result<EmailAddress, Unreadable> {
    cursor.take(b'<');
    cursor.skip_blank();
    let local = match cursor.peek() {
        Some(b'@') => return Err(Unreadable::Route),
        Some(b'"') => text(&cursor.quoted_string()?)?.to_owned(),
        _ => dot_atom(cursor)?,
    };
    if !cursor.take(b'@') {
        return Err(Unreadable::NotAnAddress);
    }
    let address = address(&local, &domain(cursor)?)?;
    cursor.skip_blank();
    if cursor.take(b'>') { Ok(address) } else { Err(Unreadable::NotAnAddress) }
}

/// `local@domain`, its local part read already; the cursor is at `@`.
fn bare(cursor: &mut Cursor<'_>, phrase: &Phrase<'_>) -> Result<EmailAddress, Unreadable> {
    cursor.take(b'@');
    if !phrase.is_glued {
        return Err(Unreadable::NotAnAddress);
    }
    let local = match phrase.words.as_slice() {
        [Word::Quoted(content)] => text(content)?.to_owned(),
        words => {
            let mut local = String::new();
            for (n, word) in words.iter().enumerate() {
                match (word, n % 2) {
                    (Word::Atom(atom), 0) => local.push_str(text(atom)?),
                    (Word::Dot, 1) => local.push('.'),
                    _ => return Err(Unreadable::NotAnAddress),
                }
            }
            local
        }
    };
    if local.ends_with('.') {
        return Err(Unreadable::NotAnAddress);
    }
    let address = address(&local, &domain(cursor)?)?;
    // `a@example.com(.evil.org)` is that address and a comment, to who knows comments.
    if cursor.peek() == Some(b'(') { Err(Unreadable::Ambiguous) } else { Ok(address) }
}

/// RFC 5322 §3.2.3 `dot-atom-text`.
fn dot_atom(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let mut whole = String::new();
    loop {
        match cursor.atom() {
            [] => return Err(Unreadable::NotAnAddress),
            atom => whole.push_str(text(atom)?),
        }
        if !cursor.take(b'.') {
            return Ok(whole);
        }
        whole.push('.');
    }
}

fn domain(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    if cursor.peek() == Some(b'[') {
        return Err(Unreadable::Address(AddressError::Literal));
    }
    dot_atom(cursor)
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable::NotAnAddress)
}

fn address(local: &str, domain: &str) -> Result<EmailAddress, Unreadable> {
    if local.contains(['@', '<', '>', '"', '\\']) || local.contains("=?") {
        return Err(Unreadable::Ambiguous);
    }
    let name: DomainName = domain.parse().map_err(AddressError::from).map_err(Unreadable::Address)?;
    // UTS #46 maps what looks alike (full-width letters, soft hyphens) before it compares; receivers need not.
    if !domain.is_ascii() && name.to_unicode() != domain.to_lowercase() {
        return Err(Unreadable::Ambiguous);
    }
    EmailAddress::new(local, name).map_err(Unreadable::Address)
}
