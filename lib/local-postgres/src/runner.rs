//! How PostgreSQL's programs are run: as which user, with which right, bound to whom.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::account::Account;
use crate::error::{Error, last_lines};

/// Lets the account pass through folders that only root may enter, in order of preference:
/// the first is the lesser right, but containers often withhold it and grant the second.
const PASSES: [Option<&str>; 3] = [None, Some("dac_read_search"), Some("dac_override")];

/// Runs programs as the server's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runner {
    account: Option<Account>,
    pass: Option<&'static str>,
}

impl Runner {
    /// The runner with the fewest rights that reaches `dir` and can run `postgres`.
    pub(crate) fn reaching(account: Option<&Account>, dir: &Path, postgres: &Path) -> Result<Runner, Error> {
        let Some(account) = account else {
            return Ok(Runner { account: None, pass: None });
        };
        let mut reason = String::new();
        for pass in PASSES {
            let runner = Runner { account: Some(account.clone()), pass };
            let output = runner.try_to_reach(dir, postgres)?;
            if output.status.success() {
                return Ok(runner);
            }
            // The first refusal is the reason; the others only say that no right helps.
            if reason.is_empty() {
                reason = last_lines(&output.stderr);
            }
        }
        Err(Error::Unreachable { account: account.name.clone(), dir: dir.to_path_buf(), reason })
    }

    /// Tries for real instead of reading permission bits: those say nothing of network
    /// file systems, security modules or missing capabilities.
    fn try_to_reach(&self, dir: &Path, postgres: &Path) -> Result<Output, Error> {
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", r#"cd -- "$1" && exec "$2" --version"#, "sh"]).args([dir, postgres]);
        run(&mut command)
    }

    /// Whether this runner's user can enter a folder.
    pub(crate) fn reaches(&self, dir: &Path, postgres: &Path) -> Result<bool, Error> {
        Ok(self.try_to_reach(dir, postgres)?.status.success())
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// A command that runs as the server's user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        self.wrapped(program, &[])
    }

    /// A command that gets SIGQUIT when the *thread* that spawns it ends.
    ///
    /// `setpriv` sets this after it has changed the user: a change clears it.
    pub(crate) fn bound_command(&self, program: &Path) -> Command {
        self.wrapped(program, &["--pdeathsig", "QUIT"])
    }

    fn wrapped(&self, program: &Path, more: &[&str]) -> Command {
        let mut options: Vec<String> = more.iter().map(|&option| option.to_owned()).collect();
        if let Some(Account { name: _, uid, gid }) = &self.account {
            options.extend([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
        }
        if let Some(pass) = self.pass {
            // The bounding set too: nothing that the server starts can ever get more.
            for set in ["inh-caps", "ambient-caps", "bounding-set"] {
                options.push(format!("--{set}=-all,+{pass}"));
            }
        }
        let mut command = if options.is_empty() {
            Command::new(program)
        } else {
            let mut command = Command::new("setpriv");
            command.args(options).arg("--").arg(program);
            command
        };
        // The server's user may not be allowed to stand in our working directory.
        command.current_dir("/").stdin(Stdio::null());
        // Messages in English, and nobody else's database, options or service manager.
        command.env("LC_ALL", "C").env_remove("NOTIFY_SOCKET");
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|reason| cannot_run(command, reason))
}

/// Says which program is missing and where it comes from.
pub(crate) fn cannot_run(command: &Command, reason: io::Error) -> Error {
    let program = command.get_program();
    Error::Run {
        program: PathBuf::from(program),
        hint: if program == OsStr::new("setpriv") {
            "install it with `apt-get install util-linux`"
        } else {
            "check that it is installed and may be executed"
        },
        reason,
    }
}
