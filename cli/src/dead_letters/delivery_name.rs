//! Naming a dead letter of a delivery.

use std::fmt;
use std::str::FromStr;

use chancery_store::delivery::DeliveryLetter;

use super::letter::LetterName;

/// `SINK/BATCH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryName {
    pub(super) sink: String,
    pub(super) batch: i64,
}

/// A dead letter of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnyLetter {
    Arrival(LetterName),
    Delivery(DeliveryName),
}

impl DeliveryName {
    pub(super) fn of(letter: &DeliveryLetter) -> Self {
        Self { sink: letter.sink.clone(), batch: letter.batch }
    }
}

impl FromStr for AnyLetter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.matches('/').count() != 1 {
            return text.parse().map(Self::Arrival);
        }
        let none = "a dead letter of a delivery is named SINK/BATCH, and others SOURCE/SPLIT/POSITION, as `chancery dead-letters list` shows them";
        let (sink, batch) = text.split_once('/').ok_or(none)?;
        match batch.parse() {
            Ok(batch) if batch >= 1 && !sink.is_empty() => {
                Ok(Self::Delivery(DeliveryName { sink: sink.to_owned(), batch }))
            }
            _ => Err(none),
        }
    }
}

impl fmt::Display for DeliveryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, batch } = self;
        write!(f, "{sink}/{batch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_with_one_slash_is_a_deliverys_and_with_more_an_arrivals() {
        let delivery: AnyLetter = "hook/17".parse().expect("a name");
        let name = DeliveryName { sink: "hook".to_owned(), batch: 17 };
        assert_eq!((delivery, name.to_string().as_str()), (AnyLetter::Delivery(name), "hook/17"));
        assert!(matches!("files/2/300".parse(), Ok(AnyLetter::Arrival(_))));
        for text in ["", "hook", "hook/", "/17", "hook/0", "hook/-1", "hook/x", "files/0/1"] {
            assert!(text.parse::<AnyLetter>().is_err(), "{text}");
        }
    }
}
