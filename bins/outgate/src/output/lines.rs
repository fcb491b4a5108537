//! Texts of one line, safe to show on a terminal.

use outgate_core::{DeliveryStatus, ReversePath, Timestamp, store::DeliveryRow};
use std::borrow::Cow;

/// Text from outside (a remote server's reply, a subject, a client's name) with everything that could steer a terminal
/// or turn the text around replaced.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(steers) {
        text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A point in time, to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A number with its noun: `1 delivery`, `2 deliveries`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let noun = match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    format!("{count} {noun}")
}

/// The envelope's sender as people write it.
pub(crate) fn sender(path: &ReversePath) -> String {
    match path {
        ReversePath::Null => "<>".to_owned(),
        ReversePath::Address(address) => address.to_string(),
    }
}

/// A delivery in three short lines: what became of it, what was said, and its id.
pub(crate) fn delivery_block(row: &DeliveryRow) -> String {
    let head = format!(
        "{}  {:<12}  {} → {}",
        moment(row.at),
        row.status.as_str(),
        printable(&sender(&row.sender)),
        printable(&row.recipient.to_string()),
    );
    let mut told = Vec::new();
    if let Some(subject) = &row.subject {
        told.push(format!("“{}”", printable(subject)));
    }
    if let Some(reply) = &row.reply {
        told.push(printable(reply).into_owned());
    }
    if row.attempts > 1 {
        told.push(counted(row.attempts.into(), "attempt"));
    }
    if let Some(next) = row.next_attempt_at.filter(|_| row.status == DeliveryStatus::Deferred) {
        told.push(format!("next try {}", moment(next)));
    }
    let id = format!("    {}  by {}", row.delivery, row.username);
    if told.is_empty() { format!("{head}\n{id}") } else { format!("{head}\n    {}\n{id}", told.join(" · ")) }
}

/// A delivery in one line, for lists that go on.
pub(crate) fn delivery_line(row: &DeliveryRow, at: Timestamp) -> String {
    let reply = row.reply.as_deref().map(printable).unwrap_or_default();
    let line = format!(
        "{}  {:<12}  {} → {}  {reply}",
        moment(at),
        row.status.as_str(),
        printable(&sender(&row.sender)),
        printable(&row.recipient.to_string()),
    );
    line.trim_end().to_owned()
}

/// Columns that a terminal has at least.
pub(crate) const COLUMNS: usize = 80;

/// Sentences, broken for a terminal.
pub(crate) fn prose(text: &str) -> String {
    wrapped(text, COLUMNS).join("\n")
}

/// Text broken at spaces, so that no line is wider than `width` characters unless a word is. A command in backticks stays
/// in one piece, to be copied.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// The words of a text; what backticks enclose is one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(command) if open => {
                command.push(' ');
                command.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        open ^= word.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("250 2.0.0 Ok, später"), "250 2.0.0 Ok, später");
        assert_eq!(
            printable("a\u{1b}[31mb\r\n\u{9b}c\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}c\u{fffd}d"
        );
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(counted(0, "delivery"), "0 deliveries");
        assert_eq!(counted(1, "delivery"), "1 delivery");
        assert_eq!(counted(2, "SMTP user"), "2 SMTP users");
    }

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("aaaaaaa b", 5), ["aaaaaaa", "b"]);
        assert_eq!(wrapped("a `b c` d", 5), ["a", "`b c`", "d"], "a command stays whole");
        assert!(wrapped(" ", 5).is_empty());
    }

    #[test]
    fn moments_are_to_the_second() {
        assert_eq!(moment("2026-11-21T19:21:00.123Z".parse().unwrap()), "2026-11-21 19:21:00Z");
    }
}
