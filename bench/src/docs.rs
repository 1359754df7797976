//! Writes results into the documentation, between the markers that bear their names.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::result::Kept;

const PAGE: &str = "docs/performance.md";

/// As seen from the repository, and from the page.
const CHARTS: [&str; 2] = ["docs/charts", "charts"];

/// Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` for every result that there
/// is, and draws the charts. What has no result stays as it is.
pub(crate) fn write(results: &Path) -> anyhow::Result<()> {
    let page = fs::read_to_string(PAGE).with_context(|| format!("{PAGE}: run it where the repository is"))?;
    let [folder, seen_from_page] = CHARTS;
    fs::create_dir_all(folder)?;
    let written = replace(&page, |name| {
        let Some(kept) = Kept::read(results, name)? else { return Ok(None) };
        for chart in &kept.outcome.charts {
            chart.draw(Path::new(folder))?;
        }
        Ok(Some(kept.markdown(seen_from_page)))
    })?;
    Ok(fs::write(PAGE, written)?)
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
    fn a_marker_without_its_end_is_refused() {
        assert!(replace("<!-- bench:one --> text", |_| Ok(None)).is_err());
    }
}
