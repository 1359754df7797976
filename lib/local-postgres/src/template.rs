//! A cluster that is made once, and copied for each server: `initdb` takes a second of a processor, and a copy a tenth of that.
//!
//! Copies have one system identifier. Servers that follow one another are made otherwise (`standby`).

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::config::Kind;
use crate::error::{Error, io_error, last_lines};
use crate::initdb::{INITDB, create};
use crate::locks::Turn;
use crate::place::{Place, beside, folder_beside, is_cluster, resolve};
use crate::runner::run;

/// Makes the cluster of the place a copy of the one in the folder `templates` that is like it. The first to ask makes that.
pub(crate) fn copy(place: &Place, templates: &Path) -> Result<(), Error> {
    let Place { data, binaries: _, runner, note: _ } = place;
    let template = find_or_make(place, templates)?;
    let unfinished = folder_beside(data, "initdb")?;
    if let Some(account) = runner.account() {
        account.give(unfinished.path()).map_err(io_error("give to the server's user", unfinished.path()))?;
    }
    let mut command = runner.command(Path::new("cp"));
    let output = run(command.arg("-a").arg(template.join(".")).arg(unfinished.path()))?;
    if !output.status.success() {
        return Err(Error::Template { template, said: last_lines(&output.stderr) });
    }
    fs::rename(unfinished.path(), data).map_err(io_error("put the new cluster at", data))
}

fn find_or_make(place: &Place, templates: &Path) -> Result<PathBuf, Error> {
    let template = resolve(&templates.join(name_for(place)))?;
    let _turn = Turn::take(&beside(&template, "lock"))?;
    if !is_cluster(&template) {
        // What cleans temporary folders may have taken a part of it.
        let _ = fs::remove_dir_all(&template);
        let Place { data: _, binaries, runner, note: _ } = place;
        let (binaries, runner) = (binaries.clone(), runner.clone());
        create(&Place { data: template.clone(), binaries, runner, note: None }, Kind::ThrowAway)?;
    }
    Ok(template)
}

/// Another version, another user, and another way to make clusters have another template.
fn name_for(place: &Place) -> String {
    let Place { data: _, binaries, runner, note: _ } = place;
    let mut hasher = DefaultHasher::new();
    (binaries.bin_dir(), INITDB, runner.account().map(|account| account.uid)).hash(&mut hasher);
    format!("cluster-{}-{:016x}", binaries.version(), hasher.finish())
}
