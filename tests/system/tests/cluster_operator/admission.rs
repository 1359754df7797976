//! What the operator's token is worth to a thief: it makes the Jobs of Chancery, where runs are, and no others.

use chancery_api::names;
use chancery_kit::cluster::{
    Cluster, ClusterRun, Kubectl, Namespace, OperatorProcess, Release, StandIn, condition,
};
use chancery_kit::{Ended, TestLedger, eventually};
use serde_json::{Value, json};

/// A Job as Chancery makes it, under a name that is free: what the API server adds to one is taken off.
fn as_it_was_made(job: &Value) -> Value {
    let mut job = job.clone();
    let mut drop = |pointer: &str, fields: &[&str]| {
        let object = job.pointer_mut(pointer).and_then(Value::as_object_mut);
        object.into_iter().for_each(|object| object.retain(|name, _| !fields.contains(&name.as_str())));
    };
    drop("", &["status"]);
    drop("/metadata", &["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"]);
    drop("/spec", &["selector", "manualSelector"]);
    let added =
        ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"];
    drop("/spec/template/metadata/labels", &added);
    drop("/spec/template/metadata", &["creationTimestamp"]);
    let secret =
        job["metadata"]["annotations"]["chancery.dev/signer-secret"].as_str().unwrap_or_default().to_owned();
    let text = job.to_string().replace(&secret, "other-signer-0123456789");
    let mut job: Value = serde_json::from_str(&text).expect("it was JSON before");
    job["metadata"]["name"] = json!("other-signer");
    job["metadata"]["ownerReferences"][0]["name"] = json!("other");
    job
}

fn operators_account(namespace: &Namespace<'_>) -> String {
    format!("--as=system:serviceaccount:{}:chancery-operator", namespace.name)
}

/// Nothing is stored, but all is judged.
async fn create(kubectl: &Kubectl, account: Option<&str>, job: &Value) -> anyhow::Result<Ended> {
    let mut arguments = vec!["create", "--dry-run=server", "--filename=-"];
    arguments.extend(account);
    kubectl.feed(&arguments, &job.to_string()).await
}

