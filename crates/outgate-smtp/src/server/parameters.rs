//! The parameters of MAIL and RCPT.
//!
//! smtp-proto holds the grammar of their values. It is handed one line that has been made for it: with an empty path
//! (it would unquote), and without the values that it would decode (ENVID, ORCPT: a CR LF might come out) or count
//! wrong (SIZE: a long run of digits wraps). Those are read here, from the bytes that came.

use super::Refusal;
use crate::Limits;
use outgate_core::{Body, Notify, ReturnContent, Xtext};
use smtp_proto::{
    Error, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8,
    RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, Request,
};

/// RFC 3461 §4.4: the longest ENVID.
const LONGEST_ENVID: usize = 100;
/// RFC 3461 §4.2: the longest ORCPT.
const LONGEST_ORCPT: usize = 500;

/// What MAIL said behind the path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    pub(super) size: usize,
    pub(super) body: Body,
    pub(super) smtputf8: bool,
    pub(super) return_content: Option<ReturnContent>,
    pub(super) envelope_id: Option<Xtext>,
}

/// Reads the parameters of MAIL.
pub(super) fn mail(text: &str, limits: &Limits) -> Result<MailParameters, Refusal> {
    let mut read = MailParameters::default();
    let mut flags = 0;
    let rest = each(text, |key, value| {
        match (key, value) {
            ("SIZE", Some(digits)) => read.size = size(digits, limits)?,
            ("ENVID", Some(value)) => read.envelope_id = Some(xtext(value, LONGEST_ENVID)?),
            // RFC 4954 §5: taken, and not believed
            ("AUTH", Some(value)) => drop(xtext(value, Limits::COMMAND_LINE)?),
            ("BODY" | "RET", Some(_)) | ("SMTPUTF8", None) => return Ok(Handled::LeftToGrammar),
            ("SIZE" | "ENVID" | "AUTH" | "BODY" | "RET" | "SMTPUTF8", _) => {
                return Err(Refusal::BadParameter);
            }
            _ => return Err(Refusal::UnknownParameter), // RFC 5321 §4.1.1.11
        }
        Ok(Handled::Here)
    })?;
    if let Some(rest) = rest {
        match Request::parse(&mut format!("MAIL FROM:<>{rest}\r\n").as_bytes().iter()) {
            Ok(Request::Mail { from }) => flags = from.flags,
            Err(Error::UnsupportedParameter { .. }) => return Err(Refusal::UnknownParameter),
            _ => return Err(Refusal::BadParameter),
        }
    }
    if flags & MAIL_BODY_BINARYMIME != 0 {
        return Err(Refusal::BinaryMime); // RFC 3030 §3: only where announced
    }
    if flags & MAIL_BODY_8BITMIME != 0 {
        read.body = Body::EightBitMime; // RFC 6152 §3
    }
    read.smtputf8 = flags & MAIL_SMTPUTF8 != 0; // RFC 6531 §3.4
    if flags & MAIL_RET_FULL != 0 {
        read.return_content = Some(ReturnContent::Full); // RFC 3461 §4.3
    } else if flags & MAIL_RET_HDRS != 0 {
        read.return_content = Some(ReturnContent::Headers);
    }
    Ok(read)
}

/// What RCPT said behind the path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RcptParameters {
    pub(super) notify: Option<Notify>,
    pub(super) original: Option<Xtext>,
}

/// Reads the parameters of RCPT.
pub(super) fn rcpt(text: &str) -> Result<RcptParameters, Refusal> {
    let mut read = RcptParameters::default();
    let rest = each(text, |key, value| match (key, value) {
        ("ORCPT", Some(value)) => {
            read.original = Some(original_recipient(value)?);
            Ok(Handled::Here)
        }
        ("NOTIFY", Some(_)) => Ok(Handled::LeftToGrammar),
        ("ORCPT" | "NOTIFY", None) => Err(Refusal::BadParameter),
        _ => Err(Refusal::UnknownParameter), // RFC 5321 §4.1.1.11
    })?;
    let Some(rest) = rest else { return Ok(read) };
    let flags = match Request::parse(&mut format!("RCPT TO:<>{rest}\r\n").as_bytes().iter()) {
        Ok(Request::Rcpt { to }) => to.flags,
        _ => return Err(Refusal::BadParameter),
    };
    let notify = Notify {
        success: flags & RCPT_NOTIFY_SUCCESS != 0,
        failure: flags & RCPT_NOTIFY_FAILURE != 0,
        delay: flags & RCPT_NOTIFY_DELAY != 0,
    };
    // RFC 3461 §4.1: NEVER stands alone; the grammar takes it when something follows
    if flags & RCPT_NOTIFY_NEVER != 0 && notify != Notify::default() {
        return Err(Refusal::BadParameter);
    }
    read.notify = Some(notify);
    Ok(read)
}

/// Who reads a parameter's value.
enum Handled {
    Here,
    LeftToGrammar,
}

/// Walks over parameters, each of which may be there once; returns those that are left to the grammar.
fn each(
    text: &str,
    mut read: impl FnMut(&str, Option<&str>) -> Result<Handled, Refusal>,
) -> Result<Option<String>, Refusal> {
    let mut seen: Vec<String> = Vec::new();
    let mut rest: Option<String> = None;
    for parameter in text.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = match parameter.split_once('=') {
            Some((key, value)) => (key.to_ascii_uppercase(), Some(value)),
            None => (parameter.to_ascii_uppercase(), None),
        };
        if value == Some("") || seen.contains(&key) {
            return Err(Refusal::BadParameter);
        }
        if let Handled::LeftToGrammar = read(&key, value)? {
            let rest = rest.get_or_insert_default();
            rest.push(' ');
            rest.push_str(parameter);
        }
        seen.push(key);
    }
    Ok(rest)
}

