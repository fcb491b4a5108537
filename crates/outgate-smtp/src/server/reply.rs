//! Writing replies.

use super::Refusal;
use std::io::Write as _;

/// RFC 5321 §4.5.3.1.5: the longest reply line is 512 octets with its CR LF; less `250 2.0.0 ` and room to spare.
pub(super) const LONGEST_TEXT: usize = 490;

/// The replies that wait to be sent, in order (RFC 2920 §3.2).
#[derive(Debug, Default)]
pub(super) struct Replies(Vec<u8>);

impl Replies {
    /// A reply of one line. Every 2xx, 4xx and 5xx reply but the greeting and EHLO's has its enhanced code in `text`
    /// (RFC 2034 §4).
    pub(super) fn say(&mut self, code: u16, text: &str) {
        // Writing to a Vec cannot fail.
        let _ = write!(self.0, "{code} {text}\r\n");
    }

    /// A reply of several lines, the same code on each (RFC 5321 §4.2.1).
    pub(super) fn say_lines(&mut self, code: u16, lines: &[String]) {
        for (n, line) in lines.iter().enumerate() {
            let divider = if n + 1 == lines.len() { ' ' } else { '-' };
            let _ = write!(self.0, "{code}{divider}{line}\r\n");
        }
    }

    /// A refusal.
    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        let _ = write!(self.0, "{refusal}\r\n");
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes what waits, and its memory.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// A text from outside, fit to stand in a reply: printable ASCII, and not endless.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(300).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_the_same_code() {
        let mut replies = Replies::default();
        replies.say_lines(250, &["a".into(), "b".into(), "c".into()]);
        replies.say(221, "2.0.0 Bye");
        assert_eq!(replies.take(), b"250-a\r\n250-b\r\n250 c\r\n221 2.0.0 Bye\r\n");
        assert!(replies.is_empty());
    }

    #[test]
    fn nothing_outlandish_gets_into_a_reply() {
        assert_eq!(printable("a\r\n\0\u{7f}é b"), "a????? b");
        assert_eq!(printable(&"x".repeat(5000)).len(), 300);
    }
}
