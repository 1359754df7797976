//! Operators of CEL.

use std::cmp::Ordering;
use std::rc::Rc;

use super::Evaluated;
use crate::budget::{Failure, Meter};
use crate::expression::Operator;
use crate::value::{List, Map, Value};

pub(crate) fn binary<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    meter: &mut Meter,
) -> Evaluated<'a> {
    let ordered = |wanted: fn(Ordering) -> bool, meter: &mut Meter| {
        // What is not a number is neither less nor more than anything.
        Ok(Value::Bool(compare(&left, &right, meter)?.is_some_and(wanted)))
    };
    match operator {
        Operator::Equal => Ok(Value::Bool(equal(&left, &right, meter)?)),
        Operator::NotEqual => Ok(Value::Bool(!equal(&left, &right, meter)?)),
        Operator::Less => ordered(Ordering::is_lt, meter),
        Operator::LessOrEqual => ordered(Ordering::is_le, meter),
        Operator::Greater => ordered(Ordering::is_gt, meter),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge, meter),
        Operator::In => contains(&left, &right, meter),
        Operator::Add => add(left, right, meter),
        Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            arithmetic(operator, &left, &right)
        }
    }
}

pub(super) fn negate<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Span(value) => value.checked_neg().map(Value::Span).ok_or_else(overflow),
        other => Err(Failure::says(format!("{} has no negative", other.kind()))),
    }
}

/// Whether two values are the same. Numbers of different types are, if they are the same number.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>, meter: &mut Meter) -> Result<bool, Failure> {
    meter.steps(1)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => {
            meter.read(left.len().min(right.len()))?;
            **left == **right
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            meter.read(left.len().min(right.len()))?;
            left == right
        }
        (Value::Time(left), Value::Time(right)) => left == right,
        (Value::Span(left), Value::Span(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !equal(&left, &right, meter)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => equal_maps(left, right, meter)?,
        _ => numbers(left, right).is_some_and(|order| order == Some(Ordering::Equal)),
    })
}

fn equal_maps(left: &Map<'_>, right: &Map<'_>, meter: &mut Meter) -> Result<bool, Failure> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for key in left.keys().iter() {
        meter.steps(left.len() as u64 / 8)?;
        let (one, other) = match &key {
            Value::Text(name) => (left.named(name), right.named(name)),
            // Only maps that an expression has made have other keys, and few of them.
            _ => (entry(left, &key, meter)?, entry(right, &key, meter)?),
        };
        match (one, other) {
            (Some(one), Some(other)) if equal(&one, &other, meter)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn entry<'a>(map: &Map<'a>, key: &Value<'_>, meter: &mut Meter) -> Result<Option<Value<'a>>, Failure> {
    if let Map::Made(entries) = map {
        for (known, value) in entries.iter() {
            if equal(known, key, meter)? {
                return Ok(Some(value.clone()));
            }
        }
    }
    Ok(None)
}

/// How two numbers compare: none if one is not a number, and nothing if one is something else.
fn numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Option<Ordering>> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => Some(left.partial_cmp(right)),
        (Value::Double(left), right) => Some(double_and_whole(*left, whole(right)?)),
        (left, Value::Double(right)) => Some(double_and_whole(*right, whole(left)?).map(Ordering::reverse)),
        (left, right) => Some(Some(whole(left)?.cmp(&whole(right)?))),
    }
}

fn double_and_whole(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // A saturating cast: what lies beyond compares as it should.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is compared next")]
    let floor = double.floor() as i128;
    Some(floor.cmp(&whole).then(if double > double.floor() { Ordering::Greater } else { Ordering::Equal }))
}

pub(crate) fn compare(
    left: &Value<'_>,
    right: &Value<'_>,
    meter: &mut Meter,
) -> Result<Option<Ordering>, Failure> {
    if let Some(order) = numbers(left, right) {
        return Ok(order);
    }
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => {
            meter.read(left.len().min(right.len()))?;
            Ok(Some((**left).cmp(&**right)))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            meter.read(left.len().min(right.len()))?;
            Ok(Some(left.cmp(right)))
        }
        (Value::Bool(left), Value::Bool(right)) => Ok(Some(left.cmp(right))),
        (Value::Time(left), Value::Time(right)) => Ok(Some(left.cmp(right))),
        (Value::Span(left), Value::Span(right)) => Ok(Some(left.cmp(right))),
        _ => Err(Failure::says(format!("{} and {} cannot be compared", left.kind(), right.kind()))),
    }
}

