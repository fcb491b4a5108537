//! The header section of a message, read in place.

use crate::scan::line_end;
use std::ops::Range;

/// Fields read; past them a section counts as unreadable.
const MAX_FIELDS: usize = 4_096;
/// Octets of a header section read.
const MAX_HEADER_OCTETS: usize = 1_048_576;
/// Fields of a message that is taken in; what Outgate puts ahead of them must be readable too.
const MOST_TAKEN_FIELDS: usize = 4_000;
/// Octets of the header section of a message that is taken in: 64 KiB are left for what Outgate puts ahead of it. A
/// thousand visible recipients take a tenth of it.
const MOST_TAKEN_OCTETS: usize = MAX_HEADER_OCTETS - 65_536;

/// A header field, as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'m> {
    message: &'m [u8],
    start: usize,
    name_end: usize,
    colon: usize,
    end: usize,
}

impl<'m> Field<'m> {
    /// The name, as written.
    pub fn name(&self) -> &'m [u8] {
        &self.message[self.start..self.name_end]
    }

    /// Whether this is the field of that name, in whatever case (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// Everything after the colon, folds included, less the line end.
    pub fn value(&self) -> &'m [u8] {
        let value = &self.message[self.colon + 1..self.end];
        value.strip_suffix(b"\r\n").unwrap_or(value)
    }

    /// Name, colon, value and line end, as they stand.
    pub fn bytes(&self) -> &'m [u8] {
        &self.message[self.range()]
    }

    /// Where it stands in the message.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether white space stands between name and colon: obsolete (RFC 5322 §4.5), and read by some receivers as no
    /// field at all.
    pub fn is_spaced(&self) -> bool {
        self.name_end != self.colon
    }
}

/// What makes a header section unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A line that is neither a field nor a continuation of one. Some receivers end the header there, some read on.
    #[error("the header has a line that is not a header field")]
    NotAField,
    /// A continuation line of white space or control characters alone, which RFC 5322 §3.2.2 forbids. Some receivers
    /// end the header there, and read what follows as the body.
    #[error("the header has a line of nothing but white space")]
    BlankLine,
    /// Too many fields.
    #[error("the header has more than {MOST_TAKEN_FIELDS} fields")]
    TooManyFields,
    /// Too long.
    #[error("the header is longer than {MOST_TAKEN_OCTETS} octets")]
    TooLong,
}

/// A message's header section and where its body begins.
#[derive(Clone, Debug)]
pub struct Headers<'m> {
    message: &'m [u8],
    fields: Vec<Field<'m>>,
    body: usize,
    fault: Option<HeaderFault>,
}

impl<'m> Headers<'m> {
    /// Reads the header section (RFC 5322 §2.1): fields, each of one or more lines ended by CR LF, up to the first empty
    /// line or the end. Every message can be read; what cannot be read with certainty is a [`Headers::fault`].
    pub fn read(message: &'m [u8]) -> Self {
        let mut headers = Self { message, fields: Vec::with_capacity(32), body: message.len(), fault: None };
        let mut at = 0;
        while at < message.len() {
            if message[at..].starts_with(b"\r\n") {
                headers.body = at + 2;
                break;
            }
            let (end, lines) = end_of_field(message, at);
            if end > MAX_HEADER_OCTETS {
                headers.found(HeaderFault::TooLong);
                break;
            }
            if lines == Lines::Blank {
                headers.found(HeaderFault::BlankLine);
            }
            match field(message, at, end) {
                None => headers.found(HeaderFault::NotAField),
                Some(_) if headers.fields.len() == MAX_FIELDS => {
                    headers.found(HeaderFault::TooManyFields);
                    break;
                }
                Some(field) => headers.fields.push(field),
            }
            at = end;
        }
        headers
    }

    /// The fields, in order.
    pub fn fields(&self) -> &[Field<'m>] {
        &self.fields
    }

