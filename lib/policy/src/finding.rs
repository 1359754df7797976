//! What is wrong with a policy.

use std::fmt;

/// One thing that keeps a policy from being compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field, as in `spec.validations[2].expression`.
    pub path: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The line within the expression, from 1.
    pub line: usize,
    /// The column within that line, from 1.
    pub column: usize,
}

impl Finding {
    /// About a field as a whole.
    pub(crate) fn of(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), line: 1, column: 1 }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, line, column } = self;
        match (line, column) {
            (1, 1) => write!(f, "{path}: {message}"),
            (1, column) => write!(f, "{path}: at character {column}: {message}"),
            (line, column) => write!(f, "{path}: at line {line}, character {column} of it: {message}"),
        }
    }
}
