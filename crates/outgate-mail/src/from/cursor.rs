//! The words of a structured header field (RFC 5322 §3.2), read byte by byte.

use super::Unreadable;

/// Comments inside comments; a field with more is refused.
const MAX_COMMENT_DEPTH: usize = 16;

/// A place in a field's value.
pub(super) struct Cursor<'v> {
    value: &'v [u8],
    at: usize,
}

impl<'v> Cursor<'v> {
    /// At the start. Refuses every control character but those of a fold, once and for all that follows.
    pub(super) fn new(value: &'v [u8]) -> Result<Self, Unreadable> {
        let mut at = 0;
        while let Some(&byte) = value.get(at) {
            match byte {
                b'\r' => {
                    // RFC 5322 §3.2.2: a fold is CR LF and white space, and something after it on its line: a line
                    // of white space alone ends the header for some receivers.
                    let rest = value[at..].strip_prefix(b"\r\n").ok_or(Unreadable::Control)?;
                    let blank = rest.iter().take_while(|byte| is_blank(**byte)).count();
                    if blank == 0 || matches!(rest.get(blank), None | Some(b'\r')) {
                        return Err(Unreadable::Control);
                    }
                    at += 2;
                }
                b'\t' => at += 1,
                byte if byte.is_ascii_control() => return Err(Unreadable::Control),
                _ => at += 1,
            }
        }
        Ok(Self { value, at: 0 })
    }

    /// The byte here.
    pub(super) fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    /// Steps over `byte` if it stands here.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Steps over white space and folds; whether there were any.
    pub(super) fn skip_blank(&mut self) -> bool {
        let blank =
            self.value[self.at..].iter().take_while(|byte| is_blank(**byte) || is_line_end(**byte)).count();
        self.at += blank;
        blank > 0
    }

    /// Steps over white space, folds and comments (`CFWS`); whether there were any.
    pub(super) fn skip_comments(&mut self) -> Result<bool, Unreadable> {
        let start = self.at;
        loop {
            self.skip_blank();
            if self.peek() != Some(b'(') {
                return Ok(self.at > start);
            }
            self.comment()?;
        }
    }

    fn comment(&mut self) -> Result<(), Unreadable> {
        let mut depth = 0;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' if depth == MAX_COMMENT_DEPTH => return Err(Unreadable::TooDeep),
                b'(' => depth += 1,
                b')' if depth == 1 => return Ok(()),
                b')' => depth -= 1,
                b'\\' => self.quoted_pair().map(drop)?,
                _ => {}
            }
        }
        Err(Unreadable::Unfinished)
    }

    /// The character after a backslash (RFC 5322 §3.2.1): printable or white space.
    fn quoted_pair(&mut self) -> Result<u8, Unreadable> {
        let byte = self.peek().filter(|byte| !is_line_end(*byte)).ok_or(Unreadable::Unfinished)?;
        self.at += 1;
        Ok(byte)
    }

    /// The content of the quoted string that begins here, folds undone (RFC 5322 §3.2.4).
    pub(super) fn quoted_string(&mut self) -> Result<Vec<u8>, Unreadable> {
        let mut content = Vec::new();
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(content),
                b'\\' => content.push(self.quoted_pair()?),
                byte if is_line_end(byte) => {}
                byte => content.push(byte),
            }
        }
        Err(Unreadable::Unfinished)
    }

    /// The atom that stands here (RFC 5322 §3.2.3, with the octets of RFC 6532 §3.2 and of older eight-bit mail);
    /// empty when none does.
    pub(super) fn atom(&mut self) -> &'v [u8] {
        let rest = &self.value[self.at..];
        let atom = &rest[..rest.iter().take_while(|byte| is_atext(**byte)).count()];
        self.at += atom.len();
        atom
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte) || !byte.is_ascii()
}
