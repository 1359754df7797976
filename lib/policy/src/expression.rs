//! An expression that is ready to be evaluated: every name in it is known.

use std::collections::HashSet;
use std::sync::Arc;

use crate::functions::{Compiled, Function};

/// A step of an expression, and those that it needs.
#[derive(Debug)]
pub(crate) enum Expr {
    Literal(Literal),
    /// The payload.
    Record,
    /// The variable of this number.
    Variable(usize),
    Source,
    Position,
    ArrivedAt,
    /// What the loop of this number, counted from the outermost, is at.
    Local(usize),
    Select(Box<Expr>, Box<str>),
    /// Whether there is such a member.
    Has(Box<Expr>, Box<str>),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    If(Box<[Expr; 3]>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Loop(Box<Loop>),
    Call(Function, Vec<Expr>),
    /// A function of a text and of a pattern that was compiled with the policy.
    Pattern(Pattern, Box<Expr>, Box<Compiled>),
    Lookup(Box<Lookup>),
    /// Whether a text is in a list of a table, which is known with the policy.
    InTable(Box<Expr>, Arc<HashSet<String>>),
}

#[derive(Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// The name of a type.
    Type(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Matches,
    Find,
    /// With the most that are found; none: all.
    FindAll(Option<Box<Expr>>),
}

/// What one of the macros over lists and maps becomes.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: Expr,
    /// For `map` and `filter`: which elements; all without it.
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    /// Also `filter`, which is a `map` to the element itself.
    Map,
}

#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) table: usize,
    pub(crate) key: Expr,
    /// The value of a key that is not there.
    pub(crate) otherwise: Option<Expr>,
}

impl Expr {
    /// How deep it is, with the variables that it needs: how deep those are is given.
    pub(crate) fn depth(&self, variables: &[usize]) -> usize {
        let own = match self {
            Self::Variable(number) => variables.get(*number).copied().unwrap_or(0),
            _ => 0,
        };
        let below = self.parts().into_iter().map(|part| part.depth(variables)).max().unwrap_or(0);
        1 + own.max(below)
    }

    /// The expressions right below it.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_)
            | Self::Record
            | Self::Variable(_)
            | Self::Source
            | Self::Position
            | Self::ArrivedAt
            | Self::Local(_) => Vec::new(),
            Self::Select(operand, _)
            | Self::Has(operand, _)
            | Self::Not(operand)
            | Self::Negate(operand)
            | Self::InTable(operand, _) => vec![operand],
            Self::Index(left, right)
            | Self::And(left, right)
            | Self::Or(left, right)
            | Self::Binary(_, left, right) => vec![left, right],
            Self::If(branches) => branches.iter().collect(),
            Self::List(elements) | Self::Call(_, elements) => elements.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Loop(each) => [&each.range, &each.body].into_iter().chain(each.filter.as_ref()).collect(),
            Self::Pattern(Pattern::FindAll(Some(most)), text, _) => vec![text, most],
            Self::Pattern(Pattern::Matches | Pattern::Find | Pattern::FindAll(None), text, _) => vec![text],
            Self::Lookup(lookup) => std::iter::once(&lookup.key).chain(lookup.otherwise.as_ref()).collect(),
        }
    }
}
