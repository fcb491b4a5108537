//! What a broken law leaves behind.

use std::{error::Error, fmt};

/// What went wrong, in words. Any error becomes one with `?`.
pub struct Failure(String);

impl Failure {
    /// A failure in words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

// Both forms are the plain words, so that `unwrap` in a test shows them unescaped.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(format!("an unexpected error: {error}"))
    }
}

/// Fails the law unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($words)+)));
        }
    };
}

/// Fails the law unless two values are equal, and shows both.
macro_rules! ensure_eq {
    ($found:expr, $wanted:expr, $($words:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => $crate::failure::ensure!(
                found == wanted,
                "{}\n   found: {found:?}\n  wanted: {wanted:?}",
                format_args!($($words)+)
            ),
        }
    };
}

/// Fails the law unless a value has a shape, and shows it.
macro_rules! ensure_matches {
    ($found:expr, $shape:pat, $($words:tt)+) => {
        match &$found {
            $shape => {}
            found => $crate::failure::ensure!(
                false,
                "{}\n   found: {found:?}\n  wanted: {}",
                format_args!($($words)+),
                stringify!($shape)
            ),
        }
    };
}

pub(crate) use {ensure, ensure_eq, ensure_matches};