    /// The fields of a name, in order.
    pub fn named<'h>(&'h self, name: &'h str) -> impl DoubleEndedIterator<Item = &'h Field<'m>> {
        self.fields.iter().filter(move |field| field.is(name))
    }

    /// Everything after the empty line; empty when there is none.
    pub fn body(&self) -> &'m [u8] {
        &self.message[self.body..]
    }

    /// What makes the section unreadable, if anything: the first fault found.
    pub fn fault(&self) -> Option<HeaderFault> {
        self.fault
    }

    /// What keeps a message with this section from being taken in, if anything: a fault, or a section so large that it
    /// would be unreadable with what Outgate puts ahead of it.
    pub fn refusal(&self) -> Option<HeaderFault> {
        let octets = self.fields.last().map_or(0, |last| last.range().end);
        self.fault
            .or((self.fields.len() > MOST_TAKEN_FIELDS).then_some(HeaderFault::TooManyFields))
            .or((octets > MOST_TAKEN_OCTETS).then_some(HeaderFault::TooLong))
    }

    fn found(&mut self, fault: HeaderFault) {
        self.fault.get_or_insert(fault);
    }
}

/// The continuation lines of a field.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    /// Each has something on it, if there are any.
    Sound,
    /// One has only white space or control characters.
    Blank,
}

/// Where the field that begins at `start` ends: after the first CR LF that no white space follows (RFC 5322 §2.2.3).
fn end_of_field(message: &[u8], start: usize) -> (usize, Lines) {
    let mut lines = Lines::Sound;
    let mut from = start;
    loop {
        let ended = line_end(&message[from..]);
        let end = ended.map_or(message.len(), |offset| from + offset);
        if from > start && message[from..end].iter().all(|byte| *byte <= b' ') {
            lines = Lines::Blank;
        }
        let Some(offset) = ended else { return (message.len(), lines) };
        from += offset + 2;
        if !matches!(message.get(from), Some(b' ' | b'\t')) {
            return (from, lines);
        }
    }
}

