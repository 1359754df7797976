//! The functions that expressions may call. Those of strings, patterns and time are as Kubernetes has them.

mod checks;
mod convert;
mod lists;
mod patterns;
mod table;
mod text;
mod time;

use std::ops::RangeInclusive;

pub(crate) use patterns::{Compiled, pattern};
pub use table::{FUNCTIONS, FunctionRow};

use crate::budget::{Failure, Meter};
use crate::evaluate::Evaluated;
use crate::value::{List, Text, Value};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    Replace,
    Substring,
    IndexOf,
    LastIndexOf,
    CharAt,
    Reverse,
    String,
    Int,
    Uint,
    Double,
    Bool,
    Bytes,
    Dyn,
    Type,
    Timestamp,
    Duration,
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Luhn,
    Iban,
    Sha256,
    IsSorted,
    Sum,
    Min,
    Max,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `f(a, b)`
    Function,
    /// `a.f(b)`
    Method,
    /// Either.
    Either,
}

/// What is known of a function when an expression is compiled.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) function: Function,
    pub(crate) style: Style,
    /// How many arguments it has, with what it is called on.
    pub(crate) arguments: RangeInclusive<usize>,
    pub(crate) form: &'static str,
}

/// The function of a name.
pub(crate) fn named(name: &str) -> Option<Row> {
    table::named(name)
}

/// Calls a function. How many arguments there are was seen to before.
pub(crate) fn call<'a>(function: Function, arguments: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    use Function as F;
    let wrong = || mismatch(function, arguments);
    match (function, arguments) {
        (F::Dyn, [value]) => Ok(value.clone()),
        (F::Type, [value]) => Ok(Value::Type(value.type_name())),
        (F::Size, [value]) => size(value, meter)?.ok_or_else(wrong),
        (F::Luhn, [Value::Text(text)]) => checks::luhn(text, meter),
        (F::Iban, [Value::Text(text)]) => checks::iban(text, meter),
        (F::Sha256, [value]) => checks::sha256(value, meter)?.ok_or_else(wrong),
        (F::String | F::Int | F::Uint | F::Double | F::Bool | F::Bytes, [value]) => {
            convert::convert(function, value, meter)?.ok_or_else(wrong)
        }
        (F::Timestamp | F::Duration, [value]) => time::made(function, value)?.ok_or_else(wrong),
        (
            F::FullYear
            | F::Month
            | F::Date
            | F::DayOfMonth
            | F::DayOfWeek
            | F::DayOfYear
            | F::Hours
            | F::Minutes
            | F::Seconds
            | F::Milliseconds,
            arguments,
        ) => time::part(function, arguments)?.ok_or_else(wrong),
        (F::Join, [Value::List(list), rest @ ..]) => lists::join(list, rest, meter)?.ok_or_else(wrong),
        (F::IsSorted | F::Sum | F::Min | F::Max, [Value::List(list)]) => lists::fold(function, list, meter),
        (F::IndexOf | F::LastIndexOf, [Value::List(list), wanted]) => {
            lists::index_of(list, wanted, function == F::LastIndexOf, meter)
        }
        (_, [Value::Text(text), rest @ ..]) => text::call(function, text, rest, meter)?.ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn size<'a>(value: &Value<'a>, meter: &mut Meter) -> Result<Option<Value<'a>>, Failure> {
    let size = match value {
        Value::Text(text) => {
            meter.read(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Ok(None),
    };
    Ok(Some(number(size)))
}

fn mismatch(function: Function, arguments: &[Value<'_>]) -> Failure {
    let form = table::form(function);
    let given: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    Failure::says(format!("{form} was given {}", given.join(", ")))
}

/// A count as a value.
fn number<'a>(count: usize) -> Value<'a> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A text that is made.
fn made<'a>(text: String, meter: &mut Meter) -> Evaluated<'a> {
    meter.make(text.len())?;
    Ok(Value::Text(Text::Made(text.into())))
}

/// A list of texts that is made.
fn made_list<'a>(texts: Vec<Value<'a>>, meter: &mut Meter) -> Evaluated<'a> {
    meter.hold(texts.len())?;
    Ok(Value::List(List::Made(texts.into())))
}
