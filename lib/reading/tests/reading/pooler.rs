//! A real PgBouncer in front of a server; without it, its part of the tests is skipped.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chancery_local_postgres::{SUPERUSER, ThrowAway};
use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/pgbouncer");

/// It names the socket's file.
const PORT: u16 = 6432;

/// Ended when dropped.
pub(crate) struct Pooler {
    folder: TempDir,
    process: Child,
}

impl Pooler {
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn start(server: &ThrowAway, mode: &str) -> Option<Self> {
        let program = Path::new(FOLDER).join("pgbouncer");
        if !program.exists() {
            eprintln!(
                "skipped: the part of PgBouncer, as it is not there (scripts/setup.sh --pgbouncer-if-possible)"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        // Its account is the server's, which alone can reach the server's socket, and may not reach this project.
        fs::copy(program, file("pgbouncer")).expect("copied");
        fs::create_dir(file("lib")).expect("a folder");
        for library in fs::read_dir(Path::new(FOLDER).join("lib")).expect("libraries") {
            let library = library.expect("a library");
            fs::copy(library.path(), file("lib").join(library.file_name())).expect("copied");
        }
        fs::write(file("users"), format!("\"{SUPERUSER}\" \"\"\n")).expect("written");
        fs::write(file("hba"), format!("local all {SUPERUSER} trust\n")).expect("written");
        let ini = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {}\nauth_type = hba\nauth_hba_file = {}\nauth_file = {}\npool_mode = {mode}\n",
            server.socket_dir().display(),
            server.port(),
            folder.path().display(),
            file("hba").display(),
            file("users").display(),
        );
        fs::write(file("ini"), ini).expect("written");
        let account = fs::metadata(server.socket_dir()).expect("a folder");
        chown(folder.path(), Some(account.uid()), Some(account.gid())).expect("given away");
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--clear-groups"])
            .args([
                format!("--reuid={}", account.uid()),
                format!("--regid={}", account.gid()),
                "--".to_owned(),
            ])
            .args([file("pgbouncer"), file("ini")])
            .env("LD_LIBRARY_PATH", file("lib"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv starts");
        let pooler = Self { folder, process };
        let begun = Instant::now();
        while UnixStream::connect(pooler.folder.path().join(format!(".s.PGSQL.{PORT}"))).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "PgBouncer takes connections");
            std::thread::yield_now();
        }
        Some(pooler)
    }

    /// The URL of a database by way of this pooler.
    pub(crate) fn url(&self, database: &str) -> String {
        let host = self.folder.path().display();
        format!("postgres:///{database}?host={host}&port={PORT}&user={SUPERUSER}")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
