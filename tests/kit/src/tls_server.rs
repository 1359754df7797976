//! A PostgreSQL that listens on loopback, with TLS and passwords.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use chancery_local_postgres::find_binaries;
use tempfile::TempDir;

use crate::cluster::server_process::ServerProcess;
use crate::server::server;
use crate::wait::eventually;

/// Such a server, whose certificate is for `localhost` only; ended when dropped.
#[derive(Debug)]
pub struct TlsServer {
    folder: TempDir,
    port: u16,
    process: ServerProcess,
}

/// The password of every role.
pub const PASSWORD: &str = "correct-horse";

impl TlsServer {
    /// Starts one: the superuser `chancery` logs in by SCRAM, the role `old` has its password kept as MD5.
    ///
    /// # Errors
    ///
    /// When it does not start, or there is no `openssl`.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_owned();
        // Its account is that of the tests' server: PostgreSQL refuses to be root.
        let account = fs::metadata(server().socket_dir())?;
        let account = (account.uid(), account.gid());
        certificates(&path)?;
        fs::write(path.join("password"), PASSWORD)?;
        for file in ["server.key", "server.crt", "password"] {
            chown(path.join(file), Some(account.0), Some(account.1))?;
            fs::set_permissions(path.join(file), fs::Permissions::from_mode(0o600))?;
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711))?;
        let data = path.join("data");
        fs::create_dir(&data)?;
        chown(&data, Some(account.0), Some(account.1))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;

        let initdb = as_account(account, find_binaries()?.program("initdb"))
            .args([
                "--username=chancery",
                "--auth=scram-sha-256",
                "--locale=C",
                "--encoding=UTF8",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", path.join("password").display()))
            .arg(format!("--pgdata={}", data.display()))
            .output()?;
        ensure!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        fs::write(data.join("pg_hba.conf"), "host all old all md5\nhost all all all scram-sha-256\n")?;

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let setting = |name: &str, value: &str| [String::from("-c"), format!("{name}={value}")];
        let file = |name: &str| path.join(name).display().to_string();
        let arguments: Vec<String> = [
            setting("listen_addresses", "127.0.0.1"),
            setting("port", &port.to_string()),
            setting("unix_socket_directories", ""),
            setting("fsync", "off"),
            setting("ssl", "on"),
            setting("ssl_cert_file", &file("server.crt")),
            setting("ssl_key_file", &file("server.key")),
        ]
        .into_iter()
        .flatten()
        .chain(["-D".to_owned(), data.display().to_string()])
        .collect();
        let (program, arguments) = on_account(account, find_binaries()?.program("postgres"), arguments);
        let process = ServerProcess::start(&program, &arguments, path.join("log"))?;
        let tls_server = Self { folder, port, process };
        eventually("the server takes connections, or ends", async || {
            let log = fs::read_to_string(path.join("log")).unwrap_or_default();
            log.contains("ready to accept connections") || !tls_server.process.runs()
        })
        .await;
        ensure!(tls_server.process.runs(), "PostgreSQL ended: {}", tls_server.process.said());
        Ok(tls_server)
    }

    /// The URL of the database `postgres` for this role, on this host, which is another name of loopback.
    #[must_use]
    pub fn url(&self, role: &str, host: &str, parameters: &str) -> String {
        format!("postgres://{role}:{PASSWORD}@{host}:{}/postgres?{parameters}", self.port)
    }

    /// The authority that vouches for the server.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// One that does not.
    #[must_use]
    pub fn other_authority(&self) -> PathBuf {
        self.folder.path().join("other-ca.crt")
    }
}

fn certificates(folder: &Path) -> anyhow::Result<()> {
    for authority in ["ca", "other-ca"] {
        let subject = format!("/CN={authority}");
        let made = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj {subject} \
             -keyout {authority}.key -out {authority}.crt"
        );
        openssl(folder, &made)?;
    }
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n")?;
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
    )?;
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    )
}

/// Runs `openssl` in a folder.
///
/// # Errors
///
/// When there is none, or it fails.
pub fn openssl(folder: &Path, arguments: &str) -> anyhow::Result<()> {
    let made = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .context("openssl cannot be started")?;
    ensure!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

fn as_account(account: (u32, u32), program: PathBuf) -> Command {
    let (program, arguments) = on_account(account, program, Vec::new());
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    command
}

/// A change of user clears the death signal that was set before, so that it is set once more.
fn on_account(account: (u32, u32), program: PathBuf, arguments: Vec<String>) -> (PathBuf, Vec<String>) {
    if !nix::unistd::geteuid().is_root() {
        return (program, arguments);
    }
    let mut all: Vec<String> =
        ["--pdeathsig", "KILL", "--clear-groups"].into_iter().map(str::to_owned).collect();
    all.extend([format!("--reuid={}", account.0), format!("--regid={}", account.1), "--".to_owned()]);
    all.push(program.display().to_string());
    all.extend(arguments);
    (PathBuf::from("setpriv"), all)
}
