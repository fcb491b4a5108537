//! A message's bytes as they arrive, by DATA or in chunks: one reader for the message that is kept and for the one
//! that is thrown away, so the forgotten path obeys the same rules.
//!
//! Only CR LF `.` CR LF ends DATA (RFC 5321 §4.1.1.4). A bare CR or LF is never a line end, and a message that has one
//! is read to its true end and refused: passed on, other servers might see an end in it where we saw none.

use super::Refusal;
use crate::Limits;
use bytes::Bytes;
use outgate_core::Reservation;
use std::fmt;

/// The most that is set aside for a message before its bytes come.
const FIRST_ROOM: usize = 65_536;

/// A message that is being read.
#[derive(Debug)]
pub(super) struct Body {
    form: Form,
    at: At,
    /// Octets of the line so far.
    line: usize,
    longest_line: usize,
    most_octets: usize,
    /// What the client said it would be, by SIZE.
    announced: usize,
    /// Octets of the reservation that were taken for something else.
    spoken_for: usize,
    content: Content,
}

/// How the client marks the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By a dot (RFC 5321 §4.5.2).
    Dotted,
    /// By counting (RFC 3030): a dot means nothing.
    Counted,
}

/// Where in a line the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Behind CR LF, or at the very beginning.
    LineStart,
    /// Inside a line.
    Line,
    /// Behind a CR.
    Cr,
    /// Behind a dot that began a line.
    Dot,
    /// Behind a dot that began a line, and a CR.
    DotCr,
    /// Behind the end.
    End,
}

enum Content {
    Kept { bytes: Vec<u8>, reservation: Reservation },
    Refused(Refusal),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { bytes, .. } => write!(f, "Kept({} octets)", bytes.len()),
            Self::Refused(refusal) => write!(f, "Refused({refusal})"),
        }
    }
}

impl Body {
    /// An empty message. No memory is taken before its bytes come; then `reservation` grows beyond what it holds.
    pub(super) fn new(form: Form, limits: &Limits, announced: usize, reservation: Reservation) -> Self {
        Self {
            form,
            at: At::LineStart,
            line: 0,
            longest_line: limits.line_octets,
            most_octets: limits.message_bytes,
            announced,
            spoken_for: reservation.bytes(),
            content: Content::Kept { bytes: Vec::new(), reservation },
        }
    }

