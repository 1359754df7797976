//! Pages of a column, looked at before they are decoded: a page of deltas says how many values it has, and the decoder
//! reserves memory for as many, whatever the number is. Memory that is not there ends the process.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// The highest levels of the column.
#[derive(Clone, Copy)]
pub(crate) struct Levels {
    pub(crate) repetition: i16,
    pub(crate) definition: i16,
}

/// Pages that are good, or an error.
pub(crate) struct CheckedPages<R> {
    inner: R,
    levels: Levels,
}

impl<R: PageReader> CheckedPages<R> {
    pub(crate) const fn new(inner: R, levels: Levels) -> Self {
        Self { inner, levels }
    }
}

impl<R: PageReader> Iterator for CheckedPages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: PageReader> PageReader for CheckedPages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.inner.get_next_page()?;
        match page.as_ref().map(|page| check(page, self.levels)) {
            Some(None) => Err(ParquetError::General("a page of it does not hold what it says".to_owned())),
            Some(Some(())) | None => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.inner.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.inner.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        self.inner.take_deferred_dictionary()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.inner.at_record_boundary()
    }
}

/// Nothing, if a page of deltas is not one.
fn check(page: &Page, levels: Levels) -> Option<()> {
    let (encoding, values, count) = match page {
        Page::DictionaryPage { .. } => return Some(()),
        Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, .. } => {
            if !is_of_deltas(*encoding) {
                return Some(());
            }
            let count = usize::try_from(*num_values).ok()?;
            let rest = behind_levels(buf, levels.repetition, *rep_level_encoding, count)?;
            (*encoding, behind_levels(rest, levels.definition, *def_level_encoding, count)?, count)
        }
        Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = usize::try_from(def_levels_byte_len.checked_add(*rep_levels_byte_len)?).ok()?;
            (*encoding, buf.get(levels..)?, usize::try_from(*num_values).ok()?)
        }
    };
    match encoding {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            behind_deltas(values, count).map(drop)
        }
        // Prefixes, then suffixes.
        Encoding::DELTA_BYTE_ARRAY => behind_deltas(behind_deltas(values, count)?, count).map(drop),
        _ => Some(()),
    }
}

const fn is_of_deltas(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY
    )
}

/// Levels of the first version of pages: with their length before them, or as many bits as they need.
#[allow(deprecated, reason = "old files have it")]
fn behind_levels(bytes: &[u8], highest: i16, encoding: Encoding, count: usize) -> Option<&[u8]> {
    if highest <= 0 {
        return Some(bytes);
    }
    if encoding == Encoding::BIT_PACKED {
        let width = usize::try_from(i16::BITS - highest.leading_zeros()).ok()?;
        return bytes.get(count.checked_mul(width)?.div_ceil(8)..);
    }
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(usize::try_from(u32::from_le_bytes(*length)).ok()?..)
}

/// What comes after numbers that are packed as deltas (Parquet, "Encodings", DELTA_BINARY_PACKED), of which there are not
/// more than `most`.
fn behind_deltas(bytes: &[u8], most: usize) -> Option<&[u8]> {
    let mut rest = bytes;
    let block = varint(&mut rest)?;
    let parts = varint(&mut rest)?;
    let total = varint(&mut rest)?;
    let _first = varint(&mut rest)?;
    if total > most || parts == 0 || !block.is_multiple_of(parts) || block / parts == 0 {
        return None;
    }
    let per_part = block / parts;
    let mut left = total.saturating_sub(1);
    while left > 0 {
        let _least = varint(&mut rest)?;
        let (widths, behind) = rest.split_at_checked(parts)?;
        rest = behind;
        for width in widths {
            // What is behind the last number is not there.
            if left > 0 {
                rest = rest.get(per_part.checked_mul(usize::from(*width))? / 8..)?;
                left = left.saturating_sub(per_part);
            }
        }
    }
    Some(rest)
}

fn varint(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_end_where_their_last_number_does() {
        // Blocks of 128 in 4 parts, 3 numbers, the first 0; then a least delta, widths 8, 0, 0, 0 and 32 bytes.
        let header = [128, 1, 4, 3, 0, 2, 8, 0, 0, 0];
        let bytes = [header.as_slice(), &[7; 32], b"rest"].concat();
        assert_eq!(behind_deltas(&bytes, 3), Some(b"rest".as_slice()));
        assert_eq!(behind_deltas(&bytes, 2), None, "more than the page has");
        assert_eq!(behind_deltas(&bytes[..40], 3), None, "cut off");
        assert_eq!(behind_deltas(&[128, 1, 4, 0, 0], 3), Some(b"".as_slice()), "no numbers");
        assert_eq!(behind_deltas(&[128, 1, 0, 3, 0], 3), None, "no parts");
        // 2^62 parts.
        let parts = [128, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 3, 0, 2];
        assert_eq!(behind_deltas(&parts, 3), None);
    }
}