fn contains<'a>(wanted: &Value<'a>, all: &Value<'a>, meter: &mut Meter) -> Evaluated<'a> {
    match all {
        Value::List(list) => {
            for element in list.iter() {
                if equal(&element, wanted, meter)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        Value::Map(map) => match wanted {
            Value::Text(name) => Ok(Value::Bool(map.named(name).is_some())),
            other => Ok(Value::Bool(entry(map, other, meter)?.is_some())),
        },
        other => {
            Err(Failure::says(format!("`in` looks into {}, and a list or a map is wanted", other.kind())))
        }
    }
}

fn add<'a>(left: Value<'a>, right: Value<'a>, meter: &mut Meter) -> Evaluated<'a> {
    match (&left, &right) {
        (Value::Int(left), Value::Int(right)) => {
            left.checked_add(*right).map(Value::Int).ok_or_else(overflow)
        }
        (Value::Uint(left), Value::Uint(right)) => {
            left.checked_add(*right).map(Value::Uint).ok_or_else(overflow)
        }
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left + right)),
        (Value::Text(left), Value::Text(right)) => {
            meter.make(left.len() + right.len())?;
            Ok(Value::text([&**left, &**right].concat()))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            meter.make(left.len() + right.len())?;
            Ok(Value::Bytes([&**left, &**right].concat().into()))
        }
        (Value::List(left), Value::List(right)) => {
            meter.hold(left.len() + right.len())?;
            let both: Vec<Value<'a>> = left.iter().chain(right.iter()).collect();
            Ok(Value::List(List::Made(Rc::new(both))))
        }
        (Value::Time(time), Value::Span(span)) | (Value::Span(span), Value::Time(time)) => {
            time.checked_add(*span).map(Value::Time).map_err(|_| overflow())
        }
        (Value::Span(left), Value::Span(right)) => {
            left.checked_add(*right).map(Value::Span).ok_or_else(overflow)
        }
        _ => Err(no_overload("+", &left, &right)),
    }
}

fn arithmetic<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
    let whole_by_zero = || Failure::says("a whole number is divided by zero");
    match (operator, left, right) {
        (Operator::Subtract, Value::Int(left), Value::Int(right)) => {
            left.checked_sub(*right).map(Value::Int).ok_or_else(overflow)
        }
        (Operator::Subtract, Value::Uint(left), Value::Uint(right)) => {
            left.checked_sub(*right).map(Value::Uint).ok_or_else(overflow)
        }
        (Operator::Subtract, Value::Double(left), Value::Double(right)) => Ok(Value::Double(left - right)),
        (Operator::Subtract, Value::Time(left), Value::Time(right)) => {
            Ok(Value::Span(left.duration_since(*right)))
        }
        (Operator::Subtract, Value::Time(time), Value::Span(span)) => {
            time.checked_sub(*span).map(Value::Time).map_err(|_| overflow())
        }
        (Operator::Subtract, Value::Span(left), Value::Span(right)) => {
            left.checked_sub(*right).map(Value::Span).ok_or_else(overflow)
        }
        (Operator::Multiply, Value::Int(left), Value::Int(right)) => {
            left.checked_mul(*right).map(Value::Int).ok_or_else(overflow)
        }
        (Operator::Multiply, Value::Uint(left), Value::Uint(right)) => {
            left.checked_mul(*right).map(Value::Uint).ok_or_else(overflow)
        }
        (Operator::Multiply, Value::Double(left), Value::Double(right)) => Ok(Value::Double(left * right)),
        (Operator::Divide | Operator::Modulo, Value::Int(_), Value::Int(0))
        | (Operator::Divide | Operator::Modulo, Value::Uint(_), Value::Uint(0)) => Err(whole_by_zero()),
        (Operator::Divide, Value::Int(left), Value::Int(right)) => {
            left.checked_div(*right).map(Value::Int).ok_or_else(overflow)
        }
        (Operator::Divide, Value::Uint(left), Value::Uint(right)) => Ok(Value::Uint(left / right)),
        (Operator::Divide, Value::Double(left), Value::Double(right)) => Ok(Value::Double(left / right)),
        (Operator::Modulo, Value::Int(left), Value::Int(right)) => {
            left.checked_rem(*right).map(Value::Int).ok_or_else(overflow)
        }
        (Operator::Modulo, Value::Uint(left), Value::Uint(right)) => Ok(Value::Uint(left % right)),
        (Operator::Subtract, ..) => Err(no_overload("-", left, right)),
        (Operator::Multiply, ..) => Err(no_overload("*", left, right)),
        (Operator::Divide, ..) => Err(no_overload("/", left, right)),
        _ => Err(no_overload("%", left, right)),
    }
}

fn overflow() -> Failure {
    Failure::says("the result is too large")
}

fn no_overload(operator: &str, left: &Value<'_>, right: &Value<'_>) -> Failure {
    let (left, right) = (left.type_name(), right.type_name());
    Failure::says(format!(
        "there is no {left} {operator} {right}; double(…), int(…) and string(…) make one of another"
    ))
}
