//! What was said in an attempt, and how long its steps took.

use crate::{DeliveryId, Reply};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Write};

/// What was said in an attempt: commands, replies and notes between them, never the message, never a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transcript {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// Lines ended by LF. Each begins with `> ` (we said it), `< ` (the server said it, a reply to a line) or `* ` (a
    /// note). They hold words from outside: whoever shows them makes them harmless first.
    Said(String),
    /// That of the attempt of the same message that began at the same time for another delivery: they were made together.
    With(DeliveryId),
}

impl Transcript {
    /// Whether there is none.
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// Its lines, if it is here.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let text = match self {
            Self::Said(text) => text.as_str(),
            Self::Unknown | Self::With(_) => "",
        };
        text.lines()
    }
}

/// A transcript as it grows. It stays within [`Self::OCTETS`] and [`Self::LINES`], whatever is said.
#[derive(Debug, Default)]
pub struct Recording {
    text: String,
    lines: usize,
    /// Where the last line begins.
    last: usize,
    /// How many times in a row the last line was said.
    same: usize,
    full: bool,
}

impl Recording {
    /// Octets of a transcript, but for its last note.
    pub const OCTETS: usize = 16_384;
    /// Lines of a transcript, but for its last note.
    pub const LINES: usize = 200;
    /// Octets of one line. A longer one, as a reply of many lines can be, is cut there.
    pub const LINE: usize = 2_048;
    /// A line that is said more often in a row is counted, not repeated.
    pub const SAME: usize = 3;
    /// Room for what is usually said.
    const USUAL: usize = 1_024;

    /// A command as it was sent, without its CR LF.
    pub fn sent(&mut self, command: impl Display) {
        self.line('>', &command);
    }

    /// A reply, all of it in one line.
    pub fn heard(&mut self, reply: &Reply) {
        self.line('<', reply);
    }

    /// Something else that is worth knowing.
    pub fn note(&mut self, what: impl Display) {
        self.line('*', &what);
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What was recorded.
    pub fn finish(mut self) -> Transcript {
        self.count_same();
        if self.text.is_empty() { Transcript::Unknown } else { Transcript::Said(self.text) }
    }

    fn line(&mut self, mark: char, what: &dyn Display) {
        if self.full {
            return;
        }
        if self.text.capacity() == 0 {
            self.text.reserve(Self::USUAL);
        }
        let start = self.text.len();
        let mut out = Cut { text: &mut self.text, most: start + Self::LINE, left_out: 0 };
        // A text that cannot be written out is recorded as far as it can.
        let _written = write!(out, "{mark} {what}");
        let left_out = out.left_out;
        if left_out > 0 {
            let _written = write!(self.text, " … {left_out} octets more");
        }
        self.text.push('\n');
        let repeated = self.same > 0 && self.text[start..] == self.text[self.last..start];
        if repeated && self.same >= Self::SAME {
            self.text.truncate(start);
            self.same += 1;
            return;
        }
        self.last = start;
        if !repeated {
            if self.same > Self::SAME {
                let line = self.text.split_off(start);
                self.count_same();
                self.last = self.text.len();
                self.text.push_str(&line);
            }
            self.same = 0;
        }
        self.same += 1;
        self.lines += 1;
        if self.lines > Self::LINES || self.text.len() > Self::OCTETS {
            self.text.truncate(self.last);
            self.text.push_str("* the rest is left out\n");
            self.same = 0;
            self.full = true;
        }
    }

    fn count_same(&mut self) {
        let more = self.same.saturating_sub(Self::SAME);
        if more > 0 {
            self.lines += 1;
            // Writing to a text cannot fail.
            let _written = writeln!(self.text, "* the same again, {more} times more");
        }
        self.same = 0;
    }
}

/// Writes a line: to a length, and as one line.
struct Cut<'a> {
    text: &'a mut String,
    most: usize,
    left_out: usize,
}

impl Write for Cut<'_> {
    fn write_str(&mut self, what: &str) -> fmt::Result {
        let room = if self.left_out > 0 { 0 } else { self.most.saturating_sub(self.text.len()) };
        let (kept, rest) = what.split_at(what.floor_char_boundary(room));
        self.left_out += rest.len();
        if kept.contains(['\r', '\n']) {
            self.text.extend(kept.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }));
        } else {
            self.text.push_str(kept);
        }
        Ok(())
    }
}

