//! The Secret of a run's signers: there before their Job, never read, and replaced when it is gone or no longer right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_api::condition::ConditionType;
use chancery_api::names::{ANNOTATION_ADOPT, ANNOTATION_SECRET};
use chancery_keyring::DataKey;
use chancery_operator::run::{KeyFiles, SignerSettings};
use serde_json::{Value, json};

use super::cluster::pod_status;
use super::fake::Failure;
use super::test_operator::{TestOperator, settings};
use super::world::{JOB, RUN, World, manifest, spec};

fn secrets(world: &World) -> Vec<Value> {
    world.api.all("secrets")
}

/// The name of the Secret that the Job names, which is there.
fn of_job(world: &World) -> String {
    let job = world.api.get("jobs", JOB).expect("the Job");
    let name = job["metadata"]["annotations"][ANNOTATION_SECRET].as_str().expect("a name").to_owned();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], name.as_str());
    assert!(world.api.get("secrets", &name).is_some(), "{name} is not there");
    name
}

fn text(secret: &Value, key: &str) -> String {
    let data = secret["data"][key].as_str().expect("a value");
    String::from_utf8(STANDARD.decode(data).expect("base64")).expect("text")
}

async fn operator_with(world: &World, settings: SignerSettings) -> TestOperator {
    let keys = KeyFiles { kek: world.kek_file(), former_keks: Vec::new(), statement_key: None };
    let mut operator = TestOperator::with_settings(&world.api, &world.ledger.operator_url, keys, settings);
    operator.connect().await;
    operator
}

#[tokio::test]
async fn signers_are_given_the_data_key_of_their_ring_in_a_secret_that_is_theirs_alone() -> anyhow::Result<()>
{
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    let told = world.api.told();
    let place = |start: &str| told.iter().position(|request| request.starts_with(start));
    assert!(place("CREATE secrets/demo-signer-") < place("APPLY jobs/demo-signer"), "{told:?}");
    assert!(told.iter().all(|request| !request.starts_with("GET secrets")), "{told:?}");

    let [secret] = &secrets(&world)[..] else { panic!("one Secret") };
    assert_eq!(secret["metadata"]["name"], of_job(&world).as_str());
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], world.run(RUN)["metadata"]["uid"]);
    let data_key = DataKey::parse(text(secret, "data-key").as_bytes())?;
    let keyring = world.stored(RUN).await?.keyring;
    assert_eq!(data_key.fingerprint(), keyring.data_key_fingerprint);
    let url = text(secret, "database-url");
    let stored = world.stored(RUN).await?;
    let [login] = &world.ledger.ledger.logins(&stored).await?[..] else { panic!("one login") };
    assert!(login.works && url.starts_with(&format!("postgres://{}:", login.name)), "{url}");
    assert!(url.ends_with("@database/ledger") && !url.contains("secret"), "{url}");
    let kek = std::fs::read_to_string(world.kek_file())?;
    assert!(!world.api.all("jobs")[0].to_string().contains(&text(secret, "data-key")));
    assert!(!secret.to_string().contains(kek.trim()), "nobody but the operator has the KEK");

    operator.settle(RUN).await?;
    assert_eq!(world.api.created("secrets"), 1);
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_used() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.fail(1, "CREATE secrets", Failure::Refused(409, "secrets \"demo-signer-x\" already exists"));
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.api.created("secrets"), 1, "what others have made is not trusted");
    of_job(&world);
    Ok(())
}

#[tokio::test]
async fn a_secret_whose_making_was_not_answered_is_not_used() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.fail(1, "CREATE secrets", Failure::AnswerLost);
    let mut operator = world.operator().await;
    let unanswered = world.api.unanswered();
    tokio::select! {
        settled = operator.settle(RUN) => anyhow::bail!("it was not answered, and yet {settled:?}"),
        () = unanswered => {}
    }
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(secrets(&world).len(), 2, "the first goes with the run");
    of_job(&world);
    Ok(())
}

