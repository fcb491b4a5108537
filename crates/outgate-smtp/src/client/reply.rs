//! Reading a server's replies.

use outgate_core::Reply;

/// Why bytes are not a reply. The conversation is out of step and cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line without a reply code.
    #[error("the server sent a line that is no SMTP reply")]
    NoCode,
    /// Lines of one reply with different codes (RFC 5321 §4.2.1).
    #[error("the server sent a reply whose lines have different codes")]
    MixedCodes,
    /// More than [`ReplyReader::LIMIT`].
    #[error("the server sent a reply of more than 65,536 octets")]
    TooLong,
}

/// Cuts what a server sends into replies.
///
/// A line ends with LF; a CR before it is dropped. Servers that send LF alone exist, and taking it does no harm: a server
/// can say whatever it likes anyhow. A line may be of any length, a reply at most [`Self::LIMIT`]. The text is
/// handed on whole (a conversation keeps only its beginning), but what is not UTF-8 and control characters, which have
/// no business in a reply (RFC 5321 §4.2), come out as U+FFFD, so a reply is harmless wherever it is shown.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buffer: Vec<u8>,
    /// Where the first line that was not read yet begins.
    start: usize,
    /// Up to where no line end was found.
    scanned: usize,
    /// The reply whose last line has not come yet.
    open: Option<Reply>,
    /// Octets of the lines in `open`.
    taken: usize,
}

impl ReplyReader {
    /// Octets of one reply, codes and line ends included.
    pub const LIMIT: usize = 65_536;

    /// Takes bytes from the server.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing waits to be read, not even part of a reply.
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len() && self.open.is_none()
    }

    /// Throws away what waits to be read.
    pub fn discard(&mut self) {
        *self = Self::default();
    }

    /// The next reply, once all of it is there.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        loop {
            let Some(found) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') else {
                let waiting = self.taken + self.buffer.len() - self.start;
                self.buffer.drain(..self.start);
                self.start = 0;
                self.scanned = self.buffer.len();
                return if waiting > Self::LIMIT { Err(ReplyError::TooLong) } else { Ok(None) };
            };
            let end = self.scanned + found;
            self.taken += end + 1 - self.start;
            if self.taken > Self::LIMIT {
                return Err(ReplyError::TooLong);
            }
            let more = add_line(&mut self.open, &self.buffer[self.start..end])?;
            self.start = end + 1;
            self.scanned = self.start;
            if !more {
                self.taken = 0;
                return Ok(self.open.take());
            }
        }
    }
}

/// Adds a line to a reply, and says whether more lines follow (RFC 5321 §4.2.1).
fn add_line(open: &mut Option<Reply>, line: &[u8]) -> Result<bool, ReplyError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (code, more, text) = split(line).ok_or(ReplyError::NoCode)?;
    let text = harmless(text);
    let (enhanced, rest) = enhanced(&text, code);
    match open {
        None => {
            let line = if enhanced.is_some() { rest } else { &text };
            *open = Some(Reply { code, enhanced, lines: vec![line.to_owned()] });
        }
        Some(reply) if reply.code != code => return Err(ReplyError::MixedCodes),
        Some(reply) => {
            let repeated = enhanced.is_some() && enhanced == reply.enhanced;
            reply.lines.push(if repeated { rest } else { &text }.to_owned());
        }
    }
    Ok(more)
}

/// Splits a line into its code, whether another line follows, and its text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9', rest @ ..] = line else {
        return None;
    };
    let code = [first, second, third].iter().fold(0, |code, digit| code * 10 + u16::from(**digit - b'0'));
    match rest {
        [] => Some((code, false, &[])),
        [b' ', text @ ..] => Some((code, false, text)),
        [b'-', text @ ..] => Some((code, true, text)),
        _ => None,
    }
}

/// The enhanced status code at the front of a text (RFC 2034 §4), and what follows it. Its class is the code's first
/// digit, or it is none.
fn enhanced(text: &str, code: u16) -> (Option<(u8, u16, u16)>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parse = || {
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        // RFC 3463 §2: a class of one digit, subject and detail of one to three.
        let number = |part: &str, most: usize| {
            let digits = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse::<u16>().ok() } else { None }
        };
        let class = number(class, 1)?;
        let known = matches!(class, 2 | 4 | 5) && class == code / 100 && parts.next().is_none();
        known.then_some((class as u8, number(subject, 3)?, number(detail, 3)?))
    };
    (parse(), rest.trim_start_matches(' '))
}

