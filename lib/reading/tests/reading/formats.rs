//! Objects of each format, with what has to come of them, written down apart from the code under test.

use std::io::Write;

use chancery_reading::{EventMode, Format};

/// An object, and its payloads.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) payloads: Vec<Vec<u8>>,
}

/// One object of each format and compression with `count` payloads; of the formats of one payload an object, only if
/// that is `count`.
pub(crate) fn samples(count: usize) -> Vec<Sample> {
    let mut plain = vec![
        lines(count, "\n"),
        lines(count, "\r\n"),
        ndjson(count),
        csv(count, true),
        csv(count, false),
        events(count),
    ];
    if count == 1 {
        let event = event(0);
        let single = Format::CloudEvents { mode: EventMode::Single };
        plain.push(sample(
            "single.json",
            single,
            format!(" {event}\n").as_bytes(),
            vec![format!(" {event}\n")],
        ));
        plain.push(sample("whole.bin", Format::Whole {}, b"\xef\xbb\xbfa\r\n\0\xff\n", vec![]));
        let whole = plain.last_mut().expect("just pushed");
        whole.payloads = vec![whole.bytes.clone()];
    }
    let packed = plain.iter().flat_map(|sample| [gzip(sample), zstd(sample)]).collect::<Vec<_>>();
    plain.into_iter().chain(packed).collect()
}

fn sample(name: &str, format: Format, bytes: &[u8], payloads: Vec<String>) -> Sample {
    let payloads = payloads.into_iter().map(String::into_bytes).collect();
    Sample { name: name.to_owned(), format, bytes: bytes.to_vec(), payloads }
}

/// Of lengths from 0 to some hundreds, of which those of 0 are no payloads; the last without an end.
fn lines(count: usize, end: &str) -> Sample {
    let payloads: Vec<_> =
        (0..count).map(|number| format!("{number} {}z", "\u{e4}x\r".repeat(number * 7 % 97))).collect();
    let text = format!("{end}{}", payloads.join(&format!("{end}{end}")));
    let name = if end == "\n" { "lines.txt" } else { "lines-crlf.txt" };
    sample(name, Format::Lines {}, text.as_bytes(), payloads)
}

fn ndjson(count: usize) -> Sample {
    let payloads: Vec<_> = (0..count)
        .map(|number| format!(" {{\"n\": {number}, \"n\":\"\\u00e4{}\"}} ", "y".repeat(number % 50)))
        .collect();
    // With a byte order mark, and a line of white space.
    let text: String = payloads.iter().map(|payload| format!("{payload}\r\n \t\n")).collect();
    sample("values.ndjson", Format::Ndjson {}, format!("\u{feff}{text}").as_bytes(), payloads)
}

fn csv(count: usize, header: bool) -> Sample {
    let rows: String =
        (0..count).map(|number| format!("{number},\"a \"\"{number}\"\"\r\n,b\",x\u{e4}\r\n")).collect();
    // RFC 8785 orders names by code units: id, text, then the umlaut.
    let payload = |number| {
        if header {
            format!("{{\"id\":\"{number}\",\"text\":\"a \\\"{number}\\\"\\r\\n,b\",\"\u{e4}\":\"x\u{e4}\"}}")
        } else {
            format!("[\"{number}\",\"a \\\"{number}\\\"\\r\\n,b\",\"x\u{e4}\"]")
        }
    };
    let top = if header { "id,text,\u{e4}\r\n\r\n" } else { "" };
    let text = format!("{top}{rows}");
    let name = if header { "rows.csv" } else { "rows-bare.csv" };
    sample(name, Format::Csv { delimiter: ',', header }, text.as_bytes(), (0..count).map(payload).collect())
}

pub(crate) fn event(number: usize) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"/s\",\"id\":\"{number}\",\"data\":[{{\"id\":1}}]}}"
    )
}

fn events(count: usize) -> Sample {
    let payloads: Vec<_> = (0..count).map(event).collect();
    let text: String = payloads.iter().map(|payload| format!("{payload}\n")).collect();
    sample("events.json", Format::CloudEvents { mode: EventMode::Lines }, text.as_bytes(), payloads)
}

fn renamed(sample: &Sample, ending: &str, bytes: Vec<u8>) -> Sample {
    let Sample { name, format, bytes: _, payloads } = sample;
    Sample { name: format!("{name}{ending}"), format: format.clone(), bytes, payloads: payloads.clone() }
}

/// In two members, as `cat one.gz two.gz` makes them.
fn gzip(sample: &Sample) -> Sample {
    let (one, two) = sample.bytes.split_at(sample.bytes.len() / 2);
    let bytes = [one, two].map(gzipped).concat();
    renamed(sample, ".gz", bytes)
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("finished")
}

pub(crate) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressed")
}

fn zstd(sample: &Sample) -> Sample {
    let (one, two) = sample.bytes.split_at(sample.bytes.len() / 3);
    renamed(sample, ".zst", [zstandard(one), zstandard(two)].concat())
}
