//! The ring owns the envelope.

use chancery_kit::{Chancery, Manifest, TestLedger, TestRun};
use chancery_process::create_kek_file;
use chancery_store::StoreError;

fn on_ring(name: &str) -> Manifest {
    Manifest::new().named(name).of(20, 2, 5).with("keyringRef", "{name: shared}")
}

#[tokio::test]
async fn a_run_with_another_envelope_on_the_ring_is_refused_with_a_sentence() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let first = on_ring("one").with("envelope", "JWS").with("contentType", "JWT");
    chancery.sign(&first, &[]).await?.expect_code(0)?;
    // What is left out is as the ring has it.
    chancery.sign(&on_ring("two"), &[]).await?.expect_code(0)?;
    let others = [
        on_ring("three").with("envelope", "Raw"),
        on_ring("three").with("envelope", "COSESign1"),
        on_ring("three").with("envelope", "JWS").with("contentType", "at+jwt"),
    ];
    for other in others {
        let told = chancery.sign(&other, &[]).await?.expect_code(2)?.stderr;
        for words in ["default/shared is another one", "envelope JWS, contentType JWT", "leave spec.keyCount"]
        {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_there_has_the_envelope_that_it_has() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(20, 2, 5).with("envelope", "DSSE");
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    for (other, field) in [
        (Manifest::new().of(20, 2, 5), "spec.envelope"),
        (manifest.clone().with("contentType", "text/plain"), "spec.contentType"),
    ] {
        let told = chancery.sign(&other, &[]).await?.expect_code(2)?.stderr;
        assert!(told.contains(field), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_refuses_a_message_of_ethereum_with_another_algorithm() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let refused = TestRun::new().algorithm("ES256").envelope("EIP191").created(&ledger).await;
    let refused = refused.err().and_then(|error| error.downcast::<StoreError>().ok());
    assert!(refused.is_some_and(|error| error.to_string().contains("check constraint")));
    TestRun::new().algorithm("ES256K").envelope("EIP191").created(&ledger).await?;
    Ok(())
}

#[tokio::test]
async fn the_ledger_refuses_a_content_type_with_which_no_signer_opens_the_ring() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let kek = create_kek_file(&tempfile::tempdir()?.path().join("kek"))?;
    for (place, (envelope, content_type, fits)) in [
        ("JWS", "JWT", true),
        ("JWS", "a\"b", false),
        ("DSSE", "a b", false),
        ("DSSE", "https://in-toto.io/Statement/v1", true),
        ("COSESign1", "JWT", false),
        ("COSESign1", "text/plain;charset=utf-8", true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = TestRun::new().named(&format!("run-{place}")).envelope(envelope).new_run(&kek);
        new.keyring.content_type = Some(content_type.to_owned());
        let created = ledger.ledger.create_run(&new).await;
        assert_eq!(created.is_ok(), fits, "{envelope}, {content_type}: {created:?}");
    }
    Ok(())
}
