//! What cannot be a payload: where it was, at which stage, why, and its bytes.

use chancery_reading::{Arrival, Dead, EventMode, Format, MAX_PAYLOAD, Outcome, Position, Reason, Stage};

use crate::formats::{event, gzipped, zstandard};
use crate::places;
use crate::{read_from, read_object};

async fn read(name: &str, format: &Format, bytes: &[u8]) -> Vec<Arrival> {
    let place = places::memory();
    place.put(name, bytes).await;
    let store = place.store(300_000);
    let object = store.list().await.expect("a listing").remove(0);
    let whole = read_object(&store, format, &object, u64::MAX).await;
    // Dead or not, an arrival has a position that is read on from.
    for split in store.plan(&object, format, u64::MAX) {
        for (number, arrival) in whole.iter().enumerate().step_by(whole.len() / 20 + 1) {
            assert_eq!(read_from(&store, format, &split, arrival.next_position).await, whole[number + 1..]);
        }
    }
    whole
}

/// `+` for a payload, or what is dead, with its position.
fn told(arrivals: &[Arrival]) -> Vec<(u64, String)> {
    let one = |arrival: &Arrival| match &arrival.outcome {
        Outcome::Payload(payload) => format!("+{}", String::from_utf8_lossy(payload)),
        Outcome::Dead(Dead { stage, reason, raw }) => {
            format!("{stage:?}: {reason}: {}", String::from_utf8_lossy(&raw[..raw.len().min(10)]))
        }
    };
    arrivals.iter().map(|arrival| (arrival.position.0, one(arrival))).collect()
}

