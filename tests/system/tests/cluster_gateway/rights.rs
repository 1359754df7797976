//! What the chart lets the gateway do in the cluster.

use chancery_kit::TestLedger;
use chancery_kit::cluster::Cluster;

use crate::install;

#[tokio::test]
async fn the_gateway_may_ask_whose_tokens_are_and_what_they_may_do_and_nothing_else() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("gateway").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let _release = install(&namespace, &ledger, folder.path()).await?;
    let account = format!("--as=system:serviceaccount:{}:chancery-gateway", namespace.name);
    let may = async |verb: &str, what: &str| {
        let what: Vec<&str> = what.split(' ').collect();
        let ended =
            namespace.kubectl().try_run(&[&["auth", "can-i", verb], &what[..], &[&account]].concat()).await?;
        anyhow::Ok(ended.stdout.trim() == "yes")
    };
    for what in ["tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"] {
        assert!(may("create", what).await?, "{what}");
        assert!(!may("get", what).await?, "{what}");
    }
    for (verb, what) in [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "secrets"),
        ("get", "pods"),
        ("create", "pods"),
        ("create", "jobs"),
        ("get", "signingruns.chancery.dev"),
        ("list", "signingruns.chancery.dev"),
        ("create", "signingruns.chancery.dev"),
        ("create", "signingruns.chancery.dev --subresource=records"),
        ("get", "signingruns.chancery.dev --subresource=results"),
        ("list", "namespaces"),
        ("impersonate", "users"),
        ("create", "serviceaccounts --subresource=token"),
        ("create", "roles"),
        ("create", "clusterrolebindings"),
    ] {
        assert!(!may(verb, what).await?, "{verb} {what}");
    }
    Ok(())
}
