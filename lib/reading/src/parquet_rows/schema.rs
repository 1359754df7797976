//! What a row is put together from: the schema of a file, with the levels at which something is there (S. Melnik et al.,
//! "Dremel", VLDB 2010).

use std::ops::Range;

use chancery_canonical::{name_order, write_string};
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;

use crate::parquet_rows::scalar::Scalar;

/// How deep groups may lie in each other.
const MAX_DEPTH: usize = 64;

/// A part of a row, and the columns that it is stored in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    pub(crate) columns: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A value of the column.
    Leaf(Scalar),
    /// Null, below this definition level.
    Optional { definition: i16, inner: Box<Node> },
    /// An array: empty below this definition level; what repeats at this level is its next element.
    Repeated { definition: i16, repetition: i16, element: Box<Node> },
    /// An object: names as JSON, in the order of the canonical form.
    Group(Vec<(Vec<u8>, Node)>),
}

/// The levels that lead to a part.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
}

/// The row of a schema.
///
/// # Errors
///
/// What keeps its rows from being objects, as the end of a sentence.
pub(crate) fn row(root: &Type) -> Result<Node, String> {
    let mut builder = Builder { next_column: 0 };
    let row = builder.group(root.get_fields(), Levels::default(), 0)?;
    // Rows of nothing would be as many as the file says, without a byte of them.
    if row.columns.is_empty() { Err("it has no columns".to_owned()) } else { Ok(row) }
}

struct Builder {
    next_column: usize,
}

impl Builder {
    fn node(&mut self, of: &Type, levels: Levels, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(format!("its groups lie more than {MAX_DEPTH} deep in each other"));
        }
        let basic = of.get_basic_info();
        let repetition = if basic.has_repetition() { basic.repetition() } else { Repetition::REQUIRED };
        let first = self.next_column;
        let shape = match repetition {
            Repetition::REQUIRED => return self.inner(of, levels, depth),
            Repetition::OPTIONAL => {
                let levels = Levels { definition: levels.definition + 1, ..levels };
                let inner = Box::new(self.inner(of, levels, depth)?);
                Shape::Optional { definition: levels.definition, inner }
            }
            Repetition::REPEATED => return self.array(levels, |this, levels| this.inner(of, levels, depth)),
        };
        Ok(Node { shape, columns: first..self.next_column })
    }

    fn array(
        &mut self,
        levels: Levels,
        element: impl FnOnce(&mut Self, Levels) -> Result<Node, String>,
    ) -> Result<Node, String> {
        let first = self.next_column;
        let Levels { definition, repetition } = levels;
        let (definition, repetition) = (definition + 1, repetition + 1);
        let element = Box::new(element(self, Levels { definition, repetition })?);
        Ok(Node {
            shape: Shape::Repeated { definition, repetition, element },
            columns: first..self.next_column,
        })
    }

    /// Without a look at whether it repeats, or may be missing.
    fn inner(&mut self, of: &Type, levels: Levels, depth: usize) -> Result<Node, String> {
        if of.is_primitive() {
            let column = self.next_column;
            self.next_column += 1;
            return Ok(Node { shape: Shape::Leaf(Scalar::of(of)), columns: column..column + 1 });
        }
        match (annotation(of), of.get_fields()) {
            (Annotation::List, [list]) if is_repeated(list) => self.array(levels, |this, levels| {
                if is_element(list, of.name()) {
                    this.inner(list, levels, depth + 1)
                } else {
                    this.node(&list.get_fields()[0], levels, depth + 1)
                }
            }),
            (Annotation::Map, [entries]) if is_repeated(entries) && is_entries(entries) => {
                self.array(levels, |this, levels| this.entry(entries.get_fields(), levels, depth + 1))
            }
            (_, fields) => self.group(fields, levels, depth + 1),
        }
    }

    fn group(&mut self, fields: &[impl AsRef<Type>], levels: Levels, depth: usize) -> Result<Node, String> {
        let named = fields.iter().map(|field| (field.as_ref().name(), field.as_ref()));
        self.named(named.collect(), levels, depth)
    }

    /// A key, and a value if there is one, whatever they are called in the file.
    fn entry(&mut self, fields: &[impl AsRef<Type>], levels: Levels, depth: usize) -> Result<Node, String> {
        let named = ["key", "value"].into_iter().zip(fields.iter().map(AsRef::as_ref));
        self.named(named.collect(), levels, depth)
    }

    fn named(&mut self, fields: Vec<(&str, &Type)>, levels: Levels, depth: usize) -> Result<Node, String> {
        let first = self.next_column;
        let mut nodes = Vec::with_capacity(fields.len());
        for (name, field) in fields {
            nodes.push((name, self.node(field, levels, depth)?));
        }
        nodes.sort_by(|(one, _), (other, _)| name_order(one, other));
        if let Some(twice) = nodes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("it names `{}` twice", twice[0].0.escape_debug()));
        }
        let written = nodes.into_iter().map(|(name, node)| {
            let mut written = Vec::new();
            write_string(&mut written, name);
            (written, node)
        });
        Ok(Node { shape: Shape::Group(written.collect()), columns: first..self.next_column })
    }
}

