//! How numbers are written for people, wherever they are shown.

use std::time::Duration;

/// The share of `part` in `total`, in percent and rounded down, such as `42%`: never `100%` before
/// everything is done. `0%` if the total is not positive.
#[must_use]
pub fn percent(part: i64, total: i64) -> String {
    let percent = if total > 0 { i128::from(part) * 100 / i128::from(total) } else { 0 };
    format!("{percent}%")
}

/// A number of bytes, such as `1.5 GiB`.
#[must_use]
pub fn bytes(count: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a tenth")]
    let mut scaled = count as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB", "TiB"] {
        if scaled < 1024.0 {
            let digits = usize::from(unit != "bytes");
            return format!("{scaled:.digits$} {unit}");
        }
        scaled /= 1024.0;
    }
    format!("{scaled:.1} PiB")
}

/// A duration as Kubernetes writes it, in whole seconds rounded down, such as `1h0m5s`.
#[must_use]
pub fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// What names a version of a policy: the first 12 digits of its SHA-256.
#[must_use]
pub fn version(hash: &[u8]) -> String {
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_share_is_never_100_percent_before_everything_is_done(
            total in 1_i64..=1_000_000_000,
            left in 0_i64..1_000,
        ) {
            let done = (total - left).max(0);
            prop_assert_eq!(percent(done, total) == "100%", done == total);
        }
    }

    #[test]
    fn a_share_is_100_percent_only_when_everything_is_done() {
        for (part, total, text) in [
            (0, 0, "0%"),
            (0, 20, "0%"),
            (999_999_999, 1_000_000_000, "99%"),
            (20, 20, "100%"),
            (i64::MAX - 1, i64::MAX, "99%"),
            (i64::MAX, i64::MAX, "100%"),
        ] {
            assert_eq!(percent(part, total), text, "{part} of {total}");
        }
    }

    #[test]
    fn bytes_are_shown_in_the_greatest_unit_that_fits() {
        for (count, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_536, "1.5 KiB"),
            (8 << 30, "8.0 GiB"),
            (3 << 50, "3.0 PiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_version_is_the_beginning_of_its_hash() {
        let hash: Vec<u8> = (0..32).map(|byte| byte * 8).collect();
        assert_eq!(version(&hash), "000810182028");
    }

    #[test]
    fn a_duration_is_shown_in_whole_seconds_without_leading_zeros() {
        for (milliseconds, text) in [
            (0, "0s"),
            (59_999, "59s"),
            (60_000, "1m0s"),
            (3_599_000, "59m59s"),
            (3_605_000, "1h0m5s"),
            (360_000_000, "100h0m0s"),
        ] {
            assert_eq!(elapsed(Duration::from_millis(milliseconds)), text);
        }
    }
}
