//! The README of the chart, as `helm-docs` would write it: from `Chart.yaml`, and from the comments of `values.yaml` that begin
//! with `# --` (<https://github.com/norwoodj/helm-docs>).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// What is told of a value.
struct Row {
    key: String,
    value: Value,
    description: String,
}

/// The README of the chart in this folder.
///
/// # Errors
///
/// When a file of it cannot be read.
pub fn chart_readme(chart: &Path) -> anyhow::Result<String> {
    let read = |name: &str| fs::read_to_string(chart.join(name)).with_context(|| name.to_owned());
    let about: Value = serde_saphyr::from_str(&read("Chart.yaml")?)?;
    let text = read("values.yaml")?;
    let rows = rows(&text, &serde_saphyr::from_str(&text)?)?;
    let of = |field: &str| about[field].as_str().unwrap_or_default().to_owned();
    let mut page = format!(
        "<!-- Written by `make generate` from Chart.yaml and values.yaml; do not edit. -->\n\n# {}\n\n{}.\n\nVersion {}. It needs Kubernetes \
         `{}`.\n\n## Install\n\n```\nhelm install chancery charts/chancery --namespace chancery --create-namespace\n\
         helm test chancery --namespace chancery\n```\n\nWithout other values the chart runs a PostgreSQL for trying out, \
         which is not for production. [A cluster](../../docs/operating/cluster.md) says how the values go together, how to \
         upgrade, and how to uninstall.\n\n## Maintainers\n\n| name |\n|---|\n",
        of("name"),
        of("description"),
        of("version"),
        of("kubeVersion"),
    );
    for maintainer in about["maintainers"].as_array().into_iter().flatten() {
        writeln!(page, "| {} |", maintainer["name"].as_str().unwrap_or_default())?;
    }
    page += "\n## Values\n\n| Key | Type | Default | Description |\n|---|---|---|---|\n";
    for Row { key, value, description } in rows {
        let default = value.to_string();
        writeln!(page, "| {key} | {} | `{default}` | {description} |", type_of(&value))?;
    }
    Ok(page)
}

/// The values that have a comment, in the order of their keys.
fn rows(text: &str, values: &Value) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut comment: Option<String> = None;
    for line in text.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(begin) = line.strip_prefix("# -- ") {
            comment = Some(begin.to_owned());
        } else if let Some(more) = line.strip_prefix("# ") {
            if let Some(comment) = &mut comment {
                *comment = format!("{comment} {more}");
            }
        } else if let Some((key, _)) = line.split_once(':').filter(|_| !line.starts_with(['-', '#'])) {
            path.retain(|(depth, _)| *depth < indent);
            path.push((indent, key.to_owned()));
            let Some(description) = comment.take() else { continue };
            let keys: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
            let value = values.pointer(&format!("/{}", keys.join("/"))).context(keys.join("."))?;
            let description = description.replace('|', r"\|");
            rows.push(Row { key: keys.join("."), value: value.clone(), description });
        } else {
            comment = None;
        }
    }
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(rows)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "string",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_of_by_its_path_its_default_and_its_comment() {
        let text = "# Of all.\none:\n  # -- What it\n  # does.\n  two: [a]\n  three:\n    # -- Whether.\n    four: true\n";
        let rows = rows(text, &serde_saphyr::from_str(text).expect("YAML")).expect("rows");
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.key.as_str(), row.value.to_string(), row.description.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("one.three.four", "true".to_owned(), "Whether."),
                ("one.two", "[\"a\"]".to_owned(), "What it does.")
            ]
        );
    }
}
