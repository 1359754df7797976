//! What the ledger makes sure of with arrivals that wait, whatever an intake says.

use std::time::Duration;

use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::IntakeSession;
use chancery_store::intake::{
    Admission, DeadArrival, Judgement, PutOff, Settled, Settlement, Taken, TakenPendings,
};
use serde_json::json;

use crate::admission::reading;
use crate::interrupted::list;
use crate::{counts, file, lines};

const HOUR: Duration = Duration::from_secs(3_600);

/// A run whose policy asks a webhook that is never called here: the test plays the intake.
async fn made<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<SeededRun<'l>> {
    file(folder, "a.txt", lines(0, 10))?;
    let policy =
        json!({"webhooks": [{"name": "model", "url": "https://model.example/score", "adds": "score"}]});
    let run = TestRun::new().keys(1).reads("files", folder).judged_by("scored", &policy);
    let run = run.created(ledger).await?.stocked().await?;
    list(&run).await?;
    Ok(run)
}

/// Two payloads that wait.
fn two(version: &[u8]) -> Admission {
    let mut judgement = Judgement::by(version.to_vec());
    judgement.starts_at(0, 1_700_000_000_000_000);
    judgement.waits(0, b"{\"number\": 1}", None);
    judgement.waits(5, b"{\"number\": 2}", None);
    let mut admission = Admission::from(0);
    admission.next = 10;
    admission.done = true;
    admission.judgement = Some(judgement);
    admission
}

async fn taken(intake: &mut IntakeSession) -> anyhow::Result<TakenPendings> {
    match intake.take_pendings(10, HOUR).await? {
        Taken::These(taken) => Ok(taken),
        other => anyhow::bail!("nothing is due: {other:?}"),
    }
}

/// The first is admitted, and the second refused.
fn settlement(version: &[u8]) -> Settlement {
    let answers = r#"{"webhooks":{"model":{"score":1}}}"#.to_owned();
    let failed = r#"{"webhooks":{"model":{"failed":"no"}}}"#.to_owned();
    Settlement {
        source: 1,
        split: 1,
        positions: vec![0],
        enriched: vec![None],
        dead: vec![DeadArrival {
            position: 5,
            stage: Some("Policy".to_owned()),
            rule: Some("model".to_owned()),
            reason: "no".to_owned(),
            raw: Vec::new(),
        }],
        answers: vec![answers],
        dead_answers: vec![failed],
        judgement: Judgement::by(version.to_vec()),
    }
}

