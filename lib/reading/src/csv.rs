//! A row of CSV as canonical JSON (RFC 8785). CSV has no types: every value is a string.

use chancery_canonical::{name_order, write_string};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::arrival::{MAX_PAYLOAD, Reason};

/// Takes rows apart, and knows what their fields are called.
pub(crate) struct Header {
    reader: Reader,
    /// In the order of the canonical form: which field, and its name as JSON. None without a header.
    names: Option<Vec<(usize, Vec<u8>)>>,
    /// Reused.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Header {
    /// A file whose first row is a row like any other.
    #[must_use]
    pub(crate) fn none(delimiter: u8) -> Self {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        // A fresh reader leaves out a byte order mark, which is text in the middle of a file.
        let _ = reader.read_record(b"\n", &mut [0; 8], &mut [0; 8]);
        Self { reader, names: None, text: Vec::new(), ends: vec![0; 16] }
    }

    /// A file whose first row is `row`.
    ///
    /// # Errors
    ///
    /// [`Reason::BadHeader`].
    pub(crate) fn new(delimiter: u8, row: &[u8]) -> Result<Self, Reason> {
        let bad = |why: String| Reason::BadHeader(why);
        std::str::from_utf8(row).map_err(|_| bad("it is not UTF-8".to_owned()))?;
        let mut header = Self::none(delimiter);
        let width = header.take_apart(row).ok_or_else(|| bad("it cannot be taken apart".to_owned()))?;
        let mut fields: Vec<(usize, &str)> =
            (0..width).map(|number| (number, header.field(number))).collect();
        fields.sort_by(|(_, one), (_, other)| name_order(one, other));
        if let Some(twice) = fields.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return Err(bad(format!("it names the column `{}` twice", twice[0].1.escape_debug())));
        }
        let names = fields
            .iter()
            .map(|(number, name)| {
                let mut written = Vec::new();
                write_string(&mut written, name);
                (*number, written)
            })
            .collect();
        header.names = Some(names);
        Ok(header)
    }

    /// The number of fields, which are then in `text` and `ends`.
    fn take_apart(&mut self, row: &[u8]) -> Option<usize> {
        self.text.resize(row.len().max(1), 0);
        let (mut used, mut written, mut ended) = (0, 0, 0);
        loop {
            let left = if used < row.len() { &row[used..] } else { b"\n" };
            let (result, taken, bytes, fields) =
                self.reader.read_record(left, &mut self.text[written..], &mut self.ends[ended..]);
            used += taken;
            written += bytes;
            ended += fields;
            match result {
                ReadRecordResult::Record => return (used == row.len() + 1).then_some(ended),
                ReadRecordResult::InputEmpty if used <= row.len() => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
            }
        }
    }

    /// Of a row that is UTF-8, and whose separators are ASCII.
    fn field(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        std::str::from_utf8(&self.text[start..self.ends[number]]).unwrap_or_default()
    }
}

/// The payload of a row that has no defect: an object, or an array if there is no header.
///
/// # Errors
///
/// [`Reason`].
pub(crate) fn row_payload(header: &mut Header, row: &[u8]) -> Result<Vec<u8>, Reason> {
    std::str::from_utf8(row).map_err(|error| Reason::NotUtf8 { at: error.valid_up_to() })?;
    let given = header.take_apart(row).ok_or(Reason::BadQuote)?;
    let mut out = Vec::with_capacity(row.len() * 2);
    match &header.names {
        Some(names) if names.len() != given => return Err(Reason::FieldCount { wanted: names.len(), given }),
        Some(names) => {
            for (place, (number, name)) in names.iter().enumerate() {
                out.push(if place == 0 { b'{' } else { b',' });
                out.extend_from_slice(name);
                out.push(b':');
                write_string(&mut out, header.field(*number));
            }
            out.push(b'}');
        }
        None => {
            for number in 0..given {
                out.push(if number == 0 { b'[' } else { b',' });
                write_string(&mut out, header.field(number));
            }
            out.push(b']');
        }
    }
    if out.len() > MAX_PAYLOAD { Err(Reason::TooLong { bytes: out.len() as u64 }) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(header: Option<&str>, row: &str) -> Result<String, Reason> {
        let mut header = match header {
            Some(header) => Header::new(b',', header.as_bytes())?,
            None => Header::none(b','),
        };
        // Twice: a row leaves nothing behind.
        let first = row_payload(&mut header, row.as_bytes());
        assert_eq!(first, row_payload(&mut header, row.as_bytes()));
        first.map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    }

    #[test]
    fn a_row_is_an_object_in_canonical_form() {
        for (header, given, wanted) in [
            (Some("b,a"), "1,\"x\ny\"", r#"{"a":"x\ny","b":"1"}"#),
            (Some("a"), "5\" pipe", r#"{"a":"5\" pipe"}"#),
            (Some("a,\"b,c\""), ",\"\"\"\"", r#"{"a":"","b,c":"\""}"#),
            (Some("a"), "\u{feff}x", "{\"a\":\"\u{feff}x\"}"),
            (Some("a"), "\"\"", r#"{"a":""}"#),
            (Some("a,b"), " 1 , 2", r#"{"a":" 1 ","b":" 2"}"#),
            (None, "1,,x", r#"["1","","x"]"#),
        ] {
            assert_eq!(row(header, given).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_is_dead() {
        assert_eq!(row(Some("a,b"), "1"), Err(Reason::FieldCount { wanted: 2, given: 1 }));
        assert_eq!(row(Some("a,a"), "1,2"), Err(Reason::BadHeader("it names the column `a` twice".into())));
        let mut header = Header::none(b',');
        assert_eq!(row_payload(&mut header, b"a\xff"), Err(Reason::NotUtf8 { at: 1 }));
    }
}
