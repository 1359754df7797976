//! The processes of pods, found by the names of the pods.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// See the module.
#[derive(Debug)]
pub(crate) struct Processes {
    folder: PathBuf,
    running: Mutex<BTreeMap<String, i32>>,
    ends: Mutex<BTreeMap<String, Timestamp>>,
}

impl Processes {
    pub(crate) fn new(folder: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, running: Mutex::default(), ends: Mutex::default() })
    }

    /// The folder of one pod, with its log, its volumes and its termination message.
    pub(crate) fn folder(&self, pod: &str) -> PathBuf {
        self.folder.join(pod)
    }

    pub(crate) fn log(folder: &Path) -> PathBuf {
        folder.join("log")
    }

    pub(crate) fn began(&self, pod: &str, pid: i32) {
        self.lock().insert(pod.to_owned(), pid);
    }

    pub(crate) fn ended(&self, pod: &str) {
        self.ends().insert(pod.to_owned(), Timestamp::now());
        self.lock().remove(pod);
    }

    /// When the process of a pod ended.
    pub(crate) fn end_of(&self, pod: &str) -> Option<Timestamp> {
        self.ends().get(pod).copied()
    }

    pub(crate) fn running(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn signal(&self, pod: &str, signal: Signal) -> anyhow::Result<()> {
        // Under the lock: whoever waits for the process takes it off the list under it, before the
        // number can be another's.
        let running = self.lock();
        let pid = running.get(pod).ok_or_else(|| anyhow::anyhow!("pod {pod} does not run"))?;
        kill(Pid::from_raw(*pid), signal)?;
        Ok(())
    }

    pub(crate) fn started(&self) -> usize {
        self.folders().len()
    }

    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        for folder in self.folders() {
            let log = fs::read_to_string(Self::log(&folder)).unwrap_or_default();
            text.push_str(&format!("--- {}\n{log}", folder.display()));
        }
        text
    }

    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| Self::log(path).is_file()).collect()
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, i32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
