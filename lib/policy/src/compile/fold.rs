//! The macros over lists and maps, which the parser has written out as loops that fold.

use cel::IdedExpr;
use cel::common::ast::operators::{ADD, CONDITIONAL, LOGICAL_AND, LOGICAL_OR};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Cel};

use super::{Lowering, Refused, refused};
use crate::expression::{Expr, Loop, LoopKind};

/// How many loops may lie in each other.
const MOST_LOOPS: usize = 8;

/// What of a macro its step holds.
struct Parts<'c> {
    kind: LoopKind,
    filter: Option<&'c IdedExpr>,
    body: &'c IdedExpr,
}

impl Lowering<'_> {
    pub(super) fn fold(&mut self, fold: &ComprehensionExpr, depth: usize) -> Result<Expr, Refused> {
        if self.loops.len() >= MOST_LOOPS {
            return Err(refused(format!("has more than {MOST_LOOPS} loops within each other")));
        }
        let Some(Parts { kind, filter, body }) = parts(&fold.loop_step) else {
            return Err(refused(
                "has a loop that is none of all, exists, exists_one, map and filter".to_owned(),
            ));
        };
        let range = self.lower(&fold.iter_range, depth)?;
        self.loops.push(fold.iter_var.clone());
        let filter = filter.map(|filter| self.lower(filter, depth)).transpose();
        let body = self.lower(body, depth);
        self.loops.pop();
        Ok(Expr::Loop(Box::new(Loop { kind, range, filter: filter?, body: body? })))
    }
}

fn parts(step: &IdedExpr) -> Option<Parts<'_>> {
    let CallExpr { func_name, args, .. } = call(step)?;
    match (func_name.as_str(), &args[..]) {
        (LOGICAL_AND, [_, body]) => Some(Parts { kind: LoopKind::All, filter: None, body }),
        (LOGICAL_OR, [_, body]) => Some(Parts { kind: LoopKind::Exists, filter: None, body }),
        (ADD, [_, added]) => Some(Parts { kind: LoopKind::Map, filter: None, body: only_element(added)? }),
        (CONDITIONAL, [condition, then, _]) => {
            let CallExpr { func_name, args, .. } = call(then)?;
            match (func_name.as_str(), &args[..], only_element(args.get(1)?)) {
                (ADD, [_, _], Some(body)) => {
                    Some(Parts { kind: LoopKind::Map, filter: Some(condition), body })
                }
                (ADD, [_, _], None) => {
                    Some(Parts { kind: LoopKind::ExistsOne, filter: None, body: condition })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn call(expression: &IdedExpr) -> Option<&CallExpr> {
    match &expression.expr {
        Cel::Call(call) => Some(call),
        _ => None,
    }
}

fn only_element(expression: &IdedExpr) -> Option<&IdedExpr> {
    match &expression.expr {
        Cel::List(list) => list.elements.first(),
        _ => None,
    }
}
