//! Where one piece of a text ends. Nothing here reads, waits or holds anything.

/// Why a piece cannot be taken apart, although it was found where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// A quote is open where the text ends.
    OpenQuote,
    /// Text after a closing quote.
    AfterQuote,
}

/// A way to find the end of a piece.
pub(crate) trait Framing {
    /// Looks at the next bytes of the current piece: how many of them belong to it, its line end included, or nothing
    /// if all do and it goes on.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize>;

    /// What is wrong with the piece that just ended; the next begins. `cut` says that it was the text that ended.
    fn finish(&mut self, cut: bool) -> Option<Defect>;
}

/// A piece ends with LF.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines;

impl Framing for Lines {
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        memchr::memchr(b'\n', bytes).map(|at| at + 1)
    }

    fn finish(&mut self, _cut: bool) -> Option<Defect> {
        None
    }
}

/// The text is one piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endless;

impl Framing for Endless {
    fn find_end(&mut self, _bytes: &[u8]) -> Option<usize> {
        None
    }

    fn finish(&mut self, _cut: bool) -> Option<Defect> {
        None
    }
}

/// A piece ends with an LF outside of quotes (RFC 4180). A quote opens a field only as its first byte; elsewhere in an
/// unquoted field it is text.
#[derive(Clone, Debug)]
pub(crate) struct CsvRows {
    delimiter: u8,
    state: Csv,
    after_quote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Csv {
    FieldStart,
    Bare,
    Quoted,
    /// A quote in a quoted field: its end, or the first of two.
    Quote,
    /// The same, then CR: right if LF follows.
    QuoteReturn,
}

impl CsvRows {
    /// With that byte between two fields.
    #[must_use]
    pub(crate) const fn new(delimiter: u8) -> Self {
        Self { delimiter, state: Csv::FieldStart, after_quote: false }
    }

    /// Outside of quotes.
    fn step(&mut self, byte: u8) -> Csv {
        if byte == self.delimiter { Csv::FieldStart } else { Csv::Bare }
    }
}

impl Framing for CsvRows {
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            self.state = match (self.state, byte) {
                (Csv::Quoted, b'"') => Csv::Quote,
                (Csv::Quoted, _) => {
                    // Most of a long field: straight to the next quote.
                    match memchr::memchr(b'"', &bytes[at..]) {
                        Some(quote) => at += quote,
                        None => at = bytes.len(),
                    }
                    Csv::Quoted
                }
                (_, b'\n') => return Some(at),
                (Csv::FieldStart | Csv::Quote, b'"') => Csv::Quoted,
                (Csv::Quote, b'\r') => Csv::QuoteReturn,
                (Csv::Quote | Csv::QuoteReturn, _)
                    if self.state == Csv::QuoteReturn || byte != self.delimiter =>
                {
                    self.after_quote = true;
                    self.step(byte)
                }
                (_, _) => self.step(byte),
            };
        }
        None
    }

    fn finish(&mut self, cut: bool) -> Option<Defect> {
        let state = std::mem::replace(&mut self.state, Csv::FieldStart);
        let after_quote = std::mem::take(&mut self.after_quote);
        match state {
            Csv::Quoted if cut => Some(Defect::OpenQuote),
            _ if after_quote || (cut && state == Csv::QuoteReturn) => Some(Defect::AfterQuote),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(framing: &mut impl Framing, text: &[u8]) -> Vec<(String, Option<Defect>)> {
        let mut rest = text;
        let mut found = Vec::new();
        while !rest.is_empty() {
            let end = framing.find_end(rest);
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            found.push((String::from_utf8_lossy(piece).into_owned(), framing.finish(end.is_none())));
            rest = after;
        }
        found
    }

    #[test]
    fn rows_end_at_line_ends_outside_of_quotes() {
        for (text, wanted) in [
            ("a,b\nc,d\n", vec![("a,b\n", None), ("c,d\n", None)]),
            ("\"a\nb\",c\r\nd", vec![("\"a\nb\",c\r\n", None), ("d", None)]),
            ("\"a\"\"\n\"\"b\"\nc", vec![("\"a\"\"\n\"\"b\"\n", None), ("c", None)]),
            ("5\" pipe,x\ny", vec![("5\" pipe,x\n", None), ("y", None)]),
            ("\"a\"\r\n\"\"\n", vec![("\"a\"\r\n", None), ("\"\"\n", None)]),
            ("\"a\" b\nc\n", vec![("\"a\" b\n", Some(Defect::AfterQuote)), ("c\n", None)]),
            ("\"a\"\rb\nc\n", vec![("\"a\"\rb\n", Some(Defect::AfterQuote)), ("c\n", None)]),
            ("a,\"b\nc\n", vec![("a,\"b\nc\n", Some(Defect::OpenQuote))]),
            ("a,\"b\"", vec![("a,\"b\"", None)]),
            ("a,\"b\"\r", vec![("a,\"b\"\r", Some(Defect::AfterQuote))]),
        ] {
            let found = pieces(&mut CsvRows::new(b','), text.as_bytes());
            let found: Vec<_> = found.iter().map(|(piece, defect)| (piece.as_str(), *defect)).collect();
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
