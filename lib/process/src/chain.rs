//! An error and its causes as one sentence.
//!
//! The messages of Chancery's own errors are whole: what happened, why, what to do. Such an error names its cause
//! in its message and does not give it as its `source`, so that nobody says it a second time. Errors of libraries
//! do as they like: some have the cause in their message, some as their source, many both.

use std::error::Error;

/// What the error says, and then each of its causes that is not in there yet.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Library {
        #[error("no route to host")]
        Innermost,
        #[error("cannot connect: {0}")]
        Both(#[source] Box<Library>),
        #[error("the request failed")]
        SourceOnly(#[source] Box<Library>),
    }

    #[test]
    fn each_cause_is_said_once() {
        let both = Library::Both(Box::new(Library::Innermost));
        assert_eq!(chain(&both), "cannot connect: no route to host");
        let source_only = Library::SourceOnly(Box::new(both));
        assert_eq!(chain(&source_only), "the request failed: cannot connect: no route to host");
    }
}
