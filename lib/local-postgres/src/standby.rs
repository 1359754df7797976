//! A copy of a running server that follows it.

use std::fs;

use crate::error::{Error, io_error, last_lines};
use crate::place::{Place, folder_beside};
use crate::runner::run;

/// Copies the data of the server at `conninfo` to the place, with all that makes the copy stream from it.
pub(crate) fn copy(place: &Place, conninfo: &str) -> Result<(), Error> {
    let Place { data, binaries, runner, note: _ } = place;
    let unfinished = folder_beside(data, "initdb")?;
    if let Some(account) = runner.account() {
        account.give(unfinished.path()).map_err(io_error("give to the server's user", unfinished.path()))?;
    }
    let mut command = runner.command(&binaries.program("pg_basebackup"));
    command.arg("--pgdata").arg(unfinished.path()).args([
        &format!("--dbname={conninfo}"),
        "--write-recovery-conf",
        "--checkpoint=fast",
        "--wal-method=stream",
        "--no-sync",
    ]);
    let output = run(&mut command)?;
    if !output.status.success() {
        return Err(Error::Copy { data_dir: data.clone(), said: last_lines(&output.stderr) });
    }
    fs::rename(unfinished.path(), data).map_err(io_error("put the new cluster at", data))
}
