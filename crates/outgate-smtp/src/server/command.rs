//! A command line's verb, and its argument as it came.
//!
//! What a command means depends on where the session stands, and a refusal for that comes before one for the argument
//! (`MAIL` without a sign-in is `530`, however it is written), so arguments are read later, by whoever obeys.

use super::Refusal;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Auth,
    StartTls,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    /// Known to SMTP, not offered.
    NotOffered,
    Unknown,
}

const VERBS: &[(&str, Verb)] = &[
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("AUTH", Verb::Auth),
    ("STARTTLS", Verb::StartTls),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("QUIT", Verb::Quit),
    ("VRFY", Verb::Vrfy),
    ("HELP", Verb::Help),
    ("EXPN", Verb::NotOffered),
    ("ETRN", Verb::NotOffered),
    ("ATRN", Verb::NotOffered),
    ("TURN", Verb::NotOffered),
    ("LHLO", Verb::NotOffered),
    ("BURL", Verb::NotOffered),
    ("SEND", Verb::NotOffered),
    ("SOML", Verb::NotOffered),
    ("SAML", Verb::NotOffered),
];

/// Divides a line into its verb and its argument, spaces around that aside (RFC 5321 §4.1.1 wants space before the
/// CR LF tolerated).
pub(super) fn read(line: &[u8]) -> Result<(Verb, &str), Refusal> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(if is_chunk(line) { Refusal::ChunkUnreadable } else { Refusal::CommandNotUtf8 });
    };
    let (word, argument) = text.split_once(' ').unwrap_or((text, ""));
    // RFC 5321 §2.4: verbs are not case-sensitive
    match VERBS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        Some((_, verb)) => Ok((*verb, argument.trim_matches([' ', '\t']))),
        // `BDAT<TAB>10`: its octets follow, and must not be taken for commands.
        None if is_chunk(line) => Err(Refusal::ChunkUnreadable),
        None => Ok((Verb::Unknown, argument.trim_matches([' ', '\t']))),
    }
}

/// Whether a line that cannot be read means to announce a chunk.
fn is_chunk(line: &[u8]) -> bool {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    line[start..].get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"BDAT"))
}

/// How long a chunk is and whether it is the last; a chunk that can be counted but not obeyed keeps its length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChunkArgument {
    pub(super) octets: u64,
    pub(super) last: Result<bool, Refusal>,
}

/// Reads the argument of BDAT (RFC 3030 §2). Without a length that is exactly that, nobody knows where the commands go
/// on.
pub(super) fn chunk(argument: &str) -> Result<ChunkArgument, Refusal> {
    let (size, rest) = argument.split_once(' ').unwrap_or((argument, ""));
    if size.is_empty() || !size.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::ChunkUnreadable);
    }
    let octets = size.parse().map_err(|_| Refusal::ChunkUnreadable)?;
    let last = match rest.trim_matches(' ') {
        "" => Ok(false),
        word if word.eq_ignore_ascii_case("LAST") => Ok(true),
        _ => Err(Refusal::BadChunk),
    };
    Ok(ChunkArgument { octets, last })
}

/// Whether a client's name for itself may stand in logs and trace fields: what host names and address literals are
/// made of. Real clients say things like `my_host` or `localhost`, and must be able to work.
pub(super) fn client_name(argument: &str) -> Result<&str, Refusal> {
    /// RFC 5321 §4.5.3.1.2.
    const LONGEST: usize = 255;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    let fits = (1..=LONGEST).contains(&argument.len()) && argument.bytes().all(harmless);
    if fits { Ok(argument) } else { Err(Refusal::BadClientName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs() {
        for (line, expected) in [
            ("EHLO a", (Verb::Ehlo, "a")),
            ("ehlo  a b ", (Verb::Ehlo, "a b")),
            ("data", (Verb::Data, "")),
            ("DATA ", (Verb::Data, "")),
            ("DATAX", (Verb::Unknown, "")),
            (" DATA", (Verb::Unknown, "DATA")),
            ("", (Verb::Unknown, "")),
            ("BURL x", (Verb::NotOffered, "x")),
        ] {
            assert_eq!(read(line.as_bytes()), Ok(expected), "{line:?}");
        }
        assert_eq!(read(b"NOOP \xff"), Err(Refusal::CommandNotUtf8));
        for chunk in
            [b"BDAT\t10".as_slice(), b"bdat10", b" BDAT 10", b"\tbdat 10", b"BDAT 10 \xff", b"BDAT:1"]
        {
            assert_eq!(read(chunk), Err(Refusal::ChunkUnreadable), "{chunk:?}");
        }
    }

    #[test]
    fn chunks() {
        let good = |octets, last| Ok(ChunkArgument { octets, last: Ok(last) });
        for (argument, expected) in [
            ("0", good(0, false)),
            ("10 LAST", good(10, true)),
            ("10 last", good(10, true)),
            ("010", good(10, false)),
            ("10 FIRST", Ok(ChunkArgument { octets: 10, last: Err(Refusal::BadChunk) })),
            ("10 LAST LAST", Ok(ChunkArgument { octets: 10, last: Err(Refusal::BadChunk) })),
            ("", Err(Refusal::ChunkUnreadable)),
            ("LAST", Err(Refusal::ChunkUnreadable)),
            ("-1", Err(Refusal::ChunkUnreadable)),
            ("+1", Err(Refusal::ChunkUnreadable)),
            ("0x10", Err(Refusal::ChunkUnreadable)),
            ("5.0", Err(Refusal::ChunkUnreadable)),
            ("5\tLAST", Err(Refusal::ChunkUnreadable)),
            ("18446744073709551615", good(u64::MAX, false)),
            ("99999999999999999999999", Err(Refusal::ChunkUnreadable)),
        ] {
            assert_eq!(chunk(argument), expected, "{argument:?}");
        }
    }

    #[test]
    fn client_names() {
        for good in ["a.example.com", "my_host", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]", "WIN-01"] {
            assert_eq!(client_name(good), Ok(good));
        }
        for bad in ["", "a b", "a<b", "a\"b", "é", "a/b", &"x".repeat(256)] {
            assert_eq!(client_name(bad), Err(Refusal::BadClientName), "{bad}");
        }
    }
}
