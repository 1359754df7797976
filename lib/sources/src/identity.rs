//! What names a payload in a run that knows payloads by an expression: its value, as canonical JSON. The ledger hashes that.

mod record;
mod value;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::Context;
use chancery_api::{EVENT_IDENTITY, Expression, ExpressionError, RECORD};
use chancery_reading::Identity;

/// The step that gives an arrival up which has no identity.
pub const STAGE: &str = "Identity";

/// Works identities out.
pub struct Identify {
    expression: Expression,
    text: String,
    /// All functions, and no variable.
    functions: Context<'static>,
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identify").field(&self.text).finish()
    }
}

/// Why a payload has none. Each is a sentence about that payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoIdentity {
    /// Not JSON.
    #[error("it is not JSON that an expression can be asked of: {0}")]
    NotJson(String),
    /// The expression fails.
    #[error("the expression {expression} fails for it: {why}")]
    Fails {
        /// The expression.
        expression: String,
        /// What went wrong.
        why: String,
    },
    /// The expression yields nothing.
    #[error("the expression {expression} is null for it")]
    Null {
        /// The expression.
        expression: String,
    },
}

impl Identify {
    /// By an expression.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`].
    pub fn by(expression: &str) -> Result<Self, ExpressionError> {
        let (text, functions) = (expression.to_owned(), Context::default());
        Ok(Self { expression: Expression::compile(expression)?, text, functions })
    }

    /// The identity of a payload that is an event with this source and id, if it is one. Where these are what is asked for,
    /// nothing else in it has to be what an expression can be asked of.
    ///
    /// # Errors
    ///
    /// [`NoIdentity`].
    pub fn of_event(&self, payload: &[u8], event: Option<&Identity>) -> Result<Vec<u8>, NoIdentity> {
        match event {
            Some(Identity { source, id }) if self.text == EVENT_IDENTITY => value::of_strings(&[source, id])
                .map_err(|why| NoIdentity::Fails { expression: self.text.clone(), why }),
            _ => self.of(payload),
        }
    }

    /// The identity of a payload.
    ///
    /// # Errors
    ///
    /// [`NoIdentity`].
    pub fn of(&self, payload: &[u8]) -> Result<Vec<u8>, NoIdentity> {
        let expression = || short(&self.text);
        let fails = |why| NoIdentity::Fails { expression: expression(), why };
        let record = record::read(payload).map_err(|why| NoIdentity::NotJson(short(&why)))?;
        let mut context = self.functions.new_inner_scope();
        context.add_variable_from_value(RECORD, record);
        // A panic of the evaluator is about one payload.
        let value = catch_unwind(AssertUnwindSafe(|| self.expression.evaluate(&context)))
            .map_err(|_| fails("it cannot be evaluated".to_owned()))?
            .map_err(|error| fails(short(&error.to_string())))?;
        match value::canonical(&value).map_err(fails)? {
            null if null == b"null" => Err(NoIdentity::Null { expression: expression() }),
            identity => Ok(identity),
        }
    }
}

