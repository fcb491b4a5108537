//! A data folder of its own, and the binary called on it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// Hashes that cost next to nothing: these tests are not about them.
const CONFIG: &str =
    "hostname = \"relay.example.test\"\n[auth]\nargon2 = { memory_kib = 8, iterations = 1 }\n";

pub(crate) struct Desk {
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    /// An empty folder: no store yet.
    pub(crate) fn empty() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(desk.file("outgate.toml"), CONFIG).unwrap();
        desk
    }

    /// With the trusted domain example.test.
    pub(crate) fn with_domain() -> Self {
        let desk = Self::empty();
        desk.done("domain add example.test --trusted");
        desk
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `outgate` with these words, standard input not being a terminal.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.run_with(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_with(&self, words: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("OUTGATE_CONFIG", self.file("outgate.toml"))
            .env("OUTGATE_DATA", self.file("data"))
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it, and it must be done; returns what it said.
    pub(crate) fn done(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.status, 0, "{words}: {ran:?}");
        ran.stdout
    }

    /// Runs it with `--json`, and it must be done; returns its one document.
    pub(crate) fn json(&self, words: &str) -> Value {
        let said = self.done(&format!("{words} --json"));
        assert_eq!(said.lines().count(), 1, "one document: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Runs it with `--json`; returns its documents, one a line.
    pub(crate) fn json_lines(&self, words: &str) -> Vec<Value> {
        self.done(&format!("{words} --json"))
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Runs it, and it must end with this status, nothing on standard output, and a reason on standard error.
    pub(crate) fn refused(&self, words: &str, status: i32) -> String {
        let ran = self.run(words);
        assert_eq!(ran.status, status, "{words}: {ran:?}");
        assert_eq!(ran.stdout, "", "{words}");
        assert!(ran.stderr.starts_with("outgate: ") || status == 2, "{words}: {ran:?}");
        ran.stderr
    }

    /// Makes an SMTP user; returns its credentials.
    pub(crate) fn user(&self) -> Value {
        self.json("user add example.test --name WordPress")
    }
}

/// The keys of a JSON object, sorted.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
