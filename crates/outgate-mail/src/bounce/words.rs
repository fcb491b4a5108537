//! The part for people: what happened to whom, what the server said, what to do next.

use super::{
    Action, Report, Told,
    encoding::{harmless, quoted_printable},
};
use outgate_core::FailureClass;
use std::fmt::Write as _;

/// Characters of a remote reply that are repeated.
const MAX_REPLY: usize = 1_000;
/// Columns that text is broken at.
const COLUMNS: usize = 72;

/// The subject, by the gravest of what happened.
pub(super) fn subject(told: &[Told<'_>]) -> &'static str {
    let any = |fits: fn(Action) -> bool| told.iter().any(|told| fits(told.action));
    if any(|action| matches!(action, Action::Failed { .. })) {
        "Your message was not delivered"
    } else if any(|action| matches!(action, Action::Delayed { .. })) {
        "Your message is delayed"
    } else {
        "Your message was passed on"
    }
}

/// Writes the part.
pub(super) fn part(text: &mut String, facts: &Report<'_>) {
    let words = words(facts);
    let encoding = if words.is_ascii() { "7bit" } else { "quoted-printable" };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    if words.is_ascii() {
        text.push_str(&words);
    } else {
        text.push_str(&quoted_printable(words.as_bytes()));
    }
}

fn words(facts: &Report<'_>) -> String {
    let mut page = String::with_capacity(1024);
    let accepted = facts.accepted_at.strftime("%Y-%m-%d %H:%M");
    let from = format!(
        "This is the mail relay {}. It tells you what became of the message that {} sent on {accepted} UTC.",
        harmless(facts.host, 255),
        facts.sender,
    );
    paragraph(&mut page, "", &from);
    for (heading, fits) in GROUPS {
        let group: Vec<_> = facts.told.iter().filter(|told| fits(told.action)).collect();
        if group.is_empty() {
            continue;
        }
        page.push_str("\r\n");
        paragraph(&mut page, "", heading);
        for told in group {
            page.push_str("\r\n");
            one(&mut page, told);
        }
    }
    page.push_str("\r\n");
    paragraph(
        &mut page,
        "",
        "What follows is the same for programs, and what there was of the message itself.",
    );
    page
}

/// A heading, and what belongs under it.
type Group = (&'static str, fn(Action) -> bool);

const GROUPS: [Group; 3] = [
    ("It could not be delivered to:", |action| matches!(action, Action::Failed { .. })),
    ("It is late, and is still being tried, for:", |action| matches!(action, Action::Delayed { .. })),
    ("It was passed on to a server that tells nothing further, for:", |action| action == Action::Relayed),
];

fn one(page: &mut String, told: &Told<'_>) {
    const INDENT: &str = "    ";
    let attempt = told.attempt;
    let _ = write!(page, "  <{}>\r\n", told.recipient.address); // writing to a string cannot fail
    match (&attempt.reply, &attempt.path.host) {
        (Some(reply), Some(host)) => {
            let reply = harmless(&reply.to_string(), MAX_REPLY);
            paragraph(page, INDENT, &format!("{} answered: {reply}", harmless(host, 255)));
        }
        (Some(reply), None) => {
            paragraph(
                page,
                INDENT,
                &format!("The server answered: {}", harmless(&reply.to_string(), MAX_REPLY)),
            );
        }
        (None, _) => paragraph(page, INDENT, &sentence(&harmless(&attempt.reason, MAX_REPLY))),
    }
    match told.action {
        Action::Failed { expired: true } => {
            paragraph(
                page,
                INDENT,
                "It was tried again and again until the time for that was over. Nothing more is done.",
            );
            paragraph(page, INDENT, advice(attempt.class));
        }
        Action::Failed { expired: false } => paragraph(page, INDENT, advice(attempt.class)),
        Action::Delayed { until } => {
            let until = until.strftime("%Y-%m-%d %H:%M");
            let text = format!(
                "It is tried until {until} UTC. You need not send it again; you hear once more if it fails."
            );
            paragraph(page, INDENT, &text);
        }
        Action::Relayed => {}
    }
}

/// What to do next.
fn advice(class: Option<FailureClass>) -> &'static str {
    use FailureClass as C;
    match class {
        Some(C::Address) => {
            "The address does not exist or takes no mail. Check it, and take it off your lists."
        }
        Some(C::Domain) => "The part behind the @ takes no mail. Check it for a slip of the pen.",
        Some(C::MailboxFull) => {
            "The mailbox is full. Reach the recipient in another way, or send it again later."
        }
        Some(C::Content) => {
            "The message itself was refused. Change it (its size, its attachments, its words) and send it again."
        }
        Some(C::Policy) => {
            "The server does not take this mail from here. Sending it again will not help; tell the people who run your mail."
        }
        Some(C::Greylisted | C::Rate) => "The server always asked for patience. Send it again later.",
        Some(C::Dns | C::Connection) => {
            "The recipient's server could not be reached. Check the address, or send it again later."
        }
        Some(C::Tls) => {
            "No connection as secure as is demanded could be had. Tell the people who run your mail."
        }
        Some(C::Local) => "The trouble is on our side. Tell the people who run this relay.",
        Some(C::Other) | None => "Read the answer above; the people who run your mail may know more.",
    }
}

/// Ended as a sentence.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Words on lines of at most [`COLUMNS`] columns. A longer word is cut.
fn paragraph(page: &mut String, indent: &str, text: &str) {
    let mut column = 0;
    for word in text.split(' ').flat_map(|word| pieces(word, COLUMNS - indent.len())) {
        let length = word.chars().count();
        if column == 0 {
            page.push_str(indent);
            column = indent.len();
        } else if column + 1 + length > COLUMNS {
            page.push_str("\r\n");
            page.push_str(indent);
            column = indent.len();
        } else {
            page.push(' ');
            column += 1;
        }
        page.push_str(word);
        column += length;
    }
    page.push_str("\r\n");
}

/// A word in pieces of at most `most` characters.
fn pieces(word: &str, most: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), word);
    while let Some((cut, _)) = rest.char_indices().nth(most) {
        let (piece, behind) = rest.split_at(cut);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}
