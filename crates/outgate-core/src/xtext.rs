//! `xtext`, the encoding of ENVID and ORCPT (RFC 3461 §4), kept encoded so that it travels on unchanged.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Text in xtext encoding: printable ASCII without `+` and `=`, other octets as `+` and two upper-case hex digits.
///
/// It is kept as it came. Nothing here decodes it, so a decoded CR or LF can reach no command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Xtext(String);

/// Why a text is not xtext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not xtext (RFC 3461 §4)")]
pub struct XtextError;

impl Xtext {
    /// The encoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Xtext {
    type Err = XtextError;
    fn from_str(text: &str) -> Result<Self, XtextError> {
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => {
                    let upper_hex = |b: Option<u8>| matches!(b, Some(b'0'..=b'9' | b'A'..=b'F'));
                    if !(upper_hex(bytes.next()) && upper_hex(bytes.next())) {
                        return Err(XtextError);
                    }
                }
                b'=' => return Err(XtextError),
                0x21..=0x7e => {}
                _ => return Err(XtextError),
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Xtext {
    type Error = XtextError;
    fn try_from(text: String) -> Result<Self, XtextError> {
        text.parse()
    }
}

impl From<Xtext> for String {
    fn from(text: Xtext) -> Self {
        text.0
    }
}

impl fmt::Display for Xtext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_xtext_only() {
        for good in ["", "QQ314159", "a+2Bb", "rfc822;bob@example.org"] {
            assert_eq!(good.parse::<Xtext>().unwrap().as_str(), good);
        }
        for bad in ["a b", "a=b", "a+2b", "a+2", "a+", "ä", "a\r\nb"] {
            assert!(bad.parse::<Xtext>().is_err(), "{bad:?}");
        }
    }
}
