//! Where the distribution keeps PostgreSQL's server programs, and which version they are.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// The oldest PostgreSQL that the ledger runs on.
pub const MINIMUM_MAJOR: u32 = 15;

/// The programs without which no server can be made; `psql` is not among them.
const NEEDED: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// The server programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgBinaries {
    bin_dir: PathBuf,
    version: String,
    major: u32,
}

impl PgBinaries {
    /// The folder that holds them.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The version as the server prints it, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as `15`.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one program, such as `initdb` or `psql`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }

    /// The programs in a folder, if it holds all that are needed and they run.
    fn in_folder(bin_dir: &Path) -> Option<PgBinaries> {
        // `/usr/local/bin/postgres` is often a link to the real folder, where `initdb` is.
        let postgres = bin_dir.join("postgres").canonicalize().ok()?;
        let bin_dir = postgres.parent()?;
        if !NEEDED.iter().all(|name| bin_dir.join(name).is_file()) {
            return None;
        }
        let said = output_of(&bin_dir.join("postgres"), "--version")?;
        let (version, major) = parse_version(&said)?;
        Some(PgBinaries { bin_dir: bin_dir.to_path_buf(), version, major })
    }
}

/// Finds PostgreSQL's server programs: in `PG_BINDIR` if that is set, else the newest below
/// `/usr/lib/postgresql`, else what `pg_config` or `PATH` name.
///
/// # Errors
///
/// [`Error::BinariesMissing`] if there are none, [`Error::BinariesTooOld`] if all of them
/// are older than [`MINIMUM_MAJOR`].
pub fn find_binaries() -> Result<PgBinaries, Error> {
    Search::of_this_machine().newest()
}

/// The programs of exactly this major version: data directories cannot be read by another.
pub(crate) fn find_binaries_for(major: u32, data_dir: &Path) -> Result<PgBinaries, Error> {
    Search::of_this_machine()
        .all()
        .into_iter()
        .find(|found| found.major == major)
        .ok_or_else(|| Error::ClusterVersion { data_dir: data_dir.to_path_buf(), wanted: major })
}

/// The places to look at.
struct Search {
    pinned: Option<PathBuf>,
    packages: PathBuf,
    path: OsString,
}

impl Search {
    fn of_this_machine() -> Search {
        Search {
            pinned: std::env::var_os("PG_BINDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            packages: PathBuf::from("/usr/lib/postgresql"),
            path: std::env::var_os("PATH").unwrap_or_default(),
        }
    }

    fn newest(&self) -> Result<PgBinaries, Error> {
        let all = self.all();
        if let Some(found) = all.iter().find(|found| found.major >= MINIMUM_MAJOR) {
            return Ok(found.clone());
        }
        match all.into_iter().next() {
            Some(PgBinaries { bin_dir, version: found, major: _ }) => {
                Err(Error::BinariesTooOld { found, bin_dir })
            }
            None => Err(Error::BinariesMissing {
                looked: match &self.pinned {
                    Some(dir) => format!("PG_BINDIR, which is {}", dir.display()),
                    None => format!("{}/*/bin, pg_config and PATH", self.packages.display()),
                },
            }),
        }
    }

    /// Everything found, in order of preference.
    fn all(&self) -> Vec<PgBinaries> {
        // A pinned folder is a wish of the user: nothing else would be what they asked for.
        let folders = match &self.pinned {
            Some(dir) => vec![dir.clone()],
            None => self.folders(),
        };
        let mut seen = BTreeSet::new();
        folders
            .iter()
            .filter_map(|dir| PgBinaries::in_folder(dir))
            .filter(|found| seen.insert(found.bin_dir.clone()))
            .collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir(&self.packages)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        packaged.sort_by_key(|(version, _)| std::cmp::Reverse(*version));

        let mut folders: Vec<PathBuf> = packaged.into_iter().map(|(_, dir)| dir).collect();
        let on_path: Vec<PathBuf> = std::env::split_paths(&self.path).collect();
        folders.extend(
            on_path
                .iter()
                .map(|dir| dir.join("pg_config"))
                .find(|program| program.is_file())
                .and_then(|program| output_of(&program, "--bindir"))
                .map(|dir| PathBuf::from(dir.trim())),
        );
        folders.extend(on_path);
        folders
    }
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is `("15.18", 15)`; betas read `18beta1`.
fn parse_version(said: &str) -> Option<(String, u32)> {
    let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((version.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with programs that only know their version.
    fn pretend(bin_dir: &Path, version: &str) {
        fs::create_dir_all(bin_dir).unwrap();
        for name in NEEDED {
            let script = format!("#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n");
            let path = bin_dir.join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn search(root: &Path) -> Search {
        Search { pinned: None, packages: root.join("packages"), path: root.join("path").into_os_string() }
    }

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
            ("postgres (PostgreSQL) 9.6.24", 9),
            ("postgres (PostgreSQL) 18beta1", 18),
            ("postgres (PostgreSQL) 19devel", 19),
        ];
        for (said, major) in cases {
            assert_eq!(parse_version(said).unwrap().1, major, "{said}");
        }
        assert_eq!(parse_version("postgres"), None);
    }

    #[test]
    fn the_newest_package_is_preferred_by_number_not_by_name() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "100"] {
            pretend(&root.path().join("packages").join(version).join("bin"), version);
        }
        assert_eq!(search(root.path()).newest().unwrap().major(), 100);
    }

    #[test]
    fn a_package_without_the_server_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("packages/15/bin"), "15.1");
        pretend(&root.path().join("packages/17/bin"), "17.1");
        fs::remove_file(root.path().join("packages/17/bin/initdb")).unwrap();
        assert_eq!(search(root.path()).newest().unwrap().version(), "15.1");
    }

    #[test]
    fn programs_on_the_path_are_found_through_links() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("opt"), "16.2");
        fs::create_dir(root.path().join("path")).unwrap();
        std::os::unix::fs::symlink(root.path().join("opt/postgres"), root.path().join("path/postgres"))
            .unwrap();
        assert_eq!(search(root.path()).newest().unwrap().major(), 16);
    }

    #[test]
    fn a_pinned_folder_is_the_only_one_looked_at() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("packages/15/bin"), "15.1");
        let search = Search { pinned: Some(root.path().join("nowhere")), ..search(root.path()) };
        assert!(matches!(search.newest(), Err(Error::BinariesMissing { .. })));
    }
}
