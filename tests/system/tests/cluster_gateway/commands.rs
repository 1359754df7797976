//! `chancery records`, to the gateway of a cluster.

use chancery_kit::cluster::{Cluster, GatewayProcess, OperatorProcess, StandIn};
use chancery_kit::{Chancery, Ended, TestLedger, eventually};

use crate::{PUSHER, install, let_do, make_certificate, pushed, token};

#[tokio::test]
async fn a_file_is_pushed_and_the_run_is_sealed_from_the_command_line() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("commands").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let object = pushed(&namespace);
    object.apply().await?;
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let_do(&namespace, "pusher", &PUSHER).await?;
    let gateway = GatewayProcess::start(&release).await?;
    let url = gateway.url().await;
    make_certificate(folder.path(), "two")?;
    let chancery = Chancery::private()?;
    let authority = folder.path().join("one-ca.crt");
    let token_file = chancery.write("token", &token(&namespace, "pusher", "chancery").await?)?;
    let lines: String = (0..6_000).map(|line| format!("{{\"line\": {line}}}\n")).collect();
    let file = chancery.write("payments.ndjson", &lines)?;
    let file = file.to_str().unwrap_or_default();

    // By its environment, as a pod has it; and by flags.
    let by_environment = async |arguments: &[&str]| {
        let mut command = chancery.command(arguments);
        command.env("CHANCERY_URL", &url).env("CHANCERY_TOKEN_FILE", &token_file);
        command.env("CHANCERY_CA_FILE", &authority).env("CHANCERY_NAMESPACE", &namespace.name);
        Ended::of(command.spawn()?).await
    };
    let said = by_environment(&["records", "add", file, "--run", "demo"]).await?.expect_code(0)?.stdout;
    let counts = "6,000 admitted, 0 duplicates, 0 dead letters, 0 rejected";
    assert_eq!(said, format!("{}/demo: {counts}\n", namespace.name));
    let other = format!("{}/none", namespace.name);
    let said = by_environment(&["records", "add", file, "--run", &other]).await?.expect_code(2)?.stderr;
    assert!(said.contains(&format!("the API refuses: there is no run {other}")), "{said}");

    let seal = ["records", "seal", "demo", "--namespace", &namespace.name];
    let (token_file, authority) = (token_file.display().to_string(), authority.display().to_string());
    let with = async |more: &[&str]| chancery.run(&[&seal[..], more].concat()).await;
    let trusting_another = folder.path().join("two-ca.crt").display().to_string();
    for authority in [&["--ca-file", &trusting_another][..], &[]] {
        let said = with(&[&["--url", &url, "--token-file", &token_file], authority].concat()).await?;
        let said = said.expect_code(2)?.stderr;
        assert!(said.contains("nobody who is trusted vouches for the API: "), "{said}");
    }
    let said = with(&["--url", &url, "--ca-file", &authority]).await?.expect_code(2)?.stderr;
    assert!(said.contains("no token is given for https://"), "{said}");
    let nobodys = chancery.write("nobodys", &"x".repeat(40))?.display().to_string();
    let refused =
        with(&["--url", &url, "--ca-file", &authority, "--token-file", &nobodys]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("the API refuses: the request shows no token"), "{refused:?}");
    let plain = url.replace("https://127.0.0.1", "http://seals.example");
    let said = with(&["--url", &plain, "--token-file", &token_file]).await?.expect_code(2)?.stderr;
    assert!(said.contains("without TLS everybody on the way could read the token"), "{said}");

    let whole = ["--url", &url, "--ca-file", &authority, "--token-file", &token_file];
    let sealed = with(&whole).await?.expect_code(0)?.stdout;
    assert_eq!(sealed, format!("the run {}/demo is sealed with 6,000 records\n", namespace.name));
    object.completes(&ledger).await?;
    Ok(())
}
