//! Signing.

use super::{
    SigningKey,
    canonical::{self, Hash},
};
use crate::{
    field::Writer,
    headers::{HeaderFault, Headers},
};
use aws_lc_rs::digest::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use outgate_core::DkimAlgorithm;

/// Why a message was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// No `From:`, which every signature must cover (RFC 6376 §5.4).
    #[error("the message has no From field")]
    NoFrom,
    /// The header section cannot be read, so nobody knows where the body begins.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// The cryptographic library failed.
    #[error("the DKIM signature could not be made")]
    Failed,
}

/// Whether one more instance is signed than there is, so that none can be added later (RFC 6376 §8.15).
#[derive(Clone, Copy, PartialEq)]
enum Cover {
    /// What is there.
    Present,
    /// What is there, and that there is no more.
    Closed,
}

/// What is signed (RFC 6376 §5.4.1). Closed are those that decide what a reader sees and whom he answers, and that
/// nothing on the way adds; a mailing list that does changes the body as well.
const SIGNED: [(&str, Cover); 21] = [
    ("From", Cover::Closed),
    ("To", Cover::Closed),
    ("Cc", Cover::Closed),
    ("Subject", Cover::Closed),
    ("Date", Cover::Closed),
    ("Reply-To", Cover::Closed),
    ("Content-Type", Cover::Closed),
    ("Message-ID", Cover::Present),
    ("Sender", Cover::Present),
    ("MIME-Version", Cover::Present),
    ("Content-Transfer-Encoding", Cover::Present),
    ("In-Reply-To", Cover::Present),
    ("References", Cover::Present),
    ("List-Id", Cover::Present),
    ("List-Help", Cover::Present),
    ("List-Unsubscribe", Cover::Present),
    ("List-Unsubscribe-Post", Cover::Present), // RFC 8058 §4 wants both signed
    ("List-Subscribe", Cover::Present),
    ("List-Post", Cover::Present),
    ("List-Owner", Cover::Present),
    ("List-Archive", Cover::Present),
];

/// Signs a message with each key, relaxed/relaxed. Returns one `DKIM-Signature:` field a key, in order, each ended by
/// CR LF, to be sent ahead of `content`.
pub fn sign<'k>(
    keys: impl IntoIterator<Item = &'k SigningKey>,
    content: &[u8],
    at: Timestamp,
) -> Result<Bytes, SignError> {
    let headers = Headers::read(content);
    if let Some(fault) = headers.fault() {
        return Err(fault.into());
    }
    if headers.named("From").next().is_none() {
        return Err(SignError::NoFrom);
    }
    let mut body = Hash::new();
    canonical::body(headers.body(), &mut body);
    let body_hash = STANDARD.encode(body.finish());
    let (names, header_hash) = header(&headers);
    let mut fields = String::with_capacity(1_536);
    for key in keys {
        fields.push_str(&field(key, &names, &body_hash, &header_hash, at)?);
    }
    Ok(fields.into())
}

/// The names for `h=`, and the hash of what they name: of each, the last instance first (RFC 6376 §5.4.2).
fn header(headers: &Headers<'_>) -> (Vec<&'static str>, Context) {
    let mut names = Vec::with_capacity(SIGNED.len());
    let mut hash = Hash::new();
    for (name, cover) in SIGNED {
        for found in headers.named(name).rev() {
            canonical::field(found.name(), found.value(), &mut |piece| hash.put(piece));
            hash.put(b"\r\n");
            names.push(name);
        }
        if cover == Cover::Closed {
            names.push(name);
        }
    }
    (names, hash.into_context())
}

/// RFC 6376 §3.5; no `l=`, which would let anybody append.
fn field(
    key: &SigningKey,
    names: &[&str],
    body_hash: &str,
    header_hash: &Context,
    at: Timestamp,
) -> Result<String, SignError> {
    let algorithm = match key.algorithm() {
        DkimAlgorithm::RsaSha256 => "a=rsa-sha256;",
        DkimAlgorithm::Ed25519Sha256 => "a=ed25519-sha256;",
    };
    let mut field = Writer::new("DKIM-Signature");
    field.word("v=1;");
    field.word(algorithm);
    field.word("c=relaxed/relaxed;");
    field.word(&format!("d={};", key.domain()));
    field.word(&format!("s={};", key.selector()));
    field.word(&format!("t={};", at.as_second()));
    for (n, name) in names.iter().enumerate() {
        if n == 0 {
            field.word("h=");
            field.piece(name);
        } else {
            field.piece(":");
            field.piece(name);
        }
    }
    field.piece(";");
    field.word(&format!("bh={body_hash};"));
    field.word("b=");
    // RFC 6376 §3.7: the field itself comes last, its `b=` empty and without a line end.
    let mut hash = header_hash.clone();
    let (name, value) = field.so_far().split_once(':').unwrap_or_default();
    canonical::field(name.as_bytes(), value.as_bytes(), &mut |piece| hash.update(piece));
    let signature = key.sign(&hash.finish()).ok_or(SignError::Failed)?;
    field.run(&STANDARD.encode(signature));
    Ok(field.finish())
}