    /// Octets kept so far.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Kept { bytes, .. } => bytes.len(),
            Content::Refused(_) => 0,
        }
    }

    /// Whether the dot that ends the message was read.
    pub(super) fn ended(&self) -> bool {
        self.at == At::End
    }

    /// Whether the message is refused already and only read to its end.
    pub(super) fn refused(&self) -> Option<&Refusal> {
        match &self.content {
            Content::Kept { .. } => None,
            Content::Refused(refusal) => Some(refusal),
        }
    }

    /// Refuses the message, unless it is refused already; what was kept of it goes.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if matches!(self.content, Content::Kept { .. }) {
            self.content = Content::Refused(refusal);
        }
    }

    /// Reads bytes, up to the end of the message; returns how many.
    pub(super) fn feed(&mut self, input: &[u8]) -> usize {
        // `from` is where the bytes start that are read and not kept yet.
        let (mut i, mut from) = (0, 0);
        while i < input.len() {
            match self.at {
                At::LineStart if input[i] == b'.' && self.form == Form::Dotted => {
                    self.keep(&input[from..i]);
                    i += 1;
                    from = i; // RFC 5321 §4.5.2: a line's first dot goes
                    self.at = At::Dot;
                }
                At::LineStart | At::Line => {
                    let run = ordinary_run(&input[i..]);
                    if run > 0 {
                        self.at = At::Line;
                        self.line += run;
                        i += run;
                        if let over @ 1.. = self.line.saturating_sub(self.longest_line) {
                            // The first thing wrong is what the client hears, however the bytes were cut.
                            self.keep(&input[from..i.saturating_sub(over).max(from)]);
                            self.refuse(Refusal::LineTooLong { limit: self.longest_line });
                        }
                        continue;
                    }
                    match input[i] {
                        b'\r' => self.at = At::Cr,
                        b'\n' => self.fault(&input[from..i], Refusal::BareNewline),
                        _ => self.fault(&input[from..i], Refusal::NulInMessage),
                    }
                    i += 1;
                }
                At::Cr if input[i] == b'\n' => {
                    i += 1;
                    self.line = 0;
                    self.at = At::LineStart;
                }
                // A CR before anything else is bare; what follows it stands inside the line.
                At::Cr => self.fault(&input[from..i], Refusal::BareNewline),
                At::Dot if input[i] == b'\r' => {
                    i += 1;
                    from = i;
                    self.at = At::DotCr;
                }
                At::Dot => self.at = At::Line,
                At::DotCr if input[i] == b'\n' => {
                    self.at = At::End;
                    return i + 1;
                }
                At::DotCr => self.fault(&[], Refusal::BareNewline),
                At::End => return i,
            }
        }
        self.keep(&input[from..]);
        i
    }

    /// A character that may not be: refuses the message, and reads on inside the line. `before` was read before it.
    fn fault(&mut self, before: &[u8], refusal: Refusal) {
        self.keep(before);
        self.refuse(refusal);
        self.at = At::Line;
    }

    fn keep(&mut self, more: &[u8]) {
        let Content::Kept { bytes, reservation } = &mut self.content else { return };
        let needed = bytes.len() + more.len();
        if needed > self.most_octets {
            return self.refuse(Refusal::TooLarge { limit: self.most_octets }); // RFC 1870 §6.2
        }
        let have = reservation.bytes() - self.spoken_for;
        if needed > have {
            // Twice as much each time, as the client announced at first, and just enough when the budget is short.
            let room = if have == 0 { self.announced.min(FIRST_ROOM) } else { 2 * have };
            let room = room.min(self.most_octets).max(needed);
            if !reservation.grow(room - have) && !reservation.grow(needed - have) {
                return self.refuse(Refusal::MemoryBudget);
            }
            bytes.reserve_exact(reservation.bytes() - self.spoken_for - bytes.len());
        }
        bytes.extend_from_slice(more);
    }

    /// The message and its share of the budget, or why it is refused. The last line of a message that came in chunks
    /// need not be ended (RFC 3030 has no rule for it): then the CR LF is added, for what travels on by DATA has to
    /// have one.
    pub(super) fn finish(mut self) -> Result<(Bytes, Reservation), Refusal> {
        match self.at {
            At::Cr => self.fault(&[], Refusal::BareNewline),
            At::Line => self.keep(b"\r\n"),
            At::LineStart | At::Dot | At::DotCr | At::End => {}
        }
        match self.content {
            Content::Kept { bytes, reservation } => Ok((bytes.into(), reservation)),
            Content::Refused(refusal) => Err(refusal),
        }
    }
}