#[tokio::test]
async fn what_waits_is_settled_by_whoever_has_it_and_once() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    let (mut one, mut other) = (run.intake("one").await?, run.intake("other").await?);
    let split = reading(&mut one).await?;
    let version = one.policy().await?.expect("a policy").hash;
    let bytes = async || -> anyhow::Result<i64> {
        let taken = sqlx::query_scalar("SELECT chancery.run_taken($1)::bigint").bind(run.run.id);
        Ok(taken.fetch_one(ledger.ledger.pool()).await?)
    };
    let before = bytes().await?;
    let admitted = one.admit(&split, &two(&version)).await?.expect("a run").expect("ours");
    assert_eq!((admitted.records, admitted.done), (0, true));
    assert!(bytes().await? >= before + 8_192, "what waits takes room");
    assert_eq!(counts(&run).await?.pending, 2);

    let first = taken(&mut one).await?;
    let failed =
        PutOff { source: 1, split: 1, position: 5, error: Some("no".to_owned()), pause: Duration::ZERO };
    one.put_off_pendings(&first, &[failed]).await?;
    ledger.ledger.release_intakes(&run.run, &["one".to_owned()]).await?;
    let of_one = taken(&mut one).await?;
    assert_eq!(of_one.arrivals.len(), 2);
    assert_eq!(of_one.arrivals[0].judged_at, 1_700_000_000_000_000);
    assert!(matches!(other.take_pendings(10, HOUR).await?, Taken::Wait(_)), "they are in somebody's hands");
    ledger.ledger.release_intakes(&run.run, &["one".to_owned()]).await?;
    let of_other = taken(&mut other).await?;
    let before = ledger.fingerprint().await?;
    assert_eq!(one.settle_pendings(&of_one, &settlement(&version)).await?, Settled::Moved);
    let put_off = PutOff { source: 1, split: 1, position: 0, error: Some("no".to_owned()), pause: HOUR };
    one.put_off_pendings(&of_one, &[put_off]).await?;
    assert_eq!(ledger.fingerprint().await?, before, "who has it no longer changes nothing");

    for (what, lie) in [
        ("by another version", settlement(&[7; 32])),
        ("without an answer", Settlement { answers: Vec::new(), ..settlement(&version) }),
        ("at an instant", {
            let mut lie = settlement(&version);
            lie.judgement.starts_at(0, 1);
            lie
        }),
        (
            "out of order",
            Settlement {
                positions: vec![5, 0],
                enriched: vec![None, None],
                dead: Vec::new(),
                dead_answers: Vec::new(),
                answers: vec!["{}".to_owned(), "{}".to_owned()],
                ..settlement(&version)
            },
        ),
        ("with too many answers", Settlement { answers: vec!["{}".to_owned(); 2], ..settlement(&version) }),
    ] {
        let answer = other.settle_pendings(&of_other, &lie).await;
        assert!(answer.is_err(), "{what}: {answer:?}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    let settled = other.settle_pendings(&of_other, &settlement(&version)).await?;
    assert_eq!(settled, Settled::Done { records: 1, duplicates: 0, dead: 1, rejected: 0 });
    assert_eq!(other.settle_pendings(&of_other, &settlement(&version)).await?, Settled::Moved, "once");
    let counts = counts(&run).await?;
    assert_eq!((counts.received, counts.admitted, counts.dead, counts.pending), (2, 1, 1, 0));
    let raw: Vec<Vec<u8>> = sqlx::query_scalar("SELECT raw FROM chancery.arrivals WHERE run_id = $1")
        .bind(run.run.id)
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert_eq!(raw, [b"{\"number\": 2}".to_vec()], "as it came, whoever settles it");
    let attempts: Vec<(i64, i32)> =
        sqlx::query_as("SELECT position, attempts FROM chancery.answers WHERE run_id = $1 ORDER BY position")
            .bind(run.run.id)
            .fetch_all(ledger.ledger.pool())
            .await?;
    assert_eq!(attempts, [(0, 1), (5, 2)], "as the ledger counted them");
    Ok(())
}

#[tokio::test]
async fn what_is_put_off_counts_its_failures_and_is_handed_out_again_later() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let version = intake.policy().await?.expect("a policy").hash;
    intake.admit(&split, &two(&version)).await?.expect("a run").expect("ours");
    let these = taken(&mut intake).await?;
    let of = |position, error: Option<&str>, pause| PutOff {
        source: 1,
        split: 1,
        position,
        error: error.map(str::to_owned),
        pause,
    };
    intake.put_off_pendings(&these, &[of(0, Some("it is away"), HOUR), of(5, None, Duration::ZERO)]).await?;
    let again = taken(&mut intake).await?;
    assert_eq!(again.arrivals.iter().map(|one| (one.position, one.attempts)).collect::<Vec<_>>(), [(5, 0)]);
    let waits: (i32, String) =
        sqlx::query_as("SELECT attempts, last_error FROM chancery.pendings WHERE position = 0")
            .fetch_one(ledger.ledger.pool())
            .await?;
    assert_eq!(waits, (1, "it is away".to_owned()));
    Ok(())
}

#[tokio::test]
async fn nothing_waits_that_has_no_place_of_its_own() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let version = intake.policy().await?.expect("a policy").hash;
    let with = |change: fn(&mut Admission)| {
        let mut lie = two(&version);
        change(&mut lie);
        lie
    };
    fn judgement(admission: &mut Admission) -> &mut Judgement {
        admission.judgement.as_mut().expect("one")
    }
    for (what, lie) in [
        ("twice", with(|lie| judgement(lie).pending = vec![0, 0])),
        ("beyond the end", with(|lie| judgement(lie).pending = vec![0, 10])),
        ("without its payload", with(|lie| judgement(lie).pending = vec![0, 5, 7])),
        ("at no instant", with(|lie| judgement(lie).starts = vec![3])),
        (
            "where a payload is",
            with(|lie| {
                lie.payloads.push(b"{}");
                lie.positions.push(5);
            }),
        ),
        (
            "with a name in a run that knows none",
            with(|lie| {
                judgement(lie).pending_names.push(b"1");
                judgement(lie).pending_names.push(b"2");
            }),
        ),
    ] {
        let answer = intake.admit(&split, &lie).await;
        assert!(answer.is_err(), "{what}: {answer:?}");
    }
    intake.admit(&split, &two(&version)).await?.expect("a run").expect("ours");
    Ok(())
}
