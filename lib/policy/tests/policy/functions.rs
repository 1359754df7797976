//! The functions of expressions.

use serde_json::{Value, json};

use crate::support::value_of;

fn all_are(rows: &[(&str, Value)]) {
    for (expression, wanted) in rows {
        assert_eq!(value_of(expression, &json!({"text": "héllo"})).as_ref(), Ok(wanted), "{expression}");
    }
}

#[test]
fn strings_are_as_in_kubernetes() {
    all_are(&[
        ("'héllo'.charAt(4) + 'héllo'.charAt(5)", json!("o")),
        (
            "[record.text.indexOf('l'), record.text.lastIndexOf('l'), record.text.indexOf('x')]",
            json!([2, 3, -1]),
        ),
        ("'hello mellow'.indexOf('ello', 2)", json!(7)),
        (
            "[record.text.substring(1), record.text.substring(1, 3), record.text.substring(5)]",
            json!(["éllo", "él", ""]),
        ),
        ("'TacoCÆt'.lowerAscii() + 'TacoCÆt xii'.upperAscii()", json!("tacocÆtTACOCÆT XII")),
        ("'  \\t x \\n'.trim()", json!("x")),
        ("'hello hello'.replace('he', 'we')", json!("wello wello")),
        ("'hello hello'.replace('he', 'we', 1) + 'hello'.replace('he', 'we', 0)", json!("wello hellohello")),
        ("'ab'.replace('', '_')", json!("_a_b_")),
        ("'hello hello hello'.split(' ')", json!(["hello", "hello", "hello"])),
        ("'hello hello hello'.split(' ', 2)", json!(["hello", "hello hello"])),
        ("'a b'.split(' ', 0)", json!([])),
        ("'héi'.split('')", json!(["h", "é", "i"])),
        ("'abc'.split('', 2)", json!(["a", "bc"])),
        ("['x', 'y'].join() + ['x', 'y'].join('-') + [].join('-')", json!("xyx-y")),
        ("'gums'.reverse() + 'é1'.reverse()", json!("smug1é")),
        ("size('héllo') + 'ab'.size() + size([1]) + size({'a': 1}) + size(b'ab')", json!(11)),
        (
            "'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b') && !'abc'.contains('x')",
            json!(true),
        ),
    ]);
}

#[test]
fn patterns_are_found() {
    all_are(&[
        ("'foobar'.matches('o+b') && matches('foobar', '^foo')", json!(true)),
        ("'abc 123 def 456'.find('[0-9]+') + 'abc'.find('[0-9]')", json!("123")),
        ("'abc 123 def 456'.findAll('[0-9]+')", json!(["123", "456"])),
        ("'1 2 3'.findAll('[0-9]', 2)", json!(["1", "2"])),
        ("'abc'.findAll('[0-9]')", json!([])),
    ]);
}

#[test]
fn one_type_becomes_another() {
    all_are(&[
        (
            "[string(1), string(1.5), string(true), string(b'ab'), string(3u)]",
            json!(["1", "1.5", "true", "ab", "3"]),
        ),
        ("[string(duration('1h30m')), string(duration('-500ms'))]", json!(["5400s", "-0.5s"])),
        (
            "[int('7'), int(7.9), int(-7.9), int(7u), int(timestamp('1970-01-01T00:01:00Z'))]",
            json!([7, 7, -7, 7, 60]),
        ),
        ("uint('7') == 7u && double('1.5') == 1.5 && double(2) == 2.0 && bool('true')", json!(true)),
        ("bytes('é') == b'\\xc3\\xa9' && dyn(1) == 1", json!(true)),
    ]);
}

#[test]
fn times_are_of_utc_or_at_an_offset() {
    let at = "timestamp('2026-02-28T23:30:15.250Z')";
    for (part, wanted) in [
        ("getFullYear()", 2026),
        ("getMonth()", 1),
        ("getDate()", 28),
        ("getDayOfMonth()", 27),
        ("getDayOfWeek()", 6),
        ("getDayOfYear()", 58),
        ("getHours()", 23),
        ("getMinutes()", 30),
        ("getSeconds()", 15),
        ("getMilliseconds()", 250),
        ("getHours('+02:00')", 1),
        ("getDate('+02:00')", 1),
        ("getHours('-05:30')", 18),
        ("getHours('UTC')", 23),
    ] {
        assert_eq!(value_of(&format!("{at}.{part}"), &json!({})), Ok(json!(wanted)), "{part}");
    }
    all_are(&[
        ("duration('1h30m').getMinutes() + duration('90s').getHours()", json!(90)),
        ("duration('1.5s').getMilliseconds() + duration('1h').getSeconds()", json!(5_100)),
        ("duration('1h') == duration('60m') && duration('-1.5h') < duration('0')", json!(true)),
        ("timestamp('2026-01-01T02:00:00+02:00') == timestamp('2026-01-01T00:00:00Z')", json!(true)),
        ("timestamp(60) == timestamp('1970-01-01T00:01:00Z')", json!(true)),
    ]);
    for expression in
        ["timestamp('today')", "duration('1 hour')", "duration('')", "timestamp('2026-02-30T00:00:00Z')"]
    {
        assert!(value_of(expression, &json!({})).is_err(), "{expression}");
    }
    let why = value_of(&format!("{at}.getHours('Europe/Berlin')"), &json!({})).unwrap_err();
    assert!(why.contains("UTC and offsets such as +02:00"), "{why}");
}

/// Numbers that payment networks give out for tests, and the examples of the registry of IBANs.
#[test]
fn check_digits_are_checked() {
    for (text, is_card) in [
        ("4111111111111111", true),
        ("4111 1111 1111 1111", true),
        ("3782-822463-10005", true),
        ("5555555555554444", true),
        ("4111111111111112", false),
        ("411111111111111", false),
        ("4111x11111111111", false),
        ("0", false),
        ("", false),
        ("00000000000000000000", false),
    ] {
        assert_eq!(value_of(&format!("luhn('{text}')"), &json!({})), Ok(json!(is_card)), "{text}");
    }
    for (text, is_account) in [
        ("GB82 WEST 1234 5698 7654 32", true),
        ("DE89370400440532013000", true),
        ("de89370400440532013000", true),
        ("MT84MALT011000012345MTLCAST001S", true),
        ("DE89370400440532013001", false),
        ("DE8937040044053201300é", false),
        ("", false),
        ("DE89", false),
    ] {
        assert_eq!(value_of(&format!("iban('{text}')"), &json!({})), Ok(json!(is_account)), "{text}");
    }
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    all_are(&[("sha256('abc')", json!(digest)), ("sha256(b'abc')", json!(digest))]);
}

#[test]
fn lists_are_summed_and_sorted() {
    all_are(&[
        ("[[1, 2, 3].sum(), [].sum()]", json!([6, 0])),
        ("[1.5, 2.5].sum()", json!(4)),
        ("[[3, 1, 2].min(), [3, 1, 2].max()]", json!([1, 3])),
        ("[[1, 2, 2].isSorted(), [2, 1].isSorted(), [].isSorted()]", json!([true, false, true])),
        ("[[1, 2, 1].indexOf(1), [1, 2, 1].lastIndexOf(1), [1].indexOf(5)]", json!([0, 2, -1])),
    ]);
    assert!(value_of("[].max()", &json!({})).is_err() && value_of("[1, 'a'].sum()", &json!({})).is_err());
}