async fn assert_told(name: &str, format: Format, bytes: &[u8], wanted: &[(u64, &str)]) {
    let arrivals = read(name, &format, bytes).await;
    let told = told(&arrivals);
    let told: Vec<_> = told.iter().map(|(position, text)| (*position, text.as_str())).collect();
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn what_is_no_json_is_dead_and_the_rest_is_not() {
    let expected = [
        (0, "+{\"a\":1}"),
        (8, "Parse: it is not one JSON value: key must be a string at line 1 column 2: {a:1}"),
        (14, "Parse: it is not UTF-8: byte 1 of it is wrong: \"\u{fffd}\""),
        (18, "Parse: it is not one JSON value: trailing characters at line 1 column 3: 1 2"),
        (22, "+3"),
    ];
    assert_told("a.ndjson", Format::Ndjson {}, b"{\"a\":1}\n{a:1}\n\"\xff\"\n1 2\n3", &expected).await;
}

#[tokio::test]
async fn rows_that_do_not_fit_are_dead_and_the_rest_are_not() {
    let csv = Format::Csv { delimiter: ';', header: true };
    let expected = [
        (4, "+{\"a\":\"1\",\"b\":\"2\"}"),
        (8, "Parse: the row has 1 fields, and the header 2: 3"),
        (
            10,
            "Parse: the row is not CSV as RFC 4180 has it: text stands between a closing quote and the next separator: \"4\"x;5",
        ),
        (17, "Parse: it is not UTF-8: byte 0 of it is wrong: \u{fffd};1"),
        (
            21,
            "Frame: a quoted field is never closed: everything up to the end of the object belongs to it: 6;\"7\n8;9\n",
        ),
    ];
    assert_told("a.csv", csv, b"a;b\n1;2\n3\n\"4\"x;5\n\xff;1\n6;\"7\n8;9\n", &expected).await;
}

#[tokio::test]
async fn a_header_that_names_a_column_twice_makes_the_object_one_dead_arrival() {
    let csv = Format::Csv { delimiter: ',', header: true };
    let said = "Parse: the header of the CSV file is unusable: it names the column `a` twice; no row of it is read: a,b,a";
    assert_told("a.csv", csv, b"a,b,a\n1,2,3\n", &[(0, said)]).await;
}

#[tokio::test]
async fn what_is_no_event_is_dead() {
    let text = format!("{}\n{{}}\n", event(1));
    let arrivals = read("a.json", &Format::CloudEvents { mode: EventMode::Lines }, text.as_bytes()).await;
    assert!(arrivals[0].identity.is_some() && arrivals[1].identity.is_none());
    assert_eq!(
        told(&arrivals)[1].1,
        "Parse: it is not a CloudEvent: missing field `specversion` at line 1 column 2: {}"
    );
    let single = Format::CloudEvents { mode: EventMode::Single };
    let empty = read("a.json", &single, b"").await;
    assert_eq!(told(&empty), [(0, "Parse: it is not a CloudEvent: the object is empty: ".to_owned())]);
    let blank = read("a.json", &single, b" \n").await;
    assert!(matches!(&*blank, [Arrival { outcome: Outcome::Dead(_), .. }]), "{blank:?}");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_dead_with_its_first_mebibyte() {
    for (name, pack) in [
        ("a.txt", None),
        ("a.txt.gz", Some(gzipped as fn(&[u8]) -> Vec<u8>)),
        ("a.txt.zst", Some(zstandard as _)),
    ] {
        for (extra, end) in [(1, "\n"), (1, "\r\n"), (1, ""), (3_000_000, "\n")] {
            let long = vec![b'x'; MAX_PAYLOAD + extra];
            let text = [b"a\n", long.as_slice(), end.as_bytes()].concat();
            let arrivals =
                read(name, &Format::Lines {}, &pack.map_or(text.clone(), |pack| pack(&text))).await;
            let [one, two] = &*arrivals else { panic!("{}", arrivals.len()) };
            assert_eq!(one.outcome, Outcome::Payload(b"a".as_slice().into()));
            assert_eq!((two.position, two.next_position), (Position(2), Position(text.len() as u64)));
            let Outcome::Dead(Dead { stage: Stage::Frame, reason, raw }) = &two.outcome else { panic!() };
            assert_eq!(reason, &Reason::TooLong { bytes: (MAX_PAYLOAD + extra) as u64 });
            assert_eq!(raw[..], long[..MAX_PAYLOAD]);
        }
    }
}

#[tokio::test]
async fn a_payload_of_just_a_mebibyte_is_one() {
    for end in ["\n", "\r\n", ""] {
        let text = [vec![b'x'; MAX_PAYLOAD], end.into(), b"b\n".to_vec()].concat();
        let arrivals = read("a.txt", &Format::Lines {}, &text).await;
        if end.is_empty() {
            assert!(matches!(&*arrivals, [Arrival { outcome: Outcome::Dead(_), .. }]));
        } else {
            assert!(
                matches!(&arrivals[0].outcome, Outcome::Payload(payload) if payload.len() == MAX_PAYLOAD),
                "{end:?}"
            );
            assert_eq!(arrivals.len(), 2);
        }
    }
    for (size, fits) in [(MAX_PAYLOAD, true), (MAX_PAYLOAD + 1, false), (MAX_PAYLOAD + 500, false)] {
        let whole = vec![0; size];
        for (name, bytes) in [("a.bin", whole.clone()), ("a.bin.gz", gzipped(&whole))] {
            let arrivals = read(name, &Format::Whole {}, &bytes).await;
            let [
                Arrival {
                    position: Position(0),
                    next_position: Position(1),
                    outcome,
                    identity: None,
                    trace: None,
                },
            ] = &*arrivals
            else {
                panic!("{arrivals:?}")
            };
            match outcome {
                Outcome::Payload(payload) => assert!(fits && payload.len() == size),
                Outcome::Dead(dead) => {
                    assert!(!fits && dead.raw.len() == MAX_PAYLOAD);
                    assert_eq!(dead.reason, Reason::TooLong { bytes: size as u64 }, "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_row_whose_json_is_too_long_is_dead() {
    // Each quote takes two bytes as CSV, and two as JSON; each tab one, and two.
    let row = vec![b'\t'; MAX_PAYLOAD - 10];
    let text = [b"a\n1\n", row.as_slice(), b"\n2\n"].concat();
    let arrivals = read("a.csv", &Format::Csv { delimiter: ',', header: true }, &text).await;
    assert_eq!(arrivals.len(), 3);
    let Outcome::Dead(dead) = &arrivals[1].outcome else { panic!("alive") };
    assert!(matches!(dead.reason, Reason::TooLong { bytes } if bytes > 2_000_000));
    assert_eq!(dead.raw[..], row[..]);
}

#[tokio::test]
async fn of_an_object_that_is_cut_off_the_rest_is_one_dead_arrival() {
    let text: String = (0..50_000).map(|number| format!("{}\n", number * 7_919)).collect();
    for (name, packed) in [("a.txt.gz", gzipped(text.as_bytes())), ("a.txt.zst", zstandard(text.as_bytes()))]
    {
        for length in [0, 1, 3, 30, packed.len() / 2, packed.len() - 1] {
            let arrivals = read(name, &Format::Lines {}, &packed[..length]).await;
            let (last, before) = arrivals.split_last().expect("an arrival");
            let Outcome::Dead(dead) = &last.outcome else { panic!("{name} {length}: {last:?}") };
            assert_eq!((dead.stage, &dead.reason), (Stage::Decompress, &Reason::CutOff), "{name} {length}");
            assert_eq!(last.next_position, Position::END);
            let mut told: String = before
                .iter()
                .map(|arrival| match &arrival.outcome {
                    Outcome::Payload(payload) => format!("{}\n", String::from_utf8_lossy(payload)),
                    Outcome::Dead(dead) => panic!("{dead:?}"),
                })
                .collect();
            assert_eq!(last.position.0, told.len() as u64);
            told.push_str(&String::from_utf8_lossy(&dead.raw));
            assert!(text.starts_with(&told), "{name} {length}");
            assert_eq!(told.is_empty(), length < 100, "{name} {length}");
        }
    }
}

#[tokio::test]
async fn what_is_not_compressed_as_its_name_says_is_dead() {
    for name in ["a.txt.gz", "a.txt.zst", "A.GZ"] {
        let arrivals = read(name, &Format::Lines {}, b"plain text that is no archive\n").await;
        let [
            Arrival {
                position: Position(0), next_position: Position::END, outcome: Outcome::Dead(dead), ..
            },
        ] = &*arrivals
        else {
            panic!("{arrivals:?}")
        };
        assert!(matches!(dead.reason, Reason::Damaged(_)), "{:?}", dead.reason);
    }
    let mut damaged = gzipped("some text\n".repeat(10_000).as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let arrivals = read("a.gz", &Format::Lines {}, &damaged).await;
    let Some(Arrival { outcome: Outcome::Dead(dead), .. }) = arrivals.last() else { panic!("{arrivals:?}") };
    assert_eq!(dead.stage, Stage::Decompress);
}
