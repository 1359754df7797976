//! One value of Parquet in canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_canonical::{write_double, write_json, write_string};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::Type;
use uuid::Uuid;

use crate::arrival::Reason;
use crate::parquet_rows::calendar;
use crate::parquet_rows::decimal;

/// How a value is written. What does not fit the type below it is written as that type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// As the physical type has it: a boolean, a number up to 32 bits, a double; a string for 64 bits and for bytes.
    Plain,
    Unsigned,
    Date,
    /// Parts of a second.
    Time(i64),
    /// Parts of a second, and whether it is in UTC.
    Timestamp(i64, bool),
    /// Digits behind the point.
    Decimal(usize),
    Half,
    Text,
    Json,
    Uuid,
    Interval,
}

impl Scalar {
    /// By the logical type, or the older converted one.
    pub(crate) fn of(leaf: &Type) -> Self {
        let basic = leaf.get_basic_info();
        let (physical, decimals) = match leaf {
            Type::PrimitiveType { physical_type, scale, .. } => (*physical_type, *scale),
            Type::GroupType { .. } => return Self::Plain,
        };
        let per_second = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        };
        let wanted = match (basic.logical_type_ref(), basic.converted_type()) {
            (Some(LogicalType::String | LogicalType::Enum), _)
            | (None, ConvertedType::UTF8 | ConvertedType::ENUM) => Self::Text,
            (Some(LogicalType::Json), _) | (None, ConvertedType::JSON) => Self::Json,
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Self::Date,
            (Some(LogicalType::Time(time)), _) => Self::Time(per_second(&time.unit)),
            (None, ConvertedType::TIME_MILLIS) => Self::Time(1_000),
            (None, ConvertedType::TIME_MICROS) => Self::Time(1_000_000),
            (Some(LogicalType::Timestamp(time)), _) => {
                Self::Timestamp(per_second(&time.unit), time.is_adjusted_to_u_t_c)
            }
            (None, ConvertedType::TIMESTAMP_MILLIS) => Self::Timestamp(1_000, true),
            (None, ConvertedType::TIMESTAMP_MICROS) => Self::Timestamp(1_000_000, true),
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => {
                Self::Decimal(usize::try_from(decimals).unwrap_or_default())
            }
            (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Self::Unsigned,
            (
                None,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64,
            ) => Self::Unsigned,
            (Some(LogicalType::Uuid), _) => Self::Uuid,
            (Some(LogicalType::Float16), _) => Self::Half,
            (None, ConvertedType::INTERVAL) => Self::Interval,
            _ => Self::Plain,
        };
        if wanted.fits(physical) { wanted } else { Self::Plain }
    }

    fn fits(self, physical: Physical) -> bool {
        use Physical::{BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, INT32, INT64};
        match self {
            Self::Plain => true,
            Self::Unsigned | Self::Time(_) => matches!(physical, INT32 | INT64),
            Self::Date => physical == INT32,
            Self::Timestamp(..) => physical == INT64,
            Self::Decimal(_) => matches!(physical, INT32 | INT64 | BYTE_ARRAY | FIXED_LEN_BYTE_ARRAY),
            Self::Text | Self::Json => matches!(physical, BYTE_ARRAY | FIXED_LEN_BYTE_ARRAY),
            Self::Half | Self::Uuid | Self::Interval => physical == FIXED_LEN_BYTE_ARRAY,
        }
    }
}

/// A value as Parquet stores it.
pub(crate) trait Value {
    /// Appends it.
    ///
    /// # Errors
    ///
    /// What makes its row dead; then what was appended is of no use.
    fn write(&self, out: &mut Vec<u8>, scalar: Scalar) -> Result<(), Reason>;
}

impl Value for bool {
    fn write(&self, out: &mut Vec<u8>, _: Scalar) -> Result<(), Reason> {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
        Ok(())
    }
}

