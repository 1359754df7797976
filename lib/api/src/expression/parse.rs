//! From text to the tree of an expression.

use std::thread;

use cel::{IdedExpr, Program};

/// Enough for 128 brackets and conditions, in whatever way the parser was built: each takes it some 100 KiB. What is not
/// used is not there.
const STACK_BYTES: usize = 64 << 20;

/// Why a text is no CEL expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What was met there.
    pub message: String,
    /// Line within the text, from 1.
    pub line: usize,
    /// Column within the line, from 1.
    pub column: usize,
}

impl SyntaxError {
    fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 1, column: 1 }
    }
}

/// What `then` makes of the tree of an expression, on a stack that is deep enough for it. Brackets and conditions of the
/// text, `most` at the most, bound how deep that has to be: the parser calls itself for each.
///
/// # Errors
///
/// [`SyntaxError`].
pub fn with_parsed<T: Send>(
    text: &str,
    most: usize,
    then: impl FnOnce(&IdedExpr) -> T + Send,
) -> Result<T, SyntaxError> {
    if text.chars().filter(|character| "([{?".contains(*character)).count() > most {
        return Err(SyntaxError::whole(format!("it has more than {most} brackets and conditions")));
    }
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK_BYTES);
        let parser = parser
            .spawn_scoped(scope, || Program::compile(text).map(|program| then(program.expression())))
            .map_err(|error| SyntaxError::whole(format!("there is no thread to parse it in: {error}")))?;
        match parser.join() {
            Ok(parsed) => parsed.map_err(|errors| first(&errors)),
            // The parser panics at some texts.
            Err(_) => Err(SyntaxError::whole("it cannot be parsed")),
        }
    })
}

/// `ERROR: <input>:1:8: Syntax error: …` without the drawing below it.
fn first(errors: &cel::ParseErrors) -> SyntaxError {
    let Some(error) = errors.errors.first() else { return SyntaxError::whole("it cannot be parsed") };
    let from_one = |position: isize| usize::try_from(position).unwrap_or(1).max(1);
    let message = error.msg.lines().next().unwrap_or_default().to_owned();
    SyntaxError { message, line: from_one(error.pos.0), column: from_one(error.pos.1) }
}
