//! A look at a footer and at headers of pages before they are decoded: the decoder calls itself for each level of the schema, and an element of a list
//! takes some hundred times the memory that it has bytes, so that a few bytes of malice could end the process. Pages are given the memory that they ask for.
//!
//! The encoding is Thrift's compact protocol (`thrift-compact-protocol.md` of Apache Thrift).

/// How deep structures may lie in each other, in Thrift; the deepest of Parquet is five.
const MAX_NESTING: usize = 16;

/// How many elements all lists of a footer may have.
const MAX_ELEMENTS: usize = 500_000;

/// How deep the groups of a schema may lie in each other.
const MAX_SCHEMA_DEPTH: usize = 64;

/// The field `schema` of `FileMetaData`, and `num_children` of its elements.
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

/// Whether it can be decoded without harm.
///
/// # Errors
///
/// Why not, as the end of a sentence.
pub(crate) fn check(footer: &[u8]) -> Result<(), String> {
    let mut look = Look { rest: footer, elements: 0 };
    look.file().ok_or_else(|| "its footer is damaged, or larger or deeper than any that is read".to_owned())
}

/// What a page says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Bytes of its header.
    pub(crate) header: usize,
    /// Bytes behind the header.
    pub(crate) stored: usize,
    /// Bytes of it when it is unpacked.
    pub(crate) unpacked: usize,
    pub(crate) values: usize,
    pub(crate) is_dictionary: bool,
}

/// Reads the header with which these bytes begin.
pub(crate) fn page(bytes: &[u8]) -> Option<Page> {
    let mut look = Look { rest: bytes, elements: 0 };
    let mut page = Page::default();
    let (mut field, mut kind_of_page) = (0, 0);
    while let Some((id, kind)) = look.field(&mut field)? {
        match (id, kind) {
            (1, I32) => kind_of_page = look.zigzag()?,
            (2, I32) => page.unpacked = usize::try_from(look.zigzag()?).ok()?,
            (3, I32) => page.stored = usize::try_from(look.zigzag()?).ok()?,
            (5 | 7 | 8, STRUCT) => page.values = look.values()?,
            _ => look.pass(kind, 0)?,
        }
    }
    page.is_dictionary = kind_of_page == DICTIONARY;
    page.header = bytes.len() - look.rest.len();
    Some(page)
}

/// `PageType::DICTIONARY_PAGE`.
const DICTIONARY: i64 = 2;

struct Look<'a> {
    rest: &'a [u8],
    elements: usize,
}

impl Look<'_> {
    /// `FileMetaData`.
    fn file(&mut self) -> Option<()> {
        let mut field = 0;
        while let Some((id, kind)) = self.field(&mut field)? {
            if (id, kind) == (SCHEMA, LIST) {
                self.schema()?;
            } else {
                self.pass(kind, 0)?;
            }
        }
        Some(())
    }

    /// Groups come before what is in them, with how much that is.
    fn schema(&mut self) -> Option<()> {
        let (size, kind) = self.list()?;
        if kind != STRUCT {
            return None;
        }
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..size {
            let children = self.children()?;
            if let Some(left) = open.last_mut() {
                *left = left.checked_sub(1)?;
            }
            if children > 0 {
                open.push(children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > MAX_SCHEMA_DEPTH {
                return None;
            }
        }
        Some(())
    }

    fn children(&mut self) -> Option<u64> {
        let (mut field, mut children) = (0, 0);
        while let Some((id, kind)) = self.field(&mut field)? {
            if (id, kind) == (CHILDREN, I32) {
                children = u64::try_from(self.zigzag()?).ok()?;
            } else {
                self.pass(kind, 1)?;
            }
        }
        Some(children)
    }

    /// `num_values`, the first field of the header of each kind of page.
    fn values(&mut self) -> Option<usize> {
        let (mut field, mut values) = (0, 0);
        while let Some((id, kind)) = self.field(&mut field)? {
            if (id, kind) == (1, I32) {
                values = usize::try_from(self.zigzag()?).ok()?;
            } else {
                self.pass(kind, 1)?;
            }
        }
        Some(values)
    }

    /// The number and the kind of the next field of a structure; within, none at its end.
    #[allow(clippy::option_option, reason = "broken, or ended")]
    fn field(&mut self, last: &mut i64) -> Option<Option<(i64, u8)>> {
        let header = self.byte()?;
        if header == 0 {
            return Some(None);
        }
        let step = i64::from(header >> 4);
        *last = if step == 0 { self.zigzag()? } else { last.checked_add(step)? };
        Some(Some((*last, header & 0x0f)))
    }

    fn pass(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_NESTING {
            return None;
        }
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(drop),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.bytes(8),
            BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.bytes(length)
            }
            LIST | SET => {
                let (size, kind) = self.list()?;
                // In a list, a boolean has a byte of its own.
                let kind = if matches!(kind, TRUE | FALSE) { BYTE } else { kind };
                (0..size).try_for_each(|_| self.pass(kind, depth + 1))
            }
            STRUCT => {
                let mut field = 0;
                while let Some((_, kind)) = self.field(&mut field)? {
                    self.pass(kind, depth + 1)?;
                }
                Some(())
            }
            // There are no maps in Parquet.
            _ => None,
        }
    }

    fn list(&mut self) -> Option<(usize, u8)> {
        let header = self.byte()?;
        let size = match header >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            size => usize::from(size),
        };
        self.elements = self.elements.checked_add(size).filter(|elements| *elements <= MAX_ELEMENTS)?;
        Some((size, header & 0x0f))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer with nothing but a schema of groups in groups.
    fn nested(depth: usize) -> Vec<u8> {
        // Field 2, a list of structures with one child each, but for the last.
        let mut footer = vec![0x29, 0xfc];
        let mut size = depth;
        while size > 0x7f {
            footer.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
            size >>= 7;
        }
        footer.push(u8::try_from(size).expect("seven bits"));
        footer.extend([0x55, 2, 0].repeat(depth - 1));
        footer.extend([0, 0]);
        footer
    }

    #[test]
    fn a_schema_is_as_deep_as_it_may_be_and_no_deeper() {
        assert_eq!(check(&nested(60)), Ok(()));
        assert!(check(&nested(66)).is_err());
        assert!(check(&nested(1_000_000)).is_err());
    }

    #[test]
    fn a_page_says_how_large_it_is() {
        let header = [0x15, 4, 0x15, 200, 1, 0x15, 100, 0x4c, 0x15, 20, 0x15, 0, 0, 0, 9, 9];
        let page = page(&header).expect("a header");
        let wanted = Page { header: 14, stored: 50, unpacked: 100, values: 10, is_dictionary: true };
        assert_eq!(page, wanted);
        assert_eq!(super::page(&header[..10]), None);
        // A length below zero.
        assert_eq!(super::page(&[0x25, 1, 0]), None);
    }

    #[test]
    fn a_list_that_says_more_than_there_is_is_refused() {
        for footer in [
            // Field 4, a list of 2^31 - 1 structures.
            [0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0].as_slice(),
            // A text of 2^31 - 1 bytes.
            &[0x68, 0xff, 0xff, 0xff, 0xff, 0x07, 0],
            // Structures in structures.
            &[0x1c; 1_000],
            // A map.
            &[0x1b, 1, 0x55, 1, 1, 0],
            &[],
        ] {
            assert!(check(footer).is_err(), "{footer:?}");
        }
    }
}
