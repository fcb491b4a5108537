//! What a refusal means.

use outgate_core::{FailureClass, Reply};
use outgate_smtp::client::Stage;

/// What a refusal means for the recipients it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it ends the delivery (law 9).
    pub permanent: bool,
    /// What kind of trouble it is.
    pub class: FailureClass,
}

/// Judges a reply of `4xx` or `5xx` to `stage`. `accepted_before`: whether the server had accepted another recipient of
/// the same transaction before.
///
/// `5xx` is permanent and `4xx` is not, except:
/// - what is refused before MAIL speaks of us and of this server, not of any recipient: not permanent;
/// - `530`, `534`, `535` and `538` say that our sign-in is not right (RFC 4954 §6), which an operator mends: not permanent;
/// - `552` to RCPT behind accepted recipients means "too many recipients" (RFC 5321 §4.5.3.1.10): not permanent, unless
///   the server says that the mailbox is full.
///
/// What is said to MAIL and before it never speaks of a recipient: a code that elsewhere means an address or its domain
/// means the sender's there.
///
/// The kind of a `4xx` comes from words that servers use for greylisting and rates, where there are any; else, and of every
/// `5xx`, from the enhanced status code (RFC 3463) where it says something, then from the code and the stage.
pub fn classify(stage: Stage, reply: &Reply, accepted_before: bool) -> Judgement {
    use FailureClass as C;
    let five = reply.code >= 500;
    let text = reply.lines.join(" ").to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let early = matches!(
        stage,
        Stage::Greeting | Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Reset | Stage::Quit
    );
    if matches!(reply.code, 530 | 534 | 535 | 538) || stage == Stage::Auth {
        return Judgement { permanent: false, class: C::Local };
    }
    // What has been said so far is about us, not about any recipient.
    let ours = early || stage == Stage::Mail;
    let full = !ours && (matches!(reply.enhanced, Some((_, 2, 2))) || says(FULL));
    if reply.code == 552 && stage == Stage::Recipient && accepted_before && !full {
        return Judgement { permanent: false, class: C::Rate };
    }
    let by_enhanced = if ours { by_enhanced(reply).map(of_the_sender) } else { by_enhanced(reply) };
    let class = match by_enhanced {
        // "No answer from host" makes no sense as a final answer: Exchange Online says so of addresses that it does not know.
        Some(C::Connection) if five && stage == Stage::Recipient && says(&["recipient"]) => C::Address,
        Some(C::Connection) if five && !early && says(POLICY) => C::Policy,
        // Greylisting and rates have no code of their own; servers say so in words, under many codes.
        _ if !five && says(GREYLISTING) => C::Greylisted,
        Some(C::MailboxFull) => C::MailboxFull,
        _ if !five && says(RATE) => C::Rate,
        _ if !five && !ours && is_vague(reply) && says(COME_BACK) => C::Greylisted,
        Some(class) => class,
        None if full => C::MailboxFull,
        None if early && five => C::Policy,
        None => by_code(stage, reply.code, accepted_before, says),
    };
    Judgement { permanent: five && !early, class }
}

/// Words for "come back in a while", as the usual greylisting programs send them.
const GREYLISTING: &[&str] = &["greylist", "graylist", "grey-list", "gray-list", "grey list", "gray list"];
/// Words for the same that mean it only where the code says nothing in particular.
const COME_BACK: &[&str] =
    &["come back", "try again in ", "retry in ", "please wait", "first time", "not yet authorized"];
/// Words for "too much, too fast".
const RATE: &[&str] =
    &["too many", "too fast", "rate limit", "ratelimit", "throttl", "slow down", "unusual rate"];
/// Words for a mailbox without room.
const FULL: &[&str] =
    &["mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded", "exceeded storage"];
