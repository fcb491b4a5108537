//! Delivery status notifications: each as it is kept in `tests/bounces/` (`UPDATE_GOLDEN=1` writes them anew), and as an
//! independent reader understands it.

#![expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]

use mail_parser::{MessageParser, MimeHeaders};
use outgate_core::{
    Attempt, AttemptId, Body, FailureClass, MessageId, NetworkPath, Randomness, Recipient, Reply,
    ReturnContent, Timestamp,
};
use outgate_mail::bounce::{Action, Notification, Report, Told, report};
use std::path::Path;

struct Zeros;
impl Randomness for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A reply: code, enhanced code, text.
type Said<'a> = (u16, Option<(u8, u16, u16)>, &'a str);

fn attempt(reply: Option<Said<'_>>, class: Option<FailureClass>, reason: &str) -> Attempt {
    let now = at("2026-11-21T19:25:00Z");
    Attempt {
        id: AttemptId::draw(now, &Zeros),
        started_at: now,
        ended_at: now,
        path: NetworkPath { host: Some("mx.example.org".into()), ..NetworkPath::default() },
        reply: reply.map(|(code, enhanced, text)| Reply { code, enhanced, lines: vec![text.to_owned()] }),
        class,
        reason: reason.to_owned(),
    }
}

fn recipient(address: &str, original: Option<&str>) -> Recipient {
    let original = original.map(|original| original.parse().unwrap());
    Recipient { address: address.parse().unwrap(), notify: None, original }
}

const ORIGINAL: &str = "Received: from shop.local ([192.0.2.7])\r\n\tby relay.example.net\r\n\
    From: Shop <app@example.com>\r\nTo: bob@example.org\r\nSubject: Your order\r\n\
    Message-ID: <order-17@example.com>\r\n\r\nThank you.\r\n";

struct Case<'a> {
    sender: &'a str,
    envelope_id: Option<&'a str>,
    return_content: Option<ReturnContent>,
    original: &'a [u8],
    told: Vec<(Recipient, Action, Attempt)>,
}

impl Case<'_> {
    fn new(told: Vec<(Recipient, Action, Attempt)>) -> Self {
        Self {
            sender: "app@example.com",
            envelope_id: None,
            return_content: None,
            original: ORIGINAL.as_bytes(),
            told,
        }
    }

    fn write(&self) -> Notification {
        let (now, domain) = (at("2026-11-21T19:25:01Z"), "example.com".parse().unwrap());
        let told: Vec<_> = self
            .told
            .iter()
            .map(|(recipient, action, attempt)| Told { recipient, action: *action, attempt })
            .collect();
        let written = report(&Report {
            id: MessageId::draw(now, &Zeros),
            at: now,
            host: "relay.example.net",
            domain: &domain,
            sender: &self.sender.parse().unwrap(),
            envelope_id: self.envelope_id.map(|id| id.parse().unwrap()).as_ref(),
            accepted_at: at("2026-11-21T19:21:00Z"),
            return_content: self.return_content,
            original: self.original,
            told: &told,
        });
        is_sound(&written);
        written
    }
}

/// What holds for every notification.
fn is_sound(written: &Notification) {
    let text = &written.content;
    for line in text.split(|byte| *byte == b'\n') {
        assert!(line.len() <= 999, "a line of {} octets", line.len());
        assert!(line.is_empty() || line.ends_with(b"\r"), "every line ends with CR LF");
        assert!(!line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r'), "and has no other CR");
    }
    assert!(written.body == Body::EightBitMime || text.is_ascii(), "seven bits are seven bits");
    let read = MessageParser::default().parse(&text[..]).unwrap();
    let kind = read.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    assert_eq!(read.parts[0].sub_parts().unwrap().len(), 3, "three parts");
    assert_eq!(read.from().unwrap().first().unwrap().address(), Some("postmaster@example.com"));
    let names: Vec<&str> = read.headers().iter().map(mail_parser::Header::name).collect();
    for name in &names {
        let known =
            ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"];
        let mime = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"];
        assert!(known.contains(name) || mime.contains(name), "{name} is none of our fields");
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name} is there once");
    }
}

