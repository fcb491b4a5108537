//! A message's bytes as DATA carries them.

/// Writes a message for DATA: dots at line starts doubled, the final dot at the end (RFC 5321 §4.5.2).
///
/// The message is a header block and a content that follows it, both with lines ended by CR LF; neither is copied but
/// into the buffer that is sent. Should a CR or an LF stand alone in there after all, a dot behind it is doubled too,
/// so no server, whatever it takes for a line end, can be made to see the message end early.
#[derive(Debug)]
pub struct Stuffing<'a> {
    parts: [&'a [u8]; 2],
    /// The last two octets that were written.
    tail: [u8; 2],
    done: bool,
}

impl<'a> Stuffing<'a> {
    /// A message that is `block` and then `content`.
    pub fn new(block: &'a [u8], content: &'a [u8]) -> Self {
        Self { parts: [block, content], tail: *b"\r\n", done: false }
    }

    /// Appends the next octets of the message to `out`, about `most` of them, and says whether more are left.
    pub fn fill(&mut self, out: &mut Vec<u8>, most: usize) -> bool {
        let mut room = most.max(1);
        while !self.done && room > 0 {
            let Some(part) = self.parts.iter_mut().find(|part| !part.is_empty()) else {
                if self.tail != *b"\r\n" {
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b".\r\n");
                self.done = true;
                break;
            };
            let (now, later) = part.split_at(room.min(part.len()));
            *part = later;
            room -= now.len();
            out.reserve(now.len() + DOTS);
            self.stuff(now, out);
        }
        !self.done
    }

    fn stuff(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut written = 0;
        let mut looked = 0;
        while let Some(found) = octets[looked..].iter().position(|octet| *octet == b'.') {
            let dot = looked + found;
            let before = if dot == 0 { self.tail[1] } else { octets[dot - 1] };
            if matches!(before, b'\r' | b'\n') {
                out.extend_from_slice(&octets[written..dot]);
                out.push(b'.');
                written = dot;
            }
            looked = dot + 1;
        }
        out.extend_from_slice(&octets[written..]);
        self.tail = match octets {
            [] => self.tail,
            [last] => [self.tail[1], *last],
            [.., before, last] => [*before, *last],
        };
    }
}

/// Room for the dots that an ordinary message has doubled, and for the final one.
const DOTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(block: &[u8], content: &[u8], most: usize) -> Vec<u8> {
        let mut stuffing = Stuffing::new(block, content);
        let mut out = Vec::new();
        while stuffing.fill(&mut out, most) {}
        assert!(!stuffing.fill(&mut out, most), "the end comes once");
        out
    }

    #[test]
    fn dots_are_doubled_where_a_line_starts() {
        for (block, content, expected) in [
            ("", "", ".\r\n"),
            ("", "a\r\n", "a\r\n.\r\n"),
            ("", ".\r\n", "..\r\n.\r\n"),
            ("", "..\r\n", "...\r\n.\r\n"),
            ("", "a.b\r\n.c\r\n", "a.b\r\n..c\r\n.\r\n"),
            ("S: .\r\n", ".a\r\n", "S: .\r\n..a\r\n.\r\n"),
            ("S: x\r\n", "", "S: x\r\n.\r\n"),
            ("", "no end", "no end\r\n.\r\n"),
            ("", "a\n.\nb\r.\rc\r\n", "a\n..\nb\r..\rc\r\n.\r\n"),
            ("", "a\r\n.\r\r\nb\r\n", "a\r\n..\r\r\nb\r\n.\r\n"),
        ] {
            for most in [1, 2, 3, 1000] {
                let out = stuffed(block.as_bytes(), content.as_bytes(), most);
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{block:?} {content:?} {most}");
            }
        }
    }

    /// What a server does with it (RFC 5321 §4.5.2).
    fn unstuffed(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut start = 0;
        for end in (0..data.len()).filter(|at| data[*at] == b'\n' && *at > 0 && data[at - 1] == b'\r') {
            let line = &data[start..=end];
            if line == b".\r\n" {
                assert_eq!(end + 1, data.len(), "nothing follows the final dot");
                return out;
            }
            out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            start = end + 1;
        }
        panic!("no final dot")
    }

    proptest! {
        #[test]
        fn a_server_reads_what_was_written(
            block in "([a.]{0,4}\r\n){0,3}",
            content in "([a. ]{0,4}\r\n){0,8}",
            most in 1_usize..20,
        ) {
            let out = stuffed(block.as_bytes(), content.as_bytes(), most);
            prop_assert_eq!(unstuffed(&out), format!("{block}{content}").into_bytes());
        }

        #[test]
        fn no_message_ends_early(content in "[a.\r\n]{0,30}") {
            let out = stuffed(b"", content.as_bytes(), 1000);
            let body = &out[..out.len() - 3];
            prop_assert!(!body.starts_with(b".\r") && !body.starts_with(b".\n"));
            for end in ["\n.\n", "\n.\r", "\r.\r", "\r.\n"] {
                prop_assert!(!body.windows(3).any(|found| found == end.as_bytes()));
            }
        }
    }
}
