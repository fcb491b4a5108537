//! What must hold for any bytes whatsoever. Fuzz targets (`tests/fuzz`) and the tests below run the same functions.

use super::{
    Config, Phase, QueuedAs, Refusal, Session, Step, TlsFacts,
    body::{Body, Form},
    input::{Frame, Input},
};
use crate::Limits;
use outgate_core::ByteBudget;
use std::{net::Ipv4Addr, sync::Arc};

/// Small limits, so that few bytes reach them.
fn limits() -> Limits {
    Limits { message_bytes: 200, recipients: 3, line_octets: 40, errors: 6 }
}

/// Cuts `bytes` into pieces whose sizes follow from `seed`.
fn pieces(mut bytes: &[u8], mut seed: u64) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let size = 1 + (seed >> 33) as usize % 9;
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        out.push(piece);
        bytes = rest;
    }
    out
}

/// Command lines come out as a plain reading of the whole input finds them: divided at CR LF and nowhere else, one
/// refusal for each bad one.
pub fn line_framing(bytes: &[u8]) {
    const LIMIT: usize = 32;
    let framed = |pieces: &[&[u8]]| {
        let mut input = Input::default();
        let mut out = Vec::new();
        for piece in pieces {
            input.append(piece);
            let own = |frame: Frame<'_>| match frame {
                Frame::Line(line) => Some(line.to_vec()),
                Frame::Refused(_) => None,
            };
            while let Some(frame) = input.next_line(LIMIT, true, own) {
                out.push(frame);
            }
            assert!(input.unread().len() < LIMIT, "more is kept than a line may have");
        }
        out
    };
    let mut expected = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = &rest[..end];
        let good = end + 2 <= LIMIT && !line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
        expected.push(good.then(|| line.to_vec()));
        rest = &rest[end + 2..];
    }
    if rest.len() >= LIMIT || rest.contains(&b'\n') {
        expected.push(None);
    }
    assert_eq!(framed(&[bytes]), expected);
    assert_eq!(framed(&pieces(bytes, bytes.len() as u64)), expected);
}

/// A message ends at its first CR LF `.` CR LF and nowhere else; what is kept is what a plain reading finds, or the
/// message is refused.
pub fn data_decoding(bytes: &[u8]) {
    let limits = limits();
    let budget = ByteBudget::new(10_000);
    let decode = |pieces: &[&[u8]]| {
        let mut body = Body::new(Form::Dotted, &limits, 0, budget.open());
        let mut read = 0;
        for piece in pieces {
            read += body.feed(piece);
            assert!(budget.used() <= limits.message_bytes);
            if body.ended() {
                let content = body.finish().map(|(bytes, _)| bytes.to_vec());
                return Some((read, content.map_err(|refusal| refusal.short())));
            }
        }
        assert_eq!(read, bytes.len(), "nothing is left lying before the end");
        None
    };
    let whole = decode(&[bytes]);
    assert_eq!(decode(&pieces(bytes, 7)), whole);
    assert_eq!(budget.used(), 0, "the budget has its bytes back");

    // The plain reading: the message as if a line end stood before it.
    let mut padded = b"\r\n".to_vec();
    padded.extend_from_slice(bytes);
    let end = padded.windows(5).position(|five| five == b"\r\n.\r\n");
    assert_eq!(whole.as_ref().map(|(read, _)| *read), end.map(|at| at + 3));
    let (Some(end), Some((_, content))) = (end, whole) else { return };
    let message = &padded[2..(end + 2).max(2)];
    let bare = String::from_utf8_lossy(message).replace("\r\n", "").contains(['\r', '\n', '\0']);
    let unstuff = |line: &[u8]| line.strip_prefix(b".").unwrap_or(line).to_vec();
    let lines = split_lines(message);
    let long = lines.iter().any(|line| unstuff(line).len() > limits.line_octets);
    let plain: Vec<u8> = lines.iter().flat_map(|line| [unstuff(line), b"\r\n".to_vec()].concat()).collect();
    match content {
        Ok(kept) => {
            assert!(!bare && !long, "refused by the plain reading");
            assert_eq!(kept, plain);
        }
        Err(code) => {
            assert!(bare || long || plain.len() > limits.message_bytes, "refused without a reason: {code}");
        }
    }
}

/// The lines of a message whose every line is ended by CR LF, without it.
fn split_lines(message: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = message;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines
}

/// A whole session holds for any bytes: the same replies however they are cut, each reply well-formed, nothing kept
/// that other servers could misread, and nothing after the end. The first byte chooses the listener.
pub fn server_session(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let auth = choice & 1 != 0;
    let tls = choice & 2 != 0;
    let refusing = choice & 4 != 0;
    let whole = Run::of(auth, tls, refusing, &[bytes]);
    let cut = Run::of(auth, tls, refusing, &pieces(bytes, u64::from(*choice)));
    // What is read ahead of a STARTTLS is thrown away, so only then do the pieces matter.
    if !whole.handshake {
        assert_eq!(String::from_utf8_lossy(&whole.said), String::from_utf8_lossy(&cut.said));
        assert_eq!(whole.kept, cut.kept);
    }
    for line in String::from_utf8_lossy(&whole.said).split_inclusive("\r\n") {
        assert!(line.ends_with("\r\n") && line.len() <= 512, "{line:?}");
        let text = &line[..line.len() - 2];
        assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line:?}");
        let code: u16 = text[..3].parse().unwrap_or_default();
        assert!((200..600).contains(&code) && code != 521, "{line:?}");
        let enhanced = text[4..].starts_with(&format!("{}.", code / 100));
        assert!(code < 400 || enhanced, "RFC 2034 §4: {line:?}");
    }
    for content in &whole.kept {
        assert!(content.is_empty() || content.ends_with(b"\r\n"));
        let text = String::from_utf8_lossy(content).replace("\r\n", "");
        assert!(!text.contains(['\r', '\n', '\0']), "passed on: {text:?}");
    }
}

