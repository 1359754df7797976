//! A column of a row group, value by value.

use parquet::basic::Type as Physical;
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
    Int96Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use crate::arrival::Reason;
use crate::parquet_rows::scalar::{Scalar, Value};

/// Rows of which values are decoded at once.
const DECODED: usize = 256;

/// What is next in a column.
pub(crate) trait Column: Send {
    /// The definition and the repetition level of the next entry; none at the end.
    fn peek(&mut self) -> Result<Option<(i16, i16)>>;

    /// Takes an entry, and appends its value, if it has one.
    fn take(&mut self, out: &mut Vec<u8>, scalar: Scalar) -> Result<std::result::Result<(), Reason>>;

    /// Takes an entry that has no value.
    fn pass(&mut self) -> Result<()>;

    /// Passes over rows. Only before anything was taken.
    fn skip(&mut self, rows: usize) -> Result<()>;
}

/// The column that a descriptor describes.
pub(crate) fn open(descriptor: ColumnDescPtr, pages: Box<dyn PageReader>) -> Box<dyn Column> {
    match descriptor.physical_type() {
        Physical::BOOLEAN => Box::new(Typed::<BoolType>::new(descriptor, pages)),
        Physical::INT32 => Box::new(Typed::<Int32Type>::new(descriptor, pages)),
        Physical::INT64 => Box::new(Typed::<Int64Type>::new(descriptor, pages)),
        Physical::INT96 => Box::new(Typed::<Int96Type>::new(descriptor, pages)),
        Physical::FLOAT => Box::new(Typed::<FloatType>::new(descriptor, pages)),
        Physical::DOUBLE => Box::new(Typed::<DoubleType>::new(descriptor, pages)),
        Physical::BYTE_ARRAY => Box::new(Typed::<ByteArrayType>::new(descriptor, pages)),
        Physical::FIXED_LEN_BYTE_ARRAY => Box::new(Typed::<FixedLenByteArrayType>::new(descriptor, pages)),
    }
}

struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// The definition level at which a value is there.
    defined: i16,
    /// None, of a column where all values are there.
    definitions: Vec<i16>,
    /// None, of a column where nothing repeats.
    repetitions: Vec<i16>,
    values: Vec<T::T>,
    entries: usize,
    next_entry: usize,
    next_value: usize,
}

impl<T: DataType> Typed<T> {
    fn new(descriptor: ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        let defined = descriptor.max_def_level();
        Self {
            reader: ColumnReaderImpl::new(descriptor, pages),
            defined,
            definitions: Vec::new(),
            repetitions: Vec::new(),
            values: Vec::new(),
            entries: 0,
            next_entry: 0,
            next_value: 0,
        }
    }

    /// False at the end.
    fn fill(&mut self) -> Result<bool> {
        if self.next_entry < self.entries {
            return Ok(true);
        }
        self.definitions.clear();
        self.repetitions.clear();
        self.values.clear();
        let (definitions, repetitions) = (Some(&mut self.definitions), Some(&mut self.repetitions));
        let (_, _, entries) =
            self.reader.read_records(DECODED, definitions, repetitions, &mut self.values)?;
        (self.entries, self.next_entry, self.next_value) = (entries, 0, 0);
        Ok(entries > 0)
    }

    fn definition(&self) -> i16 {
        self.definitions.get(self.next_entry).copied().unwrap_or(self.defined)
    }

    fn next(&mut self) -> Result<i16> {
        if !self.fill()? {
            return Err(ParquetError::General("a column has fewer rows than its row group".to_owned()));
        }
        let definition = self.definition();
        self.next_entry += 1;
        Ok(definition)
    }
}

impl<T: DataType> Column for Typed<T>
where
    T::T: Value,
{
    fn peek(&mut self) -> Result<Option<(i16, i16)>> {
        if !self.fill()? {
            return Ok(None);
        }
        let repetition = self.repetitions.get(self.next_entry).copied().unwrap_or_default();
        Ok(Some((self.definition(), repetition)))
    }

    fn take(&mut self, out: &mut Vec<u8>, scalar: Scalar) -> Result<std::result::Result<(), Reason>> {
        if self.next()? < self.defined {
            return Err(ParquetError::General("a column lacks a value that another one has".to_owned()));
        }
        let value = self.values.get(self.next_value);
        let value = value
            .ok_or_else(|| ParquetError::General("a column has fewer values than entries".to_owned()))?;
        self.next_value += 1;
        Ok(value.write(out, scalar))
    }

    fn pass(&mut self) -> Result<()> {
        if self.next()? == self.defined {
            return Err(ParquetError::General("a column has a value that another one lacks".to_owned()));
        }
        Ok(())
    }

    fn skip(&mut self, rows: usize) -> Result<()> {
        if self.reader.skip_records(rows)? < rows {
            return Err(ParquetError::General("a column has fewer rows than its row group".to_owned()));
        }
        Ok(())
    }
}
