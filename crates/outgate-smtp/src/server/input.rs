//! What the client sent and nobody has read yet, and the framing of command lines.
//!
//! Only CR LF ends a line (RFC 5321 §2.3.8). A line that breaks a rule is refused once, and all of it is thrown away
//! up to its real end, so what an attacker hides behind a bare LF or an endless line is never taken for a command.

use super::Refusal;
use std::fmt;
use zeroize::Zeroize as _;

/// Bytes that wait to be read. What was read of it can be wiped: it may hold a password.
#[derive(Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// Where the unread part starts.
    start: usize,
    /// How much of the unread part is known to hold no LF.
    searched: usize,
    /// Throwing away the rest of a line that was refused; whether its last byte so far was a CR.
    discarding: Option<AfterCr>,
    /// Octets so far of the line that was refused last.
    refused: usize,
}

/// Whether the byte before was a CR.
type AfterCr = bool;

/// A command line, or why it is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A line without its CR LF; no CR, LF or NUL inside, and not too long.
    Line(&'a [u8]),
    /// A line that is refused, once.
    Refused(LineFault),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFault {
    /// Longer than the limit.
    TooLong,
    /// A bare CR or LF.
    Newline,
    /// A NUL.
    Nul,
}

impl From<LineFault> for Refusal {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::TooLong => Self::CommandTooLong,
            LineFault::Newline => Self::CommandNewline,
            LineFault::Nul => Self::CommandNul,
        }
    }
}

