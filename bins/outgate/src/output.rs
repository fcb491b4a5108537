//! What people and scripts read. Scripts get the shapes of [`view`], people tables and sentences.

mod confirm;
mod credentials;
mod lines;
mod password_file;
mod sentence;
mod table;
pub(crate) mod view;

pub(crate) use confirm::{Question, confirm};
pub(crate) use credentials::{Endpoint, Revealed, credentials, ports};
pub(crate) use lines::{
    COLUMNS, counted, delivery_block, delivery_line, moment, printable, prose, sender, wrapped,
};
pub(crate) use password_file::PasswordFile;
pub(crate) use sentence::{scope_words, sentence};
pub(crate) use table::{facts, table};

use serde::Serialize;
use std::io::{self, Write as _};

/// Standard output: JSON documents or text, never both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether scripts read this.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Writes one JSON document on a line of its own, if scripts read this, and else the text.
    pub(crate) fn tell<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) -> io::Result<()> {
        if self.json { self::document(document) } else { self.line(&text()) }
    }

    /// Writes text for people; nothing when scripts read this.
    pub(crate) fn line(self, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        write(format!("{}\n", text.trim_end_matches('\n')).as_bytes())
    }
}

/// Writes one JSON document on a line of its own.
pub(crate) fn document<T: Serialize>(document: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    write(&line)
}

/// Writes what is neither for people nor JSON: a completion script, a manual page.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    write(bytes)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
