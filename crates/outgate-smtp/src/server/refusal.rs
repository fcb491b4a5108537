//! What every refusal has in common: a reply code, an enhanced code, a stable code of ours, and words.

mod catalogue;
mod tally;

pub use catalogue::Refusal;
pub use tally::Tally;

use super::reply::{self, LONGEST_TEXT};
use std::fmt;

/// What there is to know of one kind of refusal.
struct Row {
    /// Its place in the catalogue.
    kind: usize,
    group: &'static str,
    code: u16,
    enhanced: &'static str,
    short: &'static str,
    text: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

impl Refusal {
    /// The reply code (RFC 5321 §4.2).
    pub fn code(&self) -> u16 {
        self.row().code
    }

    /// The enhanced status code (RFC 3463), of the reply code's class (RFC 2034 §4).
    pub fn enhanced(&self) -> &'static str {
        self.row().enhanced
    }

    /// The stable short code of ours, which the reply carries in brackets.
    pub fn short(&self) -> &'static str {
        self.row().short
    }

    /// The sentence that the client hears behind the codes.
    pub fn text(&self) -> String {
        match self.detail() {
            Some(detail) => self.row().text.replacen("{}", &reply::printable(&detail), 1),
            None => self.row().text.to_owned(),
        }
    }

    /// What it means, for people.
    pub fn meaning(&self) -> &'static str {
        self.row().meaning
    }

    /// What to do about it, for people.
    pub fn remedy(&self) -> &'static str {
        self.row().remedy
    }

    /// Under which heading `docs/refusals.md` lists it.
    pub fn group(&self) -> &'static str {
        self.row().group
    }

    /// Whether the session ends with it (RFC 5321 §3.8 allows that with `421`).
    pub fn closes(&self) -> bool {
        // A chunk whose length nobody can read has no end: all that follows may be its octets (RFC 3030 §2).
        self.code() == 421 || matches!(self, Self::ChunkUnreadable)
    }

    /// Whether it counts against the client: its own mistakes and guesses do. Our troubles do not, nor what only
    /// follows from refused recipients or from a chunk that was refused before.
    pub(super) fn counts(&self) -> bool {
        let follows = matches!(self, Self::NoValidRecipients | Self::ChunkAfterRefusal);
        (self.code() >= 500 && !follows) || matches!(self, Self::SignInThrottled)
    }
}

impl fmt::Display for Refusal {
    /// The reply line, without its CR LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        let text = format!("[{}] {}", row.short, self.text());
        let fits = text.len().min(LONGEST_TEXT);
        write!(f, "{} {} {}", row.code, row.enhanced, &text[..fits])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_has_codes_of_one_class_and_a_short_code_of_its_own() {
        let mut seen = HashSet::new();
        for refusal in Refusal::all() {
            let class = refusal.code() / 100;
            assert!(class == 4 || class == 5, "{refusal}");
            assert_ne!(refusal.code(), 521, "RFC 6409 §7: {refusal}");
            assert_eq!(refusal.enhanced().split('.').count(), 3, "{refusal}");
            assert!(refusal.enhanced().starts_with(&class.to_string()), "RFC 2034 §4: {refusal}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(refusal.short().chars().all(plain), "{refusal}");
            assert!(seen.insert(refusal.short()), "twice: {}", refusal.short());
        }
    }

    #[test]
    fn each_fits_in_a_reply_line_and_hides_nothing_in_it() {
        for refusal in Refusal::all() {
            let line = refusal.to_string();
            assert!(line.len() + 2 <= 512, "RFC 5321 §4.5.3.1.5: {line}");
            assert!(line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line:?}");
            assert!(!line.contains("{}"), "{line}");
        }
        let rude = Refusal::SenderNotYours { allowed: "a\r\n250 ok".repeat(200) };
        let line = rude.to_string();
        assert!(line.len() + 2 <= 512 && line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line:?}");
    }

    #[test]
    fn what_closes_says_so() {
        for refusal in Refusal::all() {
            let expected = refusal.code() == 421 || refusal == Refusal::ChunkUnreadable;
            assert_eq!(refusal.closes(), expected, "{refusal}");
        }
    }
}
