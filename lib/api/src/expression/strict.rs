//! Members that are not there are errors. The crate evaluates `a.b` as false where `a` is no object, so that all such payloads would
//! have the same value: `a["b"]` says that it cannot be.

use cel::IdedExpr;
use cel::common::ast::operators::INDEX;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, LiteralValue};

/// Writes each `a.b` as `a["b"]`. What asks whether there is one, `has(a.b)`, stays.
pub(super) fn make_strict(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select(select) => {
            make_strict(&mut select.operand);
            if !select.test {
                let name = LiteralValue::String(select.field.as_str().into());
                let name = IdedExpr { id: expression.id, expr: Expr::Literal(name) };
                let args = vec![std::mem::take(&mut *select.operand), name];
                expression.expr = Expr::Call(CallExpr { func_name: INDEX.to_owned(), target: None, args });
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(make_strict),
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| make_strict(target));
            call.args.iter_mut().for_each(make_strict);
        }
        Expr::Map(map) => entries(&mut map.entries),
        Expr::Struct(structure) => entries(&mut structure.entries),
        Expr::Comprehension(comprehension) => {
            for part in [
                &mut comprehension.iter_range,
                &mut comprehension.accu_init,
                &mut comprehension.loop_cond,
                &mut comprehension.loop_step,
                &mut comprehension.result,
            ] {
                make_strict(part);
            }
        }
    }
}

fn entries(entries: &mut [IdedEntryExpr]) {
    for entry in entries {
        match &mut entry.expr {
            EntryExpr::StructField(field) => make_strict(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                make_strict(&mut entry.key);
                make_strict(&mut entry.value);
            }
        }
    }
}
