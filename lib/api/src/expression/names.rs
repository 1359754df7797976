//! The variables that an expression takes from outside.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr};

/// Those it names, but for the ones that its own loops declare.
pub(super) fn variables(expression: &IdedExpr) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    walk(expression, &mut Vec::new(), &mut found);
    found
}

fn walk<'e>(expression: &'e IdedExpr, declared: &mut Vec<&'e str>, found: &mut BTreeSet<&'e str>) {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(name) => {
            // What begins with an @ is the macros' own.
            if !name.starts_with('@') && !declared.contains(&name.as_str()) {
                found.insert(name);
            }
        }
        Expr::Select(select) => walk(&select.operand, declared, found),
        Expr::List(list) => list.elements.iter().for_each(|element| walk(element, declared, found)),
        Expr::Call(call) => {
            call.target.iter().for_each(|target| walk(target, declared, found));
            call.args.iter().for_each(|argument| walk(argument, declared, found));
        }
        Expr::Map(map) => entries(&map.entries, declared, found),
        Expr::Struct(structure) => entries(&structure.entries, declared, found),
        Expr::Comprehension(comprehension) => {
            walk(&comprehension.iter_range, declared, found);
            walk(&comprehension.accu_init, declared, found);
            let before = declared.len();
            declared.push(&comprehension.accu_var);
            declared.push(&comprehension.iter_var);
            declared.extend(comprehension.iter_var2.as_deref());
            walk(&comprehension.loop_cond, declared, found);
            walk(&comprehension.loop_step, declared, found);
            walk(&comprehension.result, declared, found);
            declared.truncate(before);
        }
    }
}

fn entries<'e>(entries: &'e [IdedEntryExpr], declared: &mut Vec<&'e str>, found: &mut BTreeSet<&'e str>) {
    for entry in entries {
        match &entry.expr {
            EntryExpr::StructField(field) => walk(&field.value, declared, found),
            EntryExpr::MapEntry(entry) => {
                walk(&entry.key, declared, found);
                walk(&entry.value, declared, found);
            }
        }
    }
}
