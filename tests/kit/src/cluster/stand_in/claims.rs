//! The claims of a pod: folders of this machine, which its program finds where the pod mounts them.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Api;
use nix::unistd::geteuid;
use tokio::process::Command;

use super::Shared;
use super::environment::NotYet;

/// A folder of this machine, by where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) mount: String,
    pub(crate) folder: PathBuf,
    pub(crate) read_only: bool,
}

/// The claims that the container mounts. Each is bound, by hand, to a volume with a folder (`hostPath`); as a kubelet does,
/// this waits for one that is not there.
pub(crate) async fn of(shared: &Shared, pod: &Pod, container: &Container) -> Result<Vec<Claimed>, NotYet> {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    let mut claimed = Vec::new();
    for wanted in container.volume_mounts.iter().flatten() {
        let volume = volumes.and_then(|volumes| volumes.iter().find(|volume| volume.name == wanted.name));
        let Some(claim) = volume.and_then(|volume| volume.persistent_volume_claim.as_ref()) else { continue };
        let folder = folder(shared, &claim.claim_name).await.ok_or_else(NotYet::volume)?;
        let read_only = wanted.read_only == Some(true) || claim.read_only == Some(true);
        claimed.push(Claimed { mount: wanted.mount_path.clone(), folder, read_only });
    }
    Ok(claimed)
}

async fn folder(shared: &Shared, claim: &str) -> Option<PathBuf> {
    let claim = shared.api::<PersistentVolumeClaim>().get_opt(claim).await.ok()??;
    let volumes: Api<PersistentVolume> = Api::all(shared.client.clone());
    let volume = volumes.get_opt(&claim.spec?.volume_name?).await.ok()??;
    Some(volume.spec?.host_path?.path.into())
}

/// A root of its own, which has what this machine's has, and the folders where they are mounted, each for reading only or for
/// writing as well. The process stays the one that was started.
const ROOT: &str = r#"set -e
root=$1; here=$2; shift 2
mkdir -p "$root"
mount -t tmpfs none "$root"
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
  fi
done
while [ "$1" != -- ]; do
  mkdir -p "$root$1"; mount --bind -o "$3" "$2" "$root$1"; shift 3
done
shift
exec chroot "$root" env --chdir="$here" setpriv --pdeathsig KILL -- "$@""#;

/// A command that runs what is added to it in the folder, and ends with this process.
pub(crate) fn command(claimed: &[Claimed], folder: &Path) -> Command {
    if claimed.is_empty() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        return command;
    }
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", ROOT, "sh"]).arg(folder.join("mounted")).arg(folder);
    for Claimed { mount, folder, read_only } in claimed {
        command.arg(mount).arg(folder).arg(if *read_only { "ro" } else { "rw" });
    }
    command.arg("--");
    command
}
