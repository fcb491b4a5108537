//! A subject for lists and logs.

use crate::headers::Field;
use mail_parser::{HeaderValue, parsers::MessageStream};

/// Characters kept.
const MAX_CHARS: usize = 255;

/// The subject, encoded words decoded (RFC 2047); `None` when nothing is left of it.
pub(super) fn decoded(field: &Field<'_>) -> Option<String> {
    let line = [field.value(), b"\r\n"].concat();
    let HeaderValue::Text(text) = MessageStream::new(&line).parse_unstructured() else {
        return None;
    };
    let shown: String = text.chars().filter(|c| !is_invisible(*c)).take(MAX_CHARS).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// Control characters, and those that turn the text around.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
