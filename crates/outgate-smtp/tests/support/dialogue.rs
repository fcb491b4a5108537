//! Reads dialogues: conversations as data (`dialogues/README.md` tells the format).

/// A conversation.
pub(crate) struct Dialogue {
    /// Its file's name.
    pub(crate) name: String,
    /// Keys and values of its `config` line.
    pub(crate) config: Vec<(String, String)>,
    /// What happens, in order.
    pub(crate) lines: Vec<Line>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The client sends these bytes.
    Client(Vec<u8>),
    /// The server says a line; `*` stands for anything.
    Server(String),
    /// The TLS handshake.
    Tls,
    /// The driver ends the session with this refusal.
    Shutdown(String),
    /// The server closes.
    Close,
    /// The session asks.
    Question {
        /// What, as the README writes it.
        text: String,
        /// The message, when the dialogue tells it.
        message: Option<Vec<u8>>,
        /// The driver's answer.
        answer: Result<String, String>,
    },
}

impl Dialogue {
    /// Reads a dialogue; panics with the line that it cannot read.
    pub(crate) fn read(name: &str, text: &str) -> Self {
        let mut dialogue = Self { name: name.to_owned(), config: Vec::new(), lines: Vec::new() };
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            assert!(dialogue.read_line(line), "{name}:{}: cannot read {line:?}", n + 1);
        }
        dialogue
    }

    /// The value of a key of the `config` line.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.config.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn read_line(&mut self, line: &str) -> bool {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let event = match word {
            "config" => {
                let pairs = rest.split(' ').filter_map(|pair| pair.split_once('='));
                self.config = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                return self.lines.is_empty() && !self.config.is_empty();
            }
            "C:" => Line::Client([unescape(rest), b"\r\n".to_vec()].concat()),
            "C|" => Line::Client(unescape(rest)),
            "S:" => Line::Server(text(rest)),
            "TLS" => Line::Tls,
            "SHUTDOWN" => Line::Shutdown(rest.to_owned()),
            "CLOSE" => Line::Close,
            "Q:" => Line::Question { text: text(rest), message: None, answer: Ok(String::new()) },
            "M:" => return self.add_message_line(rest),
            "A:" => return self.set_answer(rest),
            _ => return false,
        };
        self.lines.push(event);
        true
    }

    fn add_message_line(&mut self, text: &str) -> bool {
        let Some(Line::Question { message, .. }) = self.lines.last_mut() else { return false };
        let message = message.get_or_insert_default();
        if text != "\\empty" {
            message.extend(unescape(text));
            message.extend(b"\r\n");
        }
        true
    }

    fn set_answer(&mut self, text: &str) -> bool {
        let Some(Line::Question { answer, .. }) = self.lines.last_mut() else { return false };
        *answer = match text.strip_prefix("ok") {
            Some(name) => Ok(name.trim().to_owned()),
            None => Err(text.to_owned()),
        };
        true
    }
}

/// Whether `text` is what `pattern` says.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))
        }),
    }
}

fn text(escaped: &str) -> String {
    String::from_utf8_lossy(&unescape(escaped)).into_owned()
}

/// Reads the escapes of a text.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend(plain.bytes());
        let kind = escape.chars().next().expect("something behind the backslash");
        rest = &escape[1..];
        match kind {
            'r' => out.push(b'\r'),
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            's' => out.push(b' '),
            '0' => out.push(0),
            '\\' => out.push(b'\\'),
            'x' => {
                out.push(u8::from_str_radix(&rest[..2], 16).expect("two hex digits"));
                rest = &rest[2..];
            }
            '{' => {
                let (repeated, behind) = rest.split_once('}').expect("a closing brace");
                let (what, times) = repeated.rsplit_once('*').expect("a star");
                out.extend(unescape(what).repeat(times.parse().expect("a number")));
                rest = behind;
            }
            other => panic!("no such escape: \\{other}"),
        }
    }
    out.extend(rest.bytes());
    out
}
