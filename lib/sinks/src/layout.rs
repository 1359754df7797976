//! Names of objects, which follow from run, batch and sink.

use crate::sink::Of;

/// How the objects of a sink are named: a path below its url, with `{run}` or `{uid}`, or both, and `{batch}`, and, if you like,
/// `{namespace}` and `{sink}`. The number of a batch has ten digits, so that names sort as batches do. A name that ends with `.gz` is of content that is compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What stands between the numbers of batches; one more than there are places for them.
    around: Vec<String>,
    /// What the name of a manifest begins with: a folder, and what that does not name of what batches are named by.
    manifest: String,
}

/// Why a text is no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLayout {
    /// Two batches, or two runs, would have one object.
    #[error("it has to name {{run}} or {{uid}}, and {{batch}}")]
    NotUnique,
    /// A placeholder that nobody knows, or a brace without its other.
    #[error(
        "it may have {{namespace}}, {{run}}, {{uid}}, {{sink}} and {{batch}} in braces, and nothing else"
    )]
    Unknown,
    /// A path that leads elsewhere, or to nothing.
    #[error("it has to be a path below the url: no part of it is empty, `.` or `..`")]
    Path,
    /// What some store does not take.
    #[error("it has at most 256 bytes, all of them ASCII letters, digits, braces, and `-_.=/`")]
    Letters,
    /// More than a ledger keeps of a name, or than a file system takes of a part of it.
    #[error(
        "names of batches and manifests have at most 1000 bytes, and each part of them at most 240, once run, namespace and sink stand in them"
    )]
    Long,
    /// Content that is compressed in itself.
    #[error("of Parquet, it may not end with .gz: that is compressed in itself")]
    Compressed,
}

const MOST_BYTES: usize = 256;

/// The ledger keeps 1024 bytes of a name.
const MOST_OF_A_NAME: usize = 1_000;

/// Of 255 bytes, with room for what a file has behind its name while it is written.
const MOST_OF_A_PART: usize = 240;

impl Layout {
    /// Of a run and a sink.
    ///
    /// # Errors
    ///
    /// [`BadLayout`].
    pub fn new(template: &str, of: Of<'_>) -> Result<Self, BadLayout> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"{}-_.=/".contains(&byte);
        if template.len() > MOST_BYTES || !template.bytes().all(is_letter) {
            return Err(BadLayout::Letters);
        }
        if template.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BadLayout::Path);
        }
        let (mut around, mut names_run, mut rest) = (vec![String::new()], false, template);
        while let Some((before, after)) = rest.split_once('{') {
            let (placeholder, after) = after.split_once('}').ok_or(BadLayout::Unknown)?;
            let last = around.last_mut().ok_or(BadLayout::Unknown)?;
            last.push_str(before);
            match placeholder {
                "namespace" => last.push_str(of.namespace),
                "sink" => last.push_str(of.sink),
                "run" => {
                    names_run = true;
                    last.push_str(of.run);
                }
                "uid" => {
                    names_run = true;
                    last.push_str(&of.uid.to_string());
                }
                "batch" => around.push(String::new()),
                _ => return Err(BadLayout::Unknown),
            }
            rest = after;
        }
        around.last_mut().ok_or(BadLayout::Unknown)?.push_str(rest);
        if around.iter().any(|text| text.contains('}')) {
            return Err(BadLayout::Unknown);
        }
        if !names_run || around.len() < 2 {
            return Err(BadLayout::NotUnique);
        }
        let manifest = manifest(&around, template, of);
        let layout = Self { around, manifest };
        let is_long = |name: String| {
            name.len() > MOST_OF_A_NAME || name.split('/').any(|part| part.len() > MOST_OF_A_PART)
        };
        if is_long(layout.name(i64::MAX)) || is_long(layout.manifest(i32::MAX)) {
            return Err(BadLayout::Long);
        }
        Ok(layout)
    }

    /// The name of a manifest: beside the folders of batches, or among the batches where these have none of their own.
    #[must_use]
    pub fn manifest(&self, number: i32) -> String {
        let Self { manifest, .. } = self;
        if number == 1 {
            format!("{manifest}manifest.json")
        } else {
            format!("{manifest}manifest-{number}.json")
        }
    }

    /// The name of the object of a batch.
    #[must_use]
    pub fn name(&self, batch: i64) -> String {
        self.around.join(&format!("{batch:010}"))
    }

    /// Whether what is stored is compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.around.last().is_some_and(|end| end.ends_with(".gz"))
    }
}

