//! Stores and formats, by the programs: what others wrote, in each kind of store that can be had here.

use std::path::PathBuf;

use chancery_kit::{AzureServer, Chancery, Ended, Manifest, S3Server, TestLedger, TestRun};
use serde_json::json;

use crate::counted;
use crate::payloads;

fn data(name: &str) -> anyhow::Result<Vec<u8>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../lib/reading/tests/data", name].iter().collect();
    Ok(std::fs::read(path)?)
}

/// What other programs make of a file's rows.
fn expected(name: &str) -> anyhow::Result<Vec<String>> {
    Ok(String::from_utf8(data(name)?)?.lines().map(ToOwned::to_owned).collect())
}

/// The first of each, in order.
fn different(rows: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    rows.iter().filter(|row| seen.insert(row.as_str())).cloned().collect()
}

#[tokio::test]
async fn rows_of_files_that_others_wrote_are_signed_as_other_programs_read_them() -> anyhow::Result<()> {
    for (file, wanted, format) in [
        ("airports.csv", "airports", json!({"type": "CSV"})),
        ("iowa-electricity.csv", "iowa-electricity", json!({"type": "CSV"})),
        ("types-snappy.parquet", "types", json!({"type": "Parquet"})),
        ("types-zstd-v2.parquet", "types", json!({"type": "Parquet"})),
        ("encodings.parquet", "encodings", json!({"type": "Parquet"})),
        ("int96.parquet", "int96", json!({"type": "Parquet"})),
        ("pyarrow-v0.7.1.parquet", "pyarrow-v0.7.1", json!({"type": "Parquet"})),
    ] {
        let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
        std::fs::write(folder.path().join(file), data(file)?)?;
        let wanted = expected(&format!("{wanted}.expected.ndjson"))?;
        let run = TestRun::new().keys(1).batch_size(500).reads_as("files", folder.path(), &format);
        let run = run.created(&ledger).await?.stocked().await?;
        run.take_in().await?;
        assert_eq!(payloads(&run).await?, different(&wanted), "{file}");
        assert_eq!(counted(&run).await?.0, i64::try_from(wanted.len())?, "{file}");
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_parquet_is_one_dead_letter_beside_those_that_are() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    for name in ["no-rows.parquet", "types-plain.parquet"] {
        std::fs::write(folder.path().join(name), data(name)?)?;
    }
    std::fs::write(folder.path().join("a.parquet"), "a,b\n1,2\n3,4\n5,6\n")?;
    let run = TestRun::new().keys(1).reads_as("files", folder.path(), &json!({"type": "Parquet"}));
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (61, 60, 0, 1));
    run.finish().await
}

/// A manifest that reads Parquet files of a store.
fn manifest(url: &str, endpoint: &str) -> Manifest {
    let objects = format!("{{url: \"{url}\", endpoint: \"{endpoint}\", include: [\"*.parquet\"]}}");
    let source = format!("[{{name: rows, objects: {objects}, format: {{type: Parquet}}}}]");
    Manifest::new().without("recordCount").without("recordSize").with("sources", source)
}

async fn sign(manifest: &Manifest, environment: &[(&str, &str)]) -> anyhow::Result<Ended> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("manifest.yaml", &manifest.to_string())?;
    let mut command = chancery.command(&["run", "-f", file.to_str().expect("a path"), "-o", "json"]);
    Ended::of(command.envs(environment.iter().copied()).spawn()?).await
}

async fn signs_all(manifest: &Manifest, environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let summary = sign(manifest, environment).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&60.into(), &"passed".into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn buckets_of_s3_and_of_google_are_read_with_the_credentials_of_the_environment() -> anyhow::Result<()>
{
    let Some(server) = S3Server::start()? else { return Ok(()) };
    let endpoint = format!("http://127.0.0.1:{}", server.port());
    let bucket = server.new_bucket().await?;
    server.put(&format!("{bucket}/in/types.parquet"), &data("types-snappy.parquet")?).await?;
    server.put(&format!("{bucket}/in/other.txt"), b"no rows").await?;
    let amazon = manifest(&format!("s3://{bucket}/in"), &endpoint);
    signs_all(&amazon, &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]).await?;
    let half = sign(&amazon, &[("AWS_ACCESS_KEY_ID", "test")]).await?.expect_code(2)?;
    assert!(half.stderr.contains("source rows: AWS_SECRET_ACCESS_KEY is not set"), "{}", half.stderr);

    let google = manifest(&format!("gs://{bucket}/in"), &endpoint);
    let key = r#"{"private_key":"","private_key_id":"","client_email":"a@example.com","disable_oauth":true}"#;
    signs_all(&google, &[("GOOGLE_SERVICE_ACCOUNT_KEY", key)]).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key.json");
    std::fs::write(&file, key)?;
    signs_all(&google, &[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().expect("a path"))]).await?;
    let gone =
        sign(&google, &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/at/all")]).await?.expect_code(2)?;
    assert!(gone.stderr.contains("the credentials in /nowhere/at/all cannot be read"), "{}", gone.stderr);
    let unreadable = sign(&google, &[("GOOGLE_SERVICE_ACCOUNT_KEY", "s3cret")]).await?.expect_code(2)?;
    assert!(
        unreadable.stderr.contains("cannot be read") && !unreadable.stderr.contains("s3cret"),
        "{}",
        unreadable.stderr
    );
    Ok(())
}

#[tokio::test]
async fn containers_of_azure_are_read_with_the_credentials_of_the_environment() -> anyhow::Result<()> {
    let Some(server) = AzureServer::shared() else { return Ok(()) };
    let container = server.new_container().await;
    server.put(&format!("{container}/in/types.parquet"), &data("types-snappy.parquet")?).await;
    let azure = manifest(&format!("az://{container}/in"), &server.endpoint());
    let (account, key) = (AzureServer::ACCOUNT, AzureServer::KEY);
    signs_all(&azure, &[("AZURE_STORAGE_ACCOUNT", account), ("AZURE_STORAGE_KEY", key)]).await?;
    let refused = [("AZURE_STORAGE_ACCOUNT", account), ("AZURE_STORAGE_KEY", "bm90IHRoZSBrZXk=")];
    let refused = sign(&azure, &refused).await?.expect_code(2)?;
    assert!(refused.stderr.contains("source rows: the source az://"), "{}", refused.stderr);
    Ok(())
}
