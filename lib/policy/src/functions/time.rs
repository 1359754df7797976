//! Functions of instants and durations. Times of day are of UTC, or at an offset: the clock of a place may be changed by its
//! authorities, and then the same record would get another verdict.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Function;
use crate::budget::Failure;
use crate::value::Value;

/// An instant or a duration of a value; nothing if it has no such form.
pub(super) fn made<'a>(function: Function, value: &Value<'a>) -> Result<Option<Value<'a>>, Failure> {
    match (function, value) {
        (Function::Timestamp, Value::Time(_)) | (Function::Duration, Value::Span(_)) => {
            Ok(Some(value.clone()))
        }
        (Function::Timestamp, Value::Text(text)) => instant(text).map(Some),
        (Function::Timestamp, Value::Int(seconds)) => match Timestamp::from_second(*seconds) {
            Ok(time) => Ok(Some(Value::Time(time))),
            Err(_) => Err(Failure::says(format!("{seconds} seconds are no instant"))),
        },
        (Function::Duration, Value::Text(text)) => match duration(text) {
            Some(span) => Ok(Some(Value::Span(span))),
            None => Err(Failure::says("the string is no duration, such as 1h30m")),
        },
        _ => Ok(None),
    }
}

fn instant<'a>(text: &str) -> Result<Value<'a>, Failure> {
    // As RFC 3339 has it: what jiff reads besides begins like it and goes on.
    let is_rfc_3339 = text.len() <= 40 && !text.contains('[');
    match text.parse::<Timestamp>() {
        Ok(time) if is_rfc_3339 => Ok(Value::Time(time)),
        _ => Err(Failure::says("the string is no instant, such as 2026-01-31T12:00:00Z")),
    }
}

/// A part of an instant or of a duration; nothing if it has none such.
pub(super) fn part<'a>(function: Function, arguments: &[Value<'a>]) -> Result<Option<Value<'a>>, Failure> {
    use Function as F;
    let part = match arguments {
        [Value::Span(span)] => match function {
            F::Hours => span.as_secs() / 3_600,
            F::Minutes => span.as_secs() / 60,
            F::Seconds => span.as_secs(),
            F::Milliseconds => i64::try_from(span.as_millis()).unwrap_or(i64::MAX),
            _ => return Ok(None),
        },
        [Value::Time(time)] => of_day(function, at(*time, Offset::UTC)),
        [Value::Time(time), Value::Text(zone)] => of_day(function, at(*time, offset(zone)?)),
        _ => return Ok(None),
    };
    Ok(Some(Value::Int(part)))
}

fn at(time: Timestamp, offset: Offset) -> DateTime {
    time.to_zoned(TimeZone::fixed(offset)).datetime()
}

fn of_day(function: Function, at: DateTime) -> i64 {
    use Function as F;
    match function {
        F::FullYear => at.year().into(),
        F::Month => i64::from(at.month()) - 1,
        F::Date => at.day().into(),
        F::DayOfMonth => i64::from(at.day()) - 1,
        F::DayOfWeek => at.weekday().to_sunday_zero_offset().into(),
        F::DayOfYear => i64::from(at.day_of_year()) - 1,
        F::Hours => at.hour().into(),
        F::Minutes => at.minute().into(),
        F::Seconds => at.second().into(),
        _ => at.millisecond().into(),
    }
}

fn offset(zone: &str) -> Result<Offset, Failure> {
    let minutes = || {
        if zone == "UTC" || zone == "Z" {
            return Some(0);
        }
        let (sign, rest) = match zone.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, zone.strip_prefix('+').unwrap_or(zone)),
        };
        let (hours, minutes) = rest.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hours) || !digits(minutes) {
            return None;
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    };
    minutes().and_then(|minutes| Offset::from_seconds(minutes * 60).ok()).ok_or_else(|| {
        Failure::says("the clock is none of UTC and offsets such as +02:00; that of a place is not known")
    })
}

/// As Go reads it: numbers with units, and a sign.
fn duration(text: &str) -> Option<SignedDuration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| !(c.is_ascii_digit() || c == '.'));
        let (unit, after) = split(after, |c| c.is_ascii_digit() || c == '.');
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(unit)?)?;
        let mut digit_unit = unit;
        for digit in fraction.chars() {
            digit_unit /= 10;
            nanos += i128::from(digit.to_digit(10)?) * digit_unit;
        }
        rest = after;
    }
    let nanos = i64::try_from(sign * nanos).ok()?;
    Some(SignedDuration::from_nanos(nanos))
}

fn split(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// In seconds, such as `90s` or `0.5s`, as CEL writes it.
pub(super) fn duration_text(span: SignedDuration) -> String {
    let nanos = span.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let fraction = format!("{rest:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{seconds}s"),
        fraction => format!("{sign}{seconds}.{fraction}s"),
    }
}