/// The fields of the part for programs, unfolded.
fn status(written: &Notification) -> String {
    let text = String::from_utf8(written.content.to_vec()).unwrap();
    let (_, behind) = text.split_once("delivery-status\r\nContent-Transfer-Encoding: ").unwrap();
    let (_, fields) = behind.split_once("\r\n\r\n").unwrap();
    fields.split("\r\n--=_").next().unwrap().replace("\r\n\t", " ")
}

fn golden(name: &str, written: &Notification) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/bounces/{name}.eml"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &written.content).unwrap();
    }
    let kept = std::fs::read(&file).unwrap_or_default();
    let (kept, found) = (String::from_utf8_lossy(&kept), String::from_utf8_lossy(&written.content));
    assert!(kept == found, "{} is not what is written now (UPDATE_GOLDEN=1):\n{found}", file.display());
}

fn no_such_user() -> Attempt {
    attempt(Some((550, Some((5, 1, 1)), "No such user here")), Some(FailureClass::Address), "refused")
}

const FAILED: Action = Action::Failed { expired: false };

#[test]
fn a_failure() {
    let written = Case::new(vec![(recipient("bob@example.org", None), FAILED, no_such_user())]).write();
    golden("failure", &written);
    assert_eq!((written.subject, written.smtputf8), ("Your message was not delivered", false));
    let read = MessageParser::default().parse(&written.content[..]).unwrap();
    assert_eq!(read.in_reply_to().as_text(), Some("order-17@example.com"));
    assert_eq!(read.to().unwrap().first().unwrap().address(), Some("app@example.com"));
    let words = read.body_text(0).unwrap();
    assert!(
        words.contains("<bob@example.org>\r\n    mx.example.org answered: 550 5.1.1 No such user here"),
        "{words}"
    );
    let headers = read.parts.last().unwrap();
    assert_eq!(headers.content_type().unwrap().subtype(), Some("rfc822-headers"));
    assert!(!written.content.windows(10).any(|found| found == b"Thank you."), "the body stays here");
}

#[test]
fn what_was_asked_for_with_the_envelope() {
    let mut relayed = attempt(Some((250, None, "taken")), None, "delivered");
    relayed.path.host = None;
    let mut case = Case::new(vec![
        (recipient("bob@example.org", Some("rfc822;Bob+2Bsales@shop.example")), FAILED, no_such_user()),
        (recipient("ann@example.org", None), Action::Relayed, relayed),
    ]);
    case.envelope_id = Some("QQ+2B314+20159");
    case.return_content = Some(ReturnContent::Full);
    let written = case.write();
    golden("asked", &written);
    let fields = status(&written);
    assert!(fields.contains("Original-Envelope-Id: QQ+314 159\r\n"), "{fields}");
    assert!(fields.contains("Original-Recipient: rfc822; Bob+sales@shop.example\r\n"), "{fields}");
    assert!(fields.contains("Action: relayed\r\nStatus: 2.0.0\r\n"), "{fields}");
    let read = MessageParser::default().parse(&written.content[..]).unwrap();
    let whole = read.attachments().find_map(|part| part.message()).unwrap();
    assert_eq!((whole.subject(), whole.body_text(0).unwrap().trim()), (Some("Your order"), "Thank you."));
}

#[test]
fn a_delay() {
    let late = attempt(None, Some(FailureClass::Connection), "mx.example.org did not answer");
    let action = Action::Delayed { until: at("2026-11-24T19:21:00Z") };
    let mut case = Case::new(vec![(recipient("bob@example.org", None), action, late)]);
    case.return_content = Some(ReturnContent::Full);
    let written = case.write();
    golden("delay", &written);
    assert_eq!(written.subject, "Your message is delayed");
    let fields = status(&written);
    assert!(fields.contains("Action: delayed\r\nStatus: 4.4.1\r\n"), "{fields}");
    assert!(fields.contains("Will-Retry-Until: Tue, 24 Nov 2026 19:21:00 +0000\r\n"), "{fields}");
    assert!(!fields.contains("Remote-MTA"), "nobody spoke");
    assert!(
        !written.content.windows(10).any(|found| found == b"Thank you."),
        "no failure, so the header is enough"
    );
}

