//! Buckets that cannot be read: each gets one sentence that says what was given and what to do, and leaves no run behind.

use chancery_kit::bucket::{ACCESS_KEY_ID, BUCKET, Bucket};
use chancery_kit::{Chancery, Ended, Manifest, TestLedger};

/// A secret that is in no message.
const SECRET: &str = "s3cret-of-the-tests";

fn manifest(bucket: &Bucket, url: &str, include: &str) -> Manifest {
    let objects =
        format!("{{url: \"{url}\", endpoint: \"{}\", include: [\"{include}\"]}}", bucket.endpoint());
    let source = format!("[{{name: one, objects: {objects}, format: {{type: Lines}}}}]");
    Manifest::new().without("recordCount").without("recordSize").with("sources", source)
}

#[tokio::test]
async fn a_bucket_that_cannot_be_read_gets_a_sentence_and_leaves_the_ledger_as_it_was() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let bucket = Bucket::serve().await?;
    bucket.put("in/a.txt", "one\ntwo\n");
    let (here, all) = (format!("s3://{BUCKET}/in"), "*.txt");
    let before = ledger.fingerprint().await?;
    for (url, include, key, denies, words) in [
        (
            "s3://nowhere/in",
            all,
            ACCESS_KEY_ID,
            false,
            "the source s3://nowhere/in does not exist (NoSuchBucket",
        ),
        (&here, all, ACCESS_KEY_ID, true, "refuses access (AccessDenied: no); allow the credentials to list"),
        (
            &here,
            all,
            "AKIAOFSOMEBODYELSE",
            false,
            "correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run",
        ),
        (
            &here,
            "*.gz",
            ACCESS_KEY_ID,
            false,
            "matches: 1 are there; correct objects.url, include or exclude",
        ),
        ("s3://payments/out", all, ACCESS_KEY_ID, false, "no object of s3://payments/out matches"),
    ] {
        bucket.deny(denies);
        let file = chancery.write("manifest.yaml", &manifest(&bucket, url, include).to_string())?;
        let mut command = chancery.command(&["run", "-f", file.to_str().expect("a path")]);
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", SECRET);
        let refused = Ended::of(command.spawn()?).await?.expect_code(2)?;
        let said = &refused.stderr;
        assert!(said.contains("source one: ") && said.contains(words), "{words}\n{said}");
        assert!(said.contains("nothing was changed in the ledger") && !said.contains(SECRET), "{said}");
        assert_eq!(ledger.fingerprint().await?, before, "{words}");
    }
    // Nothing else was wrong.
    bucket.deny(false);
    let file = chancery.write("manifest.yaml", &manifest(&bucket, &here, all).to_string())?;
    let mut command = chancery.command(&["run", "-f", file.to_str().expect("a path"), "-o", "json"]);
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let summary = Ended::of(command.spawn()?).await?.expect_code(0)?.json()?;
    assert_eq!(summary["signed"], 2, "{summary}");
    Ok(())
}