fn harmless(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let mut reader = ReplyReader::default();
        reader.receive(bytes);
        reader.next_reply()
    }

    fn reply(code: u16, enhanced: Option<(u8, u16, u16)>, lines: &[&str]) -> Reply {
        Reply { code, enhanced, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn replies() {
        for (bytes, expected) in [
            ("250 ok\r\n", reply(250, None, &["ok"])),
            ("250\r\n", reply(250, None, &[""])),
            ("250 \n", reply(250, None, &[""])),
            ("250 2.1.5 ok\r\n", reply(250, Some((2, 1, 5)), &["ok"])),
            ("550 5.7.509 no\r\n", reply(550, Some((5, 7, 509)), &["no"])),
            ("550 5.1.1\r\n", reply(550, Some((5, 1, 1)), &[""])),
            ("550 5.7.5090 no\r\n", reply(550, None, &["5.7.5090 no"])),
            ("550 4.7.1 wrong class\r\n", reply(550, None, &["4.7.1 wrong class"])),
            ("550 5.7.1.2 no\r\n", reply(550, None, &["5.7.1.2 no"])),
            ("550 5..1 no\r\n", reply(550, None, &["5..1 no"])),
            ("354 3.0.0 go\r\n", reply(354, None, &["3.0.0 go"])),
            (
                "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.2 c\r\n",
                reply(550, Some((5, 1, 1)), &["a", "b", "5.1.2 c"]),
            ),
            ("250-a\r\n250-\r\n250 c\r\n", reply(250, None, &["a", "", "c"])),
            ("250 a\0b\x1b[1m\r\n", reply(250, None, &["a\u{fffd}b\u{fffd}[1m"])),
        ] {
            assert_eq!(read(bytes.as_bytes()), Ok(Some(expected)), "{bytes:?}");
        }
        assert_eq!(read(b"250 \xff\r\n"), Ok(Some(reply(250, None, &["\u{fffd}"]))));
    }

    #[test]
    fn refusals() {
        for (bytes, error) in [
            ("250-a\r\n550 b\r\n", ReplyError::MixedCodes),
            ("hello\r\n", ReplyError::NoCode),
            ("\r\n", ReplyError::NoCode),
            ("250ok\r\n", ReplyError::NoCode),
            ("25\r\n", ReplyError::NoCode),
            ("150 x\r\n", ReplyError::NoCode),
            ("650 x\r\n", ReplyError::NoCode),
            ("250-a\r\n\r\n", ReplyError::NoCode),
        ] {
            assert_eq!(read(bytes.as_bytes()), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_reply_has_a_limit_however_it_is_cut() {
        let line = "250-x\r\n".repeat(ReplyReader::LIMIT / 7);
        assert_eq!(read(line.as_bytes()), Ok(None));
        assert_eq!(read(format!("{line}250-xxxxx\r\n").as_bytes()), Err(ReplyError::TooLong));
        assert_eq!(read(&vec![b'2'; ReplyReader::LIMIT + 1]), Err(ReplyError::TooLong));
        let long = format!("250 {}\r\n", "x".repeat(ReplyReader::LIMIT - 6));
        assert_eq!(read(long.as_bytes()).unwrap().unwrap().lines[0].len(), ReplyReader::LIMIT - 6);
    }

    #[test]
    fn emptiness_counts_parts() {
        let mut reader = ReplyReader::default();
        assert!(reader.is_empty());
        reader.receive(b"250 ok\r\n250-");
        assert!(reader.next_reply().unwrap().is_some());
        assert!(!reader.is_empty());
        reader.receive(b"a\r\n");
        assert_eq!(reader.next_reply(), Ok(None));
        assert!(!reader.is_empty());
        reader.receive(b"250 b\r\n");
        assert_eq!(reader.next_reply().unwrap().unwrap().lines, ["a", "b"]);
        assert!(reader.is_empty());
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(bytes in "(250[- ][a-z2. ]{0,8}\r?\n|[a-z\r\n]{0,3}){0,6}", cut in 0_usize..40) {
            let whole = {
                let mut reader = ReplyReader::default();
                reader.receive(bytes.as_bytes());
                all(&mut reader)
            };
            let cut = cut.min(bytes.len());
            let mut reader = ReplyReader::default();
            reader.receive(&bytes.as_bytes()[..cut]);
            let mut parts = all(&mut reader);
            if !matches!(parts.last(), Some(Err(_))) {
                reader.receive(&bytes.as_bytes()[cut..]);
                parts.extend(all(&mut reader));
            }
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = ReplyReader::default();
            for byte in bytes {
                reader.receive(&[byte]);
                if reader.next_reply().is_err() {
                    break;
                }
            }
        }
    }

    fn all(reader: &mut ReplyReader) -> Vec<Result<Reply, ReplyError>> {
        let mut replies = Vec::new();
        loop {
            match reader.next_reply() {
                Ok(None) => return replies,
                Ok(Some(reply)) => replies.push(Ok(reply)),
                Err(error) => {
                    replies.push(Err(error));
                    return replies;
                }
            }
        }
    }
}