#[tokio::test]
async fn a_secret_that_is_refused_is_told_of_and_tried_again() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.fail(usize::MAX, "CREATE secrets", Failure::Refused(403, "exceeded quota: secrets"));
    let mut operator = world.operator().await;
    let refused = operator.settle(RUN).await.expect_err("it is refused");
    assert!(refused.to_string().contains("exceeded quota"), "{refused}");
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "SecretRefused"), "{message}");
    assert!(world.api.get("jobs", JOB).is_none() && secrets(&world).is_empty());
    world.api.mend();
    operator.settle_at_last(RUN).await?;
    of_job(&world);
    Ok(())
}

#[tokio::test]
async fn a_secret_that_pods_do_not_find_is_replaced_and_the_job_is_made_anew() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let first = of_job(&world);
    world.api.remove("secrets", &first);
    let message = format!("secret \"{first}\" not found");
    world.api.pod(RUN, "demo-signer-abcde", pod_status::waiting("CreateContainerConfigError", &message));
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    operator.settle(RUN).await?;
    let second = of_job(&world);
    assert_ne!(first, second);
    assert_eq!(world.events().iter().filter(|reason| *reason == "ReplacingSecret").count(), 1);
    assert!(world.events().contains(&"ReplacingSigners".to_owned()));
    operator.settle(RUN).await?;
    assert_eq!((world.api.created("secrets"), world.api.created("jobs")), (2, 2));
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn the_next_operator_keeps_a_secret_that_is_right_and_replaces_one_that_is_not() -> anyhow::Result<()> {
    let (world, operator) = World::signing(spec()).await?;
    let first = of_job(&world);
    drop(operator);
    let mut next = world.operator().await;
    next.settle(RUN).await?;
    assert_eq!(of_job(&world), first);
    assert_eq!((world.api.created("secrets"), world.api.created("jobs")), (1, 1));
    drop(next);

    let moved = "postgres://signer:secret@elsewhere/ledger".parse()?;
    let mut other = operator_with(&world, SignerSettings { database_url: moved, ..settings() }).await;
    other.settle(RUN).await?;
    world.api.collect_garbage();
    other.settle(RUN).await?;
    let second = of_job(&world);
    let secret = world.api.get("secrets", &second).expect("the Secret");
    assert!(text(&secret, "database-url").ends_with("@elsewhere/ledger"));
    assert_eq!((world.api.created("secrets"), world.api.created("jobs")), (2, 2));
    assert!(world.events().contains(&"ReplacingSecret".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_run_whose_login_the_server_does_not_have_is_given_another_in_another_secret() -> anyhow::Result<()>
{
    let (world, operator) = World::signing(spec()).await?;
    let first = of_job(&world);
    let (ledger, run) = (&world.ledger.ledger, world.stored(RUN).await?);
    // As on a server on which the ledger was restored.
    for login in ledger.logins(&run).await? {
        let gone = format!("DROP OWNED BY {0}; DROP ROLE {0}", login.name);
        world.ledger.execute(sqlx::AssertSqlSafe(gone)).await?;
    }
    drop(operator);
    let mut next = world.operator().await;
    next.settle(RUN).await?;
    world.api.collect_garbage();
    next.settle(RUN).await?;
    let second = of_job(&world);
    assert_ne!(first, second);
    let works = ledger.logins(&run).await?.into_iter().filter(|login| login.works).count();
    assert_eq!((works, world.api.created("secrets")), (1, 2));
    Ok(())
}

#[tokio::test]
async fn two_operators_at_once_end_with_one_secret_for_the_job() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let (mut one, mut other) = (world.operator().await, world.operator().await);
    for _ in 0..12 {
        one.step(RUN).await?;
        other.step(RUN).await?;
        while one.is_busy(RUN) || other.is_busy(RUN) {
            tokio::task::yield_now().await;
        }
    }
    one.settle(RUN).await?;
    other.settle(RUN).await?;
    let name = of_job(&world);
    one.settle(RUN).await?;
    assert_eq!(of_job(&world), name, "they agree");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_made_anew_under_its_name_has_a_secret_of_its_own() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let first = of_job(&world);
    let former = world.run(RUN)["metadata"]["uid"].clone();
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    world.api.collect_garbage();
    operator.step(RUN).await?;
    world.api.remove("secrets", &first);
    let mut second = manifest(RUN, spec());
    second["metadata"]["annotations"] = json!({ANNOTATION_ADOPT: former});
    world.api.create("signingruns", second);
    operator.settle(RUN).await?;
    assert_ne!(of_job(&world), first);
    Ok(())
}
