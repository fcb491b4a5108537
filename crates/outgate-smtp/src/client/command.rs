//! Writing commands.

use super::{Capabilities, Mail};
use outgate_core::{Body, Notify, Recipient, ReturnContent};
use std::{
    fmt::{self, Write},
    str::FromStr,
};

/// The name that we give in EHLO: a host's name or an address literal (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EhloName(Box<str>);

/// A text that cannot be said in EHLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an EHLO name is 1 to 255 printable ASCII characters without spaces")]
pub struct EhloNameError;

impl EhloName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EhloName {
    type Err = EhloNameError;
    fn from_str(text: &str) -> Result<Self, EhloNameError> {
        // RFC 5321 §4.5.3.1.2: a domain has at most 255 octets.
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(EhloNameError) }
    }
}

impl fmt::Display for EhloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command that would not have been one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unwritable;

/// Commands written one after the other, and where each ends.
#[derive(Debug, Default)]
pub(super) struct Script {
    text: String,
}

impl Script {
    /// Where the next command will begin.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// Writes a fixed command.
    pub(super) fn plain(&mut self, command: &str) -> Result<(), Unwritable> {
        self.line(|text| text.write_str(command))
    }

    /// Writes MAIL with the parameters that the server understands.
    pub(super) fn mail(&mut self, mail: &Mail<'_>, offered: &Capabilities) -> Result<(), Unwritable> {
        self.line(|text| {
            write!(text, "MAIL FROM:<{}>", mail.reverse_path)?;
            if offered.size.is_some() {
                write!(text, " SIZE={}", mail.size)?; // RFC 1870 §3
            }
            if offered.eight_bit_mime && mail.body == Body::EightBitMime {
                text.write_str(" BODY=8BITMIME")?; // RFC 6152 §2
            }
            if offered.smtputf8 && mail.smtputf8 {
                text.write_str(" SMTPUTF8")?; // RFC 6531 §3.4
            }
            if offered.dsn {
                match mail.return_content {
                    Some(ReturnContent::Full) => text.write_str(" RET=FULL")?, // RFC 3461 §4.3
                    Some(ReturnContent::Headers) => text.write_str(" RET=HDRS")?,
                    None => {}
                }
                if let Some(id) = mail.envelope_id {
                    write!(text, " ENVID={id}")?; // RFC 3461 §4.4
                }
            }
            Ok(())
        })
    }

    /// Writes RCPT with the parameters that the server understands.
    pub(super) fn recipient(
        &mut self,
        recipient: &Recipient,
        offered: &Capabilities,
    ) -> Result<(), Unwritable> {
        self.line(|text| {
            write!(text, "RCPT TO:<{}>", recipient.address)?;
            if offered.dsn {
                if let Some(notify) = recipient.notify {
                    write!(text, " NOTIFY={}", notify_words(notify))?; // RFC 3461 §4.1
                }
                if let Some(original) = &recipient.original {
                    write!(text, " ORCPT={original}")?; // RFC 3461 §4.2
                }
            }
            Ok(())
        })
    }

    /// Writes one line. The types above let no CR, LF or other control character through; should one ever come, the
    /// line is taken back, because a second command could hide behind it.
    fn line(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) -> Result<(), Unwritable> {
        let start = self.text.len();
        let written = write(&mut self.text);
        if written.is_err() || self.text[start..].chars().any(char::is_control) {
            self.text.truncate(start);
            return Err(Unwritable);
        }
        self.text.push_str("\r\n");
        Ok(())
    }
}

fn notify_words(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let chosen: Vec<&str> = words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
    if chosen.is_empty() { "NEVER".to_owned() } else { chosen.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::{EmailAddress, ReversePath, Xtext};

    const ALL: Capabilities = Capabilities {
        pipelining: true,
        size: Some(0),
        eight_bit_mime: true,
        smtputf8: true,
        dsn: true,
        starttls: true,
        chunking: true,
        auth_plain: true,
        auth_login: true,
        recipients: None,
        transactions: None,
    };

    fn written(write: impl FnOnce(&mut Script) -> Result<(), Unwritable>) -> String {
        let mut script = Script::default();
        write(&mut script).unwrap();
        String::from_utf8(script.into_bytes()).unwrap()
    }

    fn recipient(address: &str, notify: Option<Notify>, original: Option<&str>) -> Recipient {
        Recipient {
            address: address.parse().unwrap(),
            notify,
            original: original.map(|original| original.parse().unwrap()),
        }
    }

    #[test]
    fn mail_has_the_parameters_that_are_offered() {
        let id: Xtext = "QQ+2B1".parse().unwrap();
        let sender = ReversePath::Address("\"a b\"@example.com".parse::<EmailAddress>().unwrap());
        let mail = Mail {
            reverse_path: &sender,
            recipients: &[],
            body: Body::EightBitMime,
            smtputf8: true,
            return_content: Some(ReturnContent::Headers),
            envelope_id: Some(&id),
            size: 1234,
        };
        assert_eq!(
            written(|script| script.mail(&mail, &ALL)),
            "MAIL FROM:<\"a b\"@example.com> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1\r\n"
        );
        assert_eq!(
            written(|script| script.mail(&mail, &Capabilities::default())),
            "MAIL FROM:<\"a b\"@example.com>\r\n"
        );
        let plain = Mail {
            reverse_path: &ReversePath::Null,
            recipients: &[],
            body: Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
            size: 9,
        };
        assert_eq!(written(|script| script.mail(&plain, &ALL)), "MAIL FROM:<> SIZE=9\r\n");
    }

    #[test]
    fn recipients_have_the_parameters_that_are_offered() {
        let never = Notify::default();
        let some = Notify { success: true, failure: false, delay: true };
        for (recipient, expected) in [
            (recipient("a@example.org", None, None), "RCPT TO:<a@example.org>\r\n"),
            (recipient("a@example.org", Some(never), None), "RCPT TO:<a@example.org> NOTIFY=NEVER\r\n"),
            (
                recipient("a@example.org", Some(some), Some("rfc822;b+2Bc@example.org")),
                "RCPT TO:<a@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@example.org\r\n",
            ),
        ] {
            assert_eq!(written(|script| script.recipient(&recipient, &ALL)), expected);
        }
        let asked = recipient("\"a> NOTIFY=NEVER \"@example.org", Some(never), Some("rfc822;x"));
        assert_eq!(
            written(|script| script.recipient(&asked, &Capabilities::default())),
            "RCPT TO:<\"a> NOTIFY=NEVER \"@example.org>\r\n",
            "what could end the address early is quoted again"
        );
    }

    #[test]
    fn a_line_is_one_line() {
        let mut script = Script::default();
        script.plain("RSET").unwrap();
        for bad in ["A\r\nB", "A\nB", "A\rB", "A\0B", "A\u{85}B"] {
            assert_eq!(script.plain(bad), Err(Unwritable), "{bad:?}");
        }
        assert_eq!(script.into_bytes(), b"RSET\r\n");
    }

    #[test]
    fn ehlo_names() {
        for good in ["relay.example.net", "[192.0.2.1]", "localhost"] {
            assert_eq!(good.parse::<EhloName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(256);
        for bad in ["", "a b", "a\r\nb", "ä.example", long.as_str()] {
            assert_eq!(bad.parse::<EhloName>(), Err(EhloNameError), "{bad:?}");
        }
    }
}
