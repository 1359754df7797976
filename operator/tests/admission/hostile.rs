//! What somebody with the operator's token would try.

use serde_json::{Value, json};

use crate::policy::{Release, completed};

type Change = fn(&mut Value);

fn pod(job: &mut Value) -> &mut Value {
    &mut job["spec"]["template"]["spec"]
}

fn container(job: &mut Value) -> &mut Value {
    &mut pod(job)["containers"][0]
}

fn add(list: &mut Value, item: Value) {
    list.as_array_mut().expect("a list").push(item);
}

/// Each attempt, by what is said of it.
const ATTEMPTS: &[(&str, &str, Change)] = &[
    ("the host's network", "access to their node", |job| pod(job)["hostNetwork"] = json!(true)),
    ("the host's processes", "access to their node", |job| pod(job)["hostPID"] = json!(true)),
    ("a token", "no token", |job| pod(job)["automountServiceAccountToken"] = json!(true)),
    ("a token by default", "no token", |job| {
        pod(job).as_object_mut().map(|pod| pod.remove("automountServiceAccountToken"));
    }),
    ("a node of its choice", "access to their node", |job| pod(job)["nodeName"] = json!("control-plane-1")),
    ("another address for the database's name", "names of their own", |job| {
        pod(job)["hostAliases"] = json!([{"ip": "192.0.2.1", "hostnames": ["db.example"]}]);
    }),
    ("another name server", "names of their own", |job| {
        pod(job)["dnsPolicy"] = json!("None");
    }),
    ("name servers besides", "names of their own", |job| {
        pod(job)["dnsConfig"] = json!({"nameservers": ["192.0.2.1"]});
    }),
    ("another scheduler", "access to their node", |job| pod(job)["schedulerName"] = json!("mine")),
    ("a container that runs again", "one container", |job| pod(job)["restartPolicy"] = json!("OnFailure")),
    ("a container before", "one container", |job| {
        let own = container(job).clone();
        pod(job)["initContainers"] = json!([own]);
    }),
    ("a container beside", "one container", |job| {
        let own = container(job).clone();
        add(&mut pod(job)["containers"], own);
    }),
    ("a field of a Kubernetes to come", "access to their node", |job| pod(job)["becomeRoot"] = json!(true)),
    ("a command when it starts", "one container", |job| {
        container(job)["lifecycle"] = json!({"postStart": {"exec": {"command": ["/bin/sh"]}}});
    }),
    ("a request of the kubelet", "one container", |job| {
        container(job)["livenessProbe"] = json!({"httpGet": {"host": "192.0.2.1", "port": 80}});
    }),
    ("all of a Secret", "one container", |job| {
        container(job)["envFrom"] = json!([{"secretRef": {"name": "theirs"}}]);
    }),
    ("arguments", "one container", |job| container(job)["args"] = json!(["--help"])),
    ("root", "restricted", |job| pod(job)["securityContext"]["runAsNonRoot"] = json!(false)),
    ("every system call", "restricted", |job| {
        pod(job)["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
    }),
    ("no AppArmor", "restricted", |job| {
        pod(job)["securityContext"]["appArmorProfile"] = json!({"type": "Unconfined"});
    }),
    ("privilege", "restricted", |job| container(job)["securityContext"]["privileged"] = json!(true)),
    ("escalation", "restricted", |job| {
        container(job)["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    }),
    ("a capability", "restricted", |job| {
        container(job)["securityContext"]["capabilities"]["add"] = json!(["SYS_ADMIN"]);
    }),
    ("capabilities that are kept", "restricted", |job| {
        container(job)["securityContext"]["capabilities"]["drop"] = json!([]);
    }),
    ("a container without bounds", "restricted", |job| {
        container(job).as_object_mut().map(|container| container.remove("securityContext"));
    }),
    ("a port of the node", "restricted", |job| container(job)["ports"][0]["hostPort"] = json!(9090)),
    ("another image", "the image and the command", |job| container(job)["image"] = json!("busybox")),
    ("another command", "the image and the command", |job| container(job)["command"] = json!(["/bin/sh"])),
    ("a command with arguments", "the image and the command", |job| {
        add(&mut container(job)["command"], json!("--help"));
    }),
    ("a Secret of others", "no Secret but that", |job| {
        pod(job)["volumes"][0]["secret"]["secretName"] = json!("theirs");
    }),
    ("a Secret of others besides", "no Secret but that", |job| {
        add(&mut pod(job)["volumes"], json!({"name": "more", "secret": {"secretName": "theirs"}}));
    }),
    ("a Secret of others in a projection", "no Secret but that", |job| {
        let source = json!({"secret": {"name": "theirs"}});
        add(&mut pod(job)["volumes"], json!({"name": "more", "projected": {"sources": [source]}}));
    }),
    ("the node's files", "no Secret but that", |job| {
        add(&mut pod(job)["volumes"], json!({"name": "more", "hostPath": {"path": "/"}}));
    }),
    ("a Secret of others in a variable", "the environment", |job| {
        let of_theirs = json!({"secretKeyRef": {"name": "theirs", "key": "password"}});
        add(&mut container(job)["env"], json!({"name": "CHANCERY_RUN", "valueFrom": of_theirs}));
    }),
    ("another key of its own Secret", "the environment", |job| {
        let data_key = json!({"secretKeyRef": {"name": crate::policy::SECRET, "key": "data-key"}});
        add(&mut container(job)["env"], json!({"name": "CHANCERY_RUN", "valueFrom": data_key}));
    }),
    ("the database's password where it is logged", "the environment", |job| {
        add(&mut container(job)["env"], json!({"name": "CHANCERY_RUN", "value": "$(DATABASE_URL)"}));
    }),
    ("a database of its own", "the environment", |job| {
        add(&mut container(job)["env"], json!({"name": "DATABASE_URL", "value": "postgres://192.0.2.1/x"}));
    }),
    ("a database that is not asked who it is", "the environment", |job| {
        add(&mut container(job)["env"], json!({"name": "PGSSLMODE", "value": "disable"}));
    }),
    ("traces to somebody else", "the environment", |job| {
        let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
        add(&mut container(job)["env"], json!({"name": name, "value": "http://192.0.2.1"}));
    }),
    ("a library of its own", "the environment", |job| {
        add(&mut container(job)["env"], json!({"name": "LD_PRELOAD", "value": "/tmp/mine.so"}));
    }),
    ("a program that there is not", "the labels of a program", |job| {
        job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] = json!("mine");
    }),
    ("pods without labels", "the labels of a program", |job| {
        job["spec"]["template"]["metadata"].as_object_mut().map(|metadata| metadata.remove("labels"));
    }),
    ("a Job that belongs to nothing", "belongs to a SigningRun", |job| {
        job["metadata"].as_object_mut().map(|metadata| metadata.remove("ownerReferences"));
    }),
    ("a Job that belongs to something else", "belongs to a SigningRun", |job| {
        job["metadata"]["ownerReferences"][0]["kind"] = json!("ConfigMap");
    }),
    ("a Job that takes the pods of others for its own, and removes them", "no pods but its own", |job| {
        job["spec"]["manualSelector"] = json!(true);
        job["spec"]["selector"] = json!({});
    }),
    ("a selector of its own", "no pods but its own", |job| job["spec"]["manualSelector"] = json!(true)),
    ("an end by the clock", "the fields that the operator gives it", |job| {
        job["spec"]["activeDeadlineSeconds"] = json!(1);
    }),
    ("a Job that removes itself", "the fields that the operator gives it", |job| {
        job["spec"]["ttlSecondsAfterFinished"] = json!(0);
    }),
    ("a Job of another controller", "the fields that the operator gives it", |job| {
        job["spec"]["managedBy"] = json!("example.com/mine");
    }),
    ("a field of a Job of a Kubernetes to come", "the fields that the operator gives it", |job| {
        job["spec"]["becomeRoot"] = json!(true);
    }),
    ("a Job of another name", "named after it", |job| job["metadata"]["name"] = json!("coredns")),
];

#[test]
fn no_job_is_made_that_the_operator_would_not_build() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let built = completed(&release.job_for(&json!({}))?);
    for (attempt, wanted, change) in ATTEMPTS {
        let mut job = built.clone();
        change(&mut job);
        assert_ne!(job, built, "{attempt}");
        let said = release.against_create(&job)?;
        assert!(said.iter().any(|said| said.contains(wanted)), "{attempt}: {said:#?}");
        if job["spec"]["template"] != built["spec"]["template"] {
            assert_ne!(release.against_update(&job, &built)?, [""; 0], "{attempt}, in a Job that is there");
        }
    }
    Ok(())
}

#[test]
fn no_variable_that_protects_a_signer_is_left_out() -> anyhow::Result<()> {
    let database = json!({
        "existingSecret": "ledger",
        "tls": {"mode": "verify-full", "ca": {"pem": "-----BEGIN CERTIFICATE-----"}},
    });
    let Some(release) = Release::with(&json!({"database": database}))? else { return Ok(()) };
    let built = completed(&release.job_for(&json!({}))?);
    assert_eq!(release.against_create(&built)?, [""; 0]);
    for name in ["PGSSLMODE", "PGSSLROOTCERT"] {
        let mut job = built.clone();
        let variables = container(&mut job)["env"].as_array_mut().expect("a list");
        let before = variables.len();
        variables.retain(|variable| variable["name"] != name);
        assert_eq!(variables.len() + 1, before, "{name} was there");
        let said = release.against_create(&job)?;
        assert!(said.iter().any(|said| said.contains("the environment")), "{name}: {said:?}");
    }
    Ok(())
}

#[test]
fn the_jobs_of_others_are_neither_changed_nor_deleted() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let theirs = json!({
        "metadata": {"name": "demo-signer", "labels": {"app.kubernetes.io/managed-by": "chancery-operator"}},
        "spec": {"suspend": true, "template": {
            "metadata": {"labels": {"app": "bank", "app.kubernetes.io/managed-by": "Helm"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "theirs", "image": "theirs"}]},
        }},
    });
    let mut started = theirs.clone();
    started["spec"]["suspend"] = json!(false);
    let only_ours = "no Jobs but those of Chancery";
    for said in [release.against_update(&started, &theirs)?, release.against_delete(&theirs)?] {
        assert!(said.iter().any(|said| said.contains(only_ours)), "{said:?}");
    }
    Ok(())
}
