//! A signed record as programs read it that check signatures: a line of JSON, with its payload, its signature, what names its key, and
//! its finished envelope. Exports write such lines, and sinks get them. Names and order of the fields are a contract with those who
//! read them (`docs/reference/exports.md`).

mod manifest;

use std::borrow::Cow;
use std::io::{self, Write};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{Form, Frame, Jwk};
pub use manifest::{Became, Counts, ManifestOf, ManifestWriter};
use serde::{Deserialize, Serialize};

/// Writes the lines of one run.
#[derive(Clone, Debug)]
pub struct Lines {
    run: String,
    form: Form,
}

/// A public key of the run's ring, for lines.
#[derive(Clone, Debug)]
pub struct LineKey {
    id: String,
    address: Option<String>,
    frame: Frame,
}

/// A record, as the ledger has it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its number.
    pub record: i64,
    /// The number of its batch.
    pub batch: i64,
    /// SHA-256 of its payload.
    pub digest: &'a [u8],
    /// Its payload.
    pub payload: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
    /// When that was stored, as RFC 3339.
    pub signed_at: &'a str,
    /// What the policy of its run said of it, as the ledger has it: JSON with `score` and `hits`; none if that is nothing.
    pub marks: Option<&'a str>,
    /// In which trace it came: the `traceparent` of W3C Trace Context.
    pub traceparent: Option<&'a str>,
}

/// What a policy said of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    #[serde(default, skip_serializing_if = "is_zero")]
    score: i64,
    hits: Vec<Hit>,
}

/// What one of its rules said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hit {
    rule: String,
    action: String,
    message: String,
}

