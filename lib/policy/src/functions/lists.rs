//! Functions of lists.

use std::cmp::Ordering;

use super::{Function, made, number};
use crate::budget::{Failure, Meter};
use crate::evaluate::{Evaluated, binary, compare, equal};
use crate::expression::Operator;
use crate::value::{List, Value};

/// The strings of a list one after the other; nothing if it holds something else.
pub(super) fn join<'a>(
    list: &List<'a>,
    rest: &[Value<'a>],
    meter: &mut Meter,
) -> Result<Option<Value<'a>>, Failure> {
    let separator = match rest {
        [] => "",
        [Value::Text(separator)] => &**separator,
        _ => return Ok(None),
    };
    let mut joined = String::new();
    for (place, element) in list.iter().enumerate() {
        meter.steps(1)?;
        let Value::Text(text) = element else { return Ok(None) };
        if place > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text);
        if joined.len() > crate::budget::MOST_TEXT {
            break;
        }
    }
    made(joined, meter).map(Some)
}

pub(super) fn index_of<'a>(
    list: &List<'a>,
    wanted: &Value<'a>,
    last: bool,
    meter: &mut Meter,
) -> Evaluated<'a> {
    let mut found = None;
    for (place, element) in list.iter().enumerate() {
        if equal(&element, wanted, meter)? {
            found = Some(place);
            if !last {
                break;
            }
        }
    }
    Ok(found.map_or(Value::Int(-1), number))
}

/// What all elements come to together.
pub(super) fn fold<'a>(function: Function, list: &List<'a>, meter: &mut Meter) -> Evaluated<'a> {
    let mut elements = list.iter();
    let Some(mut so_far) = elements.next() else {
        return match function {
            Function::Sum => Ok(Value::Int(0)),
            Function::IsSorted => Ok(Value::Bool(true)),
            _ => Err(Failure::says("an empty list has no least and no greatest element")),
        };
    };
    for element in elements {
        meter.steps(1)?;
        if function == Function::Sum {
            so_far = binary(Operator::Add, so_far, element, meter)?;
            continue;
        }
        let order = compare(&so_far, &element, meter)?;
        let replaces = match function {
            Function::IsSorted if order == Some(Ordering::Greater) => return Ok(Value::Bool(false)),
            Function::IsSorted => true,
            Function::Min => order == Some(Ordering::Greater),
            _ => order == Some(Ordering::Less),
        };
        if replaces {
            so_far = element;
        }
    }
    Ok(if function == Function::IsSorted { Value::Bool(true) } else { so_far })
}
