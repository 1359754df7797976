//! Decimals of any length as text.

/// The most bytes of one: some 2,400 digits.
pub(crate) const MAX_BYTES: usize = 1_000;

/// A number in two's complement, the highest byte first, with `scale` digits behind the point.
pub(crate) fn text(bytes: &[u8], scale: usize) -> String {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
            *byte = sum;
            carry = over;
        }
    }
    let mut digits = digits(magnitude);
    if digits.len() <= scale {
        digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
    }
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    if negative { format!("-{digits}") } else { digits }
}

/// By division by 10^9, again and again.
fn digits(mut magnitude: Vec<u8>) -> String {
    let mut parts = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u64;
        for byte in &mut magnitude {
            let value = rest << 8 | u64::from(*byte);
            // Below 256, since the rest is below 10^9.
            *byte = u8::try_from(value / 1_000_000_000).unwrap_or(u8::MAX);
            rest = value % 1_000_000_000;
        }
        parts.push(rest);
    }
    let mut text = parts.pop().unwrap_or(0).to_string();
    for part in parts.into_iter().rev() {
        text.push_str(&format!("{part:09}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_point_is_where_the_scale_has_it() {
        for (value, scale, wanted) in [
            (0_i32, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12_345, 2, "123.45"),
            (-1_000_000_000, 9, "-1.000000000"),
            (i32::MIN, 0, "-2147483648"),
        ] {
            assert_eq!(text(&value.to_be_bytes(), scale), wanted);
        }
        assert_eq!(text(&[], 1), "0.0");
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(value in any::<i128>()) {
            prop_assert_eq!(text(&value.to_be_bytes(), 0), value.to_string());
        }
    }
}
