//! Which dead letters are meant: an expression over what is known of each, with the budget that the rules of a policy have.

use std::fmt;

use jiff::Timestamp;

use crate::answers::Answers;
use crate::budget::EXPRESSION_COST;
use crate::compile::{self, MOST_DEEP, Names, Sizes, Wrong};
use crate::evaluate::Evaluation;
use crate::expression::Expr;
use crate::finding::Finding;
use crate::json;
use crate::value::{Text, Value};

/// What a selector may name beside `record`, which is the payload as JSON.
pub const NAMES: [&str; 10] =
    ["source", "split", "position", "stage", "rule", "reason", "arrivedAt", "age", "bytes", "attempts"];

/// What texts are assumed to have, in bytes.
const SIZE: f64 = 4_096.0;

/// An expression that is true for the dead letters that are meant.
pub struct Selector {
    expression: Expr,
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").finish_non_exhaustive()
    }
}

/// What is wrong with a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

/// What is known of a dead letter.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its bytes; none once they are swept.
    pub payload: Option<&'a [u8]>,
    /// The name of its source.
    pub source: &'a str,
    /// Split of that.
    pub split: i64,
    /// Position in that.
    pub position: i64,
    /// Which step gave it up.
    pub stage: &'a str,
    /// The rule that failed for it; null to an expression where that was no rule.
    pub rule: Option<&'a str>,
    /// Why.
    pub reason: &'a str,
    /// When it arrived, and what time it is.
    pub at: Timestamp,
    /// The clock by which it has its age.
    pub now: Timestamp,
    /// How often it was taken up again.
    pub attempts: i64,
}

impl Selector {
    /// Of an expression.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: what is wrong, and where.
    pub fn compile(text: &str) -> Result<Self, SelectorError> {
        let wrong = |Wrong { message, line, column }| {
            let finding = Finding { path: "the selector".to_owned(), message, line, column };
            SelectorError(finding.to_string())
        };
        let variables: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let names = Names { variables: &variables, tables: &[], is_plain: true };
        let expression = compile::compile(text, &names).map_err(wrong)?;
        let cost = Sizes { variables: &[SIZE; NAMES.len()], tables: &[] }.estimate(&expression).cost;
        let whole = |message| wrong(Wrong { message, line: 1, column: 1 });
        if cost > EXPRESSION_COST {
            return Err(whole(format!(
                "may cost {cost:.0} for a record of 1 MiB, and {EXPRESSION_COST:.0} is the most"
            )));
        }
        let depth = expression.depth(&[]);
        if depth > MOST_DEEP {
            return Err(whole(format!("is {depth} levels deep, and {MOST_DEEP} is the most")));
        }
        Ok(Self { expression })
    }

    /// Whether a letter is meant.
    ///
    /// # Errors
    ///
    /// Why that cannot be said of this letter.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let Facts { payload, source, split, position, stage, rule, reason, at, now, attempts } = *facts;
        let record = match payload {
            Some(payload) => json::read(payload),
            None => Err("its bytes are not kept any more".to_owned()),
        };
        let text = |text| Value::Text(Text::Lent(text));
        let bytes = payload
            .map_or(Value::Null, |payload| Value::Int(i64::try_from(payload.len()).unwrap_or(i64::MAX)));
        let values = vec![
            text(source),
            Value::Int(split),
            Value::Int(position),
            text(stage),
            rule.map_or(Value::Null, text),
            text(reason),
            Value::Time(at),
            Value::Span(now.duration_since(at)),
            bytes,
            Value::Int(attempts),
        ];
        let answers = Answers::default();
        let record = record.as_ref().map_err(String::as_str);
        let evaluation = Evaluation::new(record, (source, "", at), (&[], &[]), &answers);
        evaluation.given(values).truth(&self.expression).map_err(|failure| failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(payload: Option<&'a [u8]>, rule: Option<&'a str>) -> Facts<'a> {
        let at = Timestamp::from_second(1_000_000).expect("a time");
        let now = Timestamp::from_second(1_000_000 + 7_200).expect("a time");
        Facts {
            payload,
            source: "files",
            split: 2,
            position: 300,
            stage: "Policy",
            rule,
            reason: "no such key: currency",
            at,
            now,
            attempts: 1,
        }
    }

    #[test]
    fn a_letter_is_selected_by_what_is_known_of_it() {
        let payload: &[u8] = br#"{"amount": 7, "customer": {"country": "CH"}}"#;
        for (expression, wanted) in [
            ("true", true),
            ("record.amount > 5 && record.customer.country == 'CH'", true),
            ("record.amount > 10", false),
            ("source == 'files' && split == 2 && position >= 300", true),
            ("stage == 'Policy' && rule == 'usd'", true),
            ("reason.contains('currency')", true),
            ("age > duration('1h') && age <= duration('2h')", true),
            ("arrivedAt < timestamp('1970-01-12T13:46:41Z')", true),
            ("bytes < 40", false),
            ("attempts == 1", true),
            ("type(position) == int", true),
        ] {
            let selector = Selector::compile(expression).expect(expression);
            assert_eq!(selector.holds(&facts(Some(payload), Some("usd"))), Ok(wanted), "{expression}");
        }
        let of_no_rule = Selector::compile("rule == null").expect("a selector");
        assert_eq!(of_no_rule.holds(&facts(Some(payload), None)), Ok(true));
    }

    #[test]
    fn what_cannot_be_said_of_a_letter_is_told_with_the_reason() {
        let selector = Selector::compile("record.amount > 5").expect("a selector");
        let said = |payload| selector.holds(&facts(payload, None)).expect_err("not said");
        assert!(said(Some(b"no json")).contains("not JSON"));
        assert_eq!(said(None), "its bytes are not kept any more");
        assert!(said(Some(b"{}")).contains("amount"));
        let number = Selector::compile("position").expect("a selector");
        assert!(number.holds(&facts(None, None)).expect_err("a number").contains("true or false is wanted"));
    }

    #[test]
    fn a_selector_that_is_none_gets_a_sentence_with_its_place() {
        let said = |text: &str| Selector::compile(text).expect_err(text).to_string();
        assert!(said("age >").starts_with("the selector: "));
        let unknown = said("stage == 'Policy' && verdict == 1");
        assert!(unknown.contains("at character 22") && unknown.contains("names `verdict`"), "{unknown}");
        assert!(unknown.contains("`record`, `source`, `split`"), "{unknown}");
        assert!(said("variables.usd > 1").contains("names `variables`"));
        assert!(said("lookup('rates', 'x') > 1").contains("looks into `rates`"));
        let loops = "record.a.all(x, record.a.all(y, record.a.all(z, x == y && y == z)))";
        assert!(said(loops).contains("is the most"), "{}", said(loops));
    }
}
