//! The functions by name, and what they do, in words.

use super::{Function as F, Row, Style};
use Style::{Either, Function, Method};

/// What a function is called and does, for the page that lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionRow {
    /// Its name.
    pub name: &'static str,
    /// How it is called, and what it gives.
    pub form: &'static str,
    /// What it does.
    pub does: &'static str,
}

type Known = (F, &'static str, Style, usize, usize, &'static str, &'static str);

/// Each function: its name, how it is called, its least and most arguments, its form, and what it does.
const KNOWN: &[Known] = &[
    (
        F::Size,
        "size",
        Either,
        1,
        1,
        "size(value) or value.size() -> int",
        "characters of a string, bytes, elements of a list, or entries of a map",
    ),
    (
        F::Contains,
        "contains",
        Method,
        2,
        2,
        "string.contains(string) -> bool",
        "whether the one holds the other",
    ),
    (F::StartsWith, "startsWith", Method, 2, 2, "string.startsWith(string) -> bool", "whether it begins so"),
    (F::EndsWith, "endsWith", Method, 2, 2, "string.endsWith(string) -> bool", "whether it ends so"),
    (
        F::LowerAscii,
        "lowerAscii",
        Method,
        1,
        1,
        "string.lowerAscii() -> string",
        "`A` to `Z` as small letters",
    ),
    (
        F::UpperAscii,
        "upperAscii",
        Method,
        1,
        1,
        "string.upperAscii() -> string",
        "`a` to `z` as capital letters",
    ),
    (F::Trim, "trim", Method, 1, 1, "string.trim() -> string", "without white space at both ends"),
    (
        F::Split,
        "split",
        Method,
        2,
        3,
        "string.split(separator[, most]) -> list",
        "the pieces between separators, `most` at the most",
    ),
    (
        F::Join,
        "join",
        Method,
        1,
        2,
        "list.join([separator]) -> string",
        "the strings of a list one after the other",
    ),
    (
        F::Replace,
        "replace",
        Method,
        3,
        4,
        "string.replace(old, new[, most]) -> string",
        "with one put in the place of the other, `most` times at the most",
    ),
    (
        F::Substring,
        "substring",
        Method,
        2,
        3,
        "string.substring(from[, to]) -> string",
        "the characters from one place up to another, or to the end",
    ),
    (
        F::IndexOf,
        "indexOf",
        Method,
        2,
        3,
        "string.indexOf(string[, from]) or list.indexOf(value) -> int",
        "the first place, from 0; -1 if there is none",
    ),
    (
        F::LastIndexOf,
        "lastIndexOf",
        Method,
        2,
        2,
        "string.lastIndexOf(string) or list.lastIndexOf(value) -> int",
        "the last place, from 0; -1 if there is none",
    ),
    (
        F::CharAt,
        "charAt",
        Method,
        2,
        2,
        "string.charAt(place) -> string",
        "the character of a place, from 0; none behind the last one",
    ),
    (
        F::Reverse,
        "reverse",
        Method,
        1,
        1,
        "string.reverse() -> string",
        "the characters from the last to the first",
    ),
    (
        F::String,
        "string",
        Function,
        1,
        1,
        "string(value) -> string",
        "a bool, number, timestamp, duration, or bytes of UTF-8 as a string",
    ),
    (
        F::Int,
        "int",
        Function,
        1,
        1,
        "int(value) -> int",
        "a string or another number as a whole number; of a timestamp, the seconds since 1970",
    ),
    (
        F::Uint,
        "uint",
        Function,
        1,
        1,
        "uint(value) -> uint",
        "a string or another number as a whole number that is not negative",
    ),
    (
        F::Double,
        "double",
        Function,
        1,
        1,
        "double(value) -> double",
        "a string or another number as a number with a fraction",
    ),
    (F::Bool, "bool", Function, 1, 1, "bool(value) -> bool", "the string `true` or `false`"),
    (F::Bytes, "bytes", Function, 1, 1, "bytes(string) -> bytes", "its UTF-8"),
    (F::Dyn, "dyn", Function, 1, 1, "dyn(value)", "the value itself"),
    (F::Type, "type", Function, 1, 1, "type(value) -> type", "its type, such as `int` or `string`"),
    (
        F::Timestamp,
        "timestamp",
        Function,
        1,
        1,
        "timestamp(string) -> timestamp",
        "an instant as RFC 3339 has it; of an int, seconds since 1970",
    ),
    (
        F::Duration,
        "duration",
        Function,
        1,
        1,
        "duration(string) -> duration",
        "such as `1h30m` or `-0.5s`; units h, m, s, ms, us, ns",
    ),
    (
        F::FullYear,
        "getFullYear",
        Method,
        1,
        2,
        "timestamp.getFullYear([offset]) -> int",
        "its year, in UTC or at an offset such as `+02:00`",
    ),
    (F::Month, "getMonth", Method, 1, 2, "timestamp.getMonth([offset]) -> int", "its month, from 0"),
    (F::Date, "getDate", Method, 1, 2, "timestamp.getDate([offset]) -> int", "its day of the month, from 1"),
    (
        F::DayOfMonth,
        "getDayOfMonth",
        Method,
        1,
        2,
        "timestamp.getDayOfMonth([offset]) -> int",
        "its day of the month, from 0",
    ),
    (
        F::DayOfWeek,
        "getDayOfWeek",
        Method,
        1,
        2,
        "timestamp.getDayOfWeek([offset]) -> int",
        "its day of the week, 0 for Sunday",
    ),
    (
        F::DayOfYear,
        "getDayOfYear",
        Method,
        1,
        2,
        "timestamp.getDayOfYear([offset]) -> int",
        "its day of the year, from 0",
    ),
    (
        F::Hours,
        "getHours",
        Method,
        1,
        2,
        "timestamp.getHours([offset]) or duration.getHours() -> int",
        "its hour; all hours of a duration",
    ),
    (
        F::Minutes,
        "getMinutes",
        Method,
        1,
        2,
        "timestamp.getMinutes([offset]) or duration.getMinutes() -> int",
        "its minute; all minutes of a duration",
    ),
    (
        F::Seconds,
        "getSeconds",
        Method,
        1,
        2,
        "timestamp.getSeconds([offset]) or duration.getSeconds() -> int",
        "its second; all seconds of a duration",
    ),
    (
        F::Milliseconds,
        "getMilliseconds",
        Method,
        1,
        2,
        "timestamp.getMilliseconds([offset]) or duration.getMilliseconds() -> int",
        "its millisecond; all milliseconds of a duration",
    ),
    (
        F::Luhn,
        "luhn",
        Function,
        1,
        1,
        "luhn(string) -> bool",
        "whether it is 12 to 19 digits, with spaces or hyphens between or none, that end in their check digit (ISO/IEC 7812): a card number",
    ),
    (
        F::Iban,
        "iban",
        Function,
        1,
        1,
        "iban(string) -> bool",
        "whether it is an account number whose check digits are right (ISO 13616), with spaces or without",
    ),
    (
        F::Sha256,
        "sha256",
        Function,
        1,
        1,
        "sha256(string or bytes) -> string",
        "its SHA-256, as 64 hexadecimal digits",
    ),
    (
        F::IsSorted,
        "isSorted",
        Method,
        1,
        1,
        "list.isSorted() -> bool",
        "whether each element is at least the one before it",
    ),
    (F::Sum, "sum", Method, 1, 1, "list.sum()", "the sum of numbers or durations of one type; 0 of none"),
    (F::Min, "min", Method, 1, 1, "list.min()", "the least element"),
    (F::Max, "max", Method, 1, 1, "list.max()", "the greatest element"),
];

/// Those that are looked up or compiled with the policy.
const OTHERS: [FunctionRow; 4] = [
    FunctionRow {
        name: "matches",
        form: "string.matches('pattern') -> bool",
        does: "whether the pattern ([RE2](https://docs.rs/regex/latest/regex/#syntax)) is found in it; the pattern is written out",
    },
    FunctionRow {
        name: "find",
        form: "string.find('pattern') -> string",
        does: "the first piece that the pattern is found as; empty if there is none",
    },
    FunctionRow {
        name: "findAll",
        form: "string.findAll('pattern'[, most]) -> list",
        does: "each piece that the pattern is found as, `most` at the most",
    },
    FunctionRow {
        name: "lookup",
        form: "lookup('table', key[, otherwise])",
        does: "the value of a key of a table of `spec.lookups`, whose name is written out; it fails for a key that is not there, unless `otherwise` is given",
    },
];

const ROWS: [FunctionRow; KNOWN.len() + OTHERS.len()] = {
    let mut rows = [FunctionRow { name: "", form: "", does: "" }; KNOWN.len() + OTHERS.len()];
    let mut number = 0;
    while number < KNOWN.len() {
        let (_, name, _, _, _, form, does) = KNOWN[number];
        rows[number] = FunctionRow { name, form, does };
        number += 1;
    }
    while number < rows.len() {
        rows[number] = OTHERS[number - KNOWN.len()];
        number += 1;
    }
    rows
};

/// Every function of expressions.
pub const FUNCTIONS: &[FunctionRow] = &ROWS;

pub(super) fn named(wanted: &str) -> Option<Row> {
    let found = KNOWN.iter().find(|(_, name, ..)| *name == wanted)?;
    let (function, _, style, least, most, form, _) = *found;
    Some(Row { function, style, arguments: least..=most, form })
}

pub(super) fn form(wanted: F) -> &'static str {
    KNOWN.iter().find(|(function, ..)| *function == wanted).map_or("", |(_, _, _, _, _, form, _)| form)
}