impl Input {
    /// Takes bytes in.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let unread = self.buffer.len() - self.start;
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            // By hand: a Vec that grows leaves its old bytes behind in freed memory, and they may hold a password.
            let mut bigger = Vec::with_capacity(unread + bytes.len());
            bigger.extend_from_slice(&self.buffer[self.start..]);
            self.buffer[self.start..].zeroize();
            self.buffer = bigger;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What nobody has read yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Whether the unread part begins with this word, letters' case aside.
    pub(super) fn begins_with(&self, word: &str) -> bool {
        self.unread().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Octets so far of the line that was refused last.
    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    /// Marks `octets` as read. The memory goes back once all is read: an idle session holds none.
    pub(super) fn consume(&mut self, octets: usize) {
        self.start += octets;
        self.searched = 0;
        if self.is_empty() {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }

    /// Throws everything away, wiped.
    pub(super) fn clear(&mut self) {
        self.buffer[self.start..].zeroize();
        *self = Self::default();
    }

    /// The next line of at most `limit` octets with its CR LF; `None` when it has not come whole. With `wipe` its bytes
    /// are wiped here once `read` has seen them.
    pub(super) fn next_line<T>(
        &mut self,
        limit: usize,
        wipe: bool,
        read: impl FnOnce(Frame<'_>) -> T,
    ) -> Option<T> {
        self.finish_discard();
        let unread = &self.buffer[self.start..];
        let Some(lf) = unread[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = unread.len();
            if unread.len() < limit {
                return None;
            }
            self.begin_discard(unread.len());
            return Some(read(Frame::Refused(LineFault::TooLong)));
        };
        let length = self.searched + lf + 1;
        let line = &unread[..length];
        let ended = line.strip_suffix(b"\r\n");
        let frame = match ended {
            _ if length > limit => Frame::Refused(LineFault::TooLong),
            None => Frame::Refused(LineFault::Newline),
            Some(text) if text.contains(&b'\r') => Frame::Refused(LineFault::Newline),
            Some(text) if text.contains(&0) => Frame::Refused(LineFault::Nul),
            Some(text) => Frame::Line(text),
        };
        let ended = ended.is_some();
        let answer = read(frame);
        if !ended {
            // A bare LF ends nothing: the line goes on to its CR LF, and is refused now already.
            self.begin_discard(length);
            return Some(answer);
        }
        if length > limit {
            self.refused = length;
        }
        if wipe {
            self.buffer[self.start..self.start + length].zeroize();
        }
        self.consume(length);
        Some(answer)
    }

    fn begin_discard(&mut self, octets: usize) {
        let seen = &mut self.buffer[self.start..self.start + octets];
        self.discarding = Some(seen.last() == Some(&b'\r'));
        self.refused = octets;
        seen.zeroize();
        self.consume(octets);
    }

    /// Throws away a refused line up to its CR LF, or up to what has come of it. What is unread then begins a line.
    pub(super) fn finish_discard(&mut self) {
        let Some(mut after_cr) = self.discarding else { return };
        let unread = self.unread();
        let mut octets = 0;
        let mut ended = false;
        for &byte in unread {
            octets += 1;
            if byte == b'\n' && after_cr {
                ended = true;
                break;
            }
            after_cr = byte == b'\r';
        }
        self.discarding = if ended { None } else { Some(after_cr) };
        self.refused += octets;
        let from = self.start;
        self.buffer[from..from + octets].zeroize();
        self.consume(octets);
    }
}

impl fmt::Debug for Input {
    /// Tells nothing of the bytes (law 1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} octets)", self.buffer.len() - self.start)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 12;

    /// Every line or fault in `bytes`, given in pieces of `size`.
    fn frames(bytes: &[u8], size: usize) -> Vec<String> {
        let mut input = Input::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            input.append(piece);
            let show = |frame: Frame<'_>| match frame {
                Frame::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Frame::Refused(fault) => format!("{fault:?}"),
            };
            while let Some(frame) = input.next_line(LIMIT, true, show) {
                out.push(frame);
            }
        }
        out
    }

    #[test]
    fn lines() {
        for (bytes, expected) in [
            (b"NOOP\r\nRSET\r\n".as_slice(), vec!["NOOP", "RSET"]),
            (b"\r\n", vec![""]),
            (b"NOOP\nRSET\r\nQUIT\r\n", vec!["Newline", "QUIT"]),
            (b"NO\rOP\r\nQUIT\r\n", vec!["Newline", "QUIT"]),
            (b"NOOP\r\r\nQUIT\r\n", vec!["Newline", "QUIT"]),
            (b"\nQUIT\r\nRSET\r\n", vec!["Newline", "RSET"]),
            (b"NO\0OP\r\nQUIT\r\n", vec!["Nul", "QUIT"]),
            (b"1234567890\r\nQUIT\r\n", vec!["1234567890", "QUIT"]),
            (b"12345678901\r\nQUIT\r\n", vec!["TooLong", "QUIT"]),
            (b"123456789012345678\nRSET\r\nQUIT\r\n", vec!["TooLong", "QUIT"]),
            (b"12345678901234\r\rRSET\r\nQUIT\r\n", vec!["TooLong", "QUIT"]),
            (b"123456789012345678901234567890", vec!["TooLong"]),
            (b"NOOP\n\r\nQUIT\r\n", vec!["Newline", "QUIT"]),
            (b"NOOP", vec![]),
        ] {
            for size in [1, 2, 3, 5, 1000] {
                assert_eq!(frames(bytes, size), expected, "{:?} by {size}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn holds_no_memory_when_all_is_read() {
        let mut input = Input::default();
        input.append(&[b'a'; 5000]);
        input.append(b"\r\nNOOP\r\n");
        assert_eq!(input.next_line(9000, false, |_| ()), Some(()));
        assert_eq!(input.next_line(9000, false, |_| ()), Some(()));
        assert_eq!(input.buffer.capacity(), 0);
    }

    #[test]
    fn what_is_discarded_is_not_kept() {
        let mut input = Input::default();
        for _ in 0..100 {
            input.append(&[b'a'; 1000]);
            input.next_line(4096, false, |_| ());
            assert!(input.buffer.capacity() <= 8192);
        }
    }

    #[test]
    fn a_line_is_wiped_once_read() {
        let mut input = Input::default();
        input.append(b"secret\r\nnext");
        input.next_line(100, true, |_| ());
        assert_eq!(&input.buffer[..8], &[0; 8]);
        assert_eq!(input.unread(), b"next");
    }
}
