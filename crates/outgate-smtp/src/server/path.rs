//! Taking the path out of MAIL and RCPT, as it came.
//!
//! smtp-proto unquotes local parts, so that `<"a> NOTIFY=NEVER "@d>` would come out as something else than went in.
//! The path is cut out here, and judged by [`EmailAddress`].

use super::Refusal;
use outgate_core::{DomainName, EmailAddress};

/// A path and what stands behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// What stood between the angle brackets, less a source route.
    pub(super) text: &'a str,
    /// The parameters.
    pub(super) parameters: &'a str,
}

/// Reads `FROM:<path> parameters`, or with `TO`. Spaces around the colon are against the rules and common.
pub(super) fn read<'a>(keyword: &str, argument: &'a str) -> Option<Path<'a>> {
    let word = argument.get(..keyword.len()).filter(|word| word.eq_ignore_ascii_case(keyword))?;
    let rest = argument[word.len()..].trim_start_matches(' ').strip_prefix(':')?;
    let rest = rest.trim_start_matches(' ').strip_prefix('<')?;
    let end = path_end(rest)?;
    let parameters = &rest[end + 1..];
    if !(parameters.is_empty() || parameters.starts_with(' ')) {
        return None;
    }
    let text = &rest[..end];
    // RFC 5321 §4.1.1.3: a source route is accepted and ignored
    let text = if text.starts_with('@') { text.split_once(':')?.1 } else { text };
    Some(Path { text, parameters })
}

/// Where the `>` stands that ends the path: one inside a quoted string does not (RFC 5321 §4.1.2).
fn path_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Why a path gives no address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathFault {
    /// It needs SMTPUTF8.
    Utf8,
    /// It is no address; why.
    Address(String),
}

/// Reads the address of a path.
pub(super) fn address(text: &str, smtputf8: bool) -> Result<EmailAddress, PathFault> {
    if !smtputf8 && !text.is_ascii() {
        return Err(PathFault::Utf8); // RFC 6531 §3.5
    }
    if let Some((_, domain)) = text.rsplit_once('@')
        && domain.chars().any(is_mapped_away)
    {
        return Err(PathFault::Address(
            "its domain has characters that other programs read as others".into(),
        ));
    }
    text.parse().map_err(|error: outgate_core::AddressError| PathFault::Address(error.to_string()))
}

/// Whether a character of a domain is nothing or ASCII once UTS #46 has mapped it: a soft hyphen, a full-width letter.
/// Then one name is written in two ways, and whoever compares it unmapped sees another (From: refuses them too).
fn is_mapped_away(c: char) -> bool {
    // A label with it, mapped, still needs its `xn--` form, unless nothing is left of it.
    !c.is_ascii()
        && format!("a{c}a.example").parse::<DomainName>().is_ok_and(|name| !name.as_str().starts_with("xn--"))
}

impl PathFault {
    pub(super) fn of_sender(self) -> Refusal {
        match self {
            Self::Utf8 => Refusal::Utf8Address,
            Self::Address(why) => Refusal::BadSender { why },
        }
    }

    pub(super) fn of_recipient(self) -> Refusal {
        match self {
            Self::Utf8 => Refusal::Utf8Address,
            Self::Address(why) => Refusal::BadRecipient { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (argument, expected) in [
            ("FROM:<a@b.c>", Some(("a@b.c", ""))),
            ("from: <a@b.c> SIZE=1", Some(("a@b.c", " SIZE=1"))),
            ("FROM : <a@b.c>", Some(("a@b.c", ""))),
            ("FROM:<>", Some(("", ""))),
            ("FROM:<@x.org,@y.org:a@b.c>", Some(("a@b.c", ""))),
            ("FROM:<\"a> NOTIFY=NEVER \"@d.org>", Some(("\"a> NOTIFY=NEVER \"@d.org", ""))),
            ("FROM:<\"a\\\">\"@d.org> X", Some(("\"a\\\">\"@d.org", " X"))),
            ("FROM:a@b.c", None),
            ("FROM:<a@b.c", None),
            ("FROM:<a@b.c>SIZE=1", None),
            ("FROM:<@x.org>", None),
            ("FROM:<\"a@b.c>", None),
            ("FROM", None),
            ("TO:<a@b.c>", None),
            ("é:<a@b.c>", None),
            ("", None),
        ] {
            let expected = expected.map(|(text, parameters)| Path { text, parameters });
            assert_eq!(read("FROM", argument), expected, "{argument}");
        }
    }

    #[test]
    fn addresses_keep_what_they_were() {
        let text = "\"x@evil\"@good.com";
        assert_eq!(address(text, false).unwrap().to_string(), text);
        assert_eq!(address("jörg@example.com", false), Err(PathFault::Utf8));
        assert_eq!(address("a@bücher.example", false), Err(PathFault::Utf8));
        assert!(address("jörg@bücher.example", true).is_ok());
        assert!(matches!(address("a@localhost", false), Err(PathFault::Address(_))));
    }

    #[test]
    fn a_domain_is_not_spelled_in_disguise() {
        for bad in
            ["ｅxample.com", "exam\u{ad}ple.com", "exam\u{200b}ple.com", "example。com", "ﬁle.example.com"]
        {
            let address = address(&format!("a@{bad}"), true);
            assert!(matches!(address, Err(PathFault::Address(_))), "{bad}: {address:?}");
        }
        for good in
            ["bücher.example", "BÜCHER.example", "bu\u{308}cher.example", "straße.example", "例え.テスト"]
        {
            assert!(address(&format!("a@{good}"), true).is_ok(), "{good}");
        }
    }
}