/// What is said of a payload may repeat it.
fn short(said: &str) -> String {
    said[..said.floor_char_boundary(300)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(expression: &str, payload: &str) -> Result<String, NoIdentity> {
        let identity = Identify::by(expression).expect(expression).of(payload.as_bytes())?;
        Ok(String::from_utf8(identity).expect("JSON"))
    }

    #[test]
    fn an_identity_is_the_value_in_canonical_form() {
        for (expression, payload, wanted) in [
            ("record.id", r#"{"id": "a", "more": 1}"#, r#""a""#),
            ("record.id", r#"{"id": 7}"#, "7"),
            ("record.id", r#"{"id": 7.0}"#, "7"),
            ("record.id", r#"{"id": 70e-1}"#, "7"),
            ("record.id + 1", r#"{"id": 7}"#, "8"),
            ("record.id", r#"{"id": -0.0}"#, "0"),
            ("record.id", r#"{"id": 0.1}"#, "0.1"),
            ("record.id", r#"{"id": true}"#, "true"),
            ("record.id", r#"{"id": "\u00e9\n\""}"#, "\"é\\n\\\"\""),
            ("record.id", r#"{"id": {"b": [1, null], "a": "x"}}"#, r#"{"a":"x","b":[1,null]}"#),
            ("[record.a, record.b]", r#"{"a": 1, "b": "1"}"#, r#"[1,"1"]"#),
            ("record.a + '/' + string(record.b)", r#"{"a": "x", "b": 3}"#, r#""x/3""#),
            ("record[1]", r#"["a", "b"]"#, r#""b""#),
            ("record.items.map(item, item.id)", r#"{"items": [{"id": 1}, {"id": 2}]}"#, "[1,2]"),
            // What a double does not hold is its text.
            ("record.id", r#"{"id": 9007199254740993}"#, r#""9007199254740993""#),
            ("record.id", r#"{"id": 12345678901234567890123}"#, r#""12345678901234567890123""#),
            ("record.id", r#"{"id": 0.12345678901234567890}"#, r#""0.12345678901234567890""#),
            (
                "timestamp(record.at)",
                r#"{"at": "2026-01-01T02:00:00+02:00"}"#,
                r#""2026-01-01T00:00:00+00:00""#,
            ),
        ] {
            assert_eq!(identity(expression, payload).as_deref(), Ok(wanted), "{expression} of {payload}");
        }
    }

    #[test]
    fn values_that_differ_have_identities_that_differ() {
        let of = |payload| identity("record.id", payload).expect("an identity");
        for (one, other) in [
            (r#"{"id": 1}"#, r#"{"id": "1"}"#),
            (r#"{"id": 9007199254740992}"#, r#"{"id": 9007199254740993}"#),
            (r#"{"id": 0.30000000000000001}"#, r#"{"id": 0.3}"#),
            (r#"{"id": [1, 2]}"#, r#"{"id": [12]}"#),
            (r#"{"id": ""}"#, r#"{"id": " "}"#),
        ] {
            assert_ne!(of(one), of(other), "{one} and {other}");
        }
    }

    #[test]
    fn an_event_has_the_same_identity_whether_it_is_read_as_one_or_as_a_payload() {
        let by_event = Identify::by(EVENT_IDENTITY).expect("an expression");
        for (source, id) in [("/a", "A-1"), ("é\u{1F600}", "\u{7}\n\t\"\\/\u{7f}"), ("\u{2028}", "0")] {
            let event = Identity { source: source.to_owned(), id: id.to_owned() };
            let payload = serde_json::json!({"source": source, "id": id, "data": 1}).to_string();
            let read = by_event.of_event(payload.as_bytes(), Some(&event));
            assert_eq!(read, by_event.of(payload.as_bytes()), "{payload}");
            assert!(read.is_ok(), "{read:?}");
        }
        let event = Identity { source: "/a".to_owned(), id: "1".to_owned() };
        let twice = br#"{"source": "/a", "id": "1", "data": {"x": 1, "x": 2}}"#;
        let read = by_event.of_event(twice, Some(&event)).expect("whatever its data is");
        assert_eq!(read, br#"["/a","1"]"#);
        let by_id = Identify::by("record.id").expect("an expression");
        let payload = br#"{"source": "/a", "id": "1"}"#;
        assert_eq!(by_id.of_event(payload, Some(&event)), Ok(br#""1""#.to_vec()), "what is asked for counts");
    }

    #[test]
    fn a_payload_without_an_identity_gets_a_sentence() {
        let said =
            |expression: &str, payload: &str| identity(expression, payload).expect_err(payload).to_string();
        assert!(
            said("record.id", "no json").starts_with("it is not JSON that an expression can be asked of: ")
        );
        assert!(said("record.id", r#"{"id": 1, "id": 2}"#).contains("`id` is there twice"));
        assert!(said("record.id", &format!("{}1{}", "[".repeat(200), "]".repeat(200))).contains("deep"));
        assert_eq!(said("record.id", "{}"), "the expression record.id fails for it: No such key: id");
        for (expression, payload) in [
            ("record.id", "[]"),
            ("record.id", "7"),
            ("record.id.of", r#"{"id": "a"}"#),
            ("[record.id.of]", r#"{"id": true}"#),
            ("record.ids.map(id, id.of)", r#"{"ids": [1, 2]}"#),
        ] {
            assert!(said(expression, payload).contains("fails for it: "), "{expression} of {payload}");
        }
        assert!(
            said("record.id + 1", r#"{"id": "a"}"#)
                .starts_with("the expression record.id + 1 fails for it: ")
        );
        assert!(
            said("1 / record.id", r#"{"id": 0}"#).starts_with("the expression 1 / record.id fails for it: ")
        );
        assert_eq!(said("record.id", r#"{"id": null}"#), "the expression record.id is null for it");
        assert!(said("double(record.id)", r#"{"id": "NaN"}"#).contains("has no form in JSON"));
        assert!(said("{1: record.id}", r#"{"id": 1}"#).contains("has no form in JSON"));
    }
}
