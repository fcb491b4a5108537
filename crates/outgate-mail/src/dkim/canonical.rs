//! Relaxed canonicalization, of header fields and of the body, into a hash.

use crate::scan::line_end;
use aws_lc_rs::digest::{Context, Digest, SHA256};

/// Octets gathered before they are hashed.
const CHUNK: usize = 4_096;

/// A SHA-256 fed in chunks: one call of the library for many small pieces.
pub(super) struct Hash {
    context: Context,
    chunk: Vec<u8>,
}

impl Hash {
    pub(super) fn new() -> Self {
        Self { context: Context::new(&SHA256), chunk: Vec::with_capacity(CHUNK) }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.chunk.len() + bytes.len() > CHUNK {
            self.context.update(&self.chunk);
            self.chunk.clear();
            if bytes.len() > CHUNK {
                self.context.update(bytes);
                return;
            }
        }
        self.chunk.extend_from_slice(bytes);
    }

    /// Everything so far, to go on from more than once.
    pub(super) fn into_context(mut self) -> Context {
        self.context.update(&self.chunk);
        self.context
    }

    pub(super) fn finish(self) -> Digest {
        self.into_context().finish()
    }
}

/// RFC 6376 §3.4.2, less the line end: `name` in lower case, folds undone, white space reduced.
pub(super) fn field(name: &[u8], value: &[u8], put: &mut impl FnMut(&[u8])) {
    put(&name.to_ascii_lowercase());
    put(b":");
    let mut words =
        value.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        put(first);
    }
    for word in words {
        put(b" ");
        put(word);
    }
}

/// RFC 6376 §3.4.4: white space at line ends goes, elsewhere it is reduced to one space; empty lines at the end go; the
/// last line gets a line end where it has none. Nothing stays nothing.
pub(super) fn body(body: &[u8], hash: &mut Hash) {
    let mut has_text = false;
    let mut line_ends = 0_usize; // held back until text follows
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        if let Some(last) = line.iter().rposition(|byte| !is_blank(*byte)) {
            (0..line_ends).for_each(|_| hash.put(b"\r\n"));
            line_ends = 0;
            has_text = true;
            reduced(&line[..=last], hash);
        }
        line_ends += 1;
    }
    if has_text {
        hash.put(b"\r\n");
    }
}

/// A line without its line end, and what comes after that.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    match line_end(text) {
        Some(end) => (&text[..end], &text[end + 2..]),
        None => (text, &[]),
    }
}

/// A line, its end bare of white space, with each run of white space as one space.
fn reduced(line: &[u8], hash: &mut Hash) {
    if !may_reduce(line) {
        hash.put(line);
        return;
    }
    let mut start = 0;
    let mut at = 0;
    while let Some(offset) = line[at..].iter().position(|byte| is_blank(*byte)) {
        let blank = at + offset;
        let run = line[blank..].iter().take_while(|byte| is_blank(**byte)).count();
        if run > 1 || line[blank] == b'\t' {
            hash.put(&line[start..blank]);
            hash.put(b" ");
            start = blank + run;
        }
        at = blank + run;
    }
    hash.put(&line[start..]);
}

/// Whether a line may have anything to reduce; most have not.
#[expect(clippy::needless_bitwise_bool, reason = "without branches, many octets are looked at together")]
fn may_reduce(line: &[u8]) -> bool {
    let pairs = line.iter().zip(line.get(1..).unwrap_or_default());
    pairs.fold(false, |odd, (one, next)| odd | (*one == b'\t') | ((*one == b' ') & (*next <= b' ')))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::digest;
    use proptest::prelude::*;

    fn hashed(text: &[u8]) -> Vec<u8> {
        let mut hash = Hash::new();
        body(text, &mut hash);
        hash.finish().as_ref().to_vec()
    }

    fn sha256(text: &[u8]) -> Vec<u8> {
        digest(&SHA256, text).as_ref().to_vec()
    }

    #[test]
    fn bodies() {
        for (given, canonical) in [
            ("", ""),
            ("\r\n", ""),
            ("\r\n\r\n \t\r\n", ""),
            ("  ", ""),
            // RFC 6376 §3.4.5
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
            ("a", "a\r\n"),
            ("a\r\n", "a\r\n"),
            ("a \r\n\r\nb\t", "a\r\n\r\nb\r\n"),
            ("\r\n\r\na", "\r\n\r\na\r\n"),
            ("a\tb  c \t d", "a b c d\r\n"),
            ("a\r\n   \r\n", "a\r\n"),
            ("a\nb\rc\r\n", "a\nb\rc\r\n"),
            ("\t\ta", " a\r\n"),
        ] {
            assert_eq!(hashed(given.as_bytes()), sha256(canonical.as_bytes()), "{given:?}");
        }
    }

    #[test]
    fn fields() {
        for (name, value, canonical) in [
            // RFC 6376 §3.4.5
            ("A", " X", "a:X"),
            ("B ", " Y\t\r\n\tZ  ", "b:Y Z"),
            ("SUBJect", "", "subject:"),
            ("x", "   ", "x:"),
            ("x", "a\r\n b", "x:a b"),
        ] {
            let mut written = Vec::new();
            field(name.trim_end().as_bytes(), value.as_bytes(), &mut |piece| {
                written.extend_from_slice(piece);
            });
            assert_eq!(String::from_utf8(written).unwrap(), canonical);
        }
    }

    proptest! {
        #[test]
        fn long_and_short_pieces_hash_alike(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6_000), 0..8)) {
            let mut hash = Hash::new();
            for piece in &pieces {
                hash.put(piece);
            }
            prop_assert_eq!(hash.finish().as_ref().to_vec(), sha256(&pieces.concat()));
        }
    }
}