#[tokio::test]
async fn the_operators_token_makes_no_job_but_those_of_chancery() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("admission").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo").long();
    run.apply().await?;
    eventually("the Job is there", async || run.job().await.is_ok_and(|job| job.is_object())).await;
    let built = as_it_was_made(&run.job().await?);
    let (kubectl, account) = (namespace.kubectl(), operators_account(&namespace));
    let attempts: [(&str, &str, Value, &str); 13] = [
        ("the host's network", "/spec/template/spec/hostNetwork", json!(true), "access to their node"),
        ("a token", "/spec/template/spec/automountServiceAccountToken", json!(true), "no token"),
        (
            "an alias of the database",
            "/spec/template/spec/hostAliases",
            json!([{"ip": "192.0.2.1", "hostnames": ["db"]}]),
            "names of their own",
        ),
        (
            "privilege",
            "/spec/template/spec/containers/0/securityContext",
            json!({"privileged": true}),
            "restricted Pod Security Standard",
        ),
        (
            "another image",
            "/spec/template/spec/containers/0/image",
            json!("busybox"),
            "the image and the command",
        ),
        (
            "a shell",
            "/spec/template/spec/containers/0/command",
            json!(["/bin/sh"]),
            "the image and the command",
        ),
        (
            "another Secret",
            "/spec/template/spec/volumes/0/secret/secretName",
            json!("chancery-kek"),
            "no Secret but that of their run",
        ),
        (
            "a second Secret of its name",
            "/spec/template/spec/volumes/0/secret/secretName",
            json!("other-signer-zyxwvutsrq"),
            "no Secret but that of their run",
        ),
        (
            "all variables of a Secret",
            "/spec/template/spec/containers/0/envFrom",
            json!([{"secretRef": {"name": "ledger"}}]),
            "one container",
        ),
        (
            "an account of others",
            "/spec/template/spec/serviceAccountName",
            json!("default"),
            "signer.allowed.serviceAccountNames",
        ),
        (
            "a priority",
            "/spec/template/spec/priorityClassName",
            json!("system-node-critical"),
            "signer.allowed.priorityClassNames",
        ),
        (
            "every taint",
            "/spec/template/spec/tolerations",
            json!([{"operator": "Exists"}]),
            "signer.allowed.tolerations",
        ),
        (
            "an injection",
            "/spec/template/metadata/annotations",
            json!({"sidecar.istio.io/inject": "true"}),
            "signer.allowed.annotationPrefixes",
        ),
    ];
    let changed = |pointer: &str, value: &Value| {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let mut job = built.clone();
        job.pointer_mut(parent).expect("what has the field")[field] = value.clone();
        job
    };
    // A policy is in force some moments after it was made.
    let (_, pointer, value, _) = &attempts[0];
    let hostile = changed(pointer, value);
    eventually("the policy is in force", async || {
        create(&kubectl, Some(&account), &hostile).await.is_ok_and(|ended| ended.expect_code(0).is_err())
    })
    .await;
    create(&kubectl, Some(&account), &built).await?.expect_code(0)?;
    let policy = format!("ValidatingAdmissionPolicy 'chancery-operator.{}'", namespace.name);
    for (attempt, pointer, value, words) in &attempts {
        let job = changed(pointer, value);
        let refused = create(&kubectl, Some(&account), &job).await?;
        assert!(refused.stderr.contains(&policy), "{attempt}: {refused:?}");
        assert!(refused.stderr.contains(words), "{attempt}: {}", refused.stderr);
        // Whoever may make Jobs anyway is not concerned.
        create(&kubectl, None, &job).await?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_operators_token_touches_no_job_of_others_and_none_elsewhere() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("others").await?;
    let ledger = TestLedger::new().await?;
    let _release = Release::install(&namespace, &ledger.url).await?;
    let theirs = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "theirs"},
        "spec": {"suspend": true, "template": {"metadata": {"labels": {"app": "bank"}}, "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "theirs", "image": "theirs"}],
        }}},
    });
    let (kubectl, account) = (namespace.kubectl(), operators_account(&namespace));
    kubectl.apply(&theirs.to_string()).await?;
    let only_ours = "no Jobs but those of Chancery";
    let delete = ["delete", "job", "theirs", "--dry-run=server", &account];
    eventually("the policy is in force", async || {
        kubectl.try_run(&delete).await.is_ok_and(|ended| ended.stderr.contains(only_ours))
    })
    .await;
    let patch = json!({"spec": {"suspend": false}}).to_string();
    let patch = ["patch", "job", "theirs", "--type=merge", "--patch", &patch, &account];
    let refused = kubectl.try_run(&patch).await?;
    assert!(refused.stderr.contains(only_ours), "{refused:?}");
    let elsewhere = create(&cluster.kubectl("kube-system"), Some(&account), &theirs).await?;
    assert!(elsewhere.stderr.contains("cannot create resource \"jobs\""), "{elsewhere:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_that_asks_for_what_is_not_allowed_says_so_and_signs_once_it_no_longer_does()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("allowed").await?;
    let ledger = TestLedger::new().await?;
    let allowed = json!({"tolerations": [{"key": "dedicated", "operator": "Exists"}]});
    let release = Release::install_allowing(&namespace, &ledger.url, &allowed).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo")
        .with("signerTemplate", json!({"priorityClassName": "system-node-critical"}));
    run.apply().await?;
    let failed = run.until_condition("Failed", "True").await;
    assert_eq!(failed["reason"], "SignerTemplateNotAllowed", "{failed}");
    let said = failed["message"].as_str().unwrap_or_default();
    assert!(
        said.contains("signer.allowed.priorityClassNames") && said.contains("system-node-critical"),
        "{said}"
    );
    assert!(run.job().await?.is_null());
    let template =
        json!({"priorityClassName": null, "tolerations": [{"key": "dedicated", "value": "signing"}]});
    run.patch_spec(json!({"signerTemplate": template})).await?;
    run.completes(&ledger).await?;
    assert!(condition(&run.get().await?, "Failed").is_some_and(|failed| failed["status"] == "False"));
    Ok(())
}

