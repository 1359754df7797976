//! What is at each sink of a run: compared with what an export writes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_kit::{Chancery, SeededRun};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{KEY, Kind, MANIFEST_TYPE, Places, TOKEN, blobs};
use crate::brought::files;

/// By batch, the lines of its records.
type Lines = BTreeMap<i64, Vec<Value>>;

impl Places {
    /// Each of them has each batch of the run once, and the manifest that names them, and nothing else.
    pub(crate) async fn have_all(&self, run: &SeededRun<'_>) -> anyhow::Result<()> {
        let expected = exported(run).await?;
        for kind in &self.kinds {
            let held = self.held(*kind, run, &expected).await.with_context(|| format!("{kind:?}"))?;
            let numbers = |lines: &Lines| lines.keys().copied().collect::<Vec<_>>();
            ensure!(numbers(&held) == numbers(&expected), "{kind:?} has {:?}", numbers(&held));
            for (batch, lines) in &expected {
                ensure!(
                    held.get(batch) == Some(lines),
                    "{kind:?} has another batch {batch}: {:?}",
                    held[batch]
                );
            }
        }
        Ok(())
    }

    async fn held(&self, kind: Kind, run: &SeededRun<'_>, expected: &Lines) -> anyhow::Result<Lines> {
        let mut held = Lines::new();
        match kind {
            Kind::Folder | Kind::PackedFolder | Kind::ParquetFolder => {
                let mut files = files(&self.folder(kind))?;
                is_of(&files.remove("demo/manifest.json").context("a manifest")?, kind, expected)?;
                for (name, content) in files {
                    let lines = lines_of(kind, content)?;
                    let batch = batch_of(&lines)?;
                    ensure!(name == kind.object(batch) && held.insert(batch, lines).is_none(), "{name}");
                }
            }
            Kind::Bucket | Kind::ParquetBucket => {
                let s3 = self.s3.as_ref().context("an S3 server")?;
                for batch in expected.keys() {
                    let path = format!("{}/signed/{}", kind.name(), kind.object(*batch));
                    if let Some(content) = s3.get(&path).await? {
                        held.insert(*batch, lines_of(kind, content)?);
                    }
                }
                let manifest = s3.get(&format!("{}/signed/demo/manifest.json", kind.name())).await?;
                is_of(&manifest.context("a manifest")?, kind, expected)?;
            }
            Kind::Container => {
                let azure = self.azure.as_ref().context("Azurite")?;
                let mut manifest = None;
                for name in blobs(azure, &self.container).await? {
                    let content = azure.request("GET", &format!("{}/{name}", self.container), &[], b"").await;
                    match name.as_str() {
                        "signed/_chancery-probe" => {}
                        "signed/demo/manifest.json" => manifest = Some(content),
                        _ => {
                            let lines = lines_of(kind, content)?;
                            let batch = batch_of(&lines)?;
                            let is_named = name == format!("signed/{}", kind.object(batch));
                            ensure!(is_named && held.insert(batch, lines).is_none(), "{name}");
                        }
                    }
                }
                is_of(&manifest.context("a manifest")?, kind, expected)?;
            }
            Kind::Http => {
                let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
                for call in self.http.calls() {
                    let id = call.headers.get("webhook-id").context("an id")?;
                    let content_type = call.headers.get("content-type").context("a type")?.clone();
                    let sent = (content_type, call.body.clone());
                    let before = known.insert(id.clone(), sent.clone());
                    ensure!(before.is_none_or(|before| before == sent), "{id} is of two");
                    ensure!(call.headers.get("authorization") == Some(&format!("Bearer {TOKEN}")));
                    signed_as_it_says(&call.headers, &call.body)?;
                }
                let mut manifests = Vec::new();
                let mut names = BTreeMap::new();
                for (id, (content_type, body)) in known {
                    match content_type.as_str() {
                        "application/x-ndjson" => {
                            let lines = lines_of(kind, body.into_bytes())?;
                            names.insert(batch_of(&lines)?, id);
                            ensure!(held.insert(batch_of(&lines)?, lines).is_none(), "a batch has two ids");
                        }
                        MANIFEST_TYPE => manifests.push(is_of(body.as_bytes(), kind, expected)?),
                        other => anyhow::bail!("{id} is {other}"),
                    }
                }
                ensure!(manifests.len() == 1, "it was sent {} manifests", manifests.len());
                for named in manifests[0]["objects"].as_array().into_iter().flatten() {
                    let id = named["batch"].as_i64().and_then(|batch| names.get(&batch));
                    ensure!(named["name"].as_str() == id.map(String::as_str), "{named} is not {id:?}");
                }
            }
            Kind::Table => {
                let rows: Vec<(i64, String)> = sqlx::query_as(
                    "SELECT batch, json_strip_nulls(json_build_object('run', run, 'record', record, 'batch', batch, 'digest', digest,
                            'payload', translate(encode(payload, 'base64'), E'\n', ''), 'key', key, 'algorithm', algorithm,
                            'signature', translate(encode(signature, 'base64'), E'\n', ''),
                            'signedAt', to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                            'envelope', envelope, 'address', address, 'marks', marks, 'traceparent', to_jsonb(signed) ->> 'traceparent'))::text
                       FROM public.signed WHERE run_uid = $1 ORDER BY record",
                )
                .bind(run.run.uid)
                .fetch_all(run.ledger.ledger.pool())
                .await?;
                for (batch, row) in rows {
                    held.entry(batch).or_default().push(serde_json::from_str(&row)?);
                }
                let manifests: Vec<(String, String, String)> = sqlx::query_as(
                    "SELECT run, digest, manifest::text FROM public.signed_manifests WHERE run_uid = $1 AND sink = 'table' AND number = 1",
                )
                .bind(run.run.uid)
                .fetch_all(run.ledger.ledger.pool())
                .await?;
                ensure!(manifests.len() == 1, "it has {} manifests", manifests.len());
                let (name, digest, manifest) = &manifests[0];
                ensure!((name.as_str(), digest) == ("default/demo", &digest_of(manifest.as_bytes())));
                is_of(manifest.as_bytes(), kind, expected)?;
            }
        }
        Ok(held)
    }
}

