//! Puts a row together from its columns.

use parquet::errors::{ParquetError, Result};

use crate::arrival::Reason;
use crate::parquet_rows::column::Column;
use crate::parquet_rows::schema::{Node, Shape};

/// The next row in canonical form, and what makes it dead, if something does. All of it is taken either way.
///
/// # Errors
///
/// Columns that do not go together, or cannot be decoded.
pub(crate) fn row(columns: &mut [Box<dyn Column>], root: &Node) -> Result<(Vec<u8>, Option<Reason>)> {
    let mut row = Row { columns, out: Vec::with_capacity(256), reason: None };
    row.write(root)?;
    let Row { columns, out, reason } = row;
    for column in columns {
        if column.peek()?.is_some_and(|(_, repetition)| repetition > 0) {
            return Err(ParquetError::General("a column has more of a row than another one".to_owned()));
        }
    }
    Ok((out, reason))
}

/// Whether all rows were taken: a row group may say that it has fewer than its columns have.
///
/// # Errors
///
/// Columns that cannot be decoded, or go on.
pub(crate) fn end(columns: &mut [Box<dyn Column>]) -> Result<()> {
    for column in columns {
        if column.peek()?.is_some() {
            return Err(ParquetError::General("a column has more rows than its row group".to_owned()));
        }
    }
    Ok(())
}

struct Row<'a> {
    columns: &'a mut [Box<dyn Column>],
    out: Vec<u8>,
    reason: Option<Reason>,
}

impl Row<'_> {
    fn write(&mut self, node: &Node) -> Result<()> {
        let first = node.columns.start;
        match &node.shape {
            Shape::Leaf(scalar) => {
                if let Err(reason) = self.columns[first].take(&mut self.out, *scalar)? {
                    self.reason.get_or_insert(reason);
                }
            }
            Shape::Optional { definition, inner } => {
                if self.is_there(first, *definition)? {
                    self.write(inner)?;
                } else {
                    self.pass(node)?;
                    self.out.extend_from_slice(b"null");
                }
            }
            Shape::Repeated { definition, repetition, element } => {
                self.out.push(b'[');
                if self.is_there(first, *definition)? {
                    self.write(element)?;
                    while self.columns[first].peek()?.is_some_and(|(_, level)| level == *repetition) {
                        self.out.push(b',');
                        self.write(element)?;
                    }
                } else {
                    self.pass(node)?;
                }
                self.out.push(b']');
            }
            Shape::Group(fields) => {
                self.out.push(b'{');
                for (number, (name, field)) in fields.iter().enumerate() {
                    if number > 0 {
                        self.out.push(b',');
                    }
                    self.out.extend_from_slice(name);
                    self.out.push(b':');
                    self.write(field)?;
                }
                self.out.push(b'}');
            }
        }
        Ok(())
    }

    /// At the end of a column nothing is: whoever takes it says so.
    fn is_there(&mut self, column: usize, definition: i16) -> Result<bool> {
        Ok(self.columns[column].peek()?.is_some_and(|(level, _)| level >= definition))
    }

    fn pass(&mut self, node: &Node) -> Result<()> {
        self.columns[node.columns.clone()].iter_mut().try_for_each(|column| column.pass())
    }
}
