//! What no program can find that knows only the ledger, and that both audits therefore let pass. They are
//! listed, with the reasons, in `docs/internals/audit.md`.

use chancery_kit::independent_audit;

use crate::{tampered_with, verify};

const UNSEEN: [(&str, &str); 11] = [
    ("a holder", "UPDATE chancery.leases SET holder = 'somebody else' WHERE id = 5"),
    (
        "an expiry within what the rest of the log allows",
        "UPDATE chancery.leases SET expires_at = expires_at + interval '1 hour' WHERE id = 5",
    ),
    (
        "the moment of a store",
        "UPDATE chancery.leases SET signed_at = signed_at - interval '1 day' WHERE id = 5",
    ),
    ("the last return of a key", "UPDATE chancery.leases SET released_at = NULL WHERE id = 15"),
    ("a wrapped key", "UPDATE chancery.key_material SET wrapped_key = ''"),
    (
        "a ring's identity",
        "UPDATE chancery.keyrings SET uid = gen_random_uuid(), data_key_fingerprint = 'forged'",
    ),
    (
        "moments and settings of a run",
        "UPDATE chancery.runs SET created_at = 'epoch', sealed_at = 'epoch', completed_at = NULL,
                lease_duration = '1 day', suspended = true",
    ),
    ("the bookkeeping of a source", "DELETE FROM chancery.generated_chunks"),
    (
        "the size of a source's records and chunks",
        "UPDATE chancery.generated_sources SET record_size = 1, chunk_size = 7",
    ),
    ("the moments of a ring", "UPDATE chancery.keyrings SET created_at = 'epoch', filled_at = 'epoch'"),
    ("the moments of a batch", "UPDATE chancery.batches SET opened_at = 'epoch', closed_at = 'epoch'"),
];

#[tokio::test]
async fn what_nobody_can_know_is_not_said_to_be_broken() -> anyhow::Result<()> {
    for (number, (what, sql)) in UNSEEN.into_iter().enumerate() {
        let (url, _) = tampered_with(&format!("unseen_{number}"), sql).await?;
        let ended = verify(&url, "demo").await?;
        assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
        if let Some(report) = independent_audit(&url, "default", "demo").await? {
            assert!(report.holds, "{what}: {report:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_cannot_be_found_any_more_does_not_pass() -> anyhow::Result<()> {
    for (number, sql) in [
        "UPDATE chancery.runs SET name = 'another' WHERE id = 1",
        "DELETE FROM chancery.runs WHERE id = 1",
        "DELETE FROM chancery.keyrings WHERE id = 1",
        "DELETE FROM chancery.generated_sources WHERE run_id = 1",
    ]
    .into_iter()
    .enumerate()
    {
        let (url, _) = tampered_with(&format!("lost_{number}"), sql).await?;
        let ended = verify(&url, "demo").await?.expect_code(2)?;
        assert!(ended.stderr.contains("default/demo"), "{ended:?}");
    }
    Ok(())
}
