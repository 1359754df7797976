//! Where a server's data and socket are: where they were asked for, if at all possible.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::account::Account;
use crate::address::PORT;
use crate::binaries::{PgBinaries, find_binaries, find_binaries_for};
use crate::config::plain_text;
use crate::error::{Error, io_error};
use crate::private_dir;
use crate::runner::Runner;

/// The longest path that the kernel accepts for a Unix socket, without the final zero.
const SOCKET_PATH_MAX: usize = 107;

/// Everything about a cluster that is decided before it is touched.
#[derive(Debug)]
pub(crate) struct Place {
    /// The data directory, absolute and free of links above it.
    pub(crate) data: PathBuf,
    pub(crate) binaries: PgBinaries,
    pub(crate) runner: Runner,
    /// Why the data are not where they were asked for.
    pub(crate) note: Option<String>,
}

/// A file that stands beside the data directory: `dir/data` and `log` is `dir/data.log`.
pub(crate) fn beside(data: &Path, what: &str) -> PathBuf {
    let mut path = OsString::from(data);
    path.push(".");
    path.push(what);
    PathBuf::from(path)
}

/// The data directory as an absolute path; makes the folders above it.
pub(crate) fn resolve(wanted: &Path) -> Result<PathBuf, Error> {
    let wanted = std::path::absolute(wanted).map_err(io_error("use the folder", wanted))?;
    let (Some(parent), Some(name)) = (wanted.parent(), wanted.file_name()) else {
        return Err(Error::NotACluster(wanted));
    };
    fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
    let parent = parent.canonicalize().map_err(io_error("use the folder", parent))?;
    let data = parent.join(name);
    plain_text(&data)?;
    Ok(data)
}

impl Place {
    /// Decides where the cluster asked for at `wanted` (resolved) is or will be.
    ///
    /// Data that exist stay where they are. New data go to `wanted` unless root's server
    /// account can in no way work there: then to a private folder that is recorded beside
    /// `wanted`, and the note says so.
    pub(crate) fn choose(wanted: &Path) -> Result<Place, Error> {
        let moved = beside(wanted, "moved");
        if is_cluster(wanted) {
            return Place::of_cluster(wanted.to_path_buf(), None);
        }
        if let Some(home) = private_dir::recorded(&moved, geteuid().as_raw()) {
            let data = home.join("data");
            if is_cluster(&data) {
                let note = note(wanted, &data, "its user could not work there");
                return Place::of_cluster(data, Some(note));
            }
        }
        if fs::read_dir(wanted).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::NotACluster(wanted.to_path_buf()));
        }

        let account = Account::for_cluster(wanted)?;
        let binaries = find_binaries()?;
        match try_out(account.as_ref(), wanted, &binaries) {
            Ok(runner) => Ok(Place { data: wanted.to_path_buf(), binaries, runner, note: None }),
            // Without an account there is nobody else to blame: the folder is unusable.
            Err(error) if account.is_none() => Err(error),
            Err(error) => Place::elsewhere(account.as_ref(), wanted, binaries, &error),
        }
    }

    fn of_cluster(data: PathBuf, note: Option<String>) -> Result<Place, Error> {
        let account = Account::for_cluster(&data)?;
        let binaries = match major_of(&data) {
            Some(major) => find_binaries_for(major, &data)?,
            None => find_binaries()?,
        };
        if let Some(account) = &account {
            // A checkout that was copied or `chown`ed as a whole: PostgreSQL would refuse it.
            let owner = fs::metadata(&data).map_or(0, |found| found.uid());
            if owner != account.uid {
                account.give_tree(&data).map_err(io_error("give to the server's user", &data))?;
            }
        }
        let postgres = binaries.program("postgres");
        let runner = Runner::reaching(account.as_ref(), &data, &postgres)?;
        Ok(Place { data, binaries, runner, note })
    }

    fn elsewhere(
        account: Option<&Account>,
        wanted: &Path,
        binaries: PgBinaries,
        why: &Error,
    ) -> Result<Place, Error> {
        let [first, second] = private_dir::temporary_folders();
        // `/var/tmp` before the others: it survives a reboot.
        for parent in [PathBuf::from("/var/tmp"), first, second] {
            let made = private_dir::make(&parent, &beside(wanted, "moved"), |home| {
                // The folder stays root's, so that nothing in it can be swapped by the
                // server's user, who only has to pass through.
                fs::set_permissions(home, fs::Permissions::from_mode(0o711))
                    .map_err(io_error("open", home))?;
                try_out(account, &home.join("data"), &binaries)
            });
            if let Ok((home, runner)) = made {
                let data = home.join("data");
                let note = note(wanted, &data, &why.to_string());
                return Ok(Place { data, binaries, runner, note: Some(note) });
            }
        }
        Err(Error::Unreachable {
            account: account.map_or_else(String::new, |account| account.name.clone()),
            dir: wanted.to_path_buf(),
            reason: format!("{why}; nor any temporary folder"),
        })
    }

    /// Makes (or finds again) the directory for the socket: owned by the server's user and
    /// closed to all others, which is what makes `trust` authentication safe.
    pub(crate) fn socket_dir(&self) -> Result<PathBuf, Error> {
        let near = beside(&self.data, "socket");
        if fits(&near) {
            match fs::DirBuilder::new().mode(0o700).create(&near) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(io_error("create the folder", &near)(error));
                }
                _ => self.close_to_others(&near)?,
            }
            return Ok(near);
        }

        let record = beside(&self.data, "socket-dir");
        let owner = self.runner.account().map_or(geteuid().as_raw(), |it| it.uid);
        if let Some(dir) = private_dir::recorded(&record, owner)
            && fits(&dir)
        {
            self.close_to_others(&dir)?;
            return Ok(dir);
        }
        let postgres = self.binaries.program("postgres");
        for parent in private_dir::temporary_folders() {
            let made = private_dir::make(&parent, &record, |dir| {
                self.close_to_others(dir)?;
                if !fits(dir) || !self.runner.reaches(dir, &postgres)? {
                    return Err(Error::SocketPath(dir.to_path_buf()));
                }
                Ok(())
            });
            if let Ok((dir, ())) = made {
                return Ok(dir);
            }
        }
        Err(Error::SocketPath(near))
    }

    fn close_to_others(&self, dir: &Path) -> Result<(), Error> {
        if let Some(account) = self.runner.account() {
            account.give(dir).map_err(io_error("give to the server's user", dir))?;
        }
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
            .map_err(io_error("close to other users", dir))
    }
}

