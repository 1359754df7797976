//! A file, in parts that a request carries.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::CliError;

/// Bytes and lines of a part: less than the API takes.
const BYTES: usize = 4 << 20;
const LINES: usize = 5_000;

const NDJSON: &str = "application/x-ndjson";

/// What is left of a file.
pub(crate) struct Parts {
    path: PathBuf,
    content_type: String,
    file: BufReader<Box<dyn Read + Send>>,
    is_over: bool,
}

impl Parts {
    /// Of a file, or of standard input if that is `-`. Unless it is given, the ending of the name says what it is.
    pub(crate) fn open(path: &Path, content_type: Option<&str>) -> Result<Self, CliError> {
        let file: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let opened = File::open(path);
            Box::new(opened.map_err(|reason| CliError::RecordsFile { path: path.to_owned(), reason })?)
        };
        let content_type = content_type.unwrap_or_else(|| of_name(path)).to_owned();
        Ok(Self { path: path.to_owned(), content_type, file: BufReader::new(file), is_over: false })
    }

    pub(crate) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The next part. Only lines can be sent apart from each other: all else is one part.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, CliError> {
        if self.is_over {
            return Ok(None);
        }
        let mut part = Vec::new();
        let read = if self.content_type == NDJSON { self.lines(&mut part) } else { self.whole(&mut part) };
        read.map_err(|reason| CliError::RecordsFile { path: self.path.clone(), reason })?;
        // A file without a byte is one payload, but no line.
        Ok((self.content_type != NDJSON || !part.is_empty()).then(|| part.into()))
    }

    fn whole(&mut self, part: &mut Vec<u8>) -> io::Result<()> {
        self.is_over = true;
        self.file.read_to_end(part).map(drop)
    }

    fn lines(&mut self, part: &mut Vec<u8>) -> io::Result<()> {
        for _ in 0..LINES {
            if self.file.read_until(b'\n', part)? == 0 {
                self.is_over = true;
                break;
            }
            if part.len() >= BYTES {
                break;
            }
        }
        Ok(())
    }
}

fn of_name(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("ndjson" | "jsonl") | None => NDJSON,
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some(_) => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str, content: &[u8]) -> Vec<usize> {
        let folder = std::env::temp_dir().join(format!("chancery-parts-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder");
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a file");
        let mut parts = Parts::open(&path, None).expect("parts");
        let mut found = Vec::new();
        while let Some(part) = parts.next().expect("a part") {
            found.push(part.len());
        }
        std::fs::remove_dir_all(&folder).expect("removed");
        found
    }

    #[test]
    fn lines_are_sent_so_many_at_a_time_and_all_else_as_one() {
        let lines = b"1\n".repeat(12_000);
        assert_eq!(parts("a.ndjson", &lines), [10_000, 10_000, 4_000]);
        assert_eq!(parts("a.csv", &lines), [24_000]);
        assert_eq!(parts("a.bin", b""), [0], "nothing is a payload too");
        assert_eq!(parts("a.ndjson", b""), [0; 0]);
        let long = [vec![b'x'; BYTES], b"\ny".to_vec()].concat();
        assert_eq!(parts("a.jsonl", &long), [BYTES + 1, 1]);
    }
}
