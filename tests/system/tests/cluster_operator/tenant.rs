//! What a tenant has who may edit one namespace, with the rights that Kubernetes' own role `edit` gives: on a real API server.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chancery_keyring::{Algorithm, DataKey, SigningKey};
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn, give_url, let_edit};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

const MALLORY: &str = "mallory";
const AS_MALLORY: &str = "--as=mallory";

/// What is in a Secret under a name.
fn content(secret: &Value, name: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).expect("base64")
}

#[tokio::test]
async fn a_template_that_asks_for_what_is_not_allowed_gets_no_job() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("templates").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let_edit(&namespace, MALLORY).await?;
    let attempts = [
        ("priority", json!({"priorityClassName": "system-node-critical"}), "priorityClassNames"),
        ("taints", json!({"tolerations": [{"operator": "Exists"}]}), "tolerations"),
        ("account", json!({"serviceAccountName": "chancery-operator"}), "serviceAccountNames"),
        ("service", json!({"labels": {"app": "bank"}}), "labelPrefixes"),
        (
            "apparmor",
            json!({"annotations": {"container.apparmor.security.beta.kubernetes.io/signer": "unconfined"}}),
            "annotationPrefixes",
        ),
        ("injector", json!({"annotations": {"sidecar.istio.io/inject": "true"}}), "annotationPrefixes"),
    ];
    let run = |name: &str| ClusterRun::new(&namespace, name);
    let kubectl = namespace.kubectl();
    let apply = ["apply", "--filename=-", AS_MALLORY];
    for (name, template, _) in &attempts {
        let manifest = run(name).with("signerTemplate", template.clone()).manifest();
        kubectl.feed(&apply, &manifest).await?.expect_code(0)?;
    }
    kubectl.feed(&apply, &run("honest").manifest()).await?.expect_code(0)?;
    for (name, _, list) in &attempts {
        let failed = run(name).until_condition("Failed", "True").await;
        assert_eq!(failed["reason"], "SignerTemplateNotAllowed", "{name}: {failed}");
        let said = failed["message"].as_str().unwrap_or_default();
        assert!(said.contains(&format!("signer.allowed.{list}")), "{name}: {said}");
    }
    // By the time that one which asks for nothing has its Job, the others would have theirs.
    eventually("the Job is there", async || run("honest").job().await.is_ok_and(|job| job.is_object())).await;
    for (name, ..) in &attempts {
        assert!(run(name).job().await?.is_null(), "{name}");
        assert!(!run(name).is_in(&ledger).await?, "{name}: nothing is made for it");
    }
    Ok(())
}

#[tokio::test]
async fn the_secrets_of_one_namespace_open_nothing_of_another() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let home = cluster.namespace("tenants").await?;
    let (own, other) = (cluster.namespace("own").await?, cluster.namespace("other").await?);
    let ledger = TestLedger::new().await?;
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": give_url(&home, &ledger.url).await?,
        "operator": {"replicas": 1},
        "runNamespaces": [own.name, other.name],
    });
    let release = Release::install_with(&home, &values).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_ins = (StandIn::start(&own)?, StandIn::start(&other)?);
    // Signed for minutes, so that both have their Secrets and keys meanwhile.
    let (mine, theirs) = (ClusterRun::new(&own, "mine").long(), ClusterRun::new(&other, "theirs").long());
    for run in [&mine, &theirs] {
        run.apply().await?;
    }
    mine.until_signed(1).await;
    theirs.until_signed(1).await;
    let (mine_is, theirs_is) = (stored(&ledger, &mine).await?, stored(&ledger, &theirs).await?);
    let (mine_name, _) = mine.secret().await?;
    let (theirs_name, theirs_secret) = theirs.secret().await?;

    // What `edit` gives: the Secrets of one's own namespace, the run's among them.
    let_edit(&own, MALLORY).await?;
    let seen = own.kubectl().run(&["get", "secret", &mine_name, "--output=json", AS_MALLORY]).await?;
    let seen: Value = serde_json::from_str(&seen)?;
    for (namespace, arguments) in [
        (&other, vec!["get", "secret", &theirs_name]),
        (&other, vec!["get", "secrets"]),
        (&other, vec!["get", "signingruns"]),
        (&home, vec!["get", "secret", "chancery-kek"]),
        (&home, vec!["get", "secret", "ledger"]),
        (&home, vec!["get", "secrets", "--all-namespaces"]),
    ] {
        let refused = namespace.kubectl().try_run(&[&arguments[..], &[AS_MALLORY]].concat()).await?;
        assert!(refused.stderr.contains("forbidden"), "{arguments:?}: {refused:?}");
    }

    // The login that is in it reads, leases and is told nothing of the other run.
    let mut thief = PgConnection::connect(&String::from_utf8(content(&seen, "database-url"))?).await?;
    let records = |run: &Stored| AssertSqlSafe(format!("SELECT count(*) FROM chancery.records_{}", run.id));
    let own_records: i64 = sqlx::query_scalar(records(&mine_is)).fetch_one(&mut thief).await?;
    assert!(own_records > 0, "it is a login that works");
    let refused = sqlx::query(records(&theirs_is)).execute(&mut thief).await.expect_err("it is another's");
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"));
    let acquire = "SELECT answer FROM chancery.lease_acquire($1, $2, 'mallory', sha256('token'), 0, 1)";
    let answer: String =
        sqlx::query_scalar(acquire).bind(theirs_is.id).bind(theirs_is.uid).fetch_one(&mut thief).await?;
    assert_eq!(answer, "unknown");
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM chancery.signer_run($1, 'theirs')")
        .bind(&other.name)
        .fetch_one(&mut thief)
        .await?;
    assert_eq!(told, 0);

    // The data key that is in it opens the keys of its own ring, and of no other.
    let (mine_key, theirs_key) =
        (DataKey::parse(&content(&seen, "data-key"))?, DataKey::parse(&content(&theirs_secret, "data-key"))?);
    for (run, opens, does_not) in [(&mine_is, &mine_key, &theirs_key), (&theirs_is, &theirs_key, &mine_key)] {
        let (key, wrapped): (Uuid, Vec<u8>) = sqlx::query_as(
            "SELECT m.key_id, m.wrapped_key FROM chancery.key_material m JOIN chancery.keys k ON k.id = m.key_id
              WHERE k.keyring_id = $1 LIMIT 1",
        )
        .bind(run.keyring)
        .fetch_one(ledger.ledger.pool())
        .await?;
        assert!(SigningKey::open(opens, run.keyring_uid, key, Algorithm::Rs256, &wrapped).is_ok());
        assert!(SigningKey::open(does_not, run.keyring_uid, key, Algorithm::Rs256, &wrapped).is_err());
    }
    Ok(())
}

/// A run as the ledger has it.
struct Stored {
    id: i32,
    uid: Uuid,
    keyring: i32,
    keyring_uid: Uuid,
}

async fn stored(ledger: &TestLedger, run: &ClusterRun<'_>) -> anyhow::Result<Stored> {
    let run = ledger.ledger.find_run(&run.namespace.name, &run.name).await?;
    Ok(Stored { id: run.id, uid: run.uid, keyring: run.keyring.id, keyring_uid: run.keyring.uid })
}
