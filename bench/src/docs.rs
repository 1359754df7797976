//! Writes results into the documentation, between the markers that bear their names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::result::Kept;

/// The folder of the pages that hold results.
const PAGES: &str = "docs/internals";

/// The folder of the charts, as seen from the pages.
const CHARTS: &str = "charts";

/// Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` on every page, for every
/// result that there is, and draws the charts. What has no result stays as it is.
pub(crate) fn write(results: &Path) -> anyhow::Result<()> {
    let charts = Path::new(PAGES).join(CHARTS);
    fs::create_dir_all(&charts).with_context(|| format!("{PAGES}: run it where the repository is"))?;
    for file in pages(Path::new(PAGES))? {
        let page = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let written = replace(&page, |name| {
            let Some(kept) = Kept::read(results, name)? else { return Ok(None) };
            for chart in &kept.outcome.charts {
                chart.draw(&charts)?;
            }
            Ok(Some(kept.markdown(CHARTS)))
        })
        .with_context(|| format!("writing {}", file.display()))?;
        if written != page {
            fs::write(&file, written).with_context(|| format!("writing {}", file.display()))?;
        }
    }
    Ok(())
}

/// The Markdown files of a folder.
fn pages(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    Ok(files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "md")).collect())
}

/// The page with other text between its markers; None leaves a text as it is.
fn replace(
    page: &str,
    mut text_of: impl FnMut(&str) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<String> {
    let (mut written, mut rest) = (String::new(), page);
    while let Some((before, after)) = rest.split_once("<!-- bench:") {
        let (name, after) = after.split_once(" -->").context("a marker without an end")?;
        let end = format!("<!-- /bench:{name} -->");
        let (old, after) = after.split_once(&end).with_context(|| format!("{end} is missing"))?;
        let new = text_of(name)?.map(|new| format!("\n\n{}\n\n", new.trim()));
        written.push_str(&format!("{before}<!-- bench:{name} -->{}{end}", new.as_deref().unwrap_or(old)));
        rest = after;
    }
    Ok(written + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_of_a_result_is_replaced() {
        let page = "a <!-- bench:one -->old<!-- /bench:one --> b <!-- bench:two -->kept<!-- /bench:two --> c";
        let written = replace(page, |name| Ok((name == "one").then(|| "new".to_owned()))).unwrap();
        let wanted = "a <!-- bench:one -->\n\nnew\n\n<!-- /bench:one --> b <!-- bench:two -->kept<!-- /bench:two --> c";
        assert_eq!(written, wanted);
        assert_eq!(replace(&written, |_| Ok(None)).unwrap(), wanted);
    }

    #[test]
    fn the_documentation_has_a_place_for_every_result() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut text = String::new();
        for page in pages(&project.join(PAGES)).unwrap() {
            text += &fs::read_to_string(page).unwrap();
        }
        for result in fs::read_dir(project.join("bench/results")).unwrap() {
            let result = result.unwrap().path();
            if result.extension().is_some_and(|ending| ending == "json") {
                let name = result.file_stem().unwrap().to_str().unwrap();
                assert_eq!(text.matches(&format!("<!-- bench:{name} -->")).count(), 1, "{name}");
                assert_eq!(text.matches(&format!("<!-- /bench:{name} -->")).count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn a_marker_without_its_end_is_refused() {
        assert!(replace("<!-- bench:one --> text", |_| Ok(None)).is_err());
    }
}