impl Value for i32 {
    fn write(&self, out: &mut Vec<u8>, scalar: Scalar) -> Result<(), Reason> {
        match scalar {
            Scalar::Unsigned => out.extend_from_slice(self.cast_unsigned().to_string().as_bytes()),
            Scalar::Date => write_string(out, &calendar::date(i64::from(*self))),
            Scalar::Time(per_second) => write_time(out, i64::from(*self), per_second),
            Scalar::Decimal(scale) => write_string(out, &decimal::text(&self.to_be_bytes(), scale)),
            _ => out.extend_from_slice(self.to_string().as_bytes()),
        }
        Ok(())
    }
}

impl Value for i64 {
    fn write(&self, out: &mut Vec<u8>, scalar: Scalar) -> Result<(), Reason> {
        match scalar {
            Scalar::Unsigned => write_string(out, &self.cast_unsigned().to_string()),
            Scalar::Time(per_second) => write_time(out, *self, per_second),
            Scalar::Timestamp(per_second, utc) => {
                let (seconds, fraction) = (self.div_euclid(per_second), self.rem_euclid(per_second));
                let instant = calendar::instant(seconds, fraction, per_second);
                write_string(out, &if utc { instant + "Z" } else { instant });
            }
            Scalar::Decimal(scale) => write_string(out, &decimal::text(&self.to_be_bytes(), scale)),
            _ => write_string(out, &self.to_string()),
        }
        Ok(())
    }
}

fn write_time(out: &mut Vec<u8>, value: i64, per_second: i64) {
    write_string(out, &calendar::time(value, per_second).unwrap_or_else(|| value.to_string()));
}

/// Nanoseconds of the day, then the Julian day: an instant, of which no one says whether it is in UTC.
impl Value for Int96 {
    fn write(&self, out: &mut Vec<u8>, _: Scalar) -> Result<(), Reason> {
        const NANOSECONDS: i64 = 1_000_000_000;
        const EPOCH: i64 = 2_440_588;
        let data = self.data();
        let part = |number: usize| data.get(number).copied().unwrap_or_default();
        let nanoseconds = (u64::from(part(1)) << 32 | u64::from(part(0))).cast_signed();
        let days = i64::from(part(2).cast_signed()) - EPOCH;
        let seconds = days * 86_400 + nanoseconds.div_euclid(NANOSECONDS);
        write_string(out, &calendar::instant(seconds, nanoseconds.rem_euclid(NANOSECONDS), NANOSECONDS));
        Ok(())
    }
}

impl Value for f32 {
    fn write(&self, out: &mut Vec<u8>, _: Scalar) -> Result<(), Reason> {
        write_double(out, f64::from(*self));
        Ok(())
    }
}

impl Value for f64 {
    fn write(&self, out: &mut Vec<u8>, _: Scalar) -> Result<(), Reason> {
        write_double(out, *self);
        Ok(())
    }
}

impl Value for ByteArray {
    fn write(&self, out: &mut Vec<u8>, scalar: Scalar) -> Result<(), Reason> {
        write_bytes(out, self.data(), scalar)
    }
}

impl Value for FixedLenByteArray {
    fn write(&self, out: &mut Vec<u8>, scalar: Scalar) -> Result<(), Reason> {
        write_bytes(out, self.data(), scalar)
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], scalar: Scalar) -> Result<(), Reason> {
    let text = || std::str::from_utf8(bytes).map_err(|error| Reason::NotUtf8 { at: error.valid_up_to() });
    match (scalar, bytes) {
        (Scalar::Text, _) => write_string(out, text()?),
        (Scalar::Json, _) => write_json(out, text()?)?,
        (Scalar::Decimal(_), _) if bytes.len() > decimal::MAX_BYTES => {
            return Err(Reason::NotCanonical(format!("a decimal of it has {} bytes", bytes.len())));
        }
        (Scalar::Decimal(scale), _) => write_string(out, &decimal::text(bytes, scale)),
        (Scalar::Half, [low, high]) => write_double(out, half(u16::from_le_bytes([*low, *high]))),
        (Scalar::Uuid, _) if bytes.len() == 16 => {
            write_string(out, &Uuid::from_slice(bytes).unwrap_or_default().to_string());
        }
        (Scalar::Interval, _) if bytes.len() == 12 => {
            let part = |number: usize| {
                let mut part = [0; 4];
                part.copy_from_slice(&bytes[number * 4..number * 4 + 4]);
                u32::from_le_bytes(part)
            };
            let (months, days, millis) = (part(0), part(1), part(2));
            let written = format!("{{\"days\":{days},\"millis\":{millis},\"months\":{months}}}");
            out.extend_from_slice(written.as_bytes());
        }
        _ => write_string(out, &STANDARD.encode(bytes)),
    }
    Ok(())
}

