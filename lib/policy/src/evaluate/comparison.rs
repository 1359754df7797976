//! Whether values are the same, and which comes first.

use std::cmp::Ordering;

use super::Evaluated;
use crate::budget::{Failure, Meter};
use crate::value::{Map, Value};

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

pub(super) fn contains<'a>(wanted: &Value<'a>, all: &Value<'a>, meter: &mut Meter) -> Evaluated<'a> {
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
