//! Finding line ends, quickly.

/// Octets looked at together; the compiler makes one instruction of it.
const STRIDE: usize = 32;

/// Where the first CR LF is, by its CR. A bare CR or LF is no line end (RFC 5321 §2.3.8).
pub(crate) fn line_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(offset) = line_feed(&text[from..]) {
        let lf = from + offset;
        if lf > 0 && text[lf - 1] == b'\r' {
            return Some(lf - 1);
        }
        from = lf + 1;
    }
    None
}

fn line_feed(text: &[u8]) -> Option<usize> {
    let is_lf = |byte: &u8| *byte == b'\n';
    let (strides, rest) = text.as_chunks::<STRIDE>();
    for (n, stride) in strides.iter().enumerate() {
        if stride.iter().fold(false, |found, byte| found | is_lf(byte)) {
            return stride.iter().position(is_lf).map(|offset| n * STRIDE + offset);
        }
    }
    rest.iter().position(is_lf).map(|offset| strides.len() * STRIDE + offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_cr_lf_is_found(text in "(a{0,40}|\r|\n|\r\n){0,8}") {
            prop_assert_eq!(line_end(text.as_bytes()), text.find("\r\n"));
        }
    }
}