/// Words for "not from you".
const POLICY: &[&str] = &[
    "spam",
    "block",
    "blacklist",
    "denylist",
    "reputation",
    "policy",
    "denied",
    "spf",
    "dkim",
    "dmarc",
    "relay",
    "banned",
    "listed",
    "not authorized",
    "not allowed",
];

/// Whether a reply has no enhanced status code, or one that greylisting programs send.
fn is_vague(reply: &Reply) -> bool {
    matches!(reply.enhanced, None | Some((_, 2 | 7, 0 | 1)))
}

/// What a class means when it is the sender that is spoken of.
fn of_the_sender(class: FailureClass) -> FailureClass {
    match class {
        FailureClass::Address | FailureClass::Domain => FailureClass::Policy,
        FailureClass::MailboxFull => FailureClass::Other,
        other => other,
    }
}

/// RFC 3463 §3 and the IANA registry of enhanced status codes: subject and detail.
fn by_enhanced(reply: &Reply) -> Option<FailureClass> {
    use FailureClass as C;
    let (_, subject, detail) = reply.enhanced?;
    Some(match (subject, detail) {
        (1, 10) if reply.code != 556 => C::Address, // Exchange's "recipient not found"
        (1, 2 | 10) | (7, 18) => C::Domain, // bad destination system; null MX (RFC 7505 §4.2); domain changed hands (RFC 7293 §5)
        (1, 7 | 8) => C::Policy,            // the sender's address
        (1, 5 | 9) => C::Other,
        (1, _) | (2, 0 | 1) | (7, 13 | 17) => C::Address, // mailbox disabled; account disabled; owner changed
        (2, 2) => C::MailboxFull,
        (2, 3) | (3, 3 | 4) | (6, _) => C::Content,
        (4, 1 | 2) => C::Connection,
        (4, 5) | (5, 3) | (7, 28) => C::Rate, // congestion; too many recipients; mail flood
        (7, 10 | 30) => C::Tls,               // encryption needed; REQUIRETLS (RFC 8689 §4.2.1)
        (7, 0) if reply.code == 421 => C::Rate,
        (7, _) => C::Policy,
        _ => return None,
    })
}

fn by_code(stage: Stage, code: u16, accepted_before: bool, says: impl Fn(&[&str]) -> bool) -> FailureClass {
    use FailureClass as C;
    match (code, stage) {
        (421, _) => C::Connection,
        (521 | 556, Stage::Recipient) => C::Domain, // RFC 7504 §3: the host, or the domain, takes no mail
        (452, Stage::Recipient) if accepted_before => C::Rate, // RFC 5321 §4.5.3.1.10
        (452 | 552, Stage::Recipient) => C::MailboxFull,
        (552, _) => C::Content, // RFC 1870 §6.1: too large
        (500..=599, _) if says(POLICY) => C::Policy,
        (550 | 551 | 553, Stage::Recipient) => C::Address, // RFC 5321 §4.2.3
        (550 | 554, Stage::Data | Stage::Content) => C::Content,
        (521 | 550 | 553 | 556, Stage::Mail) | (554, _) => C::Policy,
        _ => C::Other,
    }
}

