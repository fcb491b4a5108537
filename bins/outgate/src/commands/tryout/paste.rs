//! Lines to paste into another terminal.

use std::net::SocketAddr;

/// What a client is told.
#[derive(Debug)]
pub(super) struct Submission<'a> {
    pub(super) address: SocketAddr,
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    pub(super) from: String,
    pub(super) to: &'a str,
}

/// A swaks command.
pub(super) fn swaks(to: &Submission<'_>) -> String {
    format!(
        "swaks --server {} --tls --auth LOGIN \\\n  --auth-user {} \\\n  --auth-password {} \\\n  --from {} --to {}",
        to.address, to.username, to.password, to.from, to.to,
    )
}

/// A Python program in a here-document. Its TLS takes the self-signed certificate that the throwaway relay has.
pub(super) fn python(to: &Submission<'_>) -> String {
    let (host, port) = (to.address.ip(), to.address.port());
    format!(
        r#"python3 - <<'END'
import smtplib, ssl
from email.message import EmailMessage
message = EmailMessage()
message["From"], message["To"] = "{}", "{}"
message["Subject"] = "Hello from Python"
message.set_content("It works.")
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
with smtplib.SMTP("{host}", {port}) as smtp:
    smtp.starttls(context=tls)
    smtp.login("{}", "{}")
    smtp.send_message(message)
END"#,
        to.from, to.to, to.username, to.password,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_eighty_columns_and_hold_everything() {
        let submission = Submission {
            address: ([127, 0, 0, 1], 65_535).into(),
            username: "k7m2abcdefghjk",
            password: "og_0123456789012345678901234567890123456789",
            from: "anything@example.test".to_owned(),
            to: "you@example.org",
        };
        for text in [swaks(&submission), python(&submission)] {
            for part in ["65535", submission.username, submission.password, &submission.from, submission.to] {
                assert!(text.contains(part), "{part} in {text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
