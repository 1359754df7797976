//! How far back a frame of zstd looks, by its header ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1)).

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Bytes of the window of the frame that begins here; none if no frame does, or its header is not whole.
pub(crate) fn window(bytes: &[u8]) -> Option<u64> {
    let (descriptor, rest) = bytes.strip_prefix(&MAGIC)?.split_first()?;
    if descriptor & 0b10_0000 == 0 {
        let window = rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 0b111));
    }
    // The window is the whole content, whose size stands behind the number of the dictionary.
    let rest = rest.get([0, 1, 2, 4][usize::from(descriptor & 0b11)]..)?;
    let size = |length: usize| {
        let mut size = [0; 8];
        size[..length].copy_from_slice(rest.get(..length)?);
        Some(u64::from_le_bytes(size))
    };
    match descriptor >> 6 {
        0 => size(1),
        1 => Some(size(2)? + 256),
        2 => size(4),
        _ => size(8),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(bytes: usize, window_log: Option<u32>) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
        match window_log {
            Some(log) => encoder.window_log(log).expect("a window"),
            None => encoder.set_pledged_src_size(Some(bytes as u64)).expect("a size"),
        }
        encoder.write_all(&vec![b'x'; bytes]).expect("compressed");
        encoder.finish().expect("compressed")
    }

    #[test]
    fn the_window_is_what_the_header_says() {
        for log in [10, 17, 20, 23, 25, 27] {
            assert_eq!(window(&compressed(5_000_000, Some(log))), Some(1 << log), "{log}");
        }
        for size in [0, 1, 255, 256, 70_000, 300_000] {
            let found = window(&compressed(size, None)).expect("a frame");
            assert!(found >= size as u64 && found <= (size as u64).max(1 << 19), "{size}: {found}");
        }
        // Exponent 13 and mantissa 3: 8 MiB and three eighths of it.
        assert_eq!(window(&[0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3 | 3]), Some(11 << 20));
    }

    #[test]
    fn what_is_no_frame_has_none() {
        let whole = compressed(10, None);
        for bytes in [&b""[..], b"no frame", &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], &whole[..4], &whole[..5]]
        {
            assert_eq!(window(bytes), None, "{bytes:?}");
        }
    }
}
