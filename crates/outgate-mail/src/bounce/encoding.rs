//! Making text from outside harmless, and content transfer encodings (RFC 2045 §6).

use std::fmt::Write as _;

/// RFC 2045 §6.7: an encoded line has at most 76 characters.
const MAX_ENCODED_LINE: usize = 76;
/// RFC 5322 §2.1.1: a line has at most 998 characters, less its CR LF.
pub(super) const MAX_LINE: usize = 998;

/// Text on one line: control characters and those that turn text around become blanks, blanks are joined, and what is
/// longer than `most` characters is cut.
pub(super) fn harmless(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    let visible = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let words = text.split(|c: char| c.is_whitespace() || !visible(c)).filter(|word| !word.is_empty());
    let mut left = most;
    for word in words {
        let gap = usize::from(!shown.is_empty());
        let length = word.chars().count();
        if left <= gap {
            break;
        }
        if gap == 1 {
            shown.push(' ');
        }
        shown.extend(word.chars().take(left - gap));
        left = (left - gap).saturating_sub(length);
        if left == 0 {
            shown.push_str("...");
        }
    }
    shown
}

/// The same in ASCII, for fields that take nothing else.
pub(super) fn harmless_ascii(text: &str, most: usize) -> String {
    harmless(text, most).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// Whether every line fits and every octet is one of text.
pub(super) fn is_plain_lines(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').all(|line| line.strip_suffix(b"\r").unwrap_or(line).len() <= MAX_LINE)
        && !bytes.contains(&0)
}

/// Quoted-printable (RFC 2045 §6.7) of lines that end with CR LF.
pub(super) fn quoted_printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let mut column = 0;
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        if rest.starts_with(b"\r\n") {
            text.push_str("\r\n");
            (column, rest) = (0, &rest[2..]);
            continue;
        }
        let at_end = behind.is_empty() || behind.starts_with(b"\r\n");
        let as_is = match byte {
            b' ' | b'\t' => !at_end,
            b'=' => false,
            byte => byte.is_ascii_graphic(),
        };
        let width = if as_is { 1 } else { 3 };
        if column + width >= MAX_ENCODED_LINE {
            text.push_str("=\r\n");
            column = 0;
        }
        if as_is {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "={byte:02X}");
        }
        (column, rest) = (column + width, behind);
    }
    text
}

/// Base64 in lines (RFC 2045 §6.8).
pub(super) fn base64_lines(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut text = String::with_capacity(bytes.len() * 7 / 5);
    for line in bytes.chunks(MAX_ENCODED_LINE / 4 * 3) {
        STANDARD.encode_string(line, &mut text);
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_from_outside_is_one_line() {
        for (text, most, wanted) in [
            ("550 no", 99, "550 no"),
            ("a\r\nBcc: x@y.test\r\n\r\nbody", 99, "a Bcc: x@y.test body"),
            ("tab\there \0 nul \u{202e}turned", 99, "tab here nul turned"),
            ("  ", 99, ""),
            ("0123456789abcdef", 10, "0123456789..."),
            ("01234 6789 abc", 10, "01234 6789..."),
            ("01234 6789 abc", 11, "01234 6789"),
            ("käse", 99, "käse"),
        ] {
            assert_eq!(harmless(text, most), wanted);
        }
        assert_eq!(harmless_ascii("käse", 9), "k?se");
    }

    #[test]
    fn quoted_printable_is_as_the_rfc_says() {
        for (plain, encoded) in
            [("a=b\r\n", "a=3Db\r\n"), ("käse \r\nend", "k=C3=A4se=20\r\nend"), ("a\nb\rc", "a=0Ab=0Dc")]
        {
            assert_eq!(quoted_printable(plain.as_bytes()), encoded);
        }
    }

    proptest! {
        #[test]
        fn encodings_come_back(text in "([ -~]|=|é|\r\n|\t){0,300}") {
            let encoded = quoted_printable(text.as_bytes());
            for line in encoded.split("\r\n") {
                prop_assert!(line.len() <= MAX_ENCODED_LINE);
            }
            let part = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}");
            let read = mail_parser::MessageParser::default().parse(part.as_bytes()).unwrap();
            prop_assert_eq!(read.body_text(0).unwrap_or_default().into_owned(), text.clone());
            let part = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", base64_lines(text.as_bytes()));
            let read = mail_parser::MessageParser::default().parse(part.as_bytes()).unwrap();
            prop_assert_eq!(read.body_text(0).unwrap_or_default().into_owned(), text);
        }
    }
}
