//! What an expression may cost at the worst, before there is a record: in steps, for a record of 1 MiB. It is an estimate,
//! which finds what can never do; what a record does cost is counted when it is judged.
//!
//! A loop is assumed to run over as many elements as such a record holds that have the fields that the loop reads. A loop
//! over a part of what another loop is at shares the record with the other passes; one over the whole record does not.

use crate::expression::{Expr, Literal, Loop, LoopKind, Pattern};
use crate::functions::Function;

/// Bytes of a record, at the most.
const RECORD: f64 = 1_048_576.0;

/// What a text is assumed to have, where a function goes through it: longer ones are rare, and counted when they come.
const TEXT: f64 = 4_096.0;

/// What is known of sizes, in bytes as JSON.
pub(crate) struct Sizes<'s> {
    /// Of the variables before it.
    pub(crate) variables: &'s [f64],
    /// Of the longest value of each table.
    pub(crate) tables: &'s [f64],
}

/// What an expression costs, and how large its value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) cost: f64,
    pub(crate) size: f64,
}

impl Sizes<'_> {
    /// Estimates an expression.
    pub(crate) fn estimate(&self, expression: &Expr) -> Estimate {
        Walk { sizes: self, loops: Vec::new() }.of(expression)
    }
}

/// A loop around.
struct Around {
    /// How often it goes round.
    elements: f64,
    /// The size of what it is at, on average.
    size: f64,
}

struct Walk<'s> {
    sizes: &'s Sizes<'s>,
    loops: Vec<Around>,
}

impl Walk<'_> {
    fn of(&mut self, expression: &Expr) -> Estimate {
        let with = |cost: f64, size: f64| Estimate { cost: cost + 1.0, size };
        match expression {
            Expr::Literal(literal) => with(0.0, literal_size(literal)),
            Expr::Record => with(0.0, RECORD),
            Expr::Variable(number) => with(0.0, self.sizes.variables.get(*number).copied().unwrap_or(RECORD)),
            Expr::Source | Expr::Position => with(0.0, 1_024.0),
            Expr::ArrivedAt => with(0.0, 32.0),
            Expr::Local(number) => with(0.0, self.loops.get(*number).map_or(RECORD, |around| around.size)),
            Expr::Select(operand, _) => {
                let operand = self.of(operand);
                with(operand.cost, operand.size)
            }
            Expr::Has(operand, _) | Expr::Not(operand) | Expr::Negate(operand) => {
                with(self.of(operand).cost, 8.0)
            }
            Expr::Index(operand, index) => {
                // By what a loop is at, each part is read once.
                let parts = match **index {
                    Expr::Local(number) => self.loops.get(number).map_or(1.0, |around| around.elements),
                    _ => 1.0,
                };
                let (operand, index) = (self.of(operand), self.of(index));
                with(operand.cost + index.cost, operand.size / parts)
            }
            Expr::And(left, right) | Expr::Or(left, right) => {
                with(self.of(left).cost + self.of(right).cost, 8.0)
            }
            Expr::If(branches) => {
                let [condition, then, otherwise] = &**branches;
                let (then, otherwise) = (self.of(then), self.of(otherwise));
                let branch = then.cost.max(otherwise.cost);
                with(self.of(condition).cost + branch, then.size.max(otherwise.size))
            }
            Expr::Binary(_, left, right) => {
                let is_list = makes_list(left) || makes_list(right);
                let (left, right) = (self.of(left), self.of(right));
                // Of most, a number is compared or added.
                let both = (left.size.min(TEXT) + right.size.min(TEXT)) / 1_024.0;
                let size = left.size + right.size;
                with(left.cost + right.cost + both, if is_list { size } else { size.min(TEXT) })
            }
            Expr::List(elements) => self.all(elements.iter()),
            Expr::Map(entries) => self.all(entries.iter().flat_map(|(key, value)| [key, value])),
            Expr::Loop(each) => self.each(each),
            Expr::Call(_, arguments) => {
                let all = self.all(arguments.iter());
                with(all.cost + all.size.min(TEXT) / 16.0, all.size)
            }
            Expr::Pattern(kind, text, _) => {
                let text = self.of(text);
                let most = match kind {
                    Pattern::FindAll(Some(most)) => self.of(most).cost,
                    Pattern::Matches | Pattern::Find | Pattern::FindAll(None) => 0.0,
                };
                with(text.cost + most + text.size.min(TEXT) / 4.0, text.size)
            }
            Expr::Lookup(lookup) => {
                let key = self.of(&lookup.key);
                let otherwise = lookup.otherwise.as_ref().map(|otherwise| self.of(otherwise));
                let size = self.sizes.tables.get(lookup.table).copied().unwrap_or(RECORD);
                let (cost, other) = otherwise.map_or((0.0, 0.0), |other| (other.cost, other.size));
                with(key.cost + cost, size.max(other))
            }
            Expr::InTable(text, _) => with(self.of(text).cost + 1.0, 8.0),
        }
    }

    fn all<'e>(&mut self, elements: impl Iterator<Item = &'e Expr>) -> Estimate {
        let mut all = Estimate { cost: 1.0, size: 2.0 };
        for element in elements {
            let element = self.of(element);
            all.cost += element.cost;
            all.size += element.size;
        }
        all
    }

    fn each(&mut self, each: &Loop) -> Estimate {
        let Loop { kind, range, filter, body } = each;
        let range = self.of(range);
        let depth = self.loops.len();
        let fields = fields_of(depth, body) + filter.as_ref().map_or(0.0, |filter| fields_of(depth, filter));
        // Such as `1,`, or `{"amount":1},`.
        let element = if fields > 0.0 { 3.0 + fields } else { 2.0 };
        let elements = (range.size / element).max(1.0);
        self.loops.push(Around { elements, size: range.size / elements });
        let body = self.of(body);
        let filter = filter.as_ref().map_or(0.0, |filter| self.of(filter).cost);
        self.loops.pop();
        let made = if *kind == LoopKind::Map { 4.0 } else { 0.0 };
        let size = if *kind == LoopKind::Map { elements * body.size } else { 8.0 };
        Estimate { cost: 1.0 + range.cost + elements * (1.0 + body.cost + filter + made), size }
    }
}

/// Whether its value is a list for sure.
fn makes_list(expression: &Expr) -> bool {
    match expression {
        Expr::List(_) | Expr::Call(Function::Split, _) | Expr::Pattern(Pattern::FindAll(_), ..) => true,
        Expr::Loop(each) => each.kind == LoopKind::Map,
        Expr::Binary(_, left, right) => makes_list(left) || makes_list(right),
        _ => false,
    }
}

fn literal_size(literal: &Literal) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    match literal {
        Literal::Text(text) => text.len() as f64,
        Literal::Bytes(bytes) => bytes.len() as f64,
        Literal::Null
        | Literal::Bool(_)
        | Literal::Int(_)
        | Literal::Uint(_)
        | Literal::Double(_)
        | Literal::Type(_) => 8.0,
    }
}

/// The bytes of the fields that an expression reads of what the loop of this number is at: `"amount":1,` each.
fn fields_of(number: usize, expression: &Expr) -> f64 {
    let mut names = std::collections::BTreeSet::new();
    collect(number, expression, &mut names);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    names.iter().map(|name| name.len() as f64 + 5.0).sum()
}

fn collect<'e>(number: usize, expression: &'e Expr, names: &mut std::collections::BTreeSet<&'e str>) {
    if let Expr::Select(operand, field) = expression
        && matches!(**operand, Expr::Local(local) if local == number)
    {
        names.insert(field);
    }
    expression.parts().into_iter().for_each(|part| collect(number, part, names));
}