/// What the name of a manifest begins with: the folder before the first part that names a batch, and in it what batches are named by beside
/// that. So two sinks that a placeholder tells apart have no manifest in common; two that only other text tells apart do.
fn manifest(around: &[String], template: &str, of: Of<'_>) -> String {
    let before = around.first().map_or("", String::as_str);
    let mut manifest = before.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let folders: Vec<_> = template.split('/').take_while(|part| !part.contains("{batch}")).collect();
    let uid = of.uid.to_string();
    for (placeholder, named) in
        [("{namespace}", of.namespace), ("{run}", of.run), ("{uid}", &uid), ("{sink}", of.sink)]
    {
        if template.contains(placeholder) && !folders.iter().any(|folder| folder.contains(placeholder)) {
            manifest.push_str(named);
            manifest.push('.');
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OF: Of<'_> = Of { uid: Uuid::nil(), namespace: "default", run: "demo", sink: "out" };

    #[test]
    fn a_name_follows_from_run_batch_and_sink() {
        for (template, expected, is_compressed) in [
            ("{run}/{batch}.ndjson", "demo/0000000017.ndjson", false),
            ("{run}/{batch}.ndjson.gz", "demo/0000000017.ndjson.gz", true),
            ("{namespace}/{sink}/{run}/{batch}", "default/out/demo/0000000017", false),
            ("b={batch}/{run}-{batch}.gz", "b=0000000017/demo-0000000017.gz", true),
            ("{uid}/{batch}", "00000000-0000-0000-0000-000000000000/0000000017", false),
        ] {
            let layout = Layout::new(template, OF).expect(template);
            assert_eq!((layout.name(17).as_str(), layout.is_compressed()), (expected, is_compressed));
        }
        let layout = Layout::new("{run}/{batch}", OF).expect("a layout");
        assert!(layout.name(9) < layout.name(10), "names sort as batches do");
        assert_eq!(layout.name(i64::MAX), "demo/9223372036854775807");
    }

    #[test]
    fn a_manifest_is_beside_what_it_speaks_of_and_that_of_another_run_is_never_in_its_place() {
        for (template, expected) in [
            ("{run}/{batch}.ndjson", "demo/manifest.json"),
            ("{run}/{batch}/{batch}.ndjson.gz", "demo/manifest.json"),
            ("{namespace}/{sink}/{run}/b={batch}/x", "default/out/demo/manifest.json"),
            ("{run}-{batch}", "demo.manifest.json"),
            ("all/{run}-{batch}", "all/demo.manifest.json"),
            ("{sink}/b={batch}/{run}", "out/demo.manifest.json"),
            ("{run}/{sink}-{batch}", "demo/out.manifest.json"),
            ("{run}/{uid}-{batch}", "demo/00000000-0000-0000-0000-000000000000.manifest.json"),
            ("{uid}/{run}/{batch}", "00000000-0000-0000-0000-000000000000/demo/manifest.json"),
            (
                "{run}-{uid}/{namespace}/x{batch}/{sink}",
                "demo-00000000-0000-0000-0000-000000000000/default/out.manifest.json",
            ),
        ] {
            let layout = Layout::new(template, OF).expect(template);
            assert_eq!(layout.manifest(1), expected, "{template}");
            assert_eq!(layout.manifest(2), expected.replace("manifest", "manifest-2"), "{template}");
        }
    }

    #[test]
    fn what_is_no_layout_is_said_so() {
        for (template, why) in [
            ("{run}.ndjson", BadLayout::NotUnique),
            ("{batch}.ndjson", BadLayout::NotUnique),
            ("{run}/{batch", BadLayout::Unknown),
            ("{run}/batch}", BadLayout::Unknown),
            ("{run}/{batch}/{record}", BadLayout::Unknown),
            ("{run}/{{batch}}", BadLayout::Unknown),
            ("/{run}/{batch}", BadLayout::Path),
            ("{run}//{batch}", BadLayout::Path),
            ("{run}/../{batch}", BadLayout::Path),
            ("{run}/{batch}/", BadLayout::Path),
            ("{run}/{batch} x", BadLayout::Letters),
            ("{run}/{batch}#1", BadLayout::Letters),
        ] {
            assert_eq!(Layout::new(template, OF), Err(why), "{template}");
        }
        assert_eq!(
            Layout::new(&format!("{{run}}/{{batch}}{}", "x".repeat(230)), OF),
            Err(BadLayout::Long),
            "with the digits of the greatest number"
        );
        assert_eq!(
            Layout::new(&format!("{{run}}/{{batch}}{}", "x".repeat(250)), OF),
            Err(BadLayout::Letters)
        );
    }
}