/// What a session said and asked to be kept.
struct Run {
    said: Vec<u8>,
    kept: Vec<Vec<u8>>,
    handshake: bool,
}

impl Run {
    fn of(auth: bool, tls: bool, refusing: bool, pieces: &[&[u8]]) -> Self {
        let budget = ByteBudget::new(1300);
        let config = Config {
            hostname: "relay.example.net".into(),
            limits: limits(),
            starttls: true,
            auth,
            budget: Arc::clone(&budget),
        };
        let facts = || TlsFacts { version: "TLSv1.3".into(), cipher: "x".into() };
        let address = Ipv4Addr::LOCALHOST.into();
        let mut session = Session::new(Arc::new(config), address, tls.then(facts));
        let mut run = Self { said: Vec::new(), kept: Vec::new(), handshake: false };
        let mut asked = 0_u32;
        let mut refuses = || {
            asked += 1;
            refusing && asked.is_multiple_of(3)
        };
        let mut pieces = pieces.iter();
        loop {
            match session.step() {
                Step::Send(bytes) => {
                    assert!(!bytes.is_empty());
                    run.said.extend_from_slice(&bytes);
                }
                Step::NeedInput(phase) => {
                    assert!(phase == Phase::Data || budget.used() <= 1300);
                    let Some(piece) = pieces.next() else { break };
                    session.receive(piece);
                }
                Step::StartTls => {
                    run.handshake = true;
                    session.tls_started(facts());
                }
                Step::SignIn { .. } => session.signed_in(Err(Refusal::BadCredentials)),
                Step::Mail(_) => session.mail(Ok(())),
                Step::Recipient(_) => {
                    session.recipient(if refuses() { Err(Refusal::RecipientNotHere) } else { Ok(()) });
                }
                Step::Keep(transaction) => {
                    assert!(transaction.reservation.bytes() >= transaction.content.len());
                    run.kept.push(transaction.content.to_vec());
                    let answer = if refuses() { Err(Refusal::StoreFull) } else { Ok(QueuedAs("1".into())) };
                    session.kept(answer);
                }
                Step::Close => {
                    session.receive(b"NOOP\r\n");
                    assert!(matches!(session.step(), Step::Close), "the end is the end");
                    break;
                }
            }
        }
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes that matter to the readers come often.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => Just(b'\r'), 4 => Just(b'\n'), 3 => Just(b'.'), 1 => Just(0_u8), 6 => b'a'..=b'z', 1 => any::<u8>(),
        ];
        let word = prop_oneof![
            6 => prop::collection::vec(byte, 1..6),
            3 => Just(b"\r\n.\r\n".to_vec()),
            3 => Just(b"\r\n".to_vec()),
            1 => Just(vec![b'x'; 45]),
            1 => Just([[b'y'; 36].as_slice(), b"\r\n"].concat().repeat(6)),
        ];
        prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
    }

    /// Lines of a client that has lost its mind.
    fn session() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            2 => Just("EHLO a.example"), 1 => Just("HELO a"), 1 => Just("STARTTLS"),
            3 => Just("MAIL FROM:<a@example.com>"), 1 => Just("MAIL FROM:<> SIZE=9 BODY=8BITMIME"),
            3 => Just("RCPT TO:<b@example.org>"), 1 => Just("RCPT TO:<\"c>\"@example.org> NOTIFY=NEVER"),
            3 => Just("DATA"), 3 => Just("."), 2 => Just("Subject: x"), 1 => Just("..dot"),
            1 => Just("BDAT\t5"), 1 => Just("BDAT -5"), 1 => Just("BDAT 70000"), 2 => Just("BDAT 5 LAST"), 2 => Just("BDAT 9"), 1 => Just("BDAT 500"), 1 => Just("RSET"), 1 => Just("NOOP"),
            1 => Just("AUTH PLAIN"), 1 => Just("AUTH PLAIN AGEAYg=="), 1 => Just("AUTH LOGIN"), 1 => Just("*"),
            1 => Just("QUIT"), 1 => Just("a\0b"), 1 => Just("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ];
        let end = prop_oneof![14 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("")];
        let lines = prop::collection::vec((line, end), 0..24);
        (any::<u8>(), lines).prop_map(|(choice, lines)| {
            let text: String = lines.into_iter().flat_map(|(line, end)| [line, end]).collect();
            [vec![choice], text.into_bytes()].concat()
        })
    }

    /// `PROPTEST_CASES` asks for more.
    fn config() -> ProptestConfig {
        let usual = ProptestConfig::default();
        ProptestConfig { cases: usual.cases.max(1500), failure_persistence: None, ..usual }
    }

    proptest! {
        #![proptest_config(config())]
        #[test]
        fn lines(bytes in bytes()) {
            line_framing(&bytes);
        }
        #[test]
        fn data(bytes in bytes()) {
            data_decoding(&bytes);
        }
        #[test]
        fn sessions(bytes in session()) {
            server_session(&bytes);
        }
        #[test]
        fn sessions_of_noise(bytes in bytes()) {
            server_session(&bytes);
        }
    }
}
