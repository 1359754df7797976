//! `etcd`, `kube-apiserver` and, on request, `kube-controller-manager`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::assets::Assets;
use super::kubeconfig;
use super::server_process::ServerProcess;

/// It takes some four seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The servers, in the order in which they have to end.
#[derive(Debug)]
pub(crate) struct Servers {
    _controller_manager: Option<ServerProcess>,
    _api_server: ServerProcess,
    _etcd: ServerProcess,
}

/// Starts them and waits until they are ready. Writes the administrator's `kubeconfig` there.
///
/// Free ports can be taken by others before they are used: whoever finds one taken ends, and all is
/// tried again.
pub(crate) fn start(assets: &Assets, home: &Path, with_controllers: bool) -> anyhow::Result<Servers> {
    let mut last = None;
    for attempt in 0..3 {
        let folder = home.join(format!("servers-{attempt}"));
        fs::create_dir(&folder)?;
        match attempt_to_start(assets, home, &folder, with_controllers) {
            Ok(servers) => return Ok(servers),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no attempt was made")))
}

fn attempt_to_start(
    assets: &Assets,
    home: &Path,
    folder: &Path,
    with_controllers: bool,
) -> anyhow::Result<Servers> {
    let [client, peer, secure] = free_ports()?;
    let etcd = start_etcd(assets, folder, client, peer)?;
    let api_server = start_api_server(assets, folder, (client, secure), with_controllers)?;
    let server = format!("https://127.0.0.1:{secure}");
    let kubeconfig = home.join("kubeconfig");
    // Written by the API server as soon as it starts, and needed to reach it.
    let authority = folder.join("certificates/apiserver.crt");
    until(&[&etcd, &api_server], || authority.is_file())?;
    kubeconfig::write(&kubeconfig, &server, &authority, &admin_token(folder)?)?;
    until(&[&etcd, &api_server], || is_ready(home, &kubeconfig))?;
    let controller_manager = match &assets.controller_manager {
        Some(program) if with_controllers => Some(ServerProcess::start(
            program,
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                "--controllers=job-controller,garbage-collector-controller,namespace-controller".to_owned(),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                // Its usual 20 requests a second would be the slowest part of every test.
                "--kube-api-qps=500".to_owned(),
                "--kube-api-burst=1000".to_owned(),
            ],
            folder.join("kube-controller-manager.log"),
        )?),
        _ => None,
    };
    Ok(Servers { _controller_manager: controller_manager, _api_server: api_server, _etcd: etcd })
}

fn start_etcd(assets: &Assets, folder: &Path, client: u16, peer: u16) -> anyhow::Result<ServerProcess> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        // Nothing here has to outlive a power failure.
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ];
    ServerProcess::start(&assets.etcd, &arguments, folder.join("etcd.log"))
}

fn start_api_server(
    assets: &Assets,
    folder: &Path,
    (etcd, secure): (u16, u16),
    with_controllers: bool,
) -> anyhow::Result<ServerProcess> {
    let path = |name: &str| folder.join(name).display().to_string();
    write_key_pair(folder)?;
    let token = admin_token(folder)?;
    fs::write(folder.join("tokens.csv"), format!("{token},admin,admin,system:masters\n"))?;
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--cert-dir={}", path("certificates")),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={secure}"),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        format!("--token-auth-file={}", path("tokens.csv")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", path("accounts-public.pem")),
        format!("--service-account-signing-key-file={}", path("accounts-private.pem")),
        // As real clusters have it: what keeps privileged pods away is then the policy alone.
        "--allow-privileged=true".to_owned(),
        // Tests that start many clients at once are not to wait for each other.
        "--max-requests-inflight=2000".to_owned(),
        "--max-mutating-requests-inflight=1000".to_owned(),
    ];
    if !with_controllers {
        // Whoever makes pods beside the signers' names no account, and nobody makes the account `default` here.
        arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    ServerProcess::start(&assets.api_server, &arguments, folder.join("kube-apiserver.log"))
}

/// Made once a folder.
fn admin_token(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join("admin-token");
    if !file.exists() {
        fs::write(&file, uuid::Uuid::new_v4().to_string())?;
    }
    Ok(fs::read_to_string(file)?)
}

/// The keys by which the tokens of service accounts are signed and verified.
fn write_key_pair(folder: &Path) -> anyhow::Result<()> {
    let refused = |_| anyhow::anyhow!("no key can be made");
    let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map_err(refused)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private.as_ref())?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(refused)?;
    fs::write(folder.join("accounts-private.pem"), pem("PRIVATE KEY", private.as_ref()))?;
    fs::write(folder.join("accounts-public.pem"), pem("PUBLIC KEY", public.as_ref()))?;
    Ok(())
}

fn pem(label: &str, der: &[u8]) -> String {
    // 48 bytes are a line of 64 characters.
    let lines: Vec<String> = der.chunks(48).map(|line| STANDARD.encode(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn free_ports() -> anyhow::Result<[u16; 3]> {
    // Held together until all are known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(listeners) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

fn is_ready(home: &Path, kubeconfig: &Path) -> bool {
    let asked = Command::new("kubectl")
        .args(["get", "--raw", "/readyz", "--kubeconfig"])
        .arg(kubeconfig)
        .env("HOME", home)
        .stdin(Stdio::null())
        .output();
    asked.is_ok_and(|answer| answer.stdout == b"ok")
}

fn until(servers: &[&ServerProcess], mut condition: impl FnMut() -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    while !condition() {
        if let Some(ended) = servers.iter().find(|server| !server.runs()) {
            anyhow::bail!("a server of the cluster has ended:\n{}", ended.said());
        }
        let last = servers.last().context("no server")?;
        anyhow::ensure!(began.elapsed() < PATIENCE, "the API server is not ready:\n{}", last.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
