//! What the database is asked. The query of the source stands in parentheses, as a table named `source`.

use crate::arrival::MAX_PAYLOAD;
use crate::table::columns::{Column, Shape, is_short};
use crate::table::describe::Table;

/// Begins the snapshot, and fixes how values are printed. Nothing can be changed in it.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = 'iso_8601'; \
    SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL xmlbinary = 'base64'; SET LOCAL lc_monetary = 'C'; \
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Of a row that is larger, nothing is kept: PostgreSQL could not print it in one piece.
const MAX_PRINTED: usize = 64 * 1024 * 1024;

/// Whether the query is one SELECT. It is for the extended protocol, which takes one statement and no more: so nothing
/// can stand behind the query in what is asked after this.
pub(crate) fn probe(table: &Table) -> String {
    format!("SELECT 1 FROM ({}\n) AS source LIMIT 0", bare(table))
}

/// One row, of nulls, with the columns of the query.
pub(crate) fn description(table: &Table) -> String {
    format!(
        "SELECT described.* FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM ({}\n) AS source LIMIT 0) AS described ON true",
        bare(table)
    )
}

/// Whether a row has no place in the order. `after` a key, such rows are not met.
pub(crate) fn nulls(table: &Table) -> String {
    let conditions: Vec<String> =
        table.order_by.iter().map(|name| format!("{} IS NULL", column(name))).collect();
    format!("SELECT 1 FROM ({}\n) AS source WHERE {} LIMIT 1", bare(table), conditions.join(" OR "))
}

/// The number of the first row that is equal to the next one in the order, if there is one. Nothing else of the rows is
/// read, and of them no more than up to there.
pub(crate) fn equal_rows(table: &Table) -> String {
    let keys: Vec<String> = table.order_by.iter().map(|name| column(name)).collect();
    let order = keys.join(", ");
    format!(
        "SELECT numbered.number FROM (SELECT row_number() OVER keys AS number, ({}) AS equal FROM ({}\n) AS source \
         WINDOW keys AS (ORDER BY {order}) ORDER BY {order}) AS numbered WHERE numbered.equal LIMIT 1",
        equal_to_next(&keys),
        bare(table)
    )
}

fn equal_to_next(keys: &[String]) -> String {
    let equal: Vec<String> = keys.iter().map(|key| format!("{key} = lead({key}) OVER keys")).collect();
    equal.join(" AND ")
}

/// The rows: the columns of the order, whether the next row is equal in them, then what the shape wants.
///
/// - [`Shape::Payload`]: its length in bytes, and its beginning.
/// - [`Shape::Row`]: its size, as far as it is not bounded by the types, its beginning if it is too large, and the columns
///   unless it is.
pub(crate) fn rows(table: &Table, shape: &Shape, after: Option<&[String]>) -> String {
    let keys: Vec<String> = table.order_by.iter().map(|name| column(name)).collect();
    let order = keys.join(", ");
    let (wanted, beside) = match shape {
        Shape::Payload { column, bytes } => (payload(column, *bytes), String::new()),
        Shape::Row(columns) => whole_row(columns),
    };
    let behind = after.map_or(String::new(), |values| {
        let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
        format!("WHERE ({order}) > ({})", values.join(", "))
    });
    format!(
        "SELECT {order}, ({}), {wanted} FROM ({}\n) AS source {beside} {behind} WINDOW keys AS (ORDER BY {order}) ORDER BY {order}",
        equal_to_next(&keys),
        bare(table)
    )
}

fn payload(of: &Column, bytes: bool) -> String {
    let value = column(&of.name);
    if bytes {
        format!("octet_length({value}), substring({value} from 1 for {MAX_PAYLOAD})")
    } else {
        format!("octet_length({value}::text), left({value}::text, {MAX_PAYLOAD})")
    }
}

fn whole_row(columns: &[(Column, Vec<u8>)]) -> (String, String) {
    let lengths: Vec<String> = columns
        .iter()
        .filter(|(column, _)| !is_short(column.oid))
        .map(|(of, _)| {
            let value = column(&of.name);
            let cast = if of.oid == 17 { "" } else { "::text" };
            format!("coalesce(octet_length({value}{cast}), 0)::bigint")
        })
        .collect();
    let size = if lengths.is_empty() { "0::bigint".to_owned() } else { lengths.join(" + ") };
    let values: Vec<String> = columns
        .iter()
        .map(|(of, _)| format!(", CASE WHEN size.bytes <= {MAX_PAYLOAD} THEN {} END", column(&of.name)))
        .collect();
    let beginning = format!(
        "CASE WHEN size.bytes > {MAX_PAYLOAD} AND size.bytes <= {MAX_PRINTED} THEN left(source::text, {MAX_PAYLOAD}) END"
    );
    // OFFSET keeps the size from being worked out again for each column.
    let beside = format!("CROSS JOIN LATERAL (SELECT {size} AS bytes OFFSET 0) AS size");
    (format!("size.bytes, {beginning}{}", values.concat()), beside)
}

/// People end a query with a semicolon.
fn bare(table: &Table) -> &str {
    let query = table.query.trim();
    query.strip_suffix(';').unwrap_or(query)
}

fn column(name: &str) -> String {
    format!("source.\"{}\"", name.replace('"', "\"\""))
}

/// Read the same whatever `standard_conforming_strings` is.
fn literal(value: &str) -> String {
    format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_cannot_leave_their_quotes() {
        let table = Table {
            query: "SELECT 1 AS id -- a comment\n;".to_owned(),
            order_by: vec!["a\"b".to_owned(), "id".to_owned()],
            payload: None,
        };
        let asked = rows(&table, &Shape::Row(Vec::new()), Some(&["\\'; DROP".to_owned(), "2".to_owned()]));
        assert!(asked.contains(r#"WHERE (source."a""b", source."id") > (E'\\''; DROP', E'2')"#), "{asked}");
        assert!(asked.contains("FROM (SELECT 1 AS id -- a comment\n\n) AS source"), "{asked}");
    }
}
