//! What a measurement came to, and the file that keeps it.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::chart::Chart;
use crate::conditions::Conditions;
use crate::figure::Figure;
use crate::table::Table;

/// What a measurement came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What has to reach something.
    pub figures: Vec<Figure>,
    /// What is only told.
    pub tables: Vec<Table>,
    /// What is drawn.
    pub charts: Vec<Chart>,
    /// What else is kept of it, and shown nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl Outcome {
    /// Whether nothing came of it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.tables.is_empty() && self.charts.is_empty()
    }
}

/// What a measurement returns. One that is skipped says so, and returns an empty outcome, which is not kept.
pub type Measured = anyhow::Result<Outcome>;

impl From<Figure> for Outcome {
    fn from(figure: Figure) -> Self {
        Self { figures: vec![figure], ..Self::default() }
    }
}

impl From<Table> for Outcome {
    fn from(table: Table) -> Self {
        Self { tables: vec![table], ..Self::default() }
    }
}

/// An outcome, and what it was measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) conditions: Conditions,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl Kept {
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("{}.json", self.name));
        fs::write(&file, format!("{}\n", serde_json::to_string_pretty(self)?))
            .with_context(|| format!("writing {}", file.display()))
    }

    /// None when there is no such result.
    pub(crate) fn read(folder: &Path, name: &str) -> anyhow::Result<Option<Self>> {
        let file = folder.join(format!("{name}.json"));
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)?;
        Ok(Some(serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?))
    }

    /// As Markdown; charts are shown from `charts`.
    pub(crate) fn markdown(&self, charts: &str) -> String {
        let Outcome { figures, tables, charts: drawn, details: _ } = &self.outcome;
        let mut parts = Vec::new();
        if !figures.is_empty() {
            parts.push(format!("{}{}", Figure::HEAD, figures.iter().map(Figure::line).collect::<String>()));
        }
        parts.extend(tables.iter().map(Table::markdown));
        parts.extend(drawn.iter().map(|chart| chart.markdown(charts)));
        parts.push(format!("<sub>{}</sub>\n", self.conditions));
        parts.join("\n")
    }
}
