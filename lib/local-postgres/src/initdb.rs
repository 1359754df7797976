//! A new cluster.

use std::fs;
use std::path::Path;

use crate::SUPERUSER;
use crate::config::Kind;
use crate::error::{Error, io_error, last_lines};
use crate::place::{Place, beside, folder_beside};
use crate::runner::run;

/// What `initdb` is told beside the folder and the superuser.
pub(crate) const INITDB: [&str; 6] = [
    // Who can enter the socket's directory is the server's own user or root. Nobody
    // else gets there, and TCP stays shut even if somebody switches it on.
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    // Exists everywhere and never changes its order under an index, unlike others.
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
];

/// Runs `initdb` in a folder beside the data and renames that one when it is complete: an
/// `initdb` that is killed leaves nothing that looks like a cluster.
pub(crate) fn create(place: &Place, kind: Kind) -> Result<(), Error> {
    let Place { data, binaries, runner, note: _ } = place;
    remove_unfinished(data);
    let unfinished = folder_beside(data, "initdb")?;
    if let Some(account) = runner.account() {
        account.give(unfinished.path()).map_err(io_error("give to the server's user", unfinished.path()))?;
    }
    let mut command = runner.command(&binaries.program("initdb"));
    command.arg("-D").arg(unfinished.path()).arg(format!("--username={SUPERUSER}")).args(INITDB);
    if kind == Kind::ThrowAway {
        command.arg("--no-sync");
    }
    let output = run(&mut command)?;
    if !output.status.success() {
        return Err(Error::Init { data_dir: data.clone(), said: last_lines(&output.stderr) });
    }
    fs::rename(unfinished.path(), data).map_err(io_error("put the new cluster at", data))
}

fn remove_unfinished(data: &Path) {
    let parent = data.parent().unwrap_or(data);
    for what in ["initdb", "trial"] {
        let prefix = format!("{}-", beside(data, what).display());
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.path().to_string_lossy().starts_with(&prefix) {
                // Of another user, perhaps; then it is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}
