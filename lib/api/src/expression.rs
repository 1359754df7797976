//! Expressions over a payload, in CEL, as far as they can be judged without one.

mod names;
mod parse;
mod strict;

use cel::objects::ResolveResult;
use cel::{Context, ExecutionError, IdedExpr, Program, Value};

pub use parse::{SyntaxError, with_parsed};

/// The one variable: the payload.
pub const RECORD: &str = "record";

/// Brackets and conditions in an expression, at the most.
const MOST_NESTED: usize = 32;

/// An expression that can be evaluated. It names [`RECORD`] and no other variable.
#[derive(Debug)]
pub struct Expression {
    compiled: IdedExpr,
}

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Not CEL.
    #[error("is no CEL expression ({0}); wanted is one over `record`, such as record.id")]
    Syntax(String),
    /// A variable that there is not.
    #[error(
        "names `{0}`, and there is only `record`, the payload as JSON; wanted is an expression such as record.id"
    )]
    Variable(String),
    /// A function that there is not.
    #[error("calls `{0}`, which is no function; wanted is an expression over `record`, such as record.id")]
    Function(String),
    /// A value that is the same for all payloads.
    #[error("is the same for every payload; wanted is an expression over `record`, such as record.id")]
    Constant,
    /// More than a stack is for.
    #[error(
        "has more than {MOST_NESTED} brackets and conditions; wanted is a shorter one, such as record.id"
    )]
    Nested,
}

impl Expression {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`].
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if text.chars().filter(|character| "([{?".contains(*character)).count() > MOST_NESTED {
            return Err(ExpressionError::Nested);
        }
        let checked = with_parsed(text, MOST_NESTED, Self::checked);
        let compiled = checked.map_err(|error| ExpressionError::Syntax(error.message))??;
        Ok(Self { compiled })
    }

    fn checked(expression: &IdedExpr) -> Result<IdedExpr, ExpressionError> {
        let variables = names::variables(expression);
        if let Some(other) = variables.iter().find(|name| **name != RECORD) {
            return Err(ExpressionError::Variable((*other).to_owned()));
        }
        if variables.is_empty() {
            return Err(ExpressionError::Constant);
        }
        if let Some(name) = expression.references().functions().into_iter().find(|name| !is_function(name)) {
            return Err(ExpressionError::Function(name.to_owned()));
        }
        let mut compiled = expression.clone();
        strict::make_strict(&mut compiled);
        Ok(compiled)
    }

    /// Its value, where [`RECORD`] is what the context says. The evaluator may panic.
    ///
    /// # Errors
    ///
    /// What keeps it from having one.
    pub fn evaluate(&self, context: &Context<'_>) -> ResolveResult {
        Value::resolve(&self.compiled, context)
    }
}

/// Whether there is a function of this name, which is asked by calling it. Operators are functions too, and exist.
fn is_function(name: &str) -> bool {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return true;
    }
    let call = Program::compile(&format!("{name}()"));
    let answer = call.map(|call| call.execute(&Context::default()));
    !matches!(answer, Ok(Err(ExecutionError::UndeclaredReference(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_payload_compiles() {
        for text in [
            "record.id",
            "record['a b'] + '/' + string(record.number)",
            "[record.a, record.b]",
            "{'a': record.a}",
            "has(record.id) ? record.id : record.other",
            "record.items.map(item, item.id)",
            "record.items.filter(item, item.id > record.least).size()",
            &format!("{}record.id{}", "(".repeat(32), ")".repeat(32)),
            &format!("{}record.id{}", "[".repeat(32), "]".repeat(32)),
            &format!("record{}", ".id".repeat(300)),
            &format!("record.id{}", " + record.id".repeat(60)),
        ] {
            Expression::compile(text).unwrap_or_else(|error| panic!("{text} {error}"));
        }
    }

    #[test]
    fn what_does_not_is_refused_with_a_sentence() {
        let said = |text: &str| Expression::compile(text).expect_err(text).to_string();
        for text in ["", "record.", "record.id)", "record id", "'", "record.id +", "\u{0}"] {
            let said = said(text);
            assert!(said.starts_with("is no CEL expression (") && !said.contains('\n'), "{text}: {said}");
        }
        assert!(said("row.id").starts_with("names `row`, and there is only `record`"));
        assert!(said("record.items.map(item, other.id)").starts_with("names `other`"));
        assert!(said("record.items.map(item, item.id) == item").starts_with("names `item`"));
        assert!(said("upper(record.id)").starts_with("calls `upper`, which is no function"));
        assert!(said("record.id.md5()").starts_with("calls `md5`, which is no function"));
        assert!(said("1 + 2").starts_with("is the same for every payload"));
        assert!(said(&"(".repeat(1_000)).starts_with("has more than 32 brackets"));
    }
}
