//! Days, times and instants as ISO 8601 has them, of any year that 64 bits reach.

const DAY: i64 = 86_400;

/// The proleptic Gregorian date of a day counted from 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", civil_from_days.
pub(crate) fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..=9999).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+05}-{month:02}-{day:02}")
    }
}

/// A time of the day, with all digits that its unit has; nothing, if the day is not that long.
pub(crate) fn time(value: i64, per_second: i64) -> Option<String> {
    let seconds = value.div_euclid(per_second);
    (0..DAY).contains(&seconds).then(|| clock(seconds, value.rem_euclid(per_second), per_second))
}

/// An instant counted from 1970-01-01, with all digits that its unit has.
pub(crate) fn instant(seconds: i64, fraction: i64, per_second: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    format!("{}T{}", date(days), clock(of_day, fraction, per_second))
}

fn clock(seconds: i64, fraction: i64, per_second: i64) -> String {
    let digits = match per_second {
        1_000 => 3,
        1_000_000 => 6,
        _ => 9,
    };
    format!("{:02}:{:02}:{:02}.{fraction:0digits$}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_dates_of_the_gregorian_calendar() {
        for (days, wanted) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
        ] {
            assert_eq!(date(days), wanted);
        }
    }

    #[test]
    fn instants_have_the_digits_of_their_unit() {
        assert_eq!(instant(0, 5, 1_000), "1970-01-01T00:00:00.005");
        assert_eq!(instant(-1, 999_999, 1_000_000), "1969-12-31T23:59:59.999999");
        assert_eq!(instant(86_399, 1, 1_000_000_000), "1970-01-01T23:59:59.000000001");
        assert_eq!(time(86_399_999, 1_000).as_deref(), Some("23:59:59.999"));
        assert_eq!((time(86_400_000, 1_000), time(-1, 1_000)), (None, None));
    }
}