#[derive(PartialEq, Eq)]
enum Annotation {
    List,
    Map,
    None,
}

fn annotation(of: &Type) -> Annotation {
    let basic = of.get_basic_info();
    match (basic.logical_type_ref(), basic.converted_type()) {
        (Some(LogicalType::List), _) | (None, ConvertedType::LIST) => Annotation::List,
        (Some(LogicalType::Map), _) | (None, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) => {
            Annotation::Map
        }
        _ => Annotation::None,
    }
}

fn is_repeated(of: &Type) -> bool {
    let basic = of.get_basic_info();
    basic.has_repetition() && basic.repetition() == Repetition::REPEATED
}

/// Whether the repeated field of a list is its element, and not a group around it (Parquet, "LogicalTypes", backward
/// compatibility rules of lists).
fn is_element(repeated: &Type, list: &str) -> bool {
    if repeated.is_primitive() {
        return true;
    }
    match repeated.get_fields() {
        [one] => is_repeated(one) || repeated.name() == "array" || repeated.name() == format!("{list}_tuple"),
        _ => true,
    }
}

fn is_entries(repeated: &Type) -> bool {
    repeated.is_group() && matches!(repeated.get_fields().len(), 1 | 2)
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A row as a short text: `?` for optional, `[]` for arrays, columns by number.
    fn told(node: &Node) -> String {
        match &node.shape {
            Shape::Leaf(_) => node.columns.start.to_string(),
            Shape::Optional { definition, inner } => format!("?{definition}{}", told(inner)),
            Shape::Repeated { definition, repetition, element } => {
                format!("[{definition},{repetition} {}]", told(element))
            }
            Shape::Group(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, node)| format!("{}:{}", String::from_utf8_lossy(name), told(node)))
                    .collect();
                format!("{{{}}}", fields.join(" "))
            }
        }
    }

    #[test]
    fn lists_and_maps_are_arrays_however_they_are_written() {
        for (fields, wanted) in [
            ("required int32 b; optional int32 a;", r#"{"a":?11 "b":0}"#),
            ("repeated int32 a;", r#"{"a":[1,1 0]}"#),
            (
                "optional group a (LIST) { repeated group list { optional int32 element; } }",
                r#"{"a":?1[2,1 ?30]}"#,
            ),
            ("required group a (LIST) { repeated int32 item; }", r#"{"a":[1,1 0]}"#),
            (
                "required group a (LIST) { repeated group array { required int32 x; } }",
                r#"{"a":[1,1 {"x":0}]}"#,
            ),
            (
                "required group a (LIST) { repeated group element { required int32 x; required int32 y; } }",
                r#"{"a":[1,1 {"x":0 "y":1}]}"#,
            ),
            (
                "required group m (MAP) { repeated group entries { required int32 k; optional int32 v; } }",
                r#"{"m":[1,1 {"key":0 "value":?21}]}"#,
            ),
            ("required group g { required group h { repeated int32 x; } }", r#"{"g":{"h":{"x":[1,1 0]}}}"#),
        ] {
            let schema = parse_message_type(&format!("message schema {{ {fields} }}")).expect(fields);
            assert_eq!(told(&row(&schema).expect(fields)), wanted, "{fields}");
        }
        let twice =
            parse_message_type("message schema { required int32 a; required int32 a; }").expect("a schema");
        assert_eq!(row(&twice), Err("it names `a` twice".to_owned()));
        let none = parse_message_type("message schema { }").expect("a schema");
        assert_eq!(row(&none), Err("it has no columns".to_owned()));
    }
}