/// A class in words, for a sentence about a refusal.
pub(crate) fn words(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Address => "the address takes no mail",
        FailureClass::Domain => "the domain takes no mail",
        FailureClass::MailboxFull => "the mailbox is full",
        FailureClass::Content => "the message itself is not taken",
        FailureClass::Policy => "by policy or reputation",
        FailureClass::Greylisted => "it asks to come back later",
        FailureClass::Rate => "too much at once",
        FailureClass::Dns => "DNS trouble",
        FailureClass::Connection => "it closes the connection",
        FailureClass::Tls => "it wants TLS",
        FailureClass::Local => "our sign-in or set-up is not right",
        FailureClass::Other => "for a reason of its own",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureClass as C;
    use outgate_smtp::client::ReplyReader;
    use proptest::prelude::*;

    fn reply(line: &str) -> Reply {
        let mut reader = ReplyReader::default();
        reader.receive(format!("{line}\r\n").as_bytes());
        reader.next_reply().unwrap().unwrap()
    }

    #[test]
    fn replies_and_what_they_mean() {
        use Stage::{Auth, Content, Data, Greeting, Hello, Mail, Recipient, StartTls};
        for (stage, line, permanent, class) in [
            (Recipient, "550 5.1.1 no such user", true, C::Address),
            (Recipient, "550 no such user", true, C::Address),
            (Recipient, "551 moved", true, C::Address),
            (Recipient, "553 bad mailbox", true, C::Address),
            (Recipient, "550 5.2.1 disabled", true, C::Address),
            (Recipient, "450 4.2.1 try later", false, C::Address),
            (Recipient, "550 5.1.2 bad domain", true, C::Domain),
            (Recipient, "556 5.1.10 null MX", true, C::Domain),
            (Recipient, "521 no mail here", true, C::Domain),
            (Recipient, "550 5.1.8 sender's domain", true, C::Policy),
            (Recipient, "552 5.2.2 mailbox full", true, C::MailboxFull),
            (Recipient, "552 no room", true, C::MailboxFull),
            (Recipient, "452 4.2.2 over quota", false, C::MailboxFull),
            (Recipient, "452 no room", false, C::MailboxFull),
            (Recipient, "550 mailbox is full", true, C::MailboxFull),
            (Recipient, "452 4.5.3 too many recipients", false, C::Rate),
            (Recipient, "451 4.7.1 Greylisting in action, come back", false, C::Greylisted),
            (Recipient, "450 4.2.0 you are greylisted", false, C::Greylisted),
            (Recipient, "450 Graylisted, try again", false, C::Greylisted),
            (Recipient, "550 graylisting says never", true, C::Address),
            (Recipient, "450 4.7.28 unusual rate", false, C::Rate),
            (Recipient, "451 too many messages", false, C::Rate),
            (Recipient, "451 later", false, C::Other),
            (Recipient, "550 5.7.1 not welcome", true, C::Policy),
            (Recipient, "550 blocked by a list", true, C::Policy),
            (Recipient, "554 relay access denied", true, C::Policy),
            (Recipient, "550 5.7.10 encryption needed", true, C::Tls),
            (Recipient, "550 5.0.0 no", true, C::Address),
            (Recipient, "550 5.4.1 Recipient address rejected: Access denied. AS(1)", true, C::Address),
            (Recipient, "550 5.4.1 All recipient addresses rejected : Access denied", true, C::Address),
            (Recipient, "550 5.4.1 relay access denied", true, C::Policy),
            (Recipient, "550 5.4.1 no answer from host", true, C::Connection),
            (Recipient, "450 4.4.1 Recipient address rejected: no answer", false, C::Connection),
            (Recipient, "550 5.1.0 rejected", true, C::Address),
            (Recipient, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", true, C::Address),
            (Recipient, "550 5.7.26 unauthenticated", true, C::Policy),
            (Recipient, "550 5.7.13 account disabled", true, C::Address),
            (Recipient, "552 5.2.2 over quota", true, C::MailboxFull),
            (Recipient, "450 4.7.1 Please try again in 300 seconds", false, C::Greylisted),
            (Recipient, "451 4.7.1 come back later", false, C::Greylisted),
            (Recipient, "450 you are not yet authorized to deliver mail here", false, C::Greylisted),
            (Recipient, "451 4.3.0 disk trouble, try again in 300 seconds", false, C::Other),
            (Mail, "451 4.7.1 try again in 300 seconds", false, C::Policy),
            (Mail, "550 5.1.1 no such sender", true, C::Policy),
            (Mail, "550 5.1.8 sender's domain does not exist", true, C::Policy),
            (Mail, "553 5.1.2 bad domain", true, C::Policy),
            (Mail, "550 5.2.1 the sender's mailbox is disabled", true, C::Policy),
            (Mail, "450 4.2.1 later", false, C::Policy),
            (Mail, "552 5.2.2 full", true, C::Other),
            (Mail, "552 5.2.3 too long", true, C::Content),
            (Mail, "550 5.7.18 owner changed", true, C::Policy),
            (Mail, "521 go away", true, C::Policy),
            (Mail, "556 go away", true, C::Policy),
            (Data, "521 go away", true, C::Other),
            (Greeting, "521 no mail here", false, C::Policy),
            (Greeting, "450 4.1.1 who", false, C::Policy),
            (Hello, "550 5.1.2 bad host", false, C::Policy),
            (Recipient, "555 5.5.4 unknown parameter", true, C::Other),
            (Mail, "550 no", true, C::Policy),
            (Mail, "552 5.3.4 too big", true, C::Content),
            (Mail, "552 too big", true, C::Content),
            (Mail, "530 5.7.0 sign in first", false, C::Local),
            (Mail, "451 4.3.0 later", false, C::Other),
            (Mail, "452 4.3.1 disk full", false, C::Other),
            (Mail, "421 4.7.0 rate", false, C::Rate),
            (Mail, "421 closing", false, C::Connection),
            (Mail, "421 4.3.2 shutting down", false, C::Connection),
            (Data, "554 no valid recipients", true, C::Content),
            (Data, "451 later", false, C::Other),
            (Content, "554 5.6.0 malformed", true, C::Content),
            (Content, "554 no thanks", true, C::Content),
            (Content, "550 5.7.26 unauthenticated", true, C::Policy),
            (Content, "554 looks like spam", true, C::Policy),
            (Content, "552 5.2.3 too long", true, C::Content),
            (Content, "451 4.7.1 greylisted", false, C::Greylisted),
            (Content, "500 what", true, C::Other),
            (Greeting, "554 go away", false, C::Policy),
            (Greeting, "554 5.7.1 listed", false, C::Policy),
            (Greeting, "421 too many connections", false, C::Rate),
            (Hello, "550 bad name", false, C::Policy),
            (StartTls, "454 4.7.0 not now", false, C::Policy),
            (Auth, "535 5.7.8 wrong", false, C::Local),
            (Auth, "454 4.7.0 later", false, C::Local),
        ] {
            let found = classify(stage, &reply(line), false);
            assert_eq!(found, Judgement { permanent, class }, "{stage} {line}");
        }
    }

    /// RFC 5321 §4.5.3.1.10.
    #[test]
    fn too_many_recipients_means_later() {
        for (line, permanent, class) in [
            ("552 too many recipients", false, C::Rate),
            ("552 no", false, C::Rate),
            ("552 5.5.3 too many", false, C::Rate),
            ("452 no", false, C::Rate),
            ("552 5.2.2 full", true, C::MailboxFull),
            ("552 over quota", true, C::MailboxFull),
        ] {
            let found = classify(Stage::Recipient, &reply(line), true);
            assert_eq!(found, Judgement { permanent, class }, "{line}");
        }
    }

    proptest! {
        /// Law 9.
        #[test]
        fn only_a_permanent_answer_is_permanent(
            code in 400_u16..600,
            enhanced in proptest::option::of((4_u8..6, 0_u16..20, 0_u16..40)),
            text in "[ -~]{0,30}",
            before in any::<bool>(),
        ) {
            let reply = Reply { code, enhanced, lines: vec![text] };
            for stage in [Stage::Greeting, Stage::Auth, Stage::Mail, Stage::Recipient, Stage::Content] {
                let found = classify(stage, &reply, before);
                prop_assert!(!found.permanent || code >= 500);
                let ends = matches!(found.class, C::Greylisted | C::Rate | C::Local);
                let rate_by_code = found.class == C::Rate && enhanced.is_some();
                prop_assert!(!(found.permanent && ends) || rate_by_code);
            }
        }
    }
}
