//! One row for each algorithm in each envelope: keys that signers made and wrapped, and that others open again, both audits, the
//! exports `signed` and `jwks`, finished envelopes alone, what the table of runs shows, and a program in another language that verifies
//! what was exported.

mod by_others;
mod ethereum;
mod payloads;
mod rings;

use anyhow::Context as _;
use chancery_keyring::{Algorithm, Envelope, Form};
use chancery_kit::{Chancery, Ended, Manifest, TestLedger, independent_audit};
use serde_json::Value;

/// Every form with this algorithm that there can be.
fn forms(algorithm: Algorithm) -> impl Iterator<Item = Form> {
    Envelope::ALL.into_iter().filter_map(move |envelope| {
        let content_type = envelope.has_content_type().then(|| "application/json".to_owned());
        Form::new(algorithm, envelope, content_type).ok()
    })
}

/// A run of 23 records on a ring of this form, which it shares.
fn manifest(form: &Form, name: &str) -> Manifest {
    let ring = form.envelope().name().to_lowercase();
    let manifest = Manifest::new()
        .named(name)
        .of(23, 2, 5)
        .with("algorithm", form.algorithm())
        .with("envelope", form.envelope())
        .with("keyringRef", format_args!("{{name: {ring}}}"));
    form.content_type().into_iter().fold(manifest, |manifest, text| manifest.with("contentType", text))
}

/// The lines of an export.
async fn export(chancery: &Chancery, run: &str, what: &str) -> anyhow::Result<String> {
    let Ended { stdout, .. } = chancery.run(&["export", run, what]).await?.expect_code(0)?;
    Ok(stdout)
}

/// `--format` writes the finished envelopes of the export alone, and says which one a run has instead of the one that was asked for.
async fn are_written_alone(chancery: &Chancery, form: &Form, run: &str, signed: &str) -> anyhow::Result<()> {
    let formats = [
        ("jws", Envelope::Jws),
        ("jws-detached", Envelope::JwsDetached),
        ("cose-sign1", Envelope::CoseSign1),
        ("dsse", Envelope::Dsse),
        ("eip191", Envelope::Eip191),
    ];
    for (format, envelope) in formats {
        // What is refused is so whatever signed it: by the one algorithm that every envelope takes.
        if envelope != form.envelope() && form.algorithm() != Algorithm::Es256k {
            continue;
        }
        let ended = chancery.run(&["export", run, "signed", "--format", format]).await?;
        if envelope == form.envelope() {
            let finished = |line: &str| -> anyhow::Result<String> {
                let line: Value = serde_json::from_str(line)?;
                Ok(line["envelope"].as_str().context("a finished envelope")?.to_owned() + "\n")
            };
            let alone = signed.lines().map(finished).collect::<anyhow::Result<String>>()?;
            assert_eq!(ended.expect_code(0)?.stdout, alone, "{form:?}");
        } else {
            let ended = ended.expect_code(2)?;
            let said = format!(
                "the records of default/{run} are in the envelope {}, so none can be written as {}; ",
                form.envelope().name(),
                envelope.name()
            );
            assert!(ended.stderr.contains(&said) && ended.stdout.is_empty(), "{}", ended.stderr);
        }
    }
    let ended = chancery.run(&["export", run, "signed", "--format", "ndjson"]).await?.expect_code(0)?;
    assert_eq!(ended.stdout, signed, "the same as without");
    let ended = chancery.run(&["export", run, "records", "--format", "ndjson"]).await?.expect_code(2)?;
    assert!(ended.stderr.contains("--format is of `signed`"), "{}", ended.stderr);
    Ok(())
}

