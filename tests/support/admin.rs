//! The administration commands.

use crate::binaries;
use serde_json::Value;
use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Runs commands against one configuration file.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The configuration file.
    pub config: PathBuf,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit status; negative when a signal ended it.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

/// An SMTP user with its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What it signs in with.
    pub username: String,
    /// The secret that goes with it.
    pub password: String,
}

impl Admin {
    /// The command, not yet run.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binaries::outgate());
        command.args(words).arg("--config").arg(&self.config).stdin(Stdio::null());
        command
    }

    /// Runs a command, whatever comes of it.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Outcome {
        let output = self.command(words).output().expect("running outgate");
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("output in UTF-8"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that has to succeed.
    pub fn ok<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Outcome {
        let words: Vec<S> = words.into_iter().collect();
        let shown: Vec<_> = words.iter().map(|word| word.as_ref().to_owned()).collect();
        let outcome = self.run(words);
        assert_eq!(outcome.status, 0, "outgate {shown:?}: {}{}", outcome.stdout, outcome.stderr);
        outcome
    }

    /// Runs a command with `--json` that has to succeed.
    pub fn json(&self, words: &[&str]) -> Value {
        self.ok(words.iter().copied().chain(["--json"])).json()
    }

    /// Runs a command with `--json` that prints a document a line.
    pub fn json_lines(&self, words: &[&str]) -> Vec<Value> {
        self.ok(words.iter().copied().chain(["--json"])).json_lines()
    }

    /// Adds a trusted domain.
    pub fn add_domain(&self, name: &str) {
        self.ok(["domain", "add", name, "--trusted"]);
    }

    /// Adds a user.
    pub fn add_user(&self, domain: &str, label: &str) -> Credentials {
        Credentials::of(&self.json(&["user", "add", domain, "--name", label]))
    }

    /// Resets a user's password.
    pub fn reset(&self, username: &str) -> Credentials {
        Credentials::of(&self.json(&["user", "reset", username, "--yes"]))
    }
}

impl Credentials {
    /// Reads what `user add` and `user reset` print.
    pub fn of(printed: &Value) -> Self {
        let text =
            |key: &str| printed[key].as_str().unwrap_or_else(|| panic!("{key} in {printed}")).to_owned();
        Self { username: text("username"), password: text("password") }
    }
}

impl Outcome {
    /// Standard output as the one JSON document that it has to be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }

    /// Standard output as a JSON document a line.
    pub fn json_lines(&self) -> Vec<Value> {
        let line =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.stdout.lines().map(line).collect()
    }
}
