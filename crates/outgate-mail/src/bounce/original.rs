//! The third part: the original's header, or all of it.

use super::{
    Action, Report,
    encoding::{base64_lines, is_plain_lines, quoted_printable},
};
use crate::headers::Headers;
use outgate_core::ReturnContent;

/// The largest original that is returned whole; of a larger one the header is.
const WHOLE_AT_MOST: usize = 262_144;
/// Octets of a header that are returned; fields past them are left out.
const HEADER_AT_MOST: usize = 65_536;

/// What is returned of the original.
pub(super) enum Returned<'m> {
    /// All, as it is.
    Whole(&'m [u8]),
    /// All, with UTF-8 in its header (RFC 6532 §3.7).
    WholeGlobal(&'m [u8]),
    /// The header (RFC 6522 §4).
    Header(&'m [u8]),
}

impl<'m> Returned<'m> {
    /// Decides. The whole original only goes with a failure and when it was asked for (RFC 3461 §4.3).
    pub(super) fn of(facts: &Report<'m>) -> Self {
        let original = facts.original;
        let failed = facts.told.iter().any(|told| matches!(told.action, Action::Failed { .. }));
        let wanted = failed && facts.return_content == Some(ReturnContent::Full);
        let headers = Headers::read(original);
        let end = original.len() - headers.body().len();
        let fits = original.len() <= WHOLE_AT_MOST && headers.fault().is_none() && is_plain_lines(original);
        if wanted && fits {
            if original[..end].is_ascii() {
                return Self::Whole(original);
            }
            if std::str::from_utf8(&original[..end]).is_ok() {
                return Self::WholeGlobal(original);
            }
        }
        let last = headers
            .fields()
            .iter()
            .map(|field| field.range().end)
            .take_while(|end| *end <= HEADER_AT_MOST)
            .last();
        Self::Header(&original[..last.unwrap_or(0)])
    }

    /// Whether it stands there in octets beyond ASCII.
    pub(super) fn is_eight_bit(&self) -> bool {
        matches!(self, Self::Whole(original) if !original.is_ascii())
    }

    /// Writes the part, from its header to the line end before the next boundary.
    pub(super) fn write(&self, content: &mut Vec<u8>) {
        let (kind, encoding, encoded) = match self {
            Self::Whole(original) => {
                let encoding = if original.is_ascii() { "7bit" } else { "8bit" };
                ("message/rfc822", encoding, original.to_vec())
            }
            // Any encoding is allowed in it, so that no server on the way back needs SMTPUTF8 (RFC 6532 §3.7).
            Self::WholeGlobal(original) => ("message/global", "base64", base64_lines(original).into_bytes()),
            Self::Header(header) if header.is_ascii() && is_plain_lines(header) => {
                ("text/rfc822-headers", "7bit", header.to_vec())
            }
            Self::Header(header) => {
                // RFC 6533 §6 for UTF-8; for other octets RFC 6522 §4 has the encoding alone.
                let global = !header.is_ascii() && std::str::from_utf8(header).is_ok();
                let kind = if global { "message/global-headers" } else { "text/rfc822-headers" };
                (kind, "quoted-printable", quoted_printable(header).into_bytes())
            }
        };
        content.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
        content.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes());
        content.extend_from_slice(&encoded);
        // The line end before a boundary is the boundary's (RFC 2046 §5.1.1).
        content.extend_from_slice(b"\r\n");
    }
}
