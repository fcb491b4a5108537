//! The messages of a run: numbered, and with a body that the sink can check by the number of its bytes alone.

use std::io::Write as _;

/// The field that carries run and number.
const FIELD: &[u8] = b"X-Bench-Message: ";

/// Longest message that is made or checked.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;

/// Names one message of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<'a> {
    /// The run's name.
    pub(crate) run: &'a str,
    /// Its number, from 0.
    pub(crate) number: u64,
}

impl Numbered<'_> {
    /// Its `place`-th recipient.
    pub(crate) fn recipient(&self, place: usize, domain: &str) -> String {
        format!("r{place}.{}@{domain}", self.number)
    }
}

/// Bytes that every body is a beginning of: lines of 76 letters and digits, the same in every run.
pub(crate) fn filler(size: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    const LINE: usize = 76;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + LINE + 2);
    while bytes.len() < size {
        for _ in 0..LINE {
            // A linear congruential step (Knuth, MMIX); its high bits are good enough for filling.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push(LETTERS[(state >> 58) as usize]);
        }
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Writes a message of about `size` bytes, without the final dot.
pub(crate) fn write(
    into: &mut Vec<u8>,
    which: Numbered<'_>,
    from_domain: &str,
    to_domain: &str,
    size: usize,
    filler: &[u8],
) {
    let Numbered { run, number } = which;
    into.clear();
    let header = format!(
        "From: Bench <bench@{from_domain}>\r\nTo: <{to}>\r\nSubject: {run} {number}\r\n\
         Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{run}.{number}@{from_domain}>\r\n\
         X-Bench-Message: {run}/{number}\r\n\r\n",
        to = which.recipient(0, to_domain),
    );
    // Writing to a vector cannot fail.
    let _ = into.write_all(header.as_bytes());
    let room = size.saturating_sub(into.len() + 2).min(filler.len());
    let mut body = &filler[..room];
    while let [rest @ .., b'\r' | b'\n'] = body {
        body = rest;
    }
    into.extend_from_slice(body);
    into.extend_from_slice(b"\r\n");
}

/// What the sink makes of a message's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// One of a run's, its body whole.
    Whole(Numbered<'a>),
    /// One of a run's, its body not what was sent.
    Damaged(Numbered<'a>),
    /// Something else, a report for instance.
    Foreign,
}

/// Reads run and number, and checks the body.
pub(crate) fn read<'a>(content: &'a [u8], filler: &[u8]) -> Seen<'a> {
    let Some(header_end) = find(content, b"\r\n\r\n") else { return Seen::Foreign };
    let (header, body) = (&content[..header_end + 2], &content[header_end + 4..]);
    let Some(at) = find(header, FIELD).filter(|at| *at == 0 || header[at - 1] == b'\n') else {
        return Seen::Foreign;
    };
    let value = &header[at + FIELD.len()..];
    let Some(which) = find(value, b"\r\n").and_then(|end| number(&value[..end])) else {
        return Seen::Foreign;
    };
    match body.strip_suffix(b"\r\n") {
        Some(sent) if filler.starts_with(sent) => Seen::Whole(which),
        _ => Seen::Damaged(which),
    }
}

fn number(value: &[u8]) -> Option<Numbered<'_>> {
    let (run, number) = std::str::from_utf8(value).ok()?.rsplit_once('/')?;
    Some(Numbered { run, number: number.parse().ok()? })
}

/// Where `wanted` first begins.
pub(crate) fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    within.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let filler = filler(4096);
        let which = Numbered { run: "r/1", number: 7 };
        for size in [0, 100, 1000, 1001, 1002, 1003, 4000] {
            let mut content = Vec::new();
            write(&mut content, which, "a.test", "b.test", size, &filler);
            assert_eq!(read(&content, &filler), Seen::Whole(which), "size {size}");
            assert!(content.ends_with(b"\r\n") && !content.ends_with(b"\r\r\n"));
            if size < 500 {
                continue; // No body to damage.
            }
            let within = content.len() - 10;
            content[within] ^= 1;
            assert_eq!(read(&content, &filler), Seen::Damaged(which), "size {size}");
        }
    }

    #[test]
    fn others_are_foreign() {
        let filler = filler(100);
        for content in ["", "Subject: x\r\n\r\nX-Bench-Message: r/1\r\n", "X-Bench-Message: r\r\n\r\n\r\n"] {
            assert_eq!(read(content.as_bytes(), &filler), Seen::Foreign, "{content:?}");
        }
    }
}
