//! Nobody looks into a program's memory: not another process of its own user, and no core dump.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use chancery_kit::program;
use chancery_kit::tls_server::openssl;
use nix::unistd::geteuid;

/// A user without rights. Of root nobody hides anything.
const NOBODY: &str = "65534";

/// A program at work, and the server that it asks; killed when dropped.
struct AtWork(Child, Option<(TcpListener, TcpStream)>);

impl Drop for AtWork {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How much memory a program may lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locks {
    /// 64 KiB.
    Little,
    /// As much as it likes: by a capability, which root can give, or by a limit that is none.
    Anything,
}

/// A command of a user without rights: of this one, unless it is root.
fn as_user(program: &Path) -> Command {
    with(Locks::Little, program)
}

fn with(locks: Locks, program: &Path) -> Command {
    let (is_root, little) = (geteuid().is_root(), locks == Locks::Little);
    let who = format!("--reuid={NOBODY}");
    let mut words = match (is_root, little) {
        (_, true) => vec!["prlimit", "--memlock=65536:65536", "--"],
        (false, false) => vec!["prlimit", "--memlock=unlimited:unlimited", "--"],
        (true, false) => Vec::new(),
    };
    if is_root {
        words.extend(["setpriv", &who, "--clear-groups", "--no-new-privs"]);
        if little {
            words.push("--inh-caps=-all");
        } else {
            words.extend(["--inh-caps=-all,+ipc_lock", "--ambient-caps=-all,+ipc_lock"]);
        }
        words.push("--");
    }
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(program);
    command
}

/// Starts a program that asks a server that never answers, and waits until it does: then it is past its beginning.
fn at_work(folder: &Path, locks: Locks, name: &str) -> anyhow::Result<AtWork> {
    let (arguments, environment) = work(name);
    // Where a user without rights can reach it.
    let copy = folder.join(name);
    fs::copy(program(name), &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let port = silent.local_addr()?.port().to_string();
    let fill = |text: &str| text.replace("PORT", &port).replace("FOLDER", &folder.display().to_string());
    if let Some((_, config)) = environment.iter().find(|(name, _)| *name == "KUBECONFIG") {
        let cluster = format!("{{cluster: {{server: 'http://127.0.0.1:{port}'}}, name: c}}");
        let context = "{context: {cluster: c, user: u}, name: c}";
        fs::write(
            fill(config),
            format!(
                "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{cluster}], contexts: [{context}], users: [{{name: u, user: {{}}}}]}}"
            ),
        )?;
    }
    let child = with(locks, &copy)
        .args(arguments.iter().map(|argument| fill(argument)))
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (*name, fill(value))))
        .env("SECRET", "in-the-environment")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut program = AtWork(child, None);
    let (asked, _) = silent.accept()?;
    program.1 = Some((silent, asked));
    Ok(program)
}

/// What another process of the same user reads of it.
fn looked_at(pid: u32, file: &str) -> anyhow::Result<String> {
    let read = as_user(Path::new("/bin/cat")).arg(format!("/proc/{pid}/{file}")).output()?;
    ensure!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    Ok(String::from_utf8_lossy(&read.stdout).into_owned())
}

fn assert_private(program: &AtWork) -> anyhow::Result<()> {
    let pid = program.0.id();
    for file in ["environ", "mem", "maps"] {
        let refused = looked_at(pid, file).expect_err("it is closed");
        assert!(refused.to_string().contains("Permission denied"), "{file}: {refused}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).context("a limit")?;
    let core: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    Ok(())
}

fn folder() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    fs::write(folder.path().join("kek"), [7; 32])?;
    openssl(
        folder.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
         -keyout gateway.key -out gateway.crt",
    )?;
    for file in ["kek", "gateway.key", "gateway.crt"] {
        fs::set_permissions(folder.path().join(file), fs::Permissions::from_mode(0o644))?;
    }
    Ok(folder)
}

const URL: &str = "postgres://u@127.0.0.1:PORT/db";

#[test]
fn any_other_program_of_the_user_can_be_looked_into() -> anyhow::Result<()> {
    // Otherwise the tests below would show nothing.
    let other = AtWork(
        as_user(Path::new("/bin/cat"))
            .env("SECRET", "seen")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?,
        None,
    );
    // Until it has become cat, it is setpriv.
    while !fs::read_to_string(format!("/proc/{}/comm", other.0.id()))?.starts_with("cat") {
        std::thread::yield_now();
    }
    assert!(looked_at(other.0.id(), "environ")?.contains("SECRET=seen"));
    Ok(())
}

const PROGRAMS: [&str; 6] = [
    "chancery",
    "chancery-delivery",
    "chancery-gateway",
    "chancery-intake",
    "chancery-operator",
    "chancery-signer",
];

/// Arguments and environment of a program that has something to do.
fn work(name: &str) -> (Vec<&'static str>, Vec<(&'static str, &'static str)>) {
    let url = vec![("DATABASE_URL", URL)];
    match name {
        "chancery" => (vec!["status"], url),
        "chancery-intake" | "chancery-delivery" => (vec!["--run=demo", "--holder=one"], url),
        "chancery-signer" => (vec!["--run=demo", "--holder=one", "--data-key-file=FOLDER/kek"], url),
        "chancery-gateway" => (
            vec![
                "--certificate-file=FOLDER/gateway.crt",
                "--key-file=FOLDER/gateway.key",
                "--listen=127.0.0.1:0",
                "--listen-for-metrics=127.0.0.1:0",
                "--listen-for-probes=127.0.0.1:0",
            ],
            vec![("DATABASE_URL", URL), ("KUBECONFIG", "FOLDER/config")],
        ),
        _ => (
            vec![
                "--kek-file=FOLDER/kek",
                "--pod-namespace=default",
                "--signer-image=signer",
                "--intake-image=intake",
                "--delivery-image=delivery",
                "--signer-database-url=postgresql:///db?host=/nowhere",
                "--listen=127.0.0.1:0",
                "--listen-for-probes=127.0.0.1:0",
            ],
            vec![("DATABASE_URL", "postgresql:///db?host=/nowhere"), ("KUBECONFIG", "FOLDER/config")],
        ),
    }
}

#[test]
fn nobody_looks_into_any_program() -> anyhow::Result<()> {
    let folder = folder()?;
    for name in PROGRAMS {
        assert_private(&at_work(folder.path(), Locks::Little, name)?).context(name)?;
    }
    Ok(())
}

/// KiB of its memory that are kept from swap.
fn locked(program: &AtWork) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.0.id()))?;
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).context("VmLck")?;
    Ok(locked.trim().trim_end_matches(" kB").parse()?)
}

#[test]
fn memory_is_kept_from_swap_where_it_may_be_and_nothing_fails_where_it_may_not() -> anyhow::Result<()> {
    let folder = folder()?;
    for locks in [Locks::Little, Locks::Anything] {
        if !with(locks, Path::new("/bin/true")).status()?.success() {
            let _ = writeln!(
                std::io::stdout(),
                "skipped: this user cannot let a program lock as much memory as it likes"
            );
            continue;
        }
        for name in PROGRAMS {
            let kept = locked(&at_work(folder.path(), locks, name)?)?;
            assert_eq!(
                kept > 0,
                locks == Locks::Anything,
                "{name} keeps {kept} KiB where it may lock {locks:?}"
            );
        }
    }
    Ok(())
}
