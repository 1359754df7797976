//! The version of a policy that judges a run is the one that it was made with; and the ledger takes nothing in that another one
//! judged, or none.

use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_process::read_kek_file;
use chancery_store::NewPolicy;
use chancery_store::intake::{Admission, DeadArrival, Judgement};
use serde_json::json;

use crate::admission::reading;
use crate::interrupted::list;
use crate::policies::policy;
use crate::{file, lines};

async fn made<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<SeededRun<'l>> {
    file(folder, "a.txt", lines(0, 10))?;
    let run = TestRun::new().keys(1).reads("files", folder).judged_by("numbers", &policy());
    run.created(ledger).await?.stocked().await
}

/// One payload, as it is judged.
fn judged(judgement: Option<Judgement>) -> Admission {
    let mut admission = Admission::from(0);
    admission.payloads.push(b"{\"number\": 1}");
    admission.positions.push(0);
    admission.next = 10;
    admission.judgement = judgement;
    admission
}

fn rejected(stage: Option<&str>, rule: Option<&str>) -> DeadArrival {
    let (stage, rule) = (stage.map(str::to_owned), rule.map(str::to_owned));
    DeadArrival { position: 0, stage, rule, reason: "no".to_owned(), raw: b"{}".to_vec() }
}

#[tokio::test]
async fn nothing_is_taken_in_that_was_not_judged_by_the_version_of_the_run() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    list(&run).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let version = intake.policy().await?.expect("a policy").hash;
    let by = |version: &[u8]| {
        let mut judgement = Judgement::by(version.to_vec());
        judgement.starts_at(0, 1_700_000_000_000_000);
        judgement
    };
    let refused = |dead: DeadArrival| {
        let mut admission = judged(Some(by(&version)));
        (admission.payloads, admission.positions) = (Default::default(), Vec::new());
        admission.dead.push(dead);
        admission
    };
    for (what, lie) in [
        ("by nothing", judged(None)),
        ("by another version", judged(Some(by(&[7; 32])))),
        ("at no instant", judged(Some(Judgement::by(version.clone())))),
        ("at a later one", {
            let mut judgement = Judgement::by(version.clone());
            judgement.starts_at(5, 1_700_000_000_000_000);
            judged(Some(judgement))
        }),
        ("rejected by no rule", refused(rejected(None, None))),
        ("failed at no rule", refused(rejected(Some("Policy"), None))),
        ("not JSON by a rule", refused(rejected(Some("Parse"), Some("not-three")))),
    ] {
        let answer = intake.admit(&split, &lie).await;
        assert!(answer.is_err(), "{what}: {answer:?}");
    }
    let admitted = intake.admit(&split, &judged(Some(by(&version)))).await?.expect("a run").expect("ours");
    assert_eq!(admitted.records, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_without_a_policy_takes_nothing_in_that_was_judged() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 10))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    list(&run).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    assert_eq!(intake.policy().await?, None);
    let mut judgement = Judgement::by(vec![7; 32]);
    judgement.starts_at(0, 1_700_000_000_000_000);
    assert!(intake.admit(&split, &judged(Some(judgement))).await.is_err());
    let mut rejected_by_nothing = judged(None);
    rejected_by_nothing.dead.push(DeadArrival { position: 5, ..rejected(None, None) });
    assert!(intake.admit(&split, &rejected_by_nothing).await.is_err());
    assert_eq!(intake.admit(&split, &judged(None)).await?.expect("a run").expect("ours").records, 1);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_edited_while_runs_use_it_judges_the_next_one() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    // Made again under the same name, with another version of the policy: the run that is there stays what it is.
    let edited =
        json!({"validations": [{"name": "none", "expression": "record.number < 0", "message": "none"}]});
    let new = TestRun::new().keys(1).reads("files", folder.path()).judged_by("numbers", &edited);
    let (same, created) = ledger.ledger.create_run(&new.new_run(&read_kek_file(&run.kek_file)?)).await?;
    assert!(!created);
    assert_eq!(same.policy, run.run.policy);
    run.take_in().await?;
    run.finish().await?;
    let admitted = crate::counts(&run).await?;
    assert_eq!((admitted.received, admitted.admitted, admitted.rejected, admitted.dead), (10, 8, 1, 1));

    let next =
        TestRun::new().named("next").keys(1).reads("files", folder.path()).judged_by("numbers", &edited);
    let next = next.created(&ledger).await?.stocked().await?;
    next.take_in().await?;
    next.finish().await?;
    assert_eq!(crate::counts(&next).await?.rejected, 10);
    let versions = "SELECT count(*) FROM chancery.policies";
    let versions = async || sqlx::query_scalar::<_, i64>(versions).fetch_one(ledger.ledger.pool()).await;
    assert_eq!(versions().await?, 2);
    // A version goes with the last run that names it.
    ledger.ledger.delete_run(&run.run).await?;
    assert_eq!(versions().await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_schema_itself_refuses_to_change_what_a_policy_said() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = made(&ledger, folder.path()).await?;
    run.take_in().await?;
    for change in [
        "UPDATE chancery.policies SET text = text || ' '",
        "UPDATE chancery.runs SET policy_hash = NULL, policy_name = NULL",
        "DELETE FROM chancery.policies",
        "UPDATE chancery.flags SET score = 1",
        "DELETE FROM chancery.alerts",
        "DELETE FROM chancery.judgements",
        "UPDATE chancery.arrivals SET rule = 'small' WHERE rule IS NOT NULL",
    ] {
        let changed = sqlx::query(change).execute(ledger.ledger.pool()).await;
        assert!(changed.is_err(), "{change}: {changed:?}");
    }
    let other = NewPolicy { name: "numbers".to_owned(), text: "{}".to_owned() };
    let hash = "INSERT INTO chancery.policies (hash, text) VALUES (sha256('x'), $1)";
    assert!(sqlx::query(hash).bind(other.text).execute(ledger.ledger.pool()).await.is_err());
    Ok(())
}
