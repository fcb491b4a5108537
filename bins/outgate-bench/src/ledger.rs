//! Files of numbers, a line each: what was acknowledged, whose final dot was sent, what arrived.

use anyhow::Context as _;
use std::{
    collections::HashMap,
    fmt::Display,
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// A file that gets each number as soon as it is known.
pub(crate) struct Ledger(Mutex<File>);

impl Ledger {
    /// Makes the file; one that is there is emptied.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes one line, in one write, so that a reader sees whole lines.
    pub(crate) fn note(&self, line: impl Display) -> io::Result<()> {
        let line = format!("{line}\n");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// Reads a file of lines: each with how often it is there.
pub(crate) fn read(path: &Path) -> anyhow::Result<HashMap<String, u64>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut counts = HashMap::new();
    for line in text.lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    Ok(counts)
}
