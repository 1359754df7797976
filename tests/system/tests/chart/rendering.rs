//! The chart rendered, and the objects that come out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chancery_kit::helm::{Helm, chart};
use serde_json::Value;

/// Namespace of the release.
pub(crate) const NAMESPACE: &str = "sealing";

/// A chart and what it is rendered with.
pub(crate) struct Chart {
    helm: Helm,
    arguments: Vec<String>,
}

impl Chart {
    /// With its default values; none without Helm.
    pub(crate) fn find() -> Option<Self> {
        Helm::find().map(|helm| Self { helm, arguments: Vec::new() })
    }

    /// With a file of `charts/chancery/ci`.
    pub(crate) fn values(mut self, file: &str) -> Self {
        let path = value_sets().join(file);
        self.arguments.extend(["--values".to_owned(), path.display().to_string()]);
        self
    }

    /// With `--set`.
    pub(crate) fn set(mut self, value: &str) -> Self {
        self.arguments.extend(["--set".to_owned(), value.to_owned()]);
        self
    }

    /// On a cluster that knows this API too.
    pub(crate) fn api(mut self, version: &str) -> Self {
        self.arguments.extend(["--api-versions".to_owned(), version.to_owned()]);
        self
    }

    /// On a cluster of this version.
    pub(crate) fn kubernetes(mut self, version: &str) -> Self {
        self.arguments.extend(["--kube-version".to_owned(), version.to_owned()]);
        self
    }

    /// What a person reads after the installation.
    pub(crate) fn notes(&self) -> anyhow::Result<String> {
        // Helm shows them only on a cluster: here they are the content of an object.
        let copy = tempfile::tempdir()?;
        copy_folder(&chart(), copy.path())?;
        fs::rename(copy.path().join("templates/NOTES.txt"), copy.path().join("files/notes.txt"))?;
        let object = "kind: Notes\nnotes: {{ tpl (.Files.Get \"files/notes.txt\") . | toJson }}\n";
        fs::write(copy.path().join("templates/notes.yaml"), object)?;
        let text = self.render_of(copy.path(), &["--show-only", "templates/notes.yaml"])?;
        let notes: Value = serde_saphyr::from_str(&text.map_err(anyhow::Error::msg)?)?;
        Ok(notes["notes"].as_str().context("no notes")?.to_owned())
    }

    /// The rendered objects, hooks included.
    pub(crate) fn objects(&self) -> anyhow::Result<Vec<Value>> {
        let text = self.render()?.map_err(|refusal| anyhow::anyhow!("helm template: {refusal}"))?;
        documents(&text)
    }

    /// The objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        Ok(self.objects()?.into_iter().filter(|object| object["kind"] == kind).collect())
    }

    /// The one object of a kind whose name ends so.
    pub(crate) fn one(&self, kind: &str, ending: &str) -> anyhow::Result<Value> {
        let mut found = self.of_kind(kind)?;
        found.retain(|object| name(object).ends_with(ending));
        anyhow::ensure!(found.len() == 1, "{} objects {kind} …{ending}", found.len());
        Ok(found.remove(0))
    }

    /// What an upgrade renders on a cluster in which, beside the release's own namespace, there are these; or why Helm refuses to.
    pub(crate) fn upgrade(&self, namespaces: &[&str]) -> anyhow::Result<Result<Vec<Value>, String>> {
        // Without a cluster, `lookup` finds nothing: here it looks into a list.
        let copy = tempfile::tempdir()?;
        copy_folder(&chart(), copy.path())?;
        let settings = copy.path().join("templates/_settings.tpl");
        let (asks, text) = ("lookup \"v1\" \"Namespace\" \"\"", fs::read_to_string(&settings)?);
        anyhow::ensure!(text.contains(asks), "the chart asks in another way whether there is a namespace");
        let there: Vec<String> = std::iter::once(&NAMESPACE)
            .chain(namespaces)
            .map(|name| format!("{name:?} (dict \"status\" (dict \"phase\" \"Active\"))"))
            .collect();
        fs::write(&settings, text.replace(asks, &format!("get (dict {})", there.join(" "))))?;
        Ok(match self.render_of(copy.path(), &["--is-upgrade"])? {
            Ok(text) => Ok(documents(&text)?),
            Err(refusal) => Err(refusal),
        })
    }

    /// Why Helm refuses to render it.
    pub(crate) fn refusal(&self) -> anyhow::Result<String> {
        self.render()?.err().context("it was rendered")
    }

    /// `helm lint --strict`.
    pub(crate) fn lint(&self) -> anyhow::Result<()> {
        let output =
            self.helm.command().args(["lint", "--strict"]).arg(chart()).args(&self.arguments).output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    }

    fn render(&self) -> anyhow::Result<Result<String, String>> {
        self.render_of(&chart(), &[])
    }

    fn render_of(&self, chart: &Path, more: &[&str]) -> anyhow::Result<Result<String, String>> {
        let output = self
            .helm
            .command()
            .args(["template", "chancery"])
            .arg(chart)
            // Without a cluster, Helm would take its own age for the cluster's.
            .args(["--namespace", NAMESPACE, "--kube-version", "1.36.0"])
            .args(&self.arguments)
            .args(more)
            .output()?;
        Ok(if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(String::from_utf8(output.stderr)?)
        })
    }
}

/// The objects of what was rendered.
fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Each value set by its name, the chart's defaults first; none without Helm.
pub(crate) fn every_value_set() -> anyhow::Result<Vec<(String, Chart)>> {
    let Some(chart) = Chart::find() else { return Ok(Vec::new()) };
    let mut sets = vec![("defaults".to_owned(), chart)];
    let mut files = Vec::new();
    for entry in fs::read_dir(value_sets())? {
        files.push(entry?.file_name().into_string().expect("a name in ASCII"));
    }
    files.sort();
    for file in files {
        let Some(chart) = Chart::find() else { continue };
        sets.push((file.clone(), chart.values(&file)));
    }
    Ok(sets)
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("an object with a name")
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn value_sets() -> PathBuf {
    chart().join("ci")
}
