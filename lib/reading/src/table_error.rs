//! What somebody has to change before a table can be read.

/// Why a table cannot be read as it is described. No message holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The URL cannot be read. It may hold a password, so it is not repeated.
    #[error(
        "the database URL of the table cannot be read: {why}; wanted is postgres://USER:PASSWORD@HOST:PORT/DATABASE in the Secret of table.urlSecretRef, or the same without a password in table.url"
    )]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The URL asks for a connection on which a stranger may stand in for the server.
    #[error(
        "the database URL of the table is not safe: {why}; use sslmode=verify-full, with sslrootcert for a CA of your own, or, where the whole network is trusted, sslmode=disable"
    )]
    UnsafeUrl {
        /// Which part of it.
        why: String,
    },
    /// A variable that would have a say in the connection.
    #[error(
        "the environment has {name}, which would be used for the database of the table as well; unset it, and name a CA with sslrootcert in the URL"
    )]
    Environment {
        /// The variable.
        name: &'static str,
    },
    /// A server that asks for the password in a way in which it would get to know it.
    #[error(
        "the database {place} was not given the password: {why}; use sslmode=verify-full, or have the server ask by scram-sha-256"
    )]
    UnsafeLogin {
        /// The server.
        place: String,
        /// How it asked.
        why: String,
    },
    /// A certificate that is not the server's, or no TLS.
    #[error(
        "the database {place} cannot be reached by TLS: {why}; correct its certificate, or sslrootcert in the URL"
    )]
    Tls {
        /// The server.
        place: String,
        /// What happened.
        why: String,
    },
    /// A host that nobody may be sent to.
    #[error("the database {place} is refused: {why}; give the host of a database")]
    ForbiddenDestination {
        /// The server.
        place: String,
        /// Which destination.
        why: String,
    },
    /// User or password are not accepted.
    #[error(
        "the database {place} refuses the login: {why}; correct the user and the password that come with table.url or table.urlSecretRef"
    )]
    LoginRefused {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// No such database.
    #[error(
        "the database {place} does not exist: {why}; create it, or correct table.url or what table.urlSecretRef names"
    )]
    NoDatabase {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// The login may not read what the query names.
    #[error("the database {place} refuses the query: {why}; grant SELECT to the login of the URL")]
    Refused {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// A query that does not parse, or fails.
    #[error("table.query fails at {place}: {why}; correct it: wanted is one SELECT that changes nothing")]
    BadQuery {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// A field of the description.
    #[error("table.{field} is {given}, which cannot be used; wanted is {wanted}")]
    BadField {
        /// The field.
        field: &'static str,
        /// What it is.
        given: String,
        /// What would do.
        wanted: &'static str,
    },
    /// A column that the query does not have.
    #[error(
        "table.{field} names the column `{column}`, which the query does not have; name one of those that it has: {columns}"
    )]
    NoColumn {
        /// The field.
        field: &'static str,
        /// As given.
        column: String,
        /// Those there are.
        columns: String,
    },
    /// A query that gives no single value.
    #[error(
        "the query has {columns} columns; wanted is one SELECT of one column, such as SELECT market FROM merchants WHERE id = $1"
    )]
    NotOneColumn {
        /// How many.
        columns: usize,
    },
    /// Two columns of one name.
    #[error("table.query has two columns named `{column}`; give each column a name of its own (AS)")]
    TwiceNamed {
        /// The name.
        column: String,
    },
    /// A payload that is neither bytes nor text.
    #[error(
        "table.payload names the column `{column}`, which is neither bytea, text, varchar, json nor jsonb; cast it in the query, such as {column}::text AS {column}"
    )]
    BadPayload {
        /// The column.
        column: String,
    },
    /// Two rows that cannot be told apart.
    #[error(
        "table.orderBy does not tell rows apart: rows {} and {} of the query are equal in {columns}; add a column, so that no two rows are equal", .row, .row + 1
    )]
    NoUniqueOrder {
        /// The first of the two, counted from 1.
        row: u64,
        /// The columns.
        columns: String,
    },
    /// A row that has no place in the order.
    #[error(
        "table.orderBy names the column `{column}`, which is NULL in some row; order by columns that are never NULL, or leave those rows out of the query"
    )]
    NullInOrder {
        /// The column.
        column: String,
    },
    /// A value of the order that is no text.
    #[error(
        "table.orderBy names the column `{column}`, which is not UTF-8 in some row; order by another column, or leave those rows out of the query"
    )]
    NotText {
        /// The column.
        column: String,
    },
    /// A key that cannot be stored.
    #[error(
        "the values of table.orderBy are longer than {limit} bytes in some row; order by shorter columns"
    )]
    KeyTooLong {
        /// The most.
        limit: usize,
    },
    /// A key of another source.
    #[error(
        "the stored key of the table does not fit table.orderBy, which has {wanted} columns; keep orderBy as it was when the run began"
    )]
    BadKey {
        /// Columns of the order.
        wanted: usize,
    },
    /// Somebody between who does not pass everything on.
    #[error(
        "the database {place} does not take what reading a table asks of it: {why}; give the URL of the server itself, or of a pooler that keeps a session for each of its clients"
    )]
    Pooler {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// Anything else that the server says.
    #[error(
        "the database {place} cannot be read: {why}; run table.query by psql with the same URL, and correct what fails there"
    )]
    Other {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
}
