//! The trace in which a payload came: the `traceparent` of W3C Trace Context.

use std::fmt;

/// A `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>). Its text is of version 00.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The id of the trace, that of the span, and the flags.
    bytes: [u8; 25],
}

impl Trace {
    /// Reads one; none if the text is none. Of a version that is not known, what version 00 has of it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hexadecimal::<1>(parts.next()?)?;
        let trace = hexadecimal::<16>(parts.next()?)?;
        let span = hexadecimal::<8>(parts.next()?)?;
        let [flags] = hexadecimal::<1>(parts.next()?)?;
        let has_more = parts.next().is_some();
        // A later version may say more behind these.
        if version == [0xff] || version == [0] && has_more || trace == [0; 16] || span == [0; 8] {
            return None;
        }
        let mut bytes = [0; 25];
        bytes[..16].copy_from_slice(&trace);
        bytes[16..24].copy_from_slice(&span);
        // Of flags of other versions, it is known of one what it means: that the trace is sampled.
        bytes[24] = if version == [0] { flags } else { flags & 1 };
        Some(Self { bytes })
    }
}

/// So many bytes, in small letters.
fn hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_small = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 2 * N || !is_small {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        for (place, byte) in self.bytes.iter().enumerate() {
            if place == 16 || place == 24 {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_is_written_as_it_was_read() {
        for text in [EXAMPLE, &EXAMPLE.replace("-01", "-00"), &EXAMPLE.replace("-01", "-03")] {
            assert_eq!(Trace::read(text).map(|trace| trace.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn of_a_later_version_is_taken_what_is_known_of_it() {
        let later = format!("01{}-ab", &EXAMPLE[2..]).replace("-01-ab", "-ff-ab");
        assert_eq!(Trace::read(&later).map(|trace| trace.to_string()).as_deref(), Some(EXAMPLE));
    }

    #[test]
    fn what_is_malformed_is_none() {
        let of = |from: &str, to: &str| EXAMPLE.replacen(from, to, 1);
        for text in [
            String::new(),
            "00".to_owned(),
            of("00-", "ff-"),
            of("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            of("b7ad6b7169203331", &"0".repeat(16)),
            of("0af7", "0AF7"),
            of("0af7", "af7"),
            of("-01", ""),
            of("-01", "-1"),
            of("-01", "-01-00"),
            of("-", "_"),
            format!(" {EXAMPLE}"),
            format!("{EXAMPLE}\u{e9}"),
        ] {
            assert_eq!(Trace::read(&text), None, "{text}");
        }
    }
}
