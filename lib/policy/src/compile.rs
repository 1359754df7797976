//! From the text of an expression to one that is ready to be evaluated.

mod call;
mod cost;
mod fold;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr as Cel, LiteralValue};
use chancery_api::with_parsed;

pub(crate) use cost::Sizes;

use crate::expression::{Expr, Literal};
use crate::tables::Table;

/// Brackets and conditions of an expression, at the most.
const MOST_BRACKETS: usize = 128;

/// How deep an expression may be: evaluating calls itself for each level.
pub(crate) const MOST_DEEP: usize = 128;

/// What an expression may name.
pub(crate) struct Names<'n> {
    /// The variables before it.
    pub(crate) variables: &'n [String],
    pub(crate) tables: &'n [Table],
    /// Whether they are named as they are, and not as `variables.NAME`; they come before what is known of an arrival.
    pub(crate) is_plain: bool,
}

/// What is wrong with an expression.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What is wrong, and the name in the text that it is about.
struct Refused {
    message: String,
    about: Option<String>,
}

/// Compiles an expression.
///
/// # Errors
///
/// [`Wrong`].
pub(crate) fn compile(text: &str, names: &Names<'_>) -> Result<Expr, Wrong> {
    let lowered =
        with_parsed(text, MOST_BRACKETS, |parsed| Lowering { names, loops: Vec::new() }.lower(parsed, 0));
    match lowered {
        Ok(Ok(expression)) => Ok(expression),
        Ok(Err(Refused { message, about })) => {
            let (line, column) = about.map_or((1, 1), |name| place(text, &name));
            Err(Wrong { message, line, column })
        }
        Err(error) => {
            let message = format!("is no CEL expression: {}", error.message);
            Err(Wrong { message, line: error.line, column: error.column })
        }
    }
}

struct Lowering<'n> {
    names: &'n Names<'n>,
    /// What the loops around are at, by their names.
    loops: Vec<String>,
}

impl Lowering<'_> {
    fn lower(&mut self, expression: &IdedExpr, depth: usize) -> Result<Expr, Refused> {
        if depth > MOST_DEEP {
            return Err(refused(format!(
                "is more than {MOST_DEEP} levels deep; give parts of it to variables"
            )));
        }
        let depth = depth + 1;
        Ok(match &expression.expr {
            Cel::Literal(value) => Expr::Literal(literal(value)),
            Cel::Ident(name) => self.ident(name)?,
            Cel::Select(select) => {
                if let Some(variable) = self.variable(&select.operand, &select.field)? {
                    return match select.test {
                        true => {
                            Err(about("variables", "asks whether a variable is there; all are".to_owned()))
                        }
                        false => Ok(variable),
                    };
                }
                let operand = Box::new(self.lower(&select.operand, depth)?);
                let field = select.field.as_str().into();
                if select.test { Expr::Has(operand, field) } else { Expr::Select(operand, field) }
            }
            Cel::List(list) => Expr::List(
                list.elements.iter().map(|element| self.lower(element, depth)).collect::<Result<_, _>>()?,
            ),
            Cel::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(refused("makes a message; wanted is a map".to_owned()));
                    };
                    entries.push((self.lower(&entry.key, depth)?, self.lower(&entry.value, depth)?));
                }
                Expr::Map(entries)
            }
            Cel::Call(call) => self.call(call, depth)?,
            Cel::Comprehension(comprehension) => self.fold(comprehension, depth)?,
            Cel::Struct(message) => {
                return Err(about(
                    &message.type_name,
                    format!("makes a {}, and there are no messages", message.type_name),
                ));
            }
            Cel::Unspecified => return Err(refused("is no CEL expression".to_owned())),
        })
    }

    fn ident(&self, name: &str) -> Result<Expr, Refused> {
        // The innermost of that name.
        if let Some(number) = self.loops.iter().rposition(|declared| declared == name) {
            return Ok(Expr::Local(number));
        }
        if self.names.is_plain && name != "record" {
            return self.plain(name);
        }
        Ok(match name {
            "record" => Expr::Record,
            "source" => Expr::Source,
            "position" => Expr::Position,
            "arrivedAt" => Expr::ArrivedAt,
            "variables" => {
                return Err(about(
                    "variables",
                    "needs the name of a variable, such as variables.usd".to_owned(),
                ));
            }
            _ => match TYPES.iter().find(|known| **known == name) {
                Some(known) => Expr::Literal(Literal::Type(known)),
                None => {
                    let said = format!(
                        "names `{name}`, and there are only `record`, `variables`, `source`, `position` and `arrivedAt`"
                    );
                    return Err(about(name, said));
                }
            },
        })
    }

    fn plain(&self, name: &str) -> Result<Expr, Refused> {
        if let Some(number) = self.names.variables.iter().position(|known| known == name) {
            return Ok(Expr::Variable(number));
        }
        if let Some(known) = TYPES.iter().find(|known| **known == name) {
            return Ok(Expr::Literal(Literal::Type(known)));
        }
        let known = self.names.variables.join("`, `");
        Err(about(name, format!("names `{name}`, and there are only `record`, `{known}`")))
    }

    /// `variables.NAME`, if it is that.
    fn variable(&self, operand: &IdedExpr, field: &str) -> Result<Option<Expr>, Refused> {
        let is_variables = matches!(&operand.expr, Cel::Ident(name) if name == "variables");
        if !is_variables || self.names.is_plain || self.loops.iter().any(|declared| declared == "variables") {
            return Ok(None);
        }
        match self.names.variables.iter().position(|known| known == field) {
            Some(number) => Ok(Some(Expr::Variable(number))),
            None => {
                let known = self.names.variables.join(", ");
                let there = if known.is_empty() {
                    "there are none before it".to_owned()
                } else {
                    format!("there are only: {known}")
                };
                Err(about(field, format!("names the variable `{field}`, and {there}")))
            }
        }
    }
}

/// Types that expressions compare with what `type` gives.
const TYPES: [&str; 10] =
    ["null_type", "bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"];

fn literal(value: &LiteralValue) -> Literal {
    match value {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(value) => Literal::Bool(*value.inner()),
        LiteralValue::Int(value) => Literal::Int(*value.inner()),
        LiteralValue::UInt(value) => Literal::Uint(*value.inner()),
        LiteralValue::Double(value) => Literal::Double(*value.inner()),
        LiteralValue::String(value) => Literal::Text(value.inner().into()),
        LiteralValue::Bytes(value) => Literal::Bytes(value.inner().into()),
    }
}

fn refused(message: String) -> Refused {
    Refused { message, about: None }
}

fn about(name: &str, message: String) -> Refused {
    Refused { message, about: Some(name.to_owned()) }
}

/// Line and column of the first place where the text has a name as a word of its own.
fn place(text: &str, name: &str) -> (usize, usize) {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let word = text.match_indices(name).find(|(start, found)| {
        !text[..*start].ends_with(is_part) && !text[start + found.len()..].starts_with(is_part)
    });
    let Some((start, _)) = word else { return (1, 1) };
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
