//! Amounts of bytes, as Kubernetes writes them: `8Gi`, `500M`, `1.5Ti`.

/// A text is no amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no amount of bytes; wanted is a number with k, M, G, T, P, Ki, Mi, Gi, Ti or Pi, such as 8Gi"
)]
pub struct InvalidQuantity(String);

const UNITS: [(&str, f64); 11] = [
    ("", 1.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("Ki", 1024.0),
    ("Mi", 1024.0 * 1024.0),
    ("Gi", 1024.0 * 1024.0 * 1024.0),
    ("Ti", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("Pi", 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0),
];

/// 8Pi: more is beyond every disk, and beyond what a float tells to the byte.
const MOST: f64 = 9_007_199_254_740_992.0;

/// The number of bytes, rounded down.
///
/// # Errors
///
/// [`InvalidQuantity`] for anything else than a decimal number with one of the suffixes of a
/// [quantity](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/), up to 8Pi.
pub fn bytes(text: &str) -> Result<i64, InvalidQuantity> {
    let invalid = || InvalidQuantity(text.to_owned());
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == suffix).ok_or_else(invalid)?;
    let bytes = number.parse::<f64>().map_err(|_| invalid())? * unit;
    #[expect(clippy::cast_possible_truncation, reason = "it is below 2^53")]
    if bytes <= MOST { Ok(bytes as i64) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for (text, number) in [
            ("0", 0),
            ("17", 17),
            ("500M", 500_000_000),
            ("8Gi", 8 << 30),
            ("1.5Ti", 3 << 39),
            ("1k", 1_000),
            ("8Pi", 8 << 50),
        ] {
            assert_eq!(bytes(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "Gi", "8 Gi", "8gi", "-1", "+1", "1e3", "8GiB", "1.2.3", "9Pi", "NaN", "inf"] {
            assert_eq!(bytes(text), Err(InvalidQuantity(text.to_owned())), "{text}");
        }
    }
}
