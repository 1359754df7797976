//! Where the programs of a cluster are.

use std::env;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// The programs of the folder that `KUBEBUILDER_ASSETS` names.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    pub(crate) etcd: PathBuf,
    pub(crate) api_server: PathBuf,
    /// envtest's folders hold none; where there is one, tests may use it.
    pub(crate) controller_manager: Option<PathBuf>,
}

impl Assets {
    /// Finds them, or says in one line why there are none.
    pub(crate) fn find() -> Result<Self, String> {
        let folder = env::var_os(VARIABLE).filter(|folder| !folder.is_empty());
        let Some(folder) = folder.map(PathBuf::from) else {
            return Err(format!("{VARIABLE} is not set, so there is no API server to test against"));
        };
        let program = |name: &str| {
            let path = folder.join(name);
            path.is_file().then_some(path)
        };
        let needed = |name: &str| program(name).ok_or_else(|| missing(&folder, name));
        Ok(Self {
            etcd: needed("etcd")?,
            api_server: needed("kube-apiserver")?,
            controller_manager: program("kube-controller-manager"),
        })
    }
}

fn missing(folder: &Path, name: &str) -> String {
    format!("{VARIABLE} is {}, which holds no {name}", folder.display())
}