/// A double of the 16 bits of IEEE 754's half precision, exactly.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Value, scalar: Scalar) -> String {
        let mut out = Vec::new();
        value.write(&mut out, scalar).expect("a value");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn integers_of_64_bits_are_strings_and_shorter_ones_numbers() {
        assert_eq!(written(&-1_i32, Scalar::Plain), "-1");
        assert_eq!(written(&-1_i32, Scalar::Unsigned), "4294967295");
        assert_eq!(written(&i64::MIN, Scalar::Plain), "\"-9223372036854775808\"");
        assert_eq!(written(&-1_i64, Scalar::Unsigned), "\"18446744073709551615\"");
    }

    #[test]
    fn no_instant_is_out_of_reach() {
        assert_eq!(written(&i64::MIN, Scalar::Timestamp(1_000, true)), "\"-292275055-05-16T16:47:04.192Z\"");
        assert_eq!(
            written(&i64::MAX, Scalar::Timestamp(1_000_000_000, false)),
            "\"2262-04-11T23:47:16.854775807\""
        );
        let mut old = Int96::new();
        old.set_data(1, 0, 2_305_448);
        assert_eq!(written(&old, Scalar::Plain), "\"1600-01-01T00:00:00.000000001\"");
        old.set_data(u32::MAX, u32::MAX, u32::MAX);
        assert_eq!(written(&old, Scalar::Plain), "\"-4713-11-22T23:59:59.999999999\"");
    }

    #[test]
    fn bytes_are_what_their_type_says() {
        let bytes = |bytes: &[u8]| ByteArray::from(bytes.to_vec());
        assert_eq!(written(&bytes(b"a\n"), Scalar::Text), "\"a\\n\"");
        assert_eq!(written(&bytes(b"\0\xff"), Scalar::Plain), "\"AP8=\"");
        assert_eq!(written(&bytes(b"{ \"b\": 1.0 }"), Scalar::Json), "{\"b\":1}");
        assert_eq!(written(&bytes(b"\xff\x00"), Scalar::Decimal(1)), "\"-25.6\"");
        assert_eq!(
            written(&bytes(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]), Scalar::Interval),
            "{\"days\":2,\"millis\":3,\"months\":1}"
        );
        let mut out = Vec::new();
        assert_eq!(bytes(b"a\xff").write(&mut out, Scalar::Text), Err(Reason::NotUtf8 { at: 1 }));
        assert!(bytes(&[0; 1_001]).write(&mut out, Scalar::Decimal(0)).is_err());
    }

    #[test]
    fn halves_are_doubles() {
        for (bits, wanted) in [
            (0x3c00, "1"),
            (0xc000, "-2"),
            (0x7bff, "65504"),
            (0x0001, "5.960464477539063e-8"),
            (0x7c00, "\"Infinity\""),
            (0x8000, "\"-0\""),
            (0x7e00, "\"NaN\""),
        ] {
            let bytes = ByteArray::from(u16::to_le_bytes(bits).to_vec());
            assert_eq!(written(&bytes, Scalar::Half), wanted);
        }
    }
}
