//! A real PgBouncer in front of a server.

use std::env;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::Context as _;
use chancery_local_postgres::ThrowAway;
use tempfile::TempDir;

use crate::cluster::server_process::ServerProcess;
use crate::wait::eventually;

const MISSING: &str = "no PgBouncer in .tools, PATH or /usr/sbin (scripts/setup.sh --pgbouncer-if-possible)";

/// It names the socket's file.
const PORT: u16 = 6432;

static SAID: Once = Once::new();

/// A pooler that lets the server's superuser in, and logins with a password, which it asks the server for (`auth_query`);
/// reached through a Unix socket; ended when dropped. But for
/// what is needed for that, and for the number of server sessions, it has the defaults of PgBouncer.
#[derive(Debug)]
pub struct PgBouncer {
    folder: TempDir,
    command: Vec<String>,
    process: Option<ServerProcess>,
}

impl PgBouncer {
    /// Starts one in front of `server`, in the given pool mode, with more lines of configuration. Where there
    /// is none, says so in one line, once a process.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn start(server: &ThrowAway, mode: &str, more: &[&str]) -> anyhow::Result<Option<Self>> {
        let Some(program) = find() else {
            SAID.call_once(|| {
                // Past the capture of the test harness, which would hide it.
                let _ = writeln!(std::io::stdout(), "skipped: {MISSING}");
            });
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let command = command(&program, folder.path(), server.socket_dir())?;
        let pooler = Self { folder, command, process: None };
        let superuser = chancery_local_postgres::SUPERUSER;
        fs::write(pooler.file("users"), format!("\"{superuser}\" \"\"\n"))?;
        fs::write(pooler.file("hba"), format!("local all {superuser} trust\nlocal all all scram-sha-256\n"))?;
        let ini = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {}\nauth_type = hba\nauth_hba_file = {}\nauth_file = {}\nauth_user = {superuser}\n\
             pool_mode = {mode}\n\
             default_pool_size = 100\n{}\n",
            server.socket_dir().display(),
            server.port(),
            pooler.folder.path().display(),
            pooler.file("hba").display(),
            pooler.file("users").display(),
            more.join("\n"),
        );
        fs::write(pooler.file("ini"), ini)?;
        // Its account is the server's, which alone can reach the server's socket.
        let account = fs::metadata(server.socket_dir())?;
        chown(pooler.folder.path(), Some(account.uid()), Some(account.gid()))?;
        let mut pooler = pooler;
        pooler.start_again().await?;
        Ok(Some(pooler))
    }

    /// The URL of a database by way of this pooler.
    ///
    /// # Errors
    ///
    /// When `direct` does not name a socket of the server.
    pub fn url(&self, direct: &str) -> anyhow::Result<String> {
        let (before, after) = direct.split_once("?host=").context("no host")?;
        let (_, after) = after.split_once("&port=").context("no port")?;
        let (_, after) = after.split_once('&').context("no user")?;
        Ok(format!("{before}?host={}&port={PORT}&{after}", self.folder.path().display()))
    }

    /// Kills it, and with it every connection through it.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again after it was killed.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let (program, arguments) = self.command.split_first().context("no command")?;
        let mut arguments = arguments.to_vec();
        arguments.push(self.file("ini").display().to_string());
        let process = ServerProcess::start(Path::new(program), &arguments, self.file("log"))?;
        let socket = self.folder.path().join(format!(".s.PGSQL.{PORT}"));
        eventually("PgBouncer takes connections, or ends", async || {
            UnixStream::connect(&socket).is_ok() || !process.runs()
        })
        .await;
        anyhow::ensure!(process.runs(), "PgBouncer ended: {}", process.said());
        self.process = Some(process);
        Ok(())
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("pgbouncer.{ending}"))
    }
}

/// The one that `scripts/setup.sh` unpacked, in a folder with its libraries, or one that is installed.
fn find() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?.join(".tools/pgbouncer");
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(unpacked)
        .chain(env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
}

/// How it is run: PgBouncer refuses to be root, so root runs it as the server's account, which may not be
/// able to reach the project's folder.
fn command(program: &Path, folder: &Path, socket_dir: &Path) -> anyhow::Result<Vec<String>> {
    let account = fs::metadata(socket_dir)?;
    let mut command: Vec<String> = Vec::new();
    if nix::unistd::geteuid().is_root() {
        let (uid, gid) = (account.uid(), account.gid());
        // A change of user clears the death signal that our own `setpriv` has set.
        command.extend(["setpriv", "--pdeathsig", "KILL", "--clear-groups"].map(str::to_owned));
        command.extend([format!("--reuid={uid}"), format!("--regid={gid}"), "--".to_owned()]);
    }
    let libraries = program.with_file_name("lib");
    if libraries.is_dir() && program.parent().is_some_and(|folder| folder.ends_with("pgbouncer")) {
        let copies = folder.join("lib");
        fs::create_dir(&copies)?;
        for library in fs::read_dir(libraries)? {
            let library = library?;
            fs::copy(library.path(), copies.join(library.file_name()))?;
        }
        command.extend(["env".to_owned(), format!("LD_LIBRARY_PATH={}", copies.display())]);
    }
    let copy = folder.join("pgbouncer");
    fs::copy(program, &copy)?;
    command.push(copy.display().to_string());
    Ok(command)
}
