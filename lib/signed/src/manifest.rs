//! The manifest of a sink: what it has of a run, object by object, so that whoever has the objects can tell, without the ledger, that none is
//! missing and none was altered. Names and order of the fields are a contract with those who read them (`docs/reference/exports.md`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use chancery_keyring::{Algorithm, Jwk};
use chancery_statement::Envelope;
use serde::Serialize;
use uuid::Uuid;

/// Of which sink a manifest is.
#[derive(Clone, Copy, Debug)]
pub struct ManifestOf<'a> {
    /// Namespace of the run.
    pub namespace: &'a str,
    /// Its name.
    pub run: &'a str,
    /// Its identity.
    pub uid: Uuid,
    /// The name of the sink.
    pub sink: &'a str,
    /// 1 for the first one, and more for each that says something else.
    pub number: i32,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records of the run.
    pub records: i64,
    /// Its batches.
    pub batches: i64,
    /// Batches that the sink has.
    pub delivered: i64,
    /// Batches that were given up.
    pub dead: i64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Became<'a> {
    /// The sink has it.
    There {
        /// What the sink knows it by.
        name: &'a str,
        /// SHA-256 of what it was given, before it was compressed.
        digest: &'a [u8],
    },
    /// It was given up, for what the sink said.
    Dead(&'a str),
}

/// Writes a manifest, in one pass: its head, its objects in the order of batches, and its end.
#[derive(Debug)]
pub struct ManifestWriter<W> {
    out: W,
    objects: u64,
}

#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    namespace: &'a str,
    run: &'a str,
    uid: Uuid,
    sink: &'a str,
    manifest: i32,
    counts: Counts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    batch: i64,
    first_record: i64,
    last_record: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<&'a str>,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins one.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn begin(mut out: W, of: ManifestOf<'_>, counts: Counts) -> io::Result<Self> {
        let ManifestOf { namespace, run, uid, sink, number } = of;
        let head = Head { version: 1, namespace, run, uid, sink, manifest: number, counts };
        let head = serde_json::to_string(&head)?;
        out.write_all(head.trim_end_matches('}').as_bytes())?;
        // The head ends with the counts, which are an object of their own.
        out.write_all(b"},\"objects\":[\n")?;
        Ok(Self { out, objects: 0 })
    }

    /// The next batch, and its first and last record.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn object(&mut self, batch: i64, records: (i64, i64), became: Became<'_>) -> io::Result<()> {
        let (first_record, last_record) = records;
        let (name, sha256, dead) = match became {
            Became::There { name, digest } => {
                (Some(name), Some(base16ct::lower::encode_string(digest)), None)
            }
            Became::Dead(why) => (None, None, Some(why)),
        };
        if self.objects > 0 {
            self.out.write_all(b",\n")?;
        }
        self.objects += 1;
        let object = Object { batch, first_record, last_record, name, sha256, dead };
        serde_json::to_writer(&mut self.out, &object)?;
        Ok(())
    }

    /// What has been written.
    #[must_use]
    pub const fn written(&self) -> &W {
        &self.out
    }

    /// Ends it, with the keys that signed, as `SubjectPublicKeyInfo`, and what was stated of the run.
    ///
    /// # Errors
    ///
    /// Those of the writer, or a key that is none of the algorithm.
    pub fn end<'a>(
        mut self,
        algorithm: Algorithm,
        keys: impl IntoIterator<Item = &'a [u8]>,
        statements: &[Envelope],
    ) -> io::Result<W> {
        let keys = keys.into_iter().map(|key| {
            let jwk =
                Jwk::of(algorithm, key).ok_or_else(|| io::Error::other("a key is none of its algorithm"))?;
            Ok(jwk.members().map(|(name, value)| (name, value.to_owned())).collect())
        });
        let keys = keys.collect::<io::Result<Vec<BTreeMap<&str, String>>>>()?;
        self.out.write_all(b"\n],\"keys\":")?;
        serde_json::to_writer(&mut self.out, &keys)?;
        self.out.write_all(b",\"statements\":")?;
        serde_json::to_writer(&mut self.out, statements)?;
        self.out.write_all(b"}\n")?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_manifest_is_one_object_of_json_with_a_line_for_each_batch() {
        let of = ManifestOf { namespace: "default", run: "demo", uid: Uuid::nil(), sink: "out", number: 2 };
        let counts = Counts { records: 17, batches: 2, delivered: 1, dead: 1 };
        let mut writer = ManifestWriter::begin(Vec::new(), of, counts).expect("memory takes it");
        let there = Became::There { name: "demo/0000000001.ndjson", digest: &[0xab; 32] };
        writer.object(1, (1, 10), there).expect("memory takes it");
        writer.object(2, (11, 17), Became::Dead("another \"object\" is there}")).expect("memory takes it");
        // The key of RFC 8037, appendix A.2.
        let key =
            STANDARD.decode("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").expect("base64");
        let written = writer.end(Algorithm::EdDsa, [&key[..]], &[]).expect("memory takes it");
        let text = String::from_utf8(written).expect("text");
        let digest = "ab".repeat(32);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                r#"{"version":1,"namespace":"default","run":"demo","uid":"00000000-0000-0000-0000-000000000000","sink":"out","manifest":2,"counts":{"records":17,"batches":2,"delivered":1,"dead":1},"objects":["#.to_owned(),
                format!(r#"{{"batch":1,"firstRecord":1,"lastRecord":10,"name":"demo/0000000001.ndjson","sha256":"{digest}"}},"#),
                r#"{"batch":2,"firstRecord":11,"lastRecord":17,"dead":"another \"object\" is there}"}"#.to_owned(),
                lines[3].to_owned(),
            ]
        );
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["keys"][0]["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(
            (json["statements"].clone(), text.ends_with("\"statements\":[]}\n")),
            (serde_json::json!([]), true)
        );
    }

    #[test]
    fn a_key_of_another_algorithm_is_in_no_manifest() {
        let of = ManifestOf { namespace: "default", run: "demo", uid: Uuid::nil(), sink: "out", number: 1 };
        let counts = Counts { records: 0, batches: 0, delivered: 0, dead: 0 };
        let writer = ManifestWriter::begin(Vec::new(), of, counts).expect("memory takes it");
        writer.end(Algorithm::Es256, [&b"no key"[..]], &[]).expect_err("no key");
    }
}
