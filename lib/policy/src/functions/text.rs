//! Functions of strings. Places are counted in characters, as in Kubernetes.

use super::{Function, made, made_list, number};
use crate::budget::{Failure, Meter};
use crate::value::{Text, Value};

/// Calls one; nothing if it has no such arguments.
pub(super) fn call<'a>(
    function: Function,
    text: &Text<'a>,
    rest: &[Value<'a>],
    meter: &mut Meter,
) -> Result<Option<Value<'a>>, Failure> {
    use Function as F;
    meter.read(text.len())?;
    let value = match (function, rest) {
        (F::Contains, [Value::Text(part)]) => Value::Bool(text.contains(&**part)),
        (F::StartsWith, [Value::Text(part)]) => Value::Bool(text.starts_with(&**part)),
        (F::EndsWith, [Value::Text(part)]) => Value::Bool(text.ends_with(&**part)),
        (F::LowerAscii, []) => made(text.to_ascii_lowercase(), meter)?,
        (F::UpperAscii, []) => made(text.to_ascii_uppercase(), meter)?,
        (F::Trim, []) => piece(text, text.trim(), meter)?,
        (F::Reverse, []) => made(text.chars().rev().collect(), meter)?,
        (F::Split, [Value::Text(separator)]) => split(text, separator, None, meter)?,
        (F::Split, [Value::Text(separator), Value::Int(most)]) => split(text, separator, Some(*most), meter)?,
        (F::Replace, [Value::Text(old), Value::Text(new)]) => replace(text, old, new, -1, meter)?,
        (F::Replace, [Value::Text(old), Value::Text(new), Value::Int(most)]) => {
            replace(text, old, new, *most, meter)?
        }
        (F::Substring, [Value::Int(from)]) => {
            let start = offset(text, *from)?;
            piece(text, &text[start..], meter)?
        }
        (F::Substring, [Value::Int(from), Value::Int(to)]) => {
            let (start, end) = (offset(text, *from)?, offset(text, *to)?);
            if start > end {
                return Err(Failure::says(format!("a piece from {from} to {to} ends before it begins")));
            }
            piece(text, &text[start..end], meter)?
        }
        (F::CharAt, [Value::Int(place)]) => {
            let start = offset(text, *place)?;
            let end = text[start..].chars().next().map_or(start, |character| start + character.len_utf8());
            piece(text, &text[start..end], meter)?
        }
        (F::IndexOf, [Value::Text(part)]) => place(text, text.find(&**part)),
        (F::IndexOf, [Value::Text(part), Value::Int(from)]) => {
            let start = offset(text, *from)?;
            place(text, text[start..].find(&**part).map(|found| start + found))
        }
        (F::LastIndexOf, [Value::Text(part)]) => place(text, text.rfind(&**part)),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// A piece of a text, which is lent where the text is.
fn piece<'a>(text: &Text<'a>, piece: &str, meter: &mut Meter) -> Result<Value<'a>, Failure> {
    if let Text::Lent(whole) = text {
        let start = piece.as_ptr() as usize - whole.as_ptr() as usize;
        return Ok(Value::Text(Text::Lent(&whole[start..start + piece.len()])));
    }
    made(piece.to_owned(), meter)
}

fn split<'a>(
    text: &Text<'a>,
    separator: &str,
    most: Option<i64>,
    meter: &mut Meter,
) -> Result<Value<'a>, Failure> {
    let most = match most {
        None => usize::MAX,
        Some(most) if most < 0 => usize::MAX,
        Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let mut pieces = Vec::new();
    if most > 0 && separator.is_empty() {
        let mut rest = &**text;
        while let Some(first) = rest.chars().next() {
            let end = if pieces.len() + 1 == most { rest.len() } else { first.len_utf8() };
            meter.steps(1)?;
            pieces.push(piece(text, &rest[..end], meter)?);
            rest = &rest[end..];
        }
    } else if most > 0 {
        for part in text.splitn(most, separator) {
            meter.steps(1)?;
            pieces.push(piece(text, part, meter)?);
        }
    }
    made_list(pieces, meter)
}

fn replace<'a>(
    text: &Text<'a>,
    old: &str,
    new: &str,
    most: i64,
    meter: &mut Meter,
) -> Result<Value<'a>, Failure> {
    let most = if most < 0 { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) };
    // How long it becomes is known before it is made.
    let times = text.matches(old).take(most).count();
    meter.make(text.len().saturating_add(times.saturating_mul(new.len())))?;
    meter.steps(times as u64)?;
    Ok(Value::text(text.replacen(old, new, most)))
}

/// The byte at which a character begins; one behind the last is the end.
fn offset(text: &str, place: i64) -> Result<usize, Failure> {
    let wrong = || Failure::says(format!("the string has no place {place}"));
    let place = usize::try_from(place).map_err(|_| wrong())?;
    let mut characters = text.char_indices();
    match characters.nth(place) {
        Some((start, _)) => Ok(start),
        None if text.chars().count() == place => Ok(text.len()),
        None => Err(wrong()),
    }
}

/// The character that begins at a byte.
fn place<'a>(text: &str, found: Option<usize>) -> Value<'a> {
    found.map_or(Value::Int(-1), |start| number(text[..start].chars().count()))
}