/// How long the steps of an attempt took, in milliseconds. A step that was not taken has no time, and neither has one
/// whose reply came along with that to an earlier command (RFC 2920); one that was taken again, as with another server,
/// has the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Finding the servers and their addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<u32>,
    /// Connecting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<u32>,
    /// STARTTLS and the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<u32>,
    /// The greeting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<u32>,
    /// EHLO or HELO, and signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello: Option<u32>,
    /// MAIL, with RSET before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<u32>,
    /// RCPT, of all recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcpt: Option<u32>,
    /// DATA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<u32>,
    /// The message, to the reply to its final dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<u32>,
}

impl Timings {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The steps that took time, by name.
    pub fn taken(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let Self { dns, connect, tls, greeting, hello, mail, rcpt, data, content } = *self;
        [
            ("dns", dns),
            ("connect", connect),
            ("tls", tls),
            ("greeting", greeting),
            ("hello", hello),
            ("mail", mail),
            ("rcpt", rcpt),
            ("data", data),
            ("content", content),
        ]
        .into_iter()
        .filter_map(|(name, time)| Some((name, time?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, enhanced: None, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    fn lines(recording: Recording) -> Vec<String> {
        recording.finish().lines().map(str::to_owned).collect()
    }

    #[test]
    fn who_said_what() {
        let mut recording = Recording::default();
        recording.note("connected");
        recording.sent("EHLO a.example");
        recording.heard(&reply(250, &["b.example", "PIPELINING"]));
        recording.note("one\r\nline");
        let expected = ["* connected", "> EHLO a.example", "< 250 b.example / PIPELINING", "* one  line"];
        assert_eq!(lines(recording), expected);
        assert!(Recording::default().finish().is_unknown());
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut recording = Recording::default();
        recording.heard(&reply(550, &[&"é".repeat(2_000), "x"]));
        recording.sent("QUIT");
        let lines = lines(recording);
        let (kept, left_out) = lines[0].split_once(" … ").unwrap();
        assert_eq!(kept, format!("< 550 {}", "é".repeat(1_021)));
        assert_eq!(left_out, format!("{} octets more", (2_000 - 1_021) * 2 + 4));
        assert_eq!(lines[1], "> QUIT");
    }

    #[test]
    fn what_is_said_again_and_again_is_counted() {
        for (times, again) in [(1, None), (3, None), (4, Some(1)), (100, Some(97))] {
            for last in [true, false] {
                let mut recording = Recording::default();
                recording.sent("DATA");
                for _ in 0..times {
                    recording.heard(&reply(250, &["ok"]));
                }
                let mut expected = vec!["> DATA".to_owned()];
                expected.extend((0..times.min(3)).map(|_| "< 250 ok".to_owned()));
                expected.extend(again.map(|more| format!("* the same again, {more} times more")));
                if !last {
                    recording.sent("QUIT");
                    recording.sent("QUIT");
                    expected.extend(["> QUIT".to_owned(), "> QUIT".to_owned()]);
                }
                assert_eq!(lines(recording), expected, "{times} {last}");
            }
        }
    }

    #[test]
    fn a_transcript_has_limits() {
        for (length, most) in [(10, Recording::LINES), (1_000, Recording::OCTETS / 1_003)] {
            let mut recording = Recording::default();
            for n in 0..1_000 {
                recording.sent(format!("{n:0length$}"));
            }
            let Transcript::Said(text) = recording.finish() else { panic!() };
            assert!(text.len() <= Recording::OCTETS + 30, "{}", text.len());
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), most + 1);
            assert_eq!(lines[most], "* the rest is left out");
            assert_eq!(lines[most - 1], format!("> {:0length$}", most - 1), "the oldest are kept");
        }
    }

    #[test]
    fn what_was_written_before_there_were_transcripts_can_be_read() {
        let path: crate::NetworkPath = serde_json::from_str(
            r#"{"host":"mx","address":null,"tls":{"version":"TLSv1.3","cipher":"x","verified":null}}"#,
        )
        .unwrap();
        assert!(path.transcript.is_unknown() && path.timings.is_empty());
        let written = serde_json::to_string(&path).unwrap();
        assert!(!written.contains("transcript") && !written.contains("timings"), "{written}");
    }

    #[test]
    fn only_steps_that_were_taken_are_told() {
        let timings = Timings { dns: Some(3), content: Some(0), ..Timings::default() };
        assert_eq!(timings.taken().collect::<Vec<_>>(), [("dns", 3), ("content", 0)]);
        let written = serde_json::to_string(&timings).unwrap();
        assert_eq!(written, r#"{"dns":3,"content":0}"#);
        assert_eq!(serde_json::from_str::<Timings>(&written).unwrap(), timings);
    }
}
