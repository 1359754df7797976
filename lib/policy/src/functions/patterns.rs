//! Functions of patterns. A pattern is compiled with its policy, and takes time in proportion to the text.

use regex::{Regex, RegexBuilder};

use super::{made, made_list};
use crate::budget::{Failure, Meter};
use crate::evaluate::Evaluated;
use crate::expression::Pattern;
use crate::value::{Text, Value};

/// What a compiled pattern may take in memory, and how many steps a byte of text counts then: where none of the quick ways
/// does for a pattern, each byte is looked at in each of its states, of which there are more the larger it is.
const SIZES: [(usize, u64); 4] = [(4 << 10, 1), (16 << 10, 4), (64 << 10, 16), (256 << 10, 64)];

/// A pattern that is compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    regex: Regex,
    /// Steps for each byte.
    weight: u64,
}

impl Compiled {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// A sentence that says why it is none, or that it is too large.
    pub(crate) fn of(written: &str) -> Result<Self, String> {
        let mut refused = String::new();
        for (size, weight) in SIZES {
            let built =
                RegexBuilder::new(written).size_limit(size).dfa_size_limit(256 << 10).nest_limit(64).build();
            match built {
                Ok(regex) => return Ok(Self { regex, weight }),
                Err(error @ regex::Error::CompiledTooBig(_)) => refused = error.to_string(),
                // Why is said last, below a drawing.
                Err(error) => {
                    let said = error.to_string();
                    return Err(said
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .to_owned());
                }
            }
        }
        Err(refused)
    }
}

pub(crate) fn pattern<'a>(
    kind: &Pattern,
    text: &Text<'a>,
    Compiled { regex, weight }: &Compiled,
    most: Option<&Value<'a>>,
    meter: &mut Meter,
) -> Evaluated<'a> {
    meter.steps(text.len() as u64 * weight)?;
    match kind {
        Pattern::Matches => Ok(Value::Bool(regex.is_match(text))),
        Pattern::Find => piece(text, regex.find(text).map_or(0..0, |found| found.range()), meter),
        Pattern::FindAll(_) => {
            let most = match most {
                None => usize::MAX,
                Some(Value::Int(most)) if *most < 0 => usize::MAX,
                Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
                Some(other) => return Err(Failure::says(format!("{} is no number of pieces", other.kind()))),
            };
            let mut all = Vec::new();
            // The search for each begins where the one before it ended, and may go on to the end of the text.
            for found in regex.find_iter(text).take(most) {
                meter.steps(1 + (text.len() - found.start()) as u64 * weight / 64)?;
                all.push(piece(text, found.range(), meter)?);
            }
            made_list(all, meter)
        }
    }
}

/// A piece of a text, which is lent where the text is.
fn piece<'a>(text: &Text<'a>, range: std::ops::Range<usize>, meter: &mut Meter) -> Evaluated<'a> {
    match text {
        Text::Lent(text) => Ok(Value::Text(Text::Lent(&text[range]))),
        Text::Made(text) => made(text[range].to_owned(), meter),
    }
}
