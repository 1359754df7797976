//! Which objects of a source are meant.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::FinalError;

/// `include` and `exclude`.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Patterns {
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, FinalError> {
        let include = match include {
            [] => None,
            some => Some(set("include", some)?),
        };
        Ok(Self { include, exclude: set("exclude", exclude)? })
    }

    pub(crate) fn select(&self, relative: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(relative))
            && !self.exclude.is_match(relative)
    }
}

fn set(field: &'static str, patterns: &[String]) -> Result<GlobSet, FinalError> {
    let bad = |given: &str, error: &globset::Error| FinalError::BadPattern {
        field,
        given: given.to_owned(),
        why: error.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for given in patterns {
        // As in a .gitignore: a pattern of one part is for the last part of a name.
        let pattern = if given.contains('/') {
            given.trim_start_matches('/').to_owned()
        } else {
            format!("**/{given}")
        };
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| bad(given, &error))?);
    }
    set.build().map_err(|error| bad(error.glob().unwrap_or_default(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_select_by_last_part_or_by_path() {
        let patterns = |include: &[&str], exclude: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            Patterns::new(&owned(include), &owned(exclude)).expect("patterns")
        };
        let of = patterns(&["*.ndjson.gz"], &["old-*", "2024/**"]);
        for (name, selected) in [
            ("a.ndjson.gz", true),
            ("x/y/a.ndjson.gz", true),
            ("a.ndjson", false),
            ("x/old-a.ndjson.gz", false),
            ("2024/a.ndjson.gz", false),
            ("x/2024/a.ndjson.gz", true),
        ] {
            assert_eq!(of.select(name), selected, "{name}");
        }
        let of = patterns(&["x/*.csv"], &[]);
        assert!(of.select("x/a.csv") && !of.select("x/y/a.csv") && !of.select("a.csv"));
        assert!(patterns(&[], &[]).select("anything"));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let said = Patterns::new(&["[".to_owned()], &[]).expect_err("no pattern").to_string();
        assert!(said.starts_with("the pattern `[` of objects.include cannot be read"), "{said}");
    }
}
