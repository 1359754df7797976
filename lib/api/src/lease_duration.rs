//! Durations as Kubernetes users write them: `30s`, `1m30s`, `0.5h`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration in the form of Go's
/// [`time.ParseDuration`](https://pkg.go.dev/time#ParseDuration), without a sign and
/// without units below the millisecond.
///
/// It holds the text as it was written, valid or not. An object that an older schema let
/// through can so still be read, and a server-side apply sends back what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseDuration(String);

/// The text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration; write it like \"30s\", \"1m30s\" or \"0.5h\"")]
pub struct InvalidDuration(String);

impl LeaseDuration {
    /// Holds `text` as it is; [`to_std`](Self::to_std) says whether it is a duration.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The duration, to the nanosecond (what is finer is cut off).
    ///
    /// # Errors
    ///
    /// The text is not a sequence of numbers with units (`h`, `m`, `s`, `ms`), or it
    /// stands for more than 292 years, the most that Go can hold.
    pub fn to_std(&self) -> Result<Duration, InvalidDuration> {
        parse(&self.0).ok_or_else(|| InvalidDuration(self.0.clone()))
    }
}

impl Default for LeaseDuration {
    fn default() -> Self {
        Self::new("30s")
    }
}

/// In the greatest unit that it is a whole number of, down to the millisecond: what is finer is cut off.
impl From<Duration> for LeaseDuration {
    fn from(duration: Duration) -> Self {
        let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
        Self(match (seconds, millis) {
            (_, 1..) => format!("{}ms", duration.as_millis()),
            (0, 0) => "0s".to_owned(),
            (seconds, 0) if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
            (seconds, 0) if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
            (seconds, 0) => format!("{seconds}s"),
        })
    }
}

impl fmt::Display for LeaseDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for LeaseDuration {
    fn schema_name() -> Cow<'static, str> {
        "LeaseDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Not `format: duration`: an API server reads that more loosely ("1 week") than
        // anything else that will see the text.
        json_schema!({
            "type": "string",
            "minLength": 2,
            // Also keeps the estimated cost of the CEL rules on the field small.
            "maxLength": 16,
            "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        })
    }
}

fn parse(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    let mut nanos: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !(c.is_ascii_digit() || c == '.'));
        let (unit, after) = split_where(after, |c| !c.is_ascii_alphabetic());
        let unit: u64 = match unit {
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60 * 1_000_000_000,
            "h" => 3_600 * 1_000_000_000,
            _ => return None,
        };
        nanos = nanos.checked_add(scale(number, unit)?)?;
        rest = after;
    }
    i64::try_from(nanos).ok()?;
    Some(Duration::from_nanos(nanos))
}

/// `number * unit` for a decimal number, exactly: a binary fraction would turn `0.7s` into
/// a little less than it says.
fn scale(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut digit_unit = unit;
    for digit in fraction.chars() {
        // Cut off below a nanosecond, but still insist on digits.
        let digit = u64::from(digit.to_digit(10)?);
        nanos = nanos.checked_add(digit_unit.checked_mul(digit)? / 10)?;
        digit_unit /= 10;
    }
    Some(nanos)
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("0.7s", 700),
            ("1.5h", 5_400_000),
            ("250ms", 250),
            ("1h0m0.001s", 3_600_001),
            ("0s", 0),
        ] {
            assert_eq!(LeaseDuration::new(text).to_std(), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["0s", "30s", "90s", "2m", "336h", "1500ms"] {
            let duration = LeaseDuration::new(text).to_std().expect(text);
            assert_eq!(LeaseDuration::from(duration).as_str(), text);
        }
        assert_eq!(LeaseDuration::from(Duration::from_nanos(1_999_999)).as_str(), "1ms");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "30",
            "30 s",
            "-30s",
            "+30s",
            "1.s",
            ".5s",
            "1.2.3s",
            "30S",
            "30sec",
            "1us",
            "soon",
            "3²s",
            "9999999999h",
            "99999999999999999999s",
        ] {
            assert!(LeaseDuration::new(text).to_std().is_err(), "{text:?}");
        }
    }
}
