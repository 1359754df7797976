//! Functions of patterns. A pattern is compiled with its policy, and takes time in proportion to the text.

use regex::Regex;

use super::{made, made_list};
use crate::budget::{Failure, Meter};
use crate::evaluate::Evaluated;
use crate::expression::Pattern;
use crate::value::{Text, Value};

pub(crate) fn pattern<'a>(
    kind: &Pattern,
    text: &Text<'a>,
    pattern: &Regex,
    most: Option<&Value<'a>>,
    meter: &mut Meter,
) -> Evaluated<'a> {
    // A pattern goes through a text a state at a time.
    meter.steps(text.len() as u64 / 4)?;
    match kind {
        Pattern::Matches => Ok(Value::Bool(pattern.is_match(text))),
        Pattern::Find => piece(text, pattern.find(text).map_or(0..0, |found| found.range()), meter),
        Pattern::FindAll(_) => {
            let most = match most {
                None => usize::MAX,
                Some(Value::Int(most)) if *most < 0 => usize::MAX,
                Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
                Some(other) => return Err(Failure::says(format!("{} is no number of pieces", other.kind()))),
            };
            let mut all = Vec::new();
            // The search for each begins where the one before it ended, and may go on to the end of the text.
            for found in pattern.find_iter(text).take(most) {
                meter.steps(1 + (text.len() - found.start()) as u64 / 64)?;
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