/// How many bytes go by before the first that needs a look: CR, LF or NUL.
fn ordinary_run(bytes: &[u8]) -> usize {
    let special = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    let mut run = 0;
    // Whole blocks without a branch inside: the compiler makes vector instructions of it.
    for block in bytes.chunks_exact(32) {
        if block.iter().fold(false, |hit, &byte| hit | special(byte)) {
            break;
        }
        run += block.len();
    }
    run + bytes[run..].iter().position(|&byte| special(byte)).unwrap_or(bytes.len() - run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::ByteBudget;

    fn limits() -> Limits {
        Limits { message_bytes: 60, recipients: 3, line_octets: 20, errors: 5 }
    }

    /// Reads `bytes` in pieces of `size`: what comes out, and how many bytes are left over behind the end.
    fn read(bytes: &[u8], size: usize, budget: usize) -> Option<(Result<Vec<u8>, Refusal>, usize)> {
        let mut body = Body::new(Form::Dotted, &limits(), 0, ByteBudget::new(budget).open());
        let mut used = 0;
        for piece in bytes.chunks(size) {
            used += body.feed(piece);
            if body.ended() {
                let content = body.finish().map(|(bytes, _)| bytes.to_vec());
                return Some((content, bytes.len() - used));
            }
        }
        None
    }

    #[test]
    fn messages() {
        use Refusal as R;
        let long = R::LineTooLong { limit: 20 };
        let large = R::TooLarge { limit: 60 };
        let many_lines = "12345678\r\n".repeat(7) + ".\r\nQUIT";
        for (bytes, expected, left) in [
            ("a\r\n.\r\nQUIT\r\n", Ok("a\r\n"), 6),
            (".\r\n", Ok(""), 0),
            ("..\r\n.\r\n", Ok(".\r\n"), 0),
            (".a\r\n..b\r\n.\r\n", Ok("a\r\n.b\r\n"), 0),
            ("a\r\n\r\n.\r\n", Ok("a\r\n\r\n"), 0),
            ("a.\r\n.\r\n", Ok("a.\r\n"), 0),
            ("a\n.\r\nb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\r\n.\nb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\n.\nb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\r.\rb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\r\n.\rb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\r\n.\r\r\nb\r\n.\r\n", Err(R::BareNewline), 0),
            ("a\r\r\n.\r\nb\r\n.\r\n", Err(R::BareNewline), 8 - 2),
            ("a\0b\r\n.\r\n", Err(R::NulInMessage), 0),
            ("12345678901234567890\r\n.\r\n", Ok("12345678901234567890\r\n"), 0),
            (".12345678901234567890\r\n.\r\n", Ok("12345678901234567890\r\n"), 0),
            ("123456789012345678901\r\n.\r\n", Err(long), 0),
            (many_lines.as_str(), Err(large), 4),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                let (content, over) = read(bytes.as_bytes(), size, 1000).unwrap();
                assert_eq!(
                    content,
                    expected.clone().map(|text| text.as_bytes().to_vec()),
                    "{bytes:?} by {size}"
                );
                if size == 1000 {
                    assert_eq!(over, left, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn unended_messages_go_on() {
        for bytes in
            ["", ".", ".\r", "a\r\n.", "a.\r\n", "a\n.\n", "a\r.\r", "\n.\r\n", "a\r\n .\r\n", "\0.\r\n"]
        {
            assert_eq!(read(bytes.as_bytes(), 1000, 1000), None, "{bytes:?}");
        }
    }

    #[test]
    fn the_budget_refuses_and_gets_its_bytes_back() {
        assert_eq!(read(b"123456789\r\n.\r\n", 4, 8), Some((Err(Refusal::MemoryBudget), 0)));
        let budget = ByteBudget::new(100);
        let mut body = Body::new(Form::Dotted, &limits(), 30, budget.open());
        body.feed(b"a\r\n");
        assert_eq!(budget.used(), 30, "what was announced is set aside");
        body.feed(b"\n");
        assert_eq!(budget.used(), 0, "a message that is thrown away holds nothing");
    }

    #[test]
    fn what_was_spoken_for_is_not_room() {
        let budget = ByteBudget::new(100);
        let mut reservation = budget.open();
        assert!(reservation.grow(50));
        let mut body = Body::new(Form::Dotted, &limits(), 0, reservation);
        body.feed(b"a\r\n");
        assert_eq!(budget.used(), 53);
        let (content, reservation) = body.finish().unwrap();
        assert_eq!((content.len(), reservation.bytes()), (3, 53));
    }

    #[test]
    fn chunks_know_no_dot_and_get_their_last_line_ended() {
        let chunk = |pieces: &[&str]| {
            let mut body = Body::new(Form::Counted, &limits(), 0, ByteBudget::new(1000).open());
            for piece in pieces {
                assert_eq!(body.feed(piece.as_bytes()), piece.len());
            }
            body.finish().map(|(bytes, _)| String::from_utf8(bytes.to_vec()).unwrap())
        };
        assert_eq!(chunk(&["a\r\n.\r\n", "b\r\n"]), Ok("a\r\n.\r\nb\r\n".into()));
        assert_eq!(chunk(&["a\r", "\nb"]), Ok("a\r\nb\r\n".into()));
        assert_eq!(chunk(&["a\r", "b"]), Err(Refusal::BareNewline));
        assert_eq!(chunk(&["a\r"]), Err(Refusal::BareNewline));
        assert_eq!(chunk(&["a", "\n"]), Err(Refusal::BareNewline));
        assert_eq!(chunk(&[]), Ok(String::new()));
    }

    #[test]
    fn runs() {
        let mut bytes = vec![b'x'; 100];
        assert_eq!(ordinary_run(&bytes), 100);
        for at in [0, 1, 31, 32, 33, 63, 64, 99] {
            bytes[at] = b'\n';
            assert_eq!(ordinary_run(&bytes), at);
            bytes[at] = b'x';
        }
    }
}
