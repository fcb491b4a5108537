//! The sign-in exchange: PLAIN (RFC 4616) and LOGIN, inside AUTH (RFC 4954).

use super::Refusal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use outgate_core::{Mechanism, Secret};
use zeroize::Zeroizing;

/// A sign-in that waits for the client's next response.
#[derive(Debug)]
pub(super) enum Exchange {
    /// PLAIN's only response.
    Plain,
    /// LOGIN's username.
    LoginUsername,
    /// LOGIN's password.
    LoginPassword {
        /// What came before.
        username: String,
    },
}

/// What comes next in a sign-in.
#[derive(Debug)]
pub(super) enum Next {
    /// Say `334` with this challenge, and wait.
    Challenge(&'static str, Exchange),
    /// The client has said who it is.
    Claim {
        /// How.
        mechanism: Mechanism,
        /// As it was sent.
        username: String,
        /// As it was sent.
        password: Secret,
    },
}

/// `Username:` and `Password:` in base64; the mechanism was never standardised, but these words are what clients know.
const ASK_USERNAME: &str = "VXNlcm5hbWU6";
const ASK_PASSWORD: &str = "UGFzc3dvcmQ6";

/// Begins a sign-in, with the initial response when the client sent one.
pub(super) fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<Next, Refusal> {
    let exchange = match mechanism {
        Mechanism::Plain => Exchange::Plain,
        Mechanism::Login => Exchange::LoginUsername,
    };
    match initial {
        None => Ok(match exchange {
            Exchange::Plain => Next::Challenge("", exchange),
            _ => Next::Challenge(ASK_USERNAME, exchange),
        }),
        Some(b"=") => exchange.answer(&[]), // RFC 4954 §4: the empty initial response
        Some(encoded) => exchange.decode(encoded),
    }
}

impl Exchange {
    /// Goes on with the client's response line.
    pub(super) fn proceed(self, line: &[u8]) -> Result<Next, Refusal> {
        if line == b"*" {
            return Err(Refusal::SignInCancelled); // RFC 4954 §4
        }
        self.decode(line)
    }

    fn decode(self, encoded: &[u8]) -> Result<Next, Refusal> {
        let response = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| Refusal::BadBase64)?;
        self.answer(&response)
    }

    fn answer(self, response: &[u8]) -> Result<Next, Refusal> {
        match self {
            Self::Plain => plain(response),
            // A NUL is in no username and no password; some servers sign in with what stands before it.
            _ if response.contains(&0) => Err(Refusal::BadSignInFields),
            Self::LoginUsername => {
                let exchange = Self::LoginPassword { username: text(response)? };
                Ok(Next::Challenge(ASK_PASSWORD, exchange))
            }
            Self::LoginPassword { username } => {
                Ok(Next::Claim { mechanism: Mechanism::Login, username, password: Secret::new(response) })
            }
        }
    }
}

/// RFC 4616 §2: `[authzid] NUL authcid NUL passwd`, and no NUL anywhere else.
fn plain(response: &[u8]) -> Result<Next, Refusal> {
    let mut fields = response.split(|&byte| byte == 0);
    let (Some(authorization), Some(username), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Refusal::BadSignInFields);
    };
    // RFC 4616 §2: who asks to act for somebody else must not be taken for himself.
    if !authorization.is_empty() && !authorization.eq_ignore_ascii_case(username) {
        return Err(Refusal::AuthorizationId);
    }
    let username = text(username)?;
    Ok(Next::Claim { mechanism: Mechanism::Plain, username, password: Secret::new(password) })
}

fn text(bytes: &[u8]) -> Result<String, Refusal> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Refusal::BadSignInFields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(next: Result<Next, Refusal>) -> String {
        match next {
            Ok(Next::Challenge(text, _)) => format!("334 {text}"),
            Ok(Next::Claim { mechanism, username, password }) => {
                let password = password.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned());
                format!("{} {username} {password}", mechanism.as_str())
            }
            Err(refusal) => refusal.short().to_owned(),
        }
    }

    #[test]
    fn plain_responses() {
        for (response, expected) in [
            ("\0user\0word", "PLAIN user word"),
            ("user\0user\0word", "PLAIN user word"),
            ("USER\0user\0word", "PLAIN user word"),
            ("other\0user\0word", "authorization-id"),
            ("\0user\0", "PLAIN user "),
            ("\0\0word", "PLAIN  word"),
            ("\0user\0word\0", "sign-in-fields"),
            ("\0user\0wo\0rd", "sign-in-fields"),
            ("user\0word", "sign-in-fields"),
            ("word", "sign-in-fields"),
            ("", "sign-in-fields"),
        ] {
            let encoded = STANDARD.encode(response);
            assert_eq!(show(begin(Mechanism::Plain, Some(encoded.as_bytes()))), expected, "{response:?}");
            assert_eq!(show(Exchange::Plain.proceed(encoded.as_bytes())), expected, "{response:?}");
        }
        let latin = STANDARD.encode(b"\0us\xe9r\0word");
        assert_eq!(show(begin(Mechanism::Plain, Some(latin.as_bytes()))), "sign-in-fields");
    }

    #[test]
    fn login_asks_twice() {
        assert_eq!(show(begin(Mechanism::Login, None)), format!("334 {ASK_USERNAME}"));
        assert_eq!(show(begin(Mechanism::Login, Some(b"dXNlcg=="))), format!("334 {ASK_PASSWORD}"));
        let password = || Exchange::LoginPassword { username: "user".into() };
        assert_eq!(show(password().proceed(b"d29yZA==")), "LOGIN user word");
        assert_eq!(show(password().proceed(b"d29yZAA=")), "sign-in-fields", "word and a NUL");
        assert_eq!(show(password().proceed(b"")), "LOGIN user ");
        assert_eq!(show(password().proceed(b"*")), "sign-in-cancelled");
    }

    #[test]
    fn only_base64_is_taken() {
        for bad in ["d29yZA", "d29yZA=", "d29y ZA==", "!!!!", "d29yZA==\t", "****", "d29yZB=="] {
            assert_eq!(show(Exchange::LoginUsername.proceed(bad.as_bytes())), "bad-base64", "{bad}");
        }
    }

    #[test]
    fn an_empty_initial_response_is_written_as_an_equals_sign() {
        assert_eq!(show(begin(Mechanism::Plain, Some(b"="))), "sign-in-fields");
        assert_eq!(show(begin(Mechanism::Plain, None)), "334 ");
        assert_eq!(show(begin(Mechanism::Login, Some(b"="))), format!("334 {ASK_PASSWORD}"));
    }
}
