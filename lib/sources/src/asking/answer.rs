//! What is sent to a webhook, and what its answer says. Each record has an id, and an answer is of the record whose id it repeats: one of
//! another record, or of the same one twice, makes the whole of it worthless.

use std::collections::HashMap;

use chancery_api::{ActionSpec, WebhookAdds};
use chancery_policy::WebhookAnswer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Waiting;

/// Bytes that the answer for one record may have, as it is kept.
const MOST: usize = 65_536;

/// Bytes that a message may have.
const MOST_MESSAGE: usize = 1_000;

/// Points that one answer may give, up and down.
const MOST_POINTS: u64 = 1_000_000_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    webhook: &'a str,
    policy: &'a str,
    records: Vec<RecordSent<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordSent<'a> {
    id: String,
    source: &'a str,
    position: String,
    arrived_at: String,
    /// As it came, where that is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a RawValue>,
    /// In base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    answers: Vec<SaidOfOne<'a>>,
}

#[derive(Deserialize)]
struct SaidOfOne<'a> {
    id: String,
    #[serde(default)]
    score: Option<i64>,
    #[serde(default)]
    action: Option<ActionSpec>,
    #[serde(default)]
    message: Option<String>,
    /// Taken apart only where they count, and are not too long: in memory, they can be many times as long as in a text.
    #[serde(borrow, default)]
    fields: Option<&'a RawValue>,
}

