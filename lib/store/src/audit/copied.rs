//! Payloads as PostgreSQL copies them in its binary form (PostgreSQL documentation, COPY, "Binary Format"): of the millions of rows of
//! an audit each would cost more as a row of an answer, whose columns are looked up by their names and types, than by its bytes.

use bytes::{Buf as _, Bytes};
use futures::{Stream, TryStreamExt as _};
use sqlx::postgres::PgConnection;

use super::rows::PayloadRow;
use crate::error::StoreError;
use crate::query::Query;

/// What the first row is after.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The rows that a query gives for these numbers, which take the places of its parameters: a copy has none.
pub(super) async fn payloads<'c>(
    connection: &'c mut PgConnection,
    query: Query,
    numbers: &[i64],
) -> Result<impl Stream<Item = Result<PayloadRow, StoreError>> + Send + 'c, StoreError> {
    let copied = connection.copy_out_raw(&statement(query.sql, numbers)).await;
    let mut is_first = true;
    let rows = copied
        .map_err(|error| StoreError::of(query.name, error))?
        .map_err(move |error| StoreError::of(query.name, error))
        .try_filter_map(move |message| {
            let row = row(message, std::mem::take(&mut is_first));
            std::future::ready(row.map_err(|what| StoreError::Corrupt(format!("{}: {what}", query.name))))
        });
    Ok(rows)
}

fn statement(sql: &str, numbers: &[i64]) -> String {
    let places = numbers.iter().enumerate().rev();
    let numbered = places.fold(sql.to_owned(), |sql, (place, number)| {
        sql.replace(&format!("${}", place + 1), &number.to_string())
    });
    format!("COPY ({numbered}) TO STDOUT (FORMAT binary)")
}

/// The row of a message, of which each has one: the first has what stands before all rows, too, and the last has none.
fn row(mut message: Bytes, is_first: bool) -> Result<Option<PayloadRow>, &'static str> {
    const CUT: &str = "a row that is cut off";
    if is_first {
        if !message.starts_with(SIGNATURE) {
            return Err("not the binary form of a copy");
        }
        message.advance(SIGNATURE.len());
        let _flags = message.try_get_u32().map_err(|_| CUT)?;
        let more = message.try_get_u32().map_err(|_| CUT)?;
        taken(&mut message, i64::from(more)).ok_or(CUT)?;
    }
    match message.try_get_i16().map_err(|_| CUT)? {
        -1 => return Ok(None),
        4 => {}
        _ => return Err("a row with another number of columns"),
    }
    let mut column = || {
        let length = message.try_get_i32().map_err(|_| CUT)?;
        if length < 0 { Ok(None) } else { taken(&mut message, length.into()).map(Some).ok_or(CUT) }
    };
    let (record, bytes) = (column()?, column()?);
    let (payload, digest) = (column()?, column()?);
    let record = record.and_then(|record| Some(i64::from_be_bytes(record[..].try_into().ok()?)));
    let bytes = bytes.map(|bytes| bytes[..].try_into().map(i32::from_be_bytes)).transpose();
    Ok(Some(PayloadRow {
        record: record.ok_or("a record without a number")?,
        payload_bytes: bytes.map_err(|_| "a length that is no number")?,
        payload,
        digest,
    }))
}

/// So many bytes from the front, unless there are fewer.
fn taken(message: &mut Bytes, length: i64) -> Option<Bytes> {
    let length = usize::try_from(length).ok().filter(|length| *length <= message.len())?;
    Some(message.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

    fn column(bytes: Option<&[u8]>) -> Vec<u8> {
        let length = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("few"));
        [&length.to_be_bytes(), bytes.unwrap_or_default()].concat()
    }

    fn message(columns: &[Option<&[u8]>]) -> Vec<u8> {
        let count = i16::try_from(columns.len()).expect("few").to_be_bytes().to_vec();
        [count, columns.iter().flat_map(|bytes| column(*bytes)).collect()].concat()
    }

    fn whole() -> Vec<u8> {
        message(&[
            Some(7_i64.to_be_bytes().as_slice()),
            Some(3_i32.to_be_bytes().as_slice()),
            Some(b"abc".as_slice()),
            None,
        ])
    }

    #[test]
    fn the_first_message_has_a_header_and_the_last_no_row() {
        for (bytes, is_first) in [(whole(), false), ([HEADER, &whole()].concat(), true)] {
            let PayloadRow { record, payload_bytes, payload, digest } =
                row(bytes.into(), is_first).expect("it is read").expect("it is a row");
            assert_eq!((record, payload_bytes, digest), (7, Some(3), None));
            assert_eq!(payload.as_deref(), Some(b"abc".as_slice()));
        }
        let end = (-1_i16).to_be_bytes();
        assert!(matches!(row(end.to_vec().into(), false), Ok(None)));
        assert!(matches!(row([HEADER, &end].concat().into(), true), Ok(None)), "there is no row at all");
    }

    #[test]
    fn what_is_absent_is_told_from_what_is_empty() {
        let number = 1_i64.to_be_bytes();
        let bytes = message(&[Some(number.as_slice()), None, Some(b"".as_slice()), Some(b"".as_slice())]);
        let found = row(bytes.into(), false).expect("it is read").expect("it is a row");
        assert_eq!(
            (found.payload_bytes, found.payload, found.digest),
            (None, Some(Bytes::new()), Some(Bytes::new()))
        );
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let bytes = whole();
        for length in 0..bytes.len() {
            assert!(row(bytes[..length].to_vec().into(), false).is_err(), "{length} bytes");
        }
        assert!(row(bytes.into(), true).is_err(), "there is no header");
        assert!(row(message(&[None, None, None, None]).into(), false).is_err(), "there is no number");
        assert!(row(message(&[None]).into(), false).is_err());
    }

    #[test]
    fn numbers_take_the_places_of_parameters() {
        let statement =
            statement("SELECT $1, $2 FROM t WHERE a = $10 OR b = $1", &[-5, 7, 3, 4, 5, 6, 7, 8, 9, 12]);
        assert_eq!(statement, "COPY (SELECT -5, 7 FROM t WHERE a = 12 OR b = -5) TO STDOUT (FORMAT binary)");
    }
}
