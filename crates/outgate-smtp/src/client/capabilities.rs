//! What a server offers.

use outgate_core::Reply;

/// The extensions that a server named in its answer to EHLO (RFC 5321 §4.1.1.1). After HELO there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// SIZE (RFC 1870): octets of a message, 0 when it names no limit.
    pub size: Option<u64>,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// AUTH PLAIN (RFC 4954, RFC 4616).
    pub auth_plain: bool,
    /// AUTH LOGIN.
    pub auth_login: bool,
    /// LIMITS RCPTMAX (RFC 9422): recipients of one transaction.
    pub recipients: Option<usize>,
    /// LIMITS MAILMAX (RFC 9422): transactions of one connection.
    pub transactions: Option<usize>,
}

impl Capabilities {
    /// Reads the answer to EHLO; keywords that nobody here knows, and parameters that make no sense, are passed over.
    pub fn of(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines.iter().skip(1) {
            // `AUTH=PLAIN LOGIN` is a form older than RFC 4954 that some servers still send.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => found.pipelining = true,
                "SIZE" => found.size = Some(words.next().and_then(|size| size.parse().ok()).unwrap_or(0)),
                "8BITMIME" => found.eight_bit_mime = true,
                "SMTPUTF8" => found.smtputf8 = true,
                "DSN" => found.dsn = true,
                "STARTTLS" => found.starttls = true,
                "CHUNKING" => found.chunking = true,
                "AUTH" => words.for_each(|mechanism| {
                    found.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    found.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }),
                "LIMITS" => {
                    while let Some(name) = words.next() {
                        // Every limit that RFC 9422 names has a number of at least one.
                        let value =
                            words.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
                        match name.to_ascii_uppercase().as_str() {
                            "RCPTMAX" => found.recipients = value,
                            "MAILMAX" => found.transactions = value,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Capabilities {
        let lines = std::iter::once("mx.example.org greets you").chain(lines.iter().copied());
        Capabilities::of(&Reply { code: 250, enhanced: None, lines: lines.map(str::to_owned).collect() })
    }

    #[test]
    fn keywords() {
        let none = Capabilities::default();
        for (line, expected) in [
            ("PIPELINING", Capabilities { pipelining: true, ..none }),
            ("pipelining", Capabilities { pipelining: true, ..none }),
            ("SIZE 1000", Capabilities { size: Some(1000), ..none }),
            ("SIZE", Capabilities { size: Some(0), ..none }),
            ("SIZE 99999999999999999999999", Capabilities { size: Some(0), ..none }),
            ("SIZE -1", Capabilities { size: Some(0), ..none }),
            ("8BITMIME", Capabilities { eight_bit_mime: true, ..none }),
            ("SMTPUTF8", Capabilities { smtputf8: true, ..none }),
            ("DSN", Capabilities { dsn: true, ..none }),
            ("STARTTLS", Capabilities { starttls: true, ..none }),
            ("CHUNKING", Capabilities { chunking: true, ..none }),
            ("AUTH PLAIN CRAM-MD5 LOGIN", Capabilities { auth_plain: true, auth_login: true, ..none }),
            ("AUTH=LOGIN", Capabilities { auth_login: true, ..none }),
            ("LIMITS RCPTMAX=50 X=y MAILMAX=0", Capabilities { recipients: Some(50), ..none }),
            ("LIMITS MAILMAX=7", Capabilities { transactions: Some(7), ..none }),
            ("X-PIPELINING", none),
            ("", none),
        ] {
            assert_eq!(of(&[line]), expected, "{line:?}");
        }
    }

    #[test]
    fn the_first_line_is_a_name() {
        let reply = Reply { code: 250, enhanced: None, lines: vec!["PIPELINING".into()] };
        assert_eq!(Capabilities::of(&reply), Capabilities::default());
    }
}