impl Marks {
    /// As a line has them.
    #[must_use]
    pub fn text(&self) -> String {
        // Numbers and texts can be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromStr for Marks {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

const fn is_zero(score: &i64) -> bool {
    *score == 0
}

/// A line. Written again, what was read is the same, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line<'a> {
    /// The run, as `NAMESPACE/NAME`.
    #[serde(borrow)]
    pub run: Cow<'a, str>,
    /// The number of the record.
    pub record: i64,
    /// The number of its batch.
    pub batch: i64,
    /// SHA-256 of its payload, in hexadecimal.
    #[serde(borrow)]
    pub digest: Cow<'a, str>,
    /// Its payload, in base64.
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
    /// The thumbprint of the key.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// JOSE name of the algorithm.
    #[serde(borrow)]
    pub algorithm: Cow<'a, str>,
    /// Its signature, in base64.
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
    /// When that was stored, as RFC 3339.
    #[serde(borrow)]
    pub signed_at: Cow<'a, str>,
    /// Its finished envelope, unless that is raw.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Cow<'a, str>>,
    /// The address of Ethereum that the key has.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Cow<'a, str>>,
    /// What a policy said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<Marks>,
    /// In which trace it came, as W3C Trace Context has it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// Writes it, with its end.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

impl LineKey {
    /// Of a `SubjectPublicKeyInfo` in DER; none if it is of no key of the algorithm.
    #[must_use]
    pub fn of(form: &Form, public_key: &[u8]) -> Option<Self> {
        let jwk = Jwk::of(form.algorithm(), public_key)?;
        let frame = Frame::new(form, public_key)?;
        Some(Self { id: jwk.id().to_owned(), address: jwk.address().map(str::to_owned), frame })
    }

    /// The finished envelope of a payload and its signature, as a line has it; none of what is raw.
    #[must_use]
    pub fn finished(&self, payload: &[u8], signature: &[u8]) -> Option<String> {
        self.frame.finished(payload, signature)
    }
}

impl Lines {
    /// Of a run, by its namespace and name, whose ring signs in this form.
    #[must_use]
    pub fn of_run(namespace: &str, name: &str, form: Form) -> Self {
        Self { run: format!("{namespace}/{name}"), form }
    }

    /// What the ring of the run signs.
    #[must_use]
    pub const fn form(&self) -> &Form {
        &self.form
    }

    /// A public key of its ring; none if it is of no key of the algorithm.
    #[must_use]
    pub fn key(&self, public_key: &[u8]) -> Option<LineKey> {
        LineKey::of(&self.form, public_key)
    }

    /// Writes the line of a record, with the end of the line.
    ///
    /// # Errors
    ///
    /// Those of the writer, or marks that are none.
    pub fn write(&self, record: Record<'_>, key: &LineKey, out: &mut impl Write) -> io::Result<()> {
        let Record { record, batch, digest, payload, signature, signed_at, marks, traceparent } = record;
        let LineKey { id, address, .. } = key;
        let line = Line {
            run: self.run.as_str().into(),
            record,
            batch,
            // As `sha256sum` writes it.
            digest: base16ct::lower::encode_string(digest).into(),
            envelope: key.finished(payload, signature).map(Cow::from),
            payload: STANDARD.encode(payload).into(),
            key: id.as_str().into(),
            algorithm: self.form.algorithm().name().into(),
            signature: STANDARD.encode(signature).into(),
            signed_at: signed_at.into(),
            address: address.as_deref().map(Cow::from),
            marks: marks.map(serde_json::from_str).transpose()?,
            traceparent: traceparent.map(Cow::from),
        };
        line.write(out)
    }
}

#[cfg(test)]
mod tests {
    use chancery_keyring::{Algorithm, Envelope};

    use super::*;

    /// The key of RFC 8037, appendix A.2, as `SubjectPublicKeyInfo`.
    const KEY: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn line(envelope: Envelope) -> String {
        marked(envelope, None).expect("memory takes it")
    }

    fn marked(envelope: Envelope, marks: Option<&str>) -> io::Result<String> {
        written(envelope, marks, None)
    }

    fn written(envelope: Envelope, marks: Option<&str>, traceparent: Option<&str>) -> io::Result<String> {
        let form = Form::new(Algorithm::EdDsa, envelope, None).expect("a form");
        let lines = Lines::of_run("default", "demo", form);
        let key = lines.key(&STANDARD.decode(KEY).expect("base64")).expect("a key");
        let record = Record {
            record: 17,
            batch: 2,
            digest: &[0xab; 32],
            payload: b"payload",
            signature: &[1; 64],
            signed_at: "2026-11-29T12:00:00.000001Z",
            marks,
            traceparent,
        };
        let mut out = b"before\n".to_vec();
        lines.write(record, &key, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    /// However the database writes an object of JSON, the line has its members in one order.
    #[test]
    fn marks_come_last_in_one_order_and_a_score_of_nothing_is_left_out() {
        let flagged =
            r#"{"hits": [{"rule": "a", "action": "Flag", "message": "why \u00e9\n"}], "score": 70}"#;
        let line = |marks| marked(Envelope::Raw, Some(marks));
        let flagged = line(flagged).expect("memory takes it");
        let wanted = r#","marks":{"score":70,"hits":[{"rule":"a","action":"Flag","message":"why é\n"}]}}"#;
        assert!(flagged.ends_with(&format!("{wanted}\n")), "{flagged}");
        for alerts in [r#"{"hits": []}"#, r#"{"score": 0, "hits": []}"#] {
            let alerts = line(alerts).expect("memory takes it");
            assert!(alerts.ends_with(",\"marks\":{\"hits\":[]}}\n"), "{alerts}");
        }
        line("[]").expect_err("no marks");
    }

    #[test]
    fn the_trace_in_which_a_record_came_stands_behind_everything_else() {
        const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let line = |marks| written(Envelope::Raw, marks, Some(TRACE)).expect("memory takes it");
        for marks in [None, Some(r#"{"hits": []}"#)] {
            let line = line(marks);
            let (before, trace) = line.split_once(",\"traceparent\":").expect("a trace");
            assert_eq!(trace, format!("\"{TRACE}\"}}\n"));
            assert_eq!(format!("{before}}}\n"), marked(Envelope::Raw, marks).expect("memory takes it"));
        }
    }

    #[test]
    fn a_line_has_all_that_one_needs_to_check_it_and_ends() {
        let signature = STANDARD.encode([1; 64]);
        let digest = "ab".repeat(32);
        let expected = format!(
            "before\n{{\"run\":\"default/demo\",\"record\":17,\"batch\":2,\"digest\":\"{digest}\",\"payload\":\"cGF5bG9hZA==\",\
             \"key\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\",\"algorithm\":\"EdDSA\",\"signature\":\"{signature}\",\
             \"signedAt\":\"2026-11-29T12:00:00.000001Z\"}}\n"
        );
        assert_eq!(line(Envelope::Raw), expected);
    }

    #[test]
    fn an_envelope_comes_finished() {
        let jws = line(Envelope::Jws);
        let (_, envelope) = jws.split_once(",\"envelope\":\"").expect("an envelope");
        assert_eq!(envelope.matches('.').count(), 2, "{envelope}");
        assert!(envelope.ends_with("\"}\n"), "{envelope}");
    }

    #[test]
    fn a_line_that_is_read_and_written_again_is_the_same() {
        let marks = r#"{"score": 70, "hits": [{"rule": "a", "action": "Flag", "message": "why \u00e9\n"}]}"#;
        let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        for (envelope, marks, trace) in
            [(Envelope::Raw, None, None), (Envelope::Jws, None, trace), (Envelope::Jws, Some(marks), trace)]
        {
            let line = written(envelope, marks, trace).expect("memory takes it");
            let (_, line) = line.split_once('\n').expect("a line");
            let mut again = Vec::new();
            serde_json::from_str::<Line<'_>>(line)
                .expect("a line")
                .write(&mut again)
                .expect("memory takes it");
            assert_eq!(again, line.as_bytes());
        }
    }

    #[test]
    fn a_key_of_another_algorithm_has_no_lines() {
        let form = Form::new(Algorithm::Es256, Envelope::Jws, None).expect("a form");
        assert!(LineKey::of(&form, &STANDARD.decode(KEY).expect("base64")).is_none());
    }
}