/// What an export writes of a run.
async fn exported(run: &SeededRun<'_>) -> anyhow::Result<Lines> {
    let exported = Chancery::on(&run.ledger.url)?.run(&["export", &run.run.name, "signed"]).await?;
    let mut batches = Lines::new();
    for line in exported.expect_code(0)?.stdout.lines() {
        let line: Value = serde_json::from_str(line)?;
        batches.entry(line["batch"].as_i64().context("a batch")?).or_default().push(line);
    }
    Ok(batches)
}

/// In hexadecimal.
fn digest_of(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A manifest that says that the sink has each batch, under a name of its own.
fn is_of(manifest: &[u8], kind: Kind, expected: &Lines) -> anyhow::Result<Value> {
    let manifest: Value = serde_json::from_slice(manifest)?;
    ensure!(manifest["sink"] == kind.name() && manifest["manifest"] == 1, "{manifest}");
    let counts = &manifest["counts"];
    ensure!(counts["batches"] == expected.len() && counts["delivered"] == expected.len(), "{manifest}");
    let named = manifest["objects"].as_array().context("objects")?;
    let names: BTreeSet<_> = named.iter().filter_map(|one| one["name"].as_str()).collect();
    let numbers: Vec<_> = named.iter().filter_map(|one| one["batch"].as_i64()).collect();
    ensure!(
        names.len() == named.len() && numbers == expected.keys().copied().collect::<Vec<_>>(),
        "{manifest}"
    );
    Ok(manifest)
}

fn batch_of(lines: &[Value]) -> anyhow::Result<i64> {
    lines.first().and_then(|line| line["batch"].as_i64()).context("a batch without a line")
}

fn lines_of(kind: Kind, content: Vec<u8>) -> anyhow::Result<Vec<Value>> {
    if kind.end() == ".parquet" {
        return rows_of(content);
    }
    let mut text = String::new();
    if kind == Kind::PackedFolder {
        flate2::read::GzDecoder::new(&content[..]).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(content)?;
    }
    ensure!(text.ends_with('\n'), "the last line does not end");
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// The rows of a file of Parquet as lines, by the names of its columns.
fn rows_of(content: Vec<u8>) -> anyhow::Result<Vec<Value>> {
    let file = SerializedFileReader::new(bytes::Bytes::from(content))?;
    let mut rows = Vec::new();
    for row in file.get_row_iter(None)? {
        let mut line = json!({});
        for (name, field) in row?.get_column_iter() {
            line[name] = match field {
                Field::Null => continue,
                Field::Str(text) if name == "marks" => serde_json::from_str(text)?,
                Field::Str(text) => json!(text),
                Field::Long(number) => json!(number),
                Field::Bytes(bytes) => json!(STANDARD.encode(bytes.data())),
                Field::TimestampMicros(micros) => {
                    let instant = jiff::Timestamp::from_microsecond(*micros)?;
                    json!(instant.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
                }
                other => anyhow::bail!("{name} is {other:?}"),
            };
        }
        rows.push(line);
    }
    Ok(rows)
}

/// As a receiver verifies a request by Standard Webhooks.
fn signed_as_it_says(headers: &std::collections::HashMap<String, String>, body: &str) -> anyhow::Result<()> {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let of = |name: &str| headers.get(name).with_context(|| format!("no {name}"));
    let key = STANDARD.decode(KEY.trim_start_matches("whsec_"))?;
    let signature = of("webhook-signature")?.strip_prefix("v1,").context("version 1")?;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key)?;
    mac.update(format!("{}.{}.{body}", of("webhook-id")?, of("webhook-timestamp")?).as_bytes());
    Ok(mac.verify_slice(&STANDARD.decode(signature)?)?)
}