/// All of it, for the forms of an algorithm.
async fn conforms(algorithm: Algorithm) -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    for form in forms(algorithm) {
        let ring = form.envelope().name().to_lowercase();
        let runs = [format!("{ring}-one"), format!("{ring}-two")];
        // The second one is signed by other processes, with the keys that those of the first one have made.
        for run in &runs {
            let summary = chancery.sign(&manifest(&form, run), &["--output", "json"]).await?;
            let summary = summary.expect_code(0)?.json()?;
            assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &23.into()), "{summary}");
        }
        if let Some(report) = independent_audit(&ledger.url, "default", &runs[1]).await? {
            assert!(report.holds, "{form:?}: {:?}", report.violations);
        }
        let jwks = export(&chancery, &runs[1], "jwks").await?;
        assert_eq!(jwks, export(&chancery, &runs[0], "jwks").await?, "one ring has one set");
        let signed = export(&chancery, &runs[1], "signed").await?;
        assert_eq!(signed, export(&chancery, &runs[1], "signed").await?, "the same bytes each time");
        are_written_alone(&chancery, &form, &runs[1], &signed).await?;
        are_named_by_their_keys(&form, &signed, &jwks)?;
        by_others::verify(&chancery, &form, &signed, &jwks).await?;
        are_shown(&chancery, &form, &runs[1], &jwks).await?;
        if form.envelope() == Envelope::Eip191 {
            by_others::verify_by_the_page(&chancery, ethereum::PYTHON, &signed, &jwks).await?;
            ethereum::recovered_by_a_chain(&chancery, &signed).await?;
        }
        // PyJWT does not know ML-DSA.
        if form.envelope() == Envelope::Jws && !algorithm.name().starts_with("ML-DSA") {
            let python = ("import json, jwt\n", "InvalidSignatureError");
            by_others::verify_by_the_page(&chancery, python, &signed, &jwks).await?;
        }
    }
    Ok(())
}

/// The table of runs shows the envelope, and the addresses of keys that have some.
async fn are_shown(chancery: &Chancery, form: &Form, run: &str, jwks: &str) -> anyhow::Result<()> {
    let status = chancery.run(&["status", run, "-o", "json"]).await?.expect_code(0)?.json()?;
    let status = &status["runs"][0];
    assert_eq!(status["envelope"], form.envelope().name());
    let jwks: Value = serde_json::from_str(jwks)?;
    let keys = jwks["keys"].as_array().into_iter().flatten();
    let addresses: Vec<_> = keys.filter_map(|key| key.get("address").cloned()).collect();
    let expected = (!addresses.is_empty()).then(|| Value::from(addresses));
    assert_eq!(status.get("addresses"), expected.as_ref());
    Ok(())
}

/// Each line is of a key of the set, and has what its envelope has.
fn are_named_by_their_keys(form: &Form, signed: &str, jwks: &str) -> anyhow::Result<()> {
    let jwks: Value = serde_json::from_str(jwks)?;
    let keys = jwks["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 2);
    let fields = ["run", "record", "batch", "digest", "payload", "key", "algorithm", "signature", "signedAt"];
    for (place, line) in signed.lines().enumerate() {
        let object: Value = serde_json::from_str(line)?;
        assert_eq!(object["record"], place + 1);
        let key = keys.iter().find(|key| key["kid"] == object["key"]).expect("a key of the set");
        assert_eq!(key.get("address"), object.get("address"));
        let has_address = form.algorithm() == Algorithm::Es256k;
        assert_eq!(object.get("address").is_some(), has_address);
        assert_eq!(object.get("envelope").is_some(), form.envelope() != Envelope::Raw);
        let places: Vec<_> = fields.map(|field| line.find(&format!("\"{field}\":"))).into();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{line}");
    }
    assert_eq!(signed.lines().count(), 23);
    Ok(())
}

#[tokio::test]
async fn rs256_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::Rs256).await
}

#[tokio::test]
async fn ps256_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::Ps256).await
}

#[tokio::test]
async fn es256_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::Es256).await
}

#[tokio::test]
async fn es384_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::Es384).await
}

#[tokio::test]
async fn es256k_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::Es256k).await
}

#[tokio::test]
async fn eddsa_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::EdDsa).await
}

#[tokio::test]
async fn ml_dsa_44_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::MlDsa44).await
}

#[tokio::test]
async fn ml_dsa_65_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::MlDsa65).await
}

#[tokio::test]
async fn ml_dsa_87_conforms() -> anyhow::Result<()> {
    conforms(Algorithm::MlDsa87).await
}
