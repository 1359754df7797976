//! From an expression to its value, a counted step at a time.

mod comparison;
mod fold;
mod members;
mod operators;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value as Json;

pub(crate) use comparison::{compare, equal};
use members::no_such;
pub(crate) use operators::binary;

use crate::answers::Answers;
use crate::budget::{Failure, Meter};
use crate::expression::{Expr, Literal, Pattern};
use crate::functions;
use crate::tables::Table;
use crate::value::{List, Text, Value};

pub(crate) type Evaluated<'a> = Result<Value<'a>, Failure>;

/// The most arguments of a function, what it is called on included.
pub(crate) const MOST_ARGUMENTS: usize = 4;

/// What the expressions of a policy are evaluated over, for one record.
pub(crate) struct Evaluation<'a> {
    pub(crate) record: Result<&'a Json, &'a str>,
    pub(crate) source: &'a str,
    pub(crate) position: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) tables: &'a [Table],
    pub(crate) variables: &'a [Expr],
    pub(crate) answers: &'a Answers,
    pub(crate) meter: Meter,
    /// The values of variables that were needed already.
    known: Vec<Option<Evaluated<'a>>>,
    /// What loops are at, the innermost last.
    locals: Vec<Value<'a>>,
    /// Where in these the expression begins that is evaluated.
    base: usize,
    /// Keys of tables that have to be asked for: the table, and the key.
    pub(crate) unanswered: BTreeSet<(usize, String)>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(
        record: Result<&'a Json, &'a str>,
        (source, position, at): (&'a str, &'a str, Timestamp),
        (tables, variables): (&'a [Table], &'a [Expr]),
        answers: &'a Answers,
    ) -> Self {
        Self {
            record,
            source,
            position,
            at,
            tables,
            variables,
            answers,
            meter: Meter::full(),
            known: vec![None; variables.len()],
            locals: Vec::new(),
            base: 0,
            unanswered: BTreeSet::new(),
        }
    }

    /// Gives the variables their values, where there are no expressions for them.
    pub(crate) fn given(mut self, values: Vec<Value<'a>>) -> Self {
        self.known = values.into_iter().map(|value| Some(Ok(value))).collect();
        self
    }

    pub(crate) fn value(&mut self, expression: &'a Expr) -> Evaluated<'a> {
        self.meter.steps(1)?;
        match expression {
            Expr::Literal(literal) => Ok(literal_value(literal)),
            Expr::Record => self.record.map(Value::of).map_err(Failure::says),
            Expr::Variable(number) => self.variable(*number),
            Expr::Source => Ok(Value::Text(Text::Lent(self.source))),
            Expr::Position => Ok(Value::Text(Text::Lent(self.position))),
            Expr::ArrivedAt => Ok(Value::Time(self.at)),
            Expr::Local(number) => Ok(self.locals.get(self.base + number).cloned().unwrap_or(Value::Null)),
            Expr::Select(operand, field) => match self.value(operand)? {
                Value::Map(map) => map.named(field).ok_or_else(|| no_such(field)),
                other => Err(Failure::says(format!("`{field}` is read of {}", other.kind()))),
            },
            Expr::Has(operand, field) => match self.value(operand)? {
                Value::Map(map) => Ok(Value::Bool(map.named(field).is_some())),
                other => Err(Failure::says(format!("`{field}` is asked for of {}", other.kind()))),
            },
            Expr::Index(operand, index) => {
                let (operand, index) = (self.value(operand)?, self.value(index)?);
                self.index(&operand, &index)
            }
            Expr::Not(operand) => Ok(Value::Bool(!self.truth(operand)?)),
            Expr::Negate(operand) => operators::negate(&self.value(operand)?),
            Expr::And(left, right) => self.both(left, right, false),
            Expr::Or(left, right) => self.both(left, right, true),
            Expr::If(branches) => {
                let [condition, then, otherwise] = &**branches;
                if self.truth(condition)? { self.value(then) } else { self.value(otherwise) }
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                operators::binary(*operator, left, right, &mut self.meter)
            }
            Expr::List(elements) => {
                self.meter.hold(elements.len())?;
                let values = elements.iter().map(|element| self.value(element));
                values.collect::<Result<Vec<_>, _>>().map(Value::list)
            }
            Expr::Map(entries) => self.map(entries),
            Expr::Loop(each) => self.each(each),
            Expr::Call(function, arguments) => {
                let mut values = [const { Value::Null }; MOST_ARGUMENTS];
                for (value, argument) in values.iter_mut().zip(arguments) {
                    *value = self.value(argument)?;
                }
                functions::call(*function, &values[..arguments.len().min(MOST_ARGUMENTS)], &mut self.meter)
            }
            Expr::Pattern(kind, text, pattern) => {
                let text = self.text(text)?;
                let most = match kind {
                    Pattern::FindAll(Some(most)) => Some(self.value(most)?),
                    Pattern::Matches | Pattern::Find | Pattern::FindAll(None) => None,
                };
                functions::pattern(kind, &text, pattern, most.as_ref(), &mut self.meter)
            }
            Expr::Lookup(lookup) => self.lookup(lookup),
            Expr::InTable(text, texts) => match self.value(text)? {
                Value::Text(text) => Ok(Value::Bool(texts.contains(&*text))),
                // The list holds nothing but texts.
                _ => Ok(Value::Bool(false)),
            },
        }
    }

    /// The value of an expression that is true or false.
    pub(crate) fn truth(&mut self, expression: &'a Expr) -> Result<bool, Failure> {
        match self.value(expression)? {
            Value::Bool(value) => Ok(value),
            other => Err(Failure::says(format!("it is {}, and true or false is wanted", other.kind()))),
        }
    }

    pub(crate) fn text(&mut self, expression: &'a Expr) -> Result<Text<'a>, Failure> {
        match self.value(expression)? {
            Value::Text(text) => Ok(text),
            other => Err(Failure::says(format!("it is {}, and a string is wanted", other.kind()))),
        }
    }

    fn variable(&mut self, number: usize) -> Evaluated<'a> {
        if let Some(Some(known)) = self.known.get(number) {
            return known.clone();
        }
        let Some(expression) = self.variables.get(number) else { return Ok(Value::Null) };
        let base = std::mem::replace(&mut self.base, self.locals.len());
        let value = self.value(expression);
        self.base = base;
        if let Some(known) = self.known.get_mut(number) {
            *known = Some(value.clone());
        }
        value
    }

    /// Whether both are true or, where `decisive` is true, one of them is. One that decides alone does so although the other
    /// fails.
    fn both(&mut self, left: &'a Expr, right: &'a Expr, decisive: bool) -> Evaluated<'a> {
        let failed = match self.truth(left) {
            Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
            Ok(_) => return self.truth(right).map(Value::Bool),
            Err(Failure::OverBudget) => return Err(Failure::OverBudget),
            Err(failed) => failed,
        };
        match self.truth(right) {
            Ok(value) if value == decisive => Ok(Value::Bool(decisive)),
            Err(Failure::OverBudget) => Err(Failure::OverBudget),
            _ => Err(failed),
        }
    }
}

fn literal_value(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::Text(value) => Value::Text(Text::Lent(value)),
        Literal::Bytes(value) => Value::Bytes((**value).into()),
        Literal::Type(name) => Value::Type(name),
    }
}

/// The elements that a loop runs over: those of a list, or the keys of a map.
fn elements<'a>(range: Value<'a>) -> Result<List<'a>, Failure> {
    match range {
        Value::List(list) => Ok(list),
        Value::Map(map) => Ok(map.keys()),
        other => {
            Err(Failure::says(format!("a loop runs over {}, and a list or a map is wanted", other.kind())))
        }
    }
}
