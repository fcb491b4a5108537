//! What scripts see of an ending: the exit status, and one message that says what to do next.

use outgate_core::{
    Username,
    domains::DomainError,
    store::{EventsError, StoreError},
    users::UserError,
};
use outgate_relay::{ConfigError, LockError, OpenError, StartError};
use std::{
    io::{ErrorKind, Write as _},
    path::PathBuf,
    process::ExitCode,
};

/// How a command ended, as its exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line made no sense. The command line's parser exits with the same status.
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// What was to be made is there already.
    AlreadyThere = 4,
    /// Nobody confirmed a destructive command.
    Refused = 5,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Domain(#[from] DomainError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A message or a delivery.
    #[error("there is no message and no delivery {0}")]
    NotInQueue(String),
    /// A file that is made exclusively.
    #[error("the file {} exists already; nothing was changed", .0.display())]
    FileExists(PathBuf),
    /// A file that cannot be made.
    #[error("the file {} could not be made: {why}; nothing was changed", .file.display())]
    File { file: PathBuf, why: String },
    /// The change was made, and the file that should tell the password was not written.
    #[error("the password of {username} was set, but could not be written to {}: {why}", .file.display())]
    PasswordLost { username: Username, file: PathBuf, why: String },
    /// Arguments that each make sense, and do not together.
    #[error("{0}")]
    Usage(String),
    /// A destructive command, a terminal, and another answer.
    #[error("not confirmed; nothing was changed")]
    NotConfirmed,
    /// A destructive command without a terminal to ask on.
    #[error("{0} needs a confirmation, and there is no terminal to ask on; nothing was changed")]
    NobodyToAsk(String),
    /// Standard output is gone.
    #[error("the output could not be written: {0}")]
    Output(#[from] std::io::Error),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// The exit status of an error.
pub(crate) fn status(error: &CommandError) -> Status {
    match error {
        CommandError::NotInQueue(_)
        | CommandError::Domain(DomainError::NotFound(_))
        | CommandError::User(UserError::NotFound(_) | UserError::DomainNotFound(_)) => Status::NotFound,
        CommandError::FileExists(_)
        | CommandError::Domain(DomainError::Exists(_))
        | CommandError::User(UserError::UsernameTaken(_)) => Status::AlreadyThere,
        CommandError::Usage(_)
        | CommandError::Domain(DomainError::PublicSuffix(_))
        | CommandError::User(UserError::BadUsername(_))
        | CommandError::Events(EventsError::BadCursor) => Status::Usage,
        CommandError::NotConfirmed | CommandError::NobodyToAsk(_) => Status::Refused,
        // Whoever reads has read enough: `outgate activity | head` is no failure.
        CommandError::Output(error) if error.kind() == ErrorKind::BrokenPipe => Status::Done,
        CommandError::Config(_)
        | CommandError::Open(_)
        | CommandError::Start(_)
        | CommandError::Domain(DomainError::Keys(_) | DomainError::Store(_))
        | CommandError::User(UserError::Hash(_) | UserError::Store(_))
        | CommandError::Events(EventsError::Gone | EventsError::Store(_))
        | CommandError::Store(_)
        | CommandError::File { .. }
        | CommandError::PasswordLost { .. }
        | CommandError::Output(_)
        | CommandError::Failed(_) => Status::Failed,
    }
}

/// Tells an error on standard error, with what to do next where that is not in the error itself.
pub(crate) fn tell(error: &CommandError) {
    if status(error) == Status::Done {
        return;
    }
    // Nobody is left to be told when this fails.
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "outgate: {error}");
    if let Some(next) = next(error) {
        let _ = writeln!(stderr, "  {next}");
    }
}

fn next(error: &CommandError) -> Option<String> {
    let store = |error: &StoreError| match error {
        StoreError::Full => Some("Free some disk space, then try again.".to_owned()),
        StoreError::Damaged(_) => {
            Some("Keep the data folder as it is and restore the last backup beside it.".to_owned())
        }
        StoreError::Unavailable(_) => None,
    };
    match error {
        CommandError::Domain(DomainError::NotFound(_)) | CommandError::User(UserError::DomainNotFound(_)) => {
            Some(
                "`outgate domain list` shows those there are; `outgate domain add NAME` adds one.".to_owned(),
            )
        }
        CommandError::Domain(DomainError::Exists(name)) => {
            Some(format!("`outgate domain show {name}` shows it."))
        }
        CommandError::User(UserError::NotFound(_)) => {
            Some("`outgate user list` shows those there are.".to_owned())
        }
        CommandError::User(UserError::BadUsername(_)) => Some(
            "Give --username the part before the @ only, or leave it out to have one generated.".to_owned(),
        ),
        CommandError::NotInQueue(_) => {
            Some("`outgate queue list` and `outgate activity` show their ids.".to_owned())
        }
        CommandError::FileExists(_) => Some("Name a file that is not there yet.".to_owned()),
        CommandError::PasswordLost { username, .. } => {
            Some(format!("Nobody knows it now: run `outgate user reset {username}` for a new one."))
        }
        CommandError::NobodyToAsk(_) => Some("Add --yes to do it without a question.".to_owned()),
        CommandError::Events(EventsError::Gone) => {
            Some("They were trimmed: leave --after out to start at the oldest that is kept.".to_owned())
        }
        CommandError::Events(EventsError::BadCursor) => {
            Some("Give --after a `cursor` as `outgate events --json` wrote it.".to_owned())
        }
        CommandError::Store(error)
        | CommandError::Domain(DomainError::Store(error))
        | CommandError::User(UserError::Store(error))
        | CommandError::Events(EventsError::Store(error)) => store(error),
        CommandError::Start(StartError::Locked(LockError::Held(_))) => Some(
            "One relay serves a data folder: stop the other, or name another folder with --data.".to_owned(),
        ),
        CommandError::Config(_)
        | CommandError::Open(_)
        | CommandError::Start(_)
        | CommandError::Domain(DomainError::PublicSuffix(_) | DomainError::Keys(_))
        | CommandError::User(UserError::UsernameTaken(_) | UserError::Hash(_))
        | CommandError::File { .. }
        | CommandError::Usage(_)
        | CommandError::NotConfirmed
        | CommandError::Output(_)
        | CommandError::Failed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_what_scripts_were_promised() {
        let domain = || "example.test".parse().unwrap();
        let username = || "k7m2abcdefghjk".parse().unwrap();
        for (error, code) in [
            (CommandError::Failed("x".into()), 1),
            (CommandError::Events(EventsError::Gone), 1),
            (CommandError::Usage("x".into()), 2),
            (CommandError::Events(EventsError::BadCursor), 2),
            (CommandError::Domain(DomainError::NotFound(domain())), 3),
            (CommandError::User(UserError::DomainNotFound(domain())), 3),
            (CommandError::User(UserError::NotFound(username())), 3),
            (CommandError::NotInQueue("x".into()), 3),
            (CommandError::Domain(DomainError::Exists(domain())), 4),
            (CommandError::User(UserError::UsernameTaken(username())), 4),
            (CommandError::NotConfirmed, 5),
            (CommandError::NobodyToAsk("x".into()), 5),
            (CommandError::Output(ErrorKind::BrokenPipe.into()), 0),
        ] {
            assert_eq!(status(&error) as u8, code, "{error}");
        }
    }
}
