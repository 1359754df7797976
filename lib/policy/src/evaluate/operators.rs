//! Operators of CEL.

use std::cmp::Ordering;
use std::rc::Rc;

use super::Evaluated;
use super::comparison::{compare, contains, equal};
use crate::budget::{Failure, Meter};
use crate::expression::Operator;
use crate::value::{List, Value};

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
