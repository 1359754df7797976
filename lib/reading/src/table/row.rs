//! A row as an arrival: its payload as it is, or all of it in canonical form (RFC 8785).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chancery_canonical::{write_double, write_json, write_string};
use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};

use crate::arrival::{MAX_PAYLOAD, Outcome, Reason, Stage};
use crate::judge::dead;
use crate::table::columns::{Kind, Shape};

/// What becomes of a row, of whose columns the first `from` are not of it.
///
/// # Errors
///
/// An answer that is not what was asked for.
pub(crate) fn outcome(shape: &Shape, row: &PgRow, from: usize) -> Result<Outcome, sqlx::Error> {
    let size = bytes_of(row, from)?.map_or(Ok(0), number)?;
    match shape {
        Shape::Payload { column, bytes } => {
            let Some(value) = bytes_of(row, from + 1)? else {
                let reason = Reason::NoPayload { column: column.name.clone() };
                return Ok(dead(Stage::Parse, reason, Bytes::new()));
            };
            let mut value = if *bytes { unhex(value)? } else { value.to_vec() };
            value.truncate(MAX_PAYLOAD);
            if size > MAX_PAYLOAD as u64 {
                return Ok(dead(Stage::Frame, Reason::TooLong { bytes: size }, value.into()));
            }
            Ok(Outcome::Payload(value.into()))
        }
        Shape::Row(_) if size > MAX_PAYLOAD as u64 => {
            let mut beginning = bytes_of(row, from + 1)?.unwrap_or_default().to_vec();
            beginning.truncate(MAX_PAYLOAD);
            Ok(dead(Stage::Frame, Reason::TooLong { bytes: size }, beginning.into()))
        }
        Shape::Row(columns) => {
            let mut out = Vec::with_capacity(256);
            for (number, (column, name)) in columns.iter().enumerate() {
                out.push(if number == 0 { b'{' } else { b',' });
                out.extend_from_slice(name);
                out.push(b':');
                let Some(value) = bytes_of(row, from + 2 + number)? else {
                    out.extend_from_slice(b"null");
                    continue;
                };
                match write(&mut out, Kind::of(column.oid), value) {
                    Ok(()) => {}
                    Err(Written::Not(reason)) => {
                        return Ok(dead(Stage::Parse, reason, Bytes::copy_from_slice(value)));
                    }
                    Err(Written::Nonsense(error)) => return Err(error),
                }
            }
            out.extend_from_slice(if columns.is_empty() { b"{}" } else { b"}" });
            if out.len() > MAX_PAYLOAD {
                let bytes = out.len() as u64;
                out.truncate(MAX_PAYLOAD);
                return Ok(dead(Stage::Parse, Reason::TooLong { bytes }, out.into()));
            }
            Ok(Outcome::Payload(out.into()))
        }
    }
}

/// Why a value was not written.
enum Written {
    Not(Reason),
    Nonsense(sqlx::Error),
}

fn write(out: &mut Vec<u8>, kind: Kind, value: &[u8]) -> Result<(), Written> {
    let not_utf8 = |error: std::str::Utf8Error| Written::Not(Reason::NotUtf8 { at: error.valid_up_to() });
    let text = std::str::from_utf8(value).map_err(not_utf8)?;
    match kind {
        Kind::Boolean => out.extend_from_slice(if text == "t" { b"true" } else { b"false" }),
        Kind::Integer => out.extend_from_slice(value),
        Kind::Single => write_double(out, f64::from(parsed::<f32>(text)?)),
        Kind::Double => write_double(out, parsed(text)?),
        Kind::Bytes => write_string(out, &STANDARD.encode(unhex(value).map_err(Written::Nonsense)?)),
        Kind::Json => write_json(out, text).map_err(|error| Written::Not(error.into()))?,
        Kind::Text => write_string(out, text),
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Written> {
    text.parse().map_err(|_| Written::Nonsense(nonsense(text)))
}

/// The bytes of a column as the server printed it.
pub(crate) fn bytes_of(row: &PgRow, number: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    let value = row.try_get_raw(number)?;
    if value.is_null() { Ok(None) } else { value.as_bytes().map(Some).map_err(sqlx::Error::Decode) }
}

/// A number that is not negative, as the server prints it.
pub(crate) fn number(text: &[u8]) -> Result<u64, sqlx::Error> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| nonsense("a length"))
}

/// `\x` and two digits for each byte.
fn unhex(text: &[u8]) -> Result<Vec<u8>, sqlx::Error> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits = text.strip_prefix(b"\\x").ok_or_else(|| nonsense("bytea"))?;
    let bytes = digits.chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    bytes.collect::<Option<_>>().ok_or_else(|| nonsense("bytea"))
}

fn nonsense(what: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("the server printed {what} in a way that is not PostgreSQL's"))
}
