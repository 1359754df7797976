//! Calls: operators, functions, and what looks into tables.

use std::sync::Arc;

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr as Cel, LiteralValue};
use serde_json::Value as Json;

use super::{Lowering, Refused, about, refused};
use crate::expression::{Expr, Lookup, Operator, Pattern};
use crate::functions::{self, Style};
use crate::tables::Holds;

/// A list of a table that is longer is looked into by its hash.
const LONG_LIST: usize = 8;

impl Lowering<'_> {
    pub(super) fn call(&mut self, call: &CallExpr, depth: usize) -> Result<Expr, Refused> {
        let CallExpr { func_name, target, args } = call;
        let name = func_name.as_str();
        if let Some(operator) = binary(name) {
            let [left, right] = &args[..] else { return Err(wrong_count(name)) };
            let (left, right) = (self.lower(left, depth)?, self.lower(right, depth)?);
            return Ok(match (operator, self.known_texts(&right)) {
                (Operator::In, Some(texts)) => Expr::InTable(Box::new(left), texts),
                _ => Expr::Binary(operator, Box::new(left), Box::new(right)),
            });
        }
        let mut lowered = Vec::with_capacity(args.len() + 1);
        match (name, target.as_deref(), &args[..]) {
            ("lookup", None, args) => return self.lookup(args, depth),
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                return self.pattern(Pattern::Matches, text, pattern, depth);
            }
            ("find", Some(text), [pattern]) => return self.pattern(Pattern::Find, text, pattern, depth),
            ("findAll", Some(text), [pattern]) => {
                return self.pattern(Pattern::FindAll(None), text, pattern, depth);
            }
            ("findAll", Some(text), [pattern, most]) => {
                let most = Box::new(self.lower(most, depth)?);
                return self.pattern(Pattern::FindAll(Some(most)), text, pattern, depth);
            }
            _ => {}
        }
        for argument in target.iter().map(|target| &**target).chain(args) {
            lowered.push(self.lower(argument, depth)?);
        }
        let mut operands = lowered.into_iter();
        match (name, args.len(), target.is_some()) {
            (op::CONDITIONAL, 3, false)
            | (op::LOGICAL_AND | op::LOGICAL_OR | op::INDEX, 2, false)
            | (op::LOGICAL_NOT | op::NEGATE, 1, false) => {
                let mut next = || operands.next().unwrap_or(Expr::Record);
                let mut boxed = || Box::new(next());
                Ok(match name {
                    op::CONDITIONAL => Expr::If(Box::new([*boxed(), *boxed(), *boxed()])),
                    op::LOGICAL_AND => Expr::And(boxed(), boxed()),
                    op::LOGICAL_OR => Expr::Or(boxed(), boxed()),
                    op::INDEX => Expr::Index(boxed(), boxed()),
                    op::LOGICAL_NOT => Expr::Not(boxed()),
                    _ => Expr::Negate(boxed()),
                })
            }
            _ => {
                let row = functions::named(name).ok_or_else(|| {
                    about(name, format!("calls `{name}`, which is no function; docs/reference/policy-functions.md lists those there are"))
                })?;
                let is_method = target.is_some();
                let count = operands.len();
                let fits = match row.style {
                    Style::Function => !is_method,
                    Style::Method => is_method,
                    Style::Either => true,
                };
                if !fits || !row.arguments.contains(&count) {
                    return Err(about(
                        name,
                        format!("calls `{name}` in a way that it is not made for; it is {}", row.form),
                    ));
                }
                Ok(Expr::Call(row.function, operands.collect()))
            }
        }
    }

    fn pattern(
        &mut self,
        kind: Pattern,
        text: &IdedExpr,
        pattern: &IdedExpr,
        depth: usize,
    ) -> Result<Expr, Refused> {
        let Some(written) = text_of(pattern) else {
            return Err(refused(
                "has a pattern that is not written out; wanted is a text in quotes, which is compiled once"
                    .to_owned(),
            ));
        };
        let compiled = functions::Compiled::of(written)
            .map_err(|why| refused(format!("has the pattern {written:?}, which is none: {why}")))?;
        Ok(Expr::Pattern(kind, Box::new(self.lower(text, depth)?), Box::new(compiled)))
    }

    fn lookup(&mut self, args: &[IdedExpr], depth: usize) -> Result<Expr, Refused> {
        let (table, key, otherwise) = match args {
            [table, key] => (table, key, None),
            [table, key, otherwise] => (table, key, Some(otherwise)),
            _ => return Err(about("lookup", "calls `lookup` in a way that it is not made for; it is lookup('TABLE', key) or lookup('TABLE', key, otherwise)".to_owned())),
        };
        let Some(name) = text_of(table) else {
            return Err(about(
                "lookup",
                "looks into a table that is not written out; wanted is its name in quotes".to_owned(),
            ));
        };
        let Some(table) = self.names.tables.iter().position(|table| table.name == name) else {
            let known: Vec<&str> = self.names.tables.iter().map(|table| table.name.as_str()).collect();
            let there = if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are only: {}", known.join(", "))
            };
            return Err(about(
                name,
                format!("looks into `{name}`, which spec.lookups does not have; {there}"),
            ));
        };
        let key = self.lower(key, depth)?;
        let otherwise = otherwise.map(|otherwise| self.lower(otherwise, depth)).transpose()?;
        Ok(Expr::Lookup(Box::new(Lookup { table, key, otherwise })))
    }

    /// The texts of a list that is known now, because it is in a table of the policy under a key that is written out.
    fn known_texts(&self, right: &Expr) -> Option<Arc<std::collections::HashSet<String>>> {
        let Expr::Lookup(lookup) = right else { return None };
        let Expr::Literal(crate::expression::Literal::Text(key)) = &lookup.key else { return None };
        let Holds::Values(values) = &self.names.tables.get(lookup.table)?.holds else { return None };
        let Json::Array(items) = values.get(&**key)? else { return None };
        if items.len() <= LONG_LIST {
            return None;
        }
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?;
        Some(Arc::new(texts))
    }
}

fn binary(name: &str) -> Option<Operator> {
    Some(match name {
        op::ADD => Operator::Add,
        op::SUBSTRACT => Operator::Subtract,
        op::MULTIPLY => Operator::Multiply,
        op::DIVIDE => Operator::Divide,
        op::MODULO => Operator::Modulo,
        op::EQUALS => Operator::Equal,
        op::NOT_EQUALS => Operator::NotEqual,
        op::LESS => Operator::Less,
        op::LESS_EQUALS => Operator::LessOrEqual,
        op::GREATER => Operator::Greater,
        op::GREATER_EQUALS => Operator::GreaterOrEqual,
        op::IN => Operator::In,
        _ => return None,
    })
}

fn text_of(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Cel::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn wrong_count(name: &str) -> Refused {
    refused(format!("has `{name}` with too many or too few operands"))
}