/// Makes a folder beside where the data will be, gives it to the account and lets the
/// account enter it: what holds for this folder will hold for the data.
fn try_out(account: Option<&Account>, data: &Path, binaries: &PgBinaries) -> Result<Runner, Error> {
    let trial = folder_beside(data, "trial")?;
    if let Some(account) = account {
        account.give(trial.path()).map_err(io_error("give to the server's user", trial.path()))?;
    }
    let postgres = binaries.program("postgres");
    Runner::reaching(account, trial.path(), &postgres).map_err(|error| match error {
        // The trial means nothing to a person.
        Error::Unreachable { account, dir, reason } => Error::Unreachable {
            account,
            reason: reason.replace(&*dir.to_string_lossy(), &data.to_string_lossy()),
            dir: data.to_path_buf(),
        },
        other => other,
    })
}

/// A new folder for its owner only that removes itself unless it is kept or renamed.
pub(crate) fn folder_beside(data: &Path, what: &str) -> Result<tempfile::TempDir, Error> {
    let prefix = beside(Path::new(data.file_name().unwrap_or_default()), what);
    let parent = data.parent().unwrap_or(data);
    tempfile::Builder::new()
        .prefix(&format!("{}-", prefix.display()))
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(io_error("create a folder in", parent))
}

pub(crate) fn is_cluster(data: &Path) -> bool {
    data.join("PG_VERSION").is_file()
}

fn major_of(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("PG_VERSION")).ok()?;
    text.trim().parse().ok()
}

/// Short enough for the kernel, and without the comma at which libpq splits a list of hosts.
fn fits(socket_dir: &Path) -> bool {
    let name = format!("/.s.PGSQL.{PORT}");
    let dir = socket_dir.as_os_str().as_encoded_bytes();
    dir.len() + name.len() <= SOCKET_PATH_MAX && !dir.contains(&b',')
}

fn note(wanted: &Path, data: &Path, why: &str) -> String {
    format!("The database is in {} instead of {}: {why}.", data.display(), wanted.display())
}
