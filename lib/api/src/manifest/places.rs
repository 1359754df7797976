//! Where in a text the values of its documents stand.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::error::ManifestError;
use super::kind::Kind;
use super::{path, yaml};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its line, from 1.
    pub line: u64,
    /// Its column in characters, from 1.
    pub column: u64,
}

/// The places of the values of one document, by their paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    /// Those of each document of a text.
    pub(super) fn of_documents(text: &str, kind: Kind) -> Result<Vec<Self>, ManifestError> {
        let documents: Vec<Spanned<Tree>> = yaml::documents(text, kind)?;
        Ok(documents
            .iter()
            .map(|document| {
                let mut places = Self::default();
                places.collect(document, String::new());
                places
            })
            .collect())
    }

    /// The place of the value at a path, or of the nearest one around it that is there.
    pub(super) fn of(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(*place);
            }
            if path.is_empty() {
                return None;
            }
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        }
    }

    fn collect(&mut self, tree: &Spanned<Tree>, at: String) {
        match &tree.value {
            Tree::Members(members) => {
                for (name, value) in members {
                    self.collect(value, path::child(&at, name));
                }
            }
            Tree::Items(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(item, path::item(&at, index));
                }
            }
            Tree::Scalar => {}
        }
        let place = Place { line: tree.referenced.line(), column: tree.referenced.column() };
        self.0.insert(at, place);
    }
}

/// The shape of a document.
enum Tree {
    Members(Vec<(String, Spanned<Tree>)>),
    Items(Vec<Spanned<Tree>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Members(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(Tree::Items(all))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }

            fn visit_none<E>(self) -> Result<Tree, E> {
                Ok(Tree::Scalar)
            }
        }

        deserializer.deserialize_any(Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_path_and_what_is_missing_by_what_is_around_it() {
        let text = "kind: x\nspec:\n  rules:\n    - {name: a, expression: \"1\"}\n    - name: b\n      expression: |\n        two\n---\nz: 1\n";
        let places = Places::of_documents(text, Kind::Policy).unwrap();
        let at = |path: &str| places[0].of(path).map(|place| (place.line, place.column));
        assert_eq!(at("kind"), Some((1, 7)));
        assert_eq!(at("spec.rules[0].expression"), Some((4, 29)));
        // A text of several lines begins below its name.
        assert_eq!(at("spec.rules[1].expression"), Some((7, 9)));
        assert_eq!(at("spec.rules[1].message"), at("spec.rules[1]"));
        assert_eq!(at("spec.none.at.all"), at("spec"));
        assert_eq!(places[1].of("z"), Some(Place { line: 9, column: 4 }));
    }
}
