//! A pod's container as a local process.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use k8s_openapi::api::core::v1::Container;
use tokio::process::Child;

use super::claims::{self, Claimed};
use super::environment::Mounts;
use super::processes::Processes;
use crate::programs::program;

/// The longest termination message that the kubelet takes over, in bytes.
const MESSAGE_MAX: usize = 4_096;

/// How a container ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// As a container runtime gives it: 128 and the signal's number for a process that one ended.
    pub(crate) exit_code: i32,
    pub(crate) message: Option<String>,
}

/// A container that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    message: PathBuf,
}

/// Starts the container's command. Paths of its mounts and its ports become such of this machine; its claims are where they
/// are mounted.
pub(crate) fn start(
    container: &Container,
    environment: Vec<(String, String)>,
    mounts: &Mounts,
    claimed: &[Claimed],
    folder: &Path,
) -> std::io::Result<Running> {
    // A pod without a mount has none yet.
    fs::create_dir_all(folder)?;
    let message = folder.join("termination-log");
    let message_path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
    let log = File::create(Processes::log(folder))?;
    let mut arguments = container.command.iter().flatten().chain(container.args.iter().flatten());
    let name = arguments.next().map(String::as_str).unwrap_or_default();
    let name = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let here = |(name, value): (String, String)| {
        let value = match (name.as_str(), mounted(&value, mounts)) {
            ("CHANCERY_LISTEN" | "CHANCERY_LISTEN_FOR_METRICS" | "CHANCERY_LISTEN_FOR_PROBES", _) => {
                "127.0.0.1:0".to_owned()
            }
            (_, Some(path)) => path.display().to_string(),
            (_, None) if value == message_path => message.display().to_string(),
            (_, None) => value,
        };
        (name, value)
    };
    let child = claims::command(claimed, folder)
        .arg(program(name))
        .args(arguments)
        .env_clear()
        .envs(environment.into_iter().map(here))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    Ok(Running { child, message })
}

/// Starts the container, and waits until it has ended well.
pub(crate) async fn run_to_its_end(
    container: &Container,
    environment: Vec<(String, String)>,
    mounts: &Mounts,
    folder: &Path,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let status = start(container, environment, mounts, &[], folder)?.child.wait().await?;
    let log = fs::read_to_string(Processes::log(folder)).unwrap_or_default();
    anyhow::ensure!(status.success(), "container {} ended with {status}: {log}", container.name);
    Ok(())
}

/// A path in a mount, or one with mounts below it.
fn mounted(value: &str, mounts: &Mounts) -> Option<PathBuf> {
    let value = Path::new(value);
    if let Some((mount, place)) = mounts.iter().find(|(mount, _)| value.starts_with(mount)) {
        return Some(place.join(value.strip_prefix(mount).ok()?));
    }
    let (mount, place) = mounts.iter().find(|(mount, _)| {
        value.is_absolute() && value.components().count() > 1 && Path::new(mount).starts_with(value)
    })?;
    let below = Path::new(mount).strip_prefix(value).ok()?.components().count();
    place.ancestors().nth(below).map(Path::to_owned)
}

impl Running {
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().and_then(|id| id.try_into().ok()).unwrap_or_default()
    }

    /// How it ended.
    pub(crate) fn ended(&self, status: ExitStatus) -> Ended {
        let exit_code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(255);
        let message = fs::read(&self.message).ok().filter(|message| !message.is_empty());
        let message = message.map(|message| {
            let tail = &message[message.len().saturating_sub(MESSAGE_MAX)..];
            String::from_utf8_lossy(tail).into_owned()
        });
        Ended { exit_code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_a_mount_and_above_several() {
        let place = |path: &str| PathBuf::from("/pod/root").join(path);
        let mounts: Mounts =
            ["etc/a/one", "etc/a/two"].map(|path| (format!("/{path}"), place(path))).into_iter().collect();
        assert_eq!(mounted("/etc/a/one/file", &mounts), Some(place("etc/a/one/file")));
        assert_eq!(mounted("/etc/a", &mounts), Some(place("etc/a")));
        assert_eq!(mounted("/etc/b", &mounts), None);
        assert_eq!(mounted("/", &mounts), None);
        assert_eq!(mounted("a value", &mounts), None);
    }
}
