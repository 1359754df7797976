//! As much of CBOR (RFC 8949) as COSE needs, in its deterministic form.

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// The shortest head of a major type and its argument (RFC 8949, section 4.2.1).
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..24 => out.push(major | bytes[7]),
        24..0x100 => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

pub(crate) fn integer(value: i64, out: &mut Vec<u8>) {
    match u64::try_from(value) {
        Ok(value) => head(UNSIGNED, value, out),
        Err(_) => head(NEGATIVE, value.unsigned_abs() - 1, out),
    }
}

pub(crate) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    head(BYTES, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    head(TEXT, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The head of an array of so many items, which follow.
pub(crate) fn array(items: u64, out: &mut Vec<u8>) {
    head(ARRAY, items, out);
}

/// The head of a map of so many entries, which follow.
pub(crate) fn map(entries: u64, out: &mut Vec<u8>) {
    head(MAP, entries, out);
}

/// The head of what is tagged with a number, which follows.
pub(crate) fn tag(number: u64, out: &mut Vec<u8>) {
    head(TAG, number, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(write: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn integers_are_those_of_rfc_8949() {
        // Appendix A.
        let examples: [(i64, &[u8]); 12] = [
            (0, &[0x00]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1_000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (1_000_000_000_000, &[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00]),
            (-1, &[0x20]),
            (-10, &[0x29]),
            (-100, &[0x38, 0x63]),
            (-1_000, &[0x39, 0x03, 0xe7]),
            (i64::MIN, &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        for (value, expected) in examples {
            assert_eq!(made(|out| integer(value, out)), expected, "{value}");
        }
    }

    #[test]
    fn strings_arrays_maps_and_tags_are_those_of_rfc_8949() {
        assert_eq!(made(|out| bytes(&[1, 2, 3, 4], out)), [0x44, 1, 2, 3, 4]);
        assert_eq!(made(|out| text("IETF", out)), b"\x64IETF");
        assert_eq!(made(|out| array(3, out)), [0x83]);
        assert_eq!(made(|out| map(2, out)), [0xa2]);
        assert_eq!(made(|out| tag(32, out)), [0xd8, 0x20]);
        let long = vec![7; 1 << 20];
        assert_eq!(made(|out| bytes(&long, out))[..5], [0x5a, 0x00, 0x10, 0x00, 0x00]);
    }
}