/// RFC 5322 §2.2: a name of printable ASCII, a colon. White space between them is §4.5.
fn field(message: &[u8], start: usize, end: usize) -> Option<Field<'_>> {
    let line = &message[start..end];
    let name = line.iter().position(|byte| !matches!(byte, 33..=57 | 59..=126))?;
    let blank = line[name..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    let is_field = name > 0 && line[name + blank] == b':';
    is_field.then_some(Field { message, start, name_end: start + name, colon: start + name + blank, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(message: &str) -> Headers<'_> {
        Headers::read(message.as_bytes())
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_and_body() {
        let headers = read("From: a\r\nSubject: b\r\n  c\r\n\td\r\nX-Empty:\r\n\r\nbody\r\n\r\nmore");
        let fields: Vec<_> = headers.fields().iter().map(|f| (text(f.name()), text(f.value()))).collect();
        assert_eq!(fields, [("From", " a"), ("Subject", " b\r\n  c\r\n\td"), ("X-Empty", "")]);
        assert_eq!(text(headers.body()), "body\r\n\r\nmore");
        assert_eq!(headers.fault(), None);
        assert_eq!(text(headers.fields()[1].bytes()), "Subject: b\r\n  c\r\n\td\r\n");
        assert!(headers.fields()[0].is("FROM") && !headers.fields()[0].is("Fro"));
    }

    #[test]
    fn messages_without_header_or_body() {
        for (message, fields, body) in [
            ("", 0, ""),
            ("\r\n", 0, ""),
            ("\r\nbody", 0, "body"),
            ("A: b", 1, ""),
            ("A: b\r\n", 1, ""),
            ("A: b\r\n\r\n", 1, ""),
            ("A: b\r\n\r\n\r\n", 1, "\r\n"),
        ] {
            let headers = read(message);
            assert_eq!((headers.fields().len(), text(headers.body())), (fields, body), "{message:?}");
            assert_eq!(headers.fault(), None, "{message:?}");
        }
    }

    #[test]
    fn lines_that_are_no_fields() {
        for message in [
            "no colon\r\nFrom: a\r\n\r\n",
            " From: a\r\n\r\n",
            ": a\r\n",
            "Fr om: a\r\n",
            "From\0: a\r\n",
            "Fr\u{f6}m: a\r\n",
            "From user@host Sat Nov 21\r\n\r\n",
            "A: b\r\nplain text",
            "X\r\nFrom: a\r\n",
            "From\r\n : a\r\n",
        ] {
            assert_eq!(read(message).fault(), Some(HeaderFault::NotAField), "{message:?}");
        }
        let spaced = read("From \t: a\r\n\r\n");
        assert!(spaced.fault().is_none() && spaced.fields()[0].is_spaced() && spaced.fields()[0].is("From"));
    }

    #[test]
    fn blank_continuation_lines() {
        for message in [
            "A: b\r\n \r\nC: d\r\n\r\n",
            "A: b\r\n \t \r\n\r\nbody",
            "A: b\r\n c\r\n\t\r\n d\r\n",
            "A:\r\n \r\n b\r\n",
            "A: b\r\n \n\r\n",
            "A: b\r\n \u{b}\u{c}\r\n",
            "A: b\r\n \r\r\n",
            "A: b\r\n ",
        ] {
            assert_eq!(read(message).fault(), Some(HeaderFault::BlankLine), "{message:?}");
        }
        for message in ["A: \r\n b\r\n\r\n", "A:\r\n\r\n \r\n", "A: b \r\n\tc \r\n\r\n", "A: \r\n"] {
            assert_eq!(read(message).fault(), None, "{message:?}");
        }
    }

    #[test]
    fn only_cr_lf_ends_a_line() {
        let headers = read("A: b\nFrom: x\r\nC: d\rFrom: y\r\n\r\n");
        assert_eq!(headers.fields().len(), 2);
        assert_eq!(headers.fields()[0].value(), b" b\nFrom: x");
    }

    #[test]
    fn eight_bit_values_are_kept() {
        let headers = Headers::read(b"Subject: caf\xe9\r\n\r\n\xff");
        assert_eq!(headers.fields()[0].value(), b" caf\xe9");
        assert_eq!(headers.body(), b"\xff");
    }

    #[test]
    fn limits() {
        let many = "A: b\r\n".repeat(MAX_FIELDS + 1);
        assert_eq!(read(&many).fault(), Some(HeaderFault::TooManyFields));
        let long = format!("A: {}\r\n\r\n", "b".repeat(MAX_HEADER_OCTETS));
        assert_eq!(read(&long).fault(), Some(HeaderFault::TooLong));
        for (fields, refusal) in
            [(MOST_TAKEN_FIELDS, None), (MOST_TAKEN_FIELDS + 1, Some(HeaderFault::TooManyFields))]
        {
            let many = "A: b\r\n".repeat(fields);
            assert_eq!((read(&many).fault(), read(&many).refusal()), (None, refusal), "{fields}");
        }
        for (octets, refusal) in
            [(MOST_TAKEN_OCTETS, None), (MOST_TAKEN_OCTETS + 1, Some(HeaderFault::TooLong))]
        {
            let long = format!("A: {}\r\n\r\nbody", "b".repeat(octets - 5));
            assert_eq!((read(&long).fault(), read(&long).refusal()), (None, refusal), "{octets}");
        }
    }

    proptest! {
        #[test]
        fn fields_stand_where_they_say(message in "(([A-Za-z: \t]|\r\n|\r|\n|é){0,200})") {
            let headers = read(&message);
            let mut last = 0;
            for field in headers.fields() {
                let range = field.range();
                prop_assert!(last <= range.start && range.start < range.end);
                prop_assert!(field.bytes().starts_with(field.name()));
                last = range.end;
            }
            prop_assert!(last <= message.len() - headers.body().len());
        }
    }
}
