//! Writing a header field of our own, folded.

/// RFC 5322 §2.1.1: lines should have at most 78 characters.
const MAX_LINE: usize = 78;

/// A header field in the making. Folds ahead of a piece that would make its line too long; a piece that is too long by
/// itself stands on a line of its own.
pub(crate) struct Writer {
    text: String,
    column: usize,
}

impl Writer {
    /// Begins the field `name`.
    pub(crate) fn new(name: &str) -> Self {
        let mut text = String::with_capacity(512);
        text.push_str(name);
        text.push(':');
        let column = text.len();
        Self { text, column }
    }

    /// A word, set off by white space.
    pub(crate) fn word(&mut self, word: &str) {
        if self.column + 1 + word.len() > MAX_LINE {
            self.fold();
        } else {
            self.text.push(' ');
            self.column += 1;
        }
        self.put(word);
    }

    /// A piece, set off by nothing or a fold; for places where white space means nothing.
    pub(crate) fn piece(&mut self, piece: &str) {
        if self.column + piece.len() > MAX_LINE {
            self.fold();
        }
        self.put(piece);
    }

    /// ASCII text that may be folded anywhere.
    pub(crate) fn run(&mut self, mut text: &str) {
        while !text.is_empty() {
            if self.column >= MAX_LINE {
                self.fold();
            }
            let (line, rest) = text.split_at(text.len().min(MAX_LINE - self.column));
            self.put(line);
            text = rest;
        }
    }

    /// A new line, whatever the length of this one.
    pub(crate) fn fold(&mut self) {
        self.text.push_str("\r\n\t");
        self.column = 1;
    }

    /// What was written so far, without a line end.
    pub(crate) fn so_far(&self) -> &str {
        &self.text
    }

    /// The whole field.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }

    fn put(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.column += piece.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_short() {
        let mut writer = Writer::new("X-Test");
        for _ in 0..40 {
            writer.word("word");
        }
        writer.word("h=a");
        for _ in 0..40 {
            writer.piece(":name");
        }
        writer.word("b=");
        writer.run(&"A".repeat(400));
        let field = writer.finish();
        assert!(field.lines().count() > 8);
        for line in field.split("\r\n") {
            assert!(line.len() <= MAX_LINE, "{line:?}");
        }
        assert!(field.lines().skip(1).all(|line| line.starts_with('\t')));
        let joined: String = field.split_whitespace().collect();
        assert_eq!(
            joined,
            format!("X-Test:{}h=a{}b={}", "word".repeat(40), ":name".repeat(40), "A".repeat(400))
        );
    }

    #[test]
    fn a_word_too_long_stands_alone() {
        let mut writer = Writer::new("A");
        writer.word(&"x".repeat(100));
        writer.word("y");
        assert_eq!(writer.finish(), format!("A:\r\n\t{}\r\n\ty\r\n", "x".repeat(100)));
    }
}