/// RFC 1870 §4: up to 20 digits. A number that is too long to count is too large for any message.
fn size(digits: &str, limits: &Limits) -> Result<usize, Refusal> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::BadParameter);
    }
    match digits.parse() {
        Ok(size) if size <= limits.message_bytes => Ok(size),
        _ => Err(Refusal::TooLarge { limit: limits.message_bytes }), // RFC 1870 §6.1
    }
}

fn xtext(value: &str, longest: usize) -> Result<Xtext, Refusal> {
    if value.len() > longest {
        return Err(Refusal::BadParameter);
    }
    value.parse().map_err(|_| Refusal::BadParameter)
}

/// RFC 3461 §4.2: `address-type ";" xtext`; kept as it came.
fn original_recipient(value: &str) -> Result<Xtext, Refusal> {
    let (kind, address) = value.split_once(';').ok_or(Refusal::BadParameter)?;
    let is_atom = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_atom || address.is_empty() {
        return Err(Refusal::BadParameter);
    }
    xtext(value, LONGEST_ORCPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { message_bytes: 1000, ..Limits::default() }
    }

    #[test]
    fn mail_parameters() {
        let read = mail(" SIZE=1000 BODY=8BITMIME smtputf8 RET=HDRS ENVID=QQ+2B AUTH=<>", &limits()).unwrap();
        let expected = MailParameters {
            size: 1000,
            body: Body::EightBitMime,
            smtputf8: true,
            return_content: Some(ReturnContent::Headers),
            envelope_id: Some("QQ+2B".parse().unwrap()),
        };
        assert_eq!(read, expected);
        assert_eq!(mail("", &limits()), Ok(MailParameters::default()));
        assert_eq!(mail(" BODY=7bit  ", &limits()), Ok(MailParameters::default()));
    }

    #[test]
    fn mail_refusals() {
        let large = Refusal::TooLarge { limit: 1000 };
        let long = format!(" ENVID={}", "x".repeat(101));
        for (text, refusal) in [
            (" SIZE=1001", large.clone()),
            (" SIZE=99999999999999999999999999", large),
            (" SIZE=", Refusal::BadParameter),
            (" SIZE=-1", Refusal::BadParameter),
            (" SIZE=1x", Refusal::BadParameter),
            (" SIZE", Refusal::BadParameter),
            (" SIZE=1 SIZE=2", Refusal::BadParameter),
            (" BODY=BINARYMIME", Refusal::BinaryMime),
            (" BODY=9BIT", Refusal::BadParameter),
            (" BODY", Refusal::BadParameter),
            (" SMTPUTF8=1", Refusal::BadParameter),
            (" RET=SOME", Refusal::BadParameter),
            (" RET=FULLER", Refusal::BadParameter),
            (" ENVID=a+0", Refusal::BadParameter),
            (long.as_str(), Refusal::BadParameter),
            (" FOO=1", Refusal::UnknownParameter),
            (" REQUIRETLS", Refusal::UnknownParameter),
            (" HOLDFOR=5", Refusal::UnknownParameter),
            (" >", Refusal::UnknownParameter),
        ] {
            assert_eq!(mail(text, &limits()), Err(refusal), "{text}");
        }
    }

    #[test]
    fn an_encoded_line_end_stays_encoded() {
        let read = mail(" ENVID=a+0D+0AX", &limits()).unwrap();
        assert_eq!(read.envelope_id.unwrap().as_str(), "a+0D+0AX");
    }

    #[test]
    fn rcpt_parameters() {
        let notify = |success, failure, delay| Some(Notify { success, failure, delay });
        for (text, expected) in [
            ("", Ok((None, None))),
            (" NOTIFY=NEVER", Ok((notify(false, false, false), None))),
            (" NOTIFY=success,FAILURE", Ok((notify(true, true, false), None))),
            (" NOTIFY=DELAY ORCPT=rfc822;a+40b", Ok((notify(false, false, true), Some("rfc822;a+40b")))),
            (" ORCPT=utf-8;x", Ok((None, Some("utf-8;x")))),
            (" NOTIFY=NEVER,SUCCESS", Err(Refusal::BadParameter)),
            (" NOTIFY=SUCCESS,NEVER", Err(Refusal::BadParameter)),
            (" NOTIFY=", Err(Refusal::BadParameter)),
            (" NOTIFY", Err(Refusal::BadParameter)),
            (" NOTIFY=SOON", Err(Refusal::BadParameter)),
            (" NOTIFY=SUCCESS,", Err(Refusal::BadParameter)),
            (" NOTIFY=SUCCESS, DELAY", Err(Refusal::UnknownParameter)),
            (" ORCPT=a@b", Err(Refusal::BadParameter)),
            (" ORCPT=;x", Err(Refusal::BadParameter)),
            (" ORCPT=rfc822;", Err(Refusal::BadParameter)),
            (" SIZE=1", Err(Refusal::UnknownParameter)),
        ] {
            let expected = expected.map(|(notify, original)| RcptParameters {
                notify,
                original: original.map(|text: &str| text.parse().unwrap()),
            });
            assert_eq!(rcpt(text), expected, "{text}");
        }
    }
}