/// What somebody would make who has the operator's token, and no more: a Secret that a controller fills or follows.
#[tokio::test]
async fn the_operators_token_makes_no_secret_but_those_of_signers_and_reads_none() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("secrets").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo").long();
    run.apply().await?;
    eventually("the Secret is there", async || run.secret().await.is_ok()).await;
    let (name, made) = run.secret().await?;
    assert_eq!(made["immutable"], true);
    let owner = &made["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("SigningRun"), &json!("demo")));
    let keys: Vec<&String> = made["data"].as_object().map(|data| data.keys().collect()).unwrap_or_default();
    assert_eq!(keys, ["data-key", "database-url"]);

    let (kubectl, account) = (namespace.kubectl(), operators_account(&namespace));
    let mut built = made.clone();
    let metadata = built["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|field, _| ["labels", "ownerReferences"].contains(&field.as_str()));
    built["metadata"]["name"] = json!("demo-signer-0123456789");
    let token = json!({"kubernetes.io/service-account.name": "default"});
    let mut attempts =
        vec![("a token of a ServiceAccount", built.clone()), ("a foreign name", built.clone())];
    attempts[0].1["type"] = json!("kubernetes.io/service-account-token");
    attempts[0].1["metadata"]["annotations"] = token;
    attempts[1].1["metadata"]["name"] = json!("chancery-kek-2");
    let policy = format!("ValidatingAdmissionPolicy 'chancery-operator-secrets.{}'", namespace.name);
    eventually("the policy is in force", async || {
        let refused = create(&kubectl, Some(&account), &attempts[0].1).await;
        refused.is_ok_and(|ended| ended.stderr.contains(&policy))
    })
    .await;
    create(&kubectl, Some(&account), &built).await?.expect_code(0)?;
    for (attempt, secret) in &attempts {
        let refused = create(&kubectl, Some(&account), secret).await?;
        assert!(refused.stderr.contains(&policy), "{attempt}: {refused:?}");
        create(&kubectl, None, secret).await?.expect_code(0)?;
    }
    let patch = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    for arguments in [
        vec!["get", "secret", &name],
        vec!["get", "secrets", "--watch"],
        vec!["patch", "secret", &name, "--patch", &patch],
        vec!["delete", "secret", &name],
        vec!["get", "secret", "chancery-kek"],
    ] {
        let refused = kubectl.try_run(&[&arguments[..], &[&account]].concat()).await?;
        assert!(refused.stderr.contains("forbidden"), "{arguments:?}: {refused:?}");
    }
    let log = operator.log();
    let data_key = made["data"]["data-key"].as_str().unwrap_or_default();
    assert!(!log.contains(data_key) && !log.contains(&ledger.url), "{log}");
    Ok(())
}

/// Nothing is stored, but all is judged.
async fn change(kubectl: &Kubectl, account: Option<&str>, run: &str, patch: &Value) -> anyhow::Result<Ended> {
    let patch = patch.to_string();
    let mut arguments =
        vec!["patch", "signingrun", run, "--dry-run=server", "--type=merge", "--patch", &patch];
    arguments.extend(account);
    kubectl.try_run(&arguments).await
}

/// What a run signed is deleted by its `deletionPolicy`, and taken over by its annotations.
#[tokio::test]
async fn the_operators_token_changes_nothing_of_a_run_but_what_the_operator_writes() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("changed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let run = ClusterRun::new(&namespace, "demo").of(3_000, 10, 100);
    run.apply().await?;
    let (kubectl, account) = (namespace.kubectl(), operators_account(&namespace));
    let annotated = |name: &str, value: &str| json!({"metadata": {"annotations": {name: value}}});
    let uid = "0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867";
    let attempts: [(&str, Value, &str); 6] = [
        ("that what it signed is deleted", json!({"spec": {"deletionPolicy": "Delete"}}), "the spec"),
        ("that it waits", json!({"spec": {"suspend": true}}), "the spec"),
        ("that it takes over", annotated(names::ANNOTATION_ADOPT, uid), "of Chancery"),
        ("that the ledger is given up", annotated(names::ANNOTATION_ABANDON_LEDGER, "true"), "of Chancery"),
        ("another operator", annotated(names::ANNOTATION_OPERATED_BY, "mine/operator"), "of Chancery"),
        (
            "a finalizer that nobody removes",
            json!({"metadata": {"finalizers": [names::FINALIZER, "example.com/never"]}}),
            "finalizers and owners",
        ),
    ];
    let policy = format!("ValidatingAdmissionPolicy 'chancery-operator-runs.{}'", namespace.name);
    eventually("the policy is in force", async || {
        let refused = change(&kubectl, Some(&account), &run.name, &attempts[0].1).await;
        refused.is_ok_and(|ended| ended.stderr.contains(&policy))
    })
    .await;
    let refused = async || {
        for (attempt, patch, words) in &attempts {
            let refused = change(&kubectl, Some(&account), &run.name, patch).await?;
            assert!(refused.stderr.contains(&policy), "{attempt}: {refused:?}");
            assert!(refused.stderr.contains(words), "{attempt}: {}", refused.stderr);
            // Whoever may write runs anyway is not concerned.
            change(&kubectl, None, &run.name, patch).await?.expect_code(0)?;
        }
        anyhow::Ok(())
    };
    refused().await?;
    let installation = format!("{}/chancery-operator", namespace.name);
    let taken = json!({"metadata": {
        "finalizers": [names::FINALIZER], "annotations": {names::ANNOTATION_OPERATED_BY: installation},
    }});
    change(&kubectl, Some(&account), &run.name, &taken).await?.expect_code(0)?;

    // The operator writes just that, and signs, and lets go of the run.
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    run.completes(&ledger).await?;
    let metadata = run.get().await?["metadata"].clone();
    assert_eq!(metadata["annotations"][names::ANNOTATION_OPERATED_BY], installation, "{metadata}");
    refused().await?;
    run.delete().await?;
    run.until("it is gone", |run| run.is_null()).await;
    assert!(run.is_in(&ledger).await?, "what it signed is kept");
    Ok(())
}
