//! The page, and the folder of a person who follows it.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use chancery_kit::program;
use chancery_local_postgres::find_binaries;
use nix::unistd::{User, getgid, getuid};
use tempfile::TempDir;

/// The commands of a section of the page, in order.
pub(crate) fn blocks<const N: usize>(section: &str) -> anyhow::Result<[String; N]> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating/backups.md");
    let page = fs::read_to_string(page)?;
    let (_, section) =
        page.split_once(&format!("\n## {section}\n")).context("the page has no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks: Vec<String> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').map_or("", |(_, commands)| commands).to_owned())
        .collect();
    let count = blocks.len();
    blocks.try_into().map_err(|_| anyhow::anyhow!("{count} blocks of commands instead of {N}"))
}

/// Says past the capture of the test harness that a test cannot be made here.
pub(crate) fn skipped(why: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "skipped: {why}")?;
    Ok(())
}

/// A folder with what a person needs, on a machine with PostgreSQL's programs and Chancery's.
pub(crate) struct Page {
    folder: TempDir,
    path: String,
    /// Whom servers run as: PostgreSQL refuses root.
    account: (u32, u32),
}

impl Page {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let chancery = program("chancery");
        let path = std::env::join_paths(
            [chancery.parent().context("a folder")?, find_binaries()?.bin_dir()]
                .map(Path::to_owned)
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        let path = path.into_string().map_err(|_| anyhow::anyhow!("PATH is not in UTF-8"))?;
        let account = if getuid().is_root() {
            let user =
                ["postgres", "nobody"].into_iter().find_map(|name| User::from_name(name).ok().flatten());
            let user = user.context("no account for a server")?;
            (user.uid.as_raw(), user.gid.as_raw())
        } else {
            (getuid().as_raw(), getgid().as_raw())
        };
        Ok(Self { folder, path, account })
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
    }

    /// A new folder that the servers' account may write to.
    pub(crate) fn folder_of_the_server(&self, name: &str) -> anyhow::Result<PathBuf> {
        let mut path = self.folder.path().to_owned();
        for part in name.split('/') {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
                if getuid().is_root() {
                    chown(&path, Some(self.account.0), Some(self.account.1))?;
                }
            }
        }
        Ok(path)
    }

    /// Gives commands to a shell, as whoever runs Chancery. Returns what they print.
    pub(crate) fn run(&self, commands: &str, variables: &[(&str, &str)]) -> anyhow::Result<String> {
        self.shell(commands, variables, false)
    }

    /// Gives commands to a shell, as whoever runs the server.
    pub(crate) fn run_as_the_server(
        &self,
        commands: &str,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        self.shell(commands, variables, true)
    }

    fn shell(
        &self,
        commands: &str,
        variables: &[(&str, &str)],
        as_the_server: bool,
    ) -> anyhow::Result<String> {
        // Into files: a server that is started here would keep pipes open.
        let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", commands])
            .env_clear()
            .envs(variables.iter().copied())
            .env("PATH", &self.path)
            .env("LC_ALL", "C")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(err.try_clone()?);
        if as_the_server && getuid().is_root() {
            shell.uid(self.account.0).gid(self.account.1);
        }
        let status = shell.status()?;
        let (said, complained) = (read(out)?, read(err)?);
        ensure!(status.success(), "{status}:\n{commands}\n{said}\n{complained}");
        Ok(said)
    }
}

fn read(mut file: fs::File) -> anyhow::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}
