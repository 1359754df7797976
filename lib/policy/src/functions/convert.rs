//! From one type to another.

use super::{Function, made};
use crate::budget::{Failure, Meter};
use crate::value::Value;

/// The value as another type; nothing if it has no such form.
pub(super) fn convert<'a>(
    function: Function,
    value: &Value<'a>,
    meter: &mut Meter,
) -> Result<Option<Value<'a>>, Failure> {
    if let Value::Text(text) = value {
        meter.read(text.len())?;
    }
    match function {
        Function::String => string(value, meter),
        Function::Int => int(value),
        Function::Uint => uint(value),
        Function::Double => double(value),
        Function::Bool => bool(value),
        Function::Bytes => match value {
            Value::Bytes(_) => Ok(Some(value.clone())),
            Value::Text(text) => {
                meter.make(text.len())?;
                Ok(Some(Value::Bytes(text.as_bytes().into())))
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn string<'a>(value: &Value<'a>, meter: &mut Meter) -> Result<Option<Value<'a>>, Failure> {
    let text = match value {
        Value::Text(_) => return Ok(Some(value.clone())),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Time(value) => value.to_string(),
        Value::Span(value) => super::time::duration_text(*value),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Err(Failure::says("bytes that are not UTF-8 are no string")),
        },
        Value::Null | Value::List(_) | Value::Map(_) | Value::Type(_) => return Ok(None),
    };
    made(text, meter).map(Some)
}

fn int<'a>(value: &Value<'a>) -> Result<Option<Value<'a>>, Failure> {
    let whole = match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => i64::try_from(*value).ok(),
        Value::Double(value) => whole(*value).and_then(|whole| i64::try_from(whole).ok()),
        Value::Text(text) => text.parse().ok(),
        Value::Time(time) => Some(time.as_second()),
        _ => return Ok(None),
    };
    whole.map(|whole| Some(Value::Int(whole))).ok_or_else(|| no_form(value, "int"))
}

fn uint<'a>(value: &Value<'a>) -> Result<Option<Value<'a>>, Failure> {
    let whole = match value {
        Value::Uint(value) => Some(*value),
        Value::Int(value) => u64::try_from(*value).ok(),
        Value::Double(value) => whole(*value).and_then(|whole| u64::try_from(whole).ok()),
        Value::Text(text) => text.parse().ok(),
        _ => return Ok(None),
    };
    whole.map(|whole| Some(Value::Uint(whole))).ok_or_else(|| no_form(value, "uint"))
}

#[expect(clippy::cast_precision_loss, reason = "as CEL has it: the nearest one")]
fn double<'a>(value: &Value<'a>) -> Result<Option<Value<'a>>, Failure> {
    let double = match value {
        Value::Double(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Text(text) => text.parse().ok(),
        _ => return Ok(None),
    };
    double.map(|double| Some(Value::Double(double))).ok_or_else(|| no_form(value, "double"))
}

fn bool<'a>(value: &Value<'a>) -> Result<Option<Value<'a>>, Failure> {
    match value {
        Value::Bool(value) => Ok(Some(Value::Bool(*value))),
        Value::Text(text) => match &**text {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Some(Value::Bool(true))),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Some(Value::Bool(false))),
            _ => Err(no_form(value, "bool")),
        },
        _ => Ok(None),
    }
}

/// A double without its fraction.
fn whole(value: f64) -> Option<i128> {
    // Whole numbers of 64 bits end well before.
    const MOST: f64 = 1e30;
    #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
    (value.abs() < MOST).then_some(value as i128)
}

fn no_form(value: &Value<'_>, wanted: &str) -> Failure {
    Failure::says(format!("{} that is no {wanted}", value.kind()))
}