#[test]
fn an_end_by_time() {
    let late = attempt(Some((451, Some((4, 7, 1)), "later")), Some(FailureClass::Greylisted), "gave up");
    let case = Case::new(vec![(recipient("bob@example.org", None), Action::Failed { expired: true }, late)]);
    let fields = status(&case.write());
    assert!(fields.contains("Action: failed\r\nStatus: 4.4.7\r\n"), "{fields}");
    assert!(fields.contains("Diagnostic-Code: smtp; 451 4.7.1 later\r\n"), "{fields}");
}

#[test]
fn addresses_beyond_ascii() {
    let original =
        "From: Jörg <jörg@example.com>\r\nSubject: Grüße\r\nMessage-ID: <ö@example.com>\r\n\r\nHallo\r\n";
    let mut case = Case::new(vec![(recipient("bjørn@example.org", None), FAILED, no_such_user())]);
    case.original = original.as_bytes();
    let written = case.write();
    golden("utf8-recipient", &written);
    assert!(!written.smtputf8, "the sender's server may not know SMTPUTF8");
    assert!(status(&written).contains("Final-Recipient: utf-8; bj\\x{F8}rn@example.org\r\n"));
    case.sender = "jörg@example.com";
    case.return_content = Some(ReturnContent::Full);
    let written = case.write();
    golden("utf8-sender", &written);
    assert!(written.smtputf8 && written.body == Body::EightBitMime);
    assert!(status(&written).contains("Final-Recipient: utf-8; bjørn@example.org\r\n"));
}

#[test]
fn nothing_from_outside_becomes_a_field() {
    let hostile =
        "no\r\n\r\nBcc: victim@example.net\r\nX-Evil: yes\r\n--=_boundary\r\n\u{202e}\0\u{7}caf\u{e9} ";
    let reply = format!("{hostile}{}", "x".repeat(70_000));
    let refused = attempt(Some((550, None, &reply)), Some(FailureClass::Other), hostile);
    let silent = attempt(None, Some(FailureClass::Other), hostile);
    let mut original =
        b"Message-ID: <a@b>\r\n\tX: y\r\nMessage-ID: <c@d>\r\nSubject: caf\xe9\r\nX-Long: ".to_vec();
    original.extend_from_slice(&[b'y'; 5000]);
    original.extend_from_slice(b"\r\n\r\nbody\r\n");
    let mut case = Case::new(vec![
        (recipient("bob@example.org", Some("x+0D+0Ay;+0D+0AX-Evil:")), FAILED, refused),
        (recipient("\"a> b\"@example.org", Some("nothing")), FAILED, silent),
    ]);
    case.original = &original;
    case.envelope_id = Some("+0D+0AX-Evil:+20yes");
    case.return_content = Some(ReturnContent::Full);
    let written = case.write();
    golden("hostile", &written);
    let fields = status(&written);
    assert!(fields.lines().all(|line| !line.starts_with("X-Evil") && !line.starts_with("Bcc")), "{fields}");
    assert!(fields.contains("Final-Recipient: rfc822; \"a> b\"@example.org\r\n"), "{fields}");
    assert!(!fields.contains("In-Reply-To"));
}

#[test]
fn a_large_original_comes_back_as_its_header() {
    let original = format!("{ORIGINAL}{}", "a line of text\r\n".repeat(20_000));
    let mut case = Case::new(vec![(recipient("bob@example.org", None), FAILED, no_such_user())]);
    (case.original, case.return_content) = (original.as_bytes(), Some(ReturnContent::Full));
    let written = case.write();
    assert!(written.content.len() < 8_000);
    let eight_bit = ORIGINAL.replace("Thank you", "Merci, café");
    (case.original, case.return_content) = (eight_bit.as_bytes(), Some(ReturnContent::Full));
    assert_eq!(case.write().body, Body::EightBitMime, "a small one as it is");
}
