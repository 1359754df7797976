//! Which user the server runs as: ourselves, unless we are root, which PostgreSQL refuses.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use nix::unistd::{User, geteuid};

use crate::error::Error;
use crate::place::is_cluster;

/// An unprivileged user that root runs the server as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account for a cluster that may exist already; `None` means ourselves.
    ///
    /// A cluster that a user made keeps that user when root comes along, so that both can
    /// go on using it. An empty folder of an unknown user does not count: `initdb` insists
    /// on a name.
    pub(crate) fn for_cluster(data_dir: &Path) -> Result<Option<Account>, Error> {
        let me = geteuid().as_raw();
        let owner = fs::metadata(data_dir).ok().map(|it| (it.uid(), it.gid()));
        match owner {
            Some((uid, _)) if me != 0 && uid != me => {
                Err(Error::NotOwner { data_dir: data_dir.to_path_buf(), owner: uid, me })
            }
            _ if me != 0 => Ok(None),
            Some((uid, gid)) if uid != 0 => match User::from_uid(uid.into()).ok().flatten() {
                None if !is_cluster(data_dir) => Account::unprivileged().map(Some),
                user => Ok(Some(Account {
                    name: user.map_or_else(|| uid.to_string(), |user| user.name),
                    uid,
                    gid,
                })),
            },
            _ => Account::unprivileged().map(Some),
        }
    }

    fn unprivileged() -> Result<Account, Error> {
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .filter(|user| !user.uid.is_root())
            .map(|user| Account { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
            .ok_or(Error::NoAccount)
    }

    /// Gives a file or folder to the account; a symbolic link itself, never its target.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        lchown(path, Some(self.uid), Some(self.gid))
    }

    /// Gives a folder and all in it to the account.
    pub(crate) fn give_tree(&self, path: &Path) -> io::Result<()> {
        self.give(path)?;
        if fs::symlink_metadata(path)?.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give_tree(&entry?.path())?;
            }
        }
        Ok(())
    }
}