/// What names a record to whoever is asked: nobody who does not know its bytes can make it up.
pub(super) fn id_of(run: Uuid, waiting: &Waiting) -> String {
    let Waiting { source, pushed: _, split, position, payload, attempts: _, judged_at: _ } = waiting;
    let mut digest = Sha256::new();
    digest.update(run.as_bytes());
    digest.update(format!("{source}/{split}/{position}/"));
    digest.update(payload);
    digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The id of a message: of its content, so that what is sent again is recognised.
pub(super) fn message_id(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

/// The body of a request about some records.
pub(super) fn request(webhook: &str, policy: &str, run: Uuid, waiting: &[&Waiting]) -> Vec<u8> {
    use base64::Engine as _;

    let records = waiting.iter().map(|waiting| {
        let record: Option<&RawValue> = if chancery_policy::is_json(&waiting.payload) {
            serde_json::from_slice(&waiting.payload).ok()
        } else {
            None
        };
        let encoded = || base64::engine::general_purpose::STANDARD.encode(&waiting.payload);
        RecordSent {
            id: id_of(run, waiting),
            source: &waiting.source,
            position: waiting.position.to_string(),
            arrived_at: Timestamp::from_microsecond(waiting.judged_at).unwrap_or_default().to_string(),
            record,
            payload: record.is_none().then(encoded),
        }
    });
    // Texts, and JSON as it came.
    serde_json::to_vec(&Request { webhook, policy, records: records.collect() }).unwrap_or_default()
}

/// What the answer says of each of the records, in their order.
///
/// # Errors
///
/// It is of no use: why, in a sentence.
pub(super) fn read(
    body: &[u8],
    adds: WebhookAdds,
    ids: &[String],
) -> Result<Vec<Result<WebhookAnswer, String>>, String> {
    let Said { answers } =
        serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let mut by_id = HashMap::with_capacity(answers.len());
    for said in answers {
        if !ids.contains(&said.id) {
            return Err("it answered for a record that it was not asked about".to_owned());
        }
        let id = said.id.clone();
        if by_id.insert(id, said).is_some() {
            return Err("it answered twice for one record".to_owned());
        }
    }
    Ok(ids
        .iter()
        .map(|id| {
            let said = by_id.remove(id).ok_or_else(|| "it gave no answer for this record".to_owned())?;
            answer(said, adds)
        })
        .collect())
}

/// Of what it says, that which the policy lets it add.
fn answer(said: SaidOfOne<'_>, adds: WebhookAdds) -> Result<WebhookAnswer, String> {
    let SaidOfOne { id: _, score, action, message, fields } = said;
    let message =
        message.map(|message| message[..message.floor_char_boundary(MOST_MESSAGE)].replace('\0', "\u{fffd}"));
    let mut answer = WebhookAnswer { message, ..WebhookAnswer::default() };
    match adds {
        WebhookAdds::Score => {
            let score = score.ok_or_else(|| "its answer has no score, a whole number".to_owned())?;
            if score.unsigned_abs() > MOST_POINTS {
                return Err(format!("its answer has a score beyond {MOST_POINTS}"));
            }
            answer.score = Some(score);
        }
        WebhookAdds::Verdict => answer.action = action,
        WebhookAdds::Fields => {
            let fields = fields.map_or("{}", RawValue::get);
            is_short(fields.len())?;
            answer.fields = serde_json::from_str(fields)
                .map_err(|error| format!("its answer has fields that are no object: {error}"))?;
        }
    }
    is_short(serde_json::to_string(&answer).map_or(0, |text| text.len()))?;
    Ok(answer)
}

fn is_short(bytes: usize) -> Result<(), String> {
    if bytes > MOST {
        return Err(format!("its answer for this record has {bytes} bytes, and {MOST} are the most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn ids() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    fn read_text(text: &str) -> Result<Vec<Result<WebhookAnswer, String>>, String> {
        read(text.as_bytes(), WebhookAdds::Score, &ids())
    }

    #[test]
    fn the_same_message_has_the_same_id() {
        assert_eq!(message_id(b"a"), message_id(b"a"));
        assert_ne!(message_id(b"a"), message_id(b"b"));
    }

    #[test]
    fn answers_are_found_by_the_ids_of_their_records() {
        let read =
            read_text(r#"{"answers": [{"id": "b", "score": 2}, {"id": "a", "score": 1, "message": "x"}]}"#);
        let scores: Vec<_> = read.expect("answers").into_iter().map(|one| one.expect("one").score).collect();
        assert_eq!(scores, [Some(1), Some(2)]);
    }

    #[test]
    fn an_answer_for_another_record_or_for_one_twice_is_none_for_any() {
        for (text, says) in [
            (r#"{"answers": [{"id": "a", "score": 1}, {"id": "c", "score": 2}]}"#, "not asked about"),
            (r#"{"answers": [{"id": "a", "score": 1}, {"id": "a", "score": 2}]}"#, "twice"),
            (r#"{"answers": {}}"#, "cannot be read"),
            ("<html>", "cannot be read"),
        ] {
            let said = read_text(text).expect_err(text);
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_record_that_was_left_out_or_has_no_score_has_no_answer_and_the_others_have() {
        let read = read_text(r#"{"answers": [{"id": "a", "score": 1}]}"#).expect("answers");
        assert!(read[0].is_ok() && read[1].as_ref().is_err_and(|why| why.contains("no answer")), "{read:?}");
        let read = read_text(r#"{"answers": [{"id": "a"}, {"id": "b", "score": 1}]}"#).expect("answers");
        assert!(read[0].as_ref().is_err_and(|why| why.contains("no score")) && read[1].is_ok(), "{read:?}");
        let far =
            read_text(r#"{"answers": [{"id": "a", "score": 9223372036854775807}, {"id": "b", "score": 1}]}"#);
        assert!(far.expect("answers")[0].is_err());
        let least = read_text(r#"{"answers": [{"id": "a", "score": -9223372036854775808}]}"#);
        assert!(least.expect("answers")[0].as_ref().is_err_and(|why| why.contains("beyond")));
    }

    #[test]
    fn what_the_policy_does_not_let_it_add_does_not_count() {
        let text = br#"{"answers": [{"id": "a", "score": 1, "action": "Reject", "fields": {"x": 1}}]}"#;
        let read = read(text, WebhookAdds::Fields, &["a".to_owned()]).expect("answers");
        let answer = read.into_iter().next().expect("one").expect("an answer");
        assert_eq!((answer.score, answer.action), (None, None));
        assert_eq!(answer.fields.get("x"), Some(&Value::from(1)));
    }

    #[test]
    fn fields_that_are_too_long_or_no_object_are_no_answer_for_their_record_and_the_others_have_theirs() {
        for fields in [format!("{{\"x\": [{}0]}}", "0,".repeat(MOST)), "[1]".to_owned()] {
            let text = format!(
                r#"{{"answers": [{{"id": "a", "fields": {fields}}}, {{"id": "b", "fields": {{}}}}]}}"#
            );
            let read = read(text.as_bytes(), WebhookAdds::Fields, &ids()).expect("answers");
            assert!(read[0].is_err() && read[1].is_ok());
            // Where they do not count, nobody looks at them.
            let read = super::read(text.as_bytes(), WebhookAdds::Verdict, &ids()).expect("answers");
            assert!(read.iter().all(Result::is_ok));
        }
    }

    #[test]
    fn a_record_is_sent_as_it_came_and_what_is_no_json_in_base64() {
        let waiting = |payload: &str| Waiting {
            source: "files".to_owned(),
            pushed: false,
            split: 1,
            position: 7,
            payload: payload.as_bytes().to_vec(),
            attempts: 0,
            judged_at: 1_000_000,
        };
        let (one, other) = (waiting(r#"{"n": 1.50}"#), waiting("no"));
        let body = String::from_utf8(request("model", "00", Uuid::nil(), &[&one, &other])).expect("text");
        assert!(body.contains(r#""arrivedAt":"1970-01-01T00:00:01Z","record":{"n": 1.50}}"#), "{body}");
        assert!(body.contains(r#""payload":"bm8=""#), "{body}");
        let ids = [id_of(Uuid::nil(), &one), id_of(Uuid::nil(), &other)];
        assert!(ids[0] != ids[1] && ids.iter().all(|id| body.contains(id.as_str())), "{body}");
    }
}
