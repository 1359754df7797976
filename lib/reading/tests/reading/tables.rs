//! Tables: what their rows become, what is refused, and what happens while they are read.

use chancery_reading::{
    Dead, FinalError, MAX_PAYLOAD, Outcome, Position, ReadError, Reason, RowKey, Stage, Table, TableError,
    TableReader, TableRow, TableSource,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::database::{Database, rows_from, table};

async fn all(database: &Database, table: &Table) -> Vec<TableRow> {
    rows_from(&database.source(table), Position(0), None).await
}

fn text(row: &TableRow) -> String {
    match &row.arrival.outcome {
        Outcome::Payload(payload) => String::from_utf8_lossy(payload).into_owned(),
        Outcome::Dead(dead) => panic!("dead: {}", dead.reason),
    }
}

fn dead(row: &TableRow) -> &Dead {
    match &row.arrival.outcome {
        Outcome::Payload(payload) => panic!("alive: {payload:?}"),
        Outcome::Dead(dead) => dead,
    }
}

/// Why it cannot be read, at the first row or later.
async fn refused(source: &TableSource) -> ReadError {
    let mut reader = TableReader::new(source, Position(0), None);
    loop {
        match reader.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it was read"),
            Err(error) => {
                assert_eq!(reader.next().await, Err(error.clone()), "it says the same again");
                return error;
            }
        }
    }
}

async fn said(database: &Database, table: &Table) -> String {
    match refused(&database.source(table)).await {
        ReadError::Final(FinalError::Table(error)) => error.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_row_is_an_object_with_its_columns_as_their_types_have_it() {
    let database = Database::new().await;
    // None of these has a say.
    let name = database.name();
    database
        .execute(&format!(
            "ALTER DATABASE {name} SET bytea_output = 'escape'; ALTER DATABASE {name} SET datestyle = 'German';
             ALTER DATABASE {name} SET extra_float_digits = -2; ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'"
        ))
        .await;
    for (value, wanted) in [
        ("true", "true"),
        ("null::int", "null"),
        ("(-32768)::int2", "-32768"),
        ("2147483647", "2147483647"),
        ("9007199254740993", "\"9007199254740993\""),
        ("1::bigint", "\"1\""),
        ("1.10::numeric", "\"1.10\""),
        ("0.1::float8", "0.1"),
        ("0.1::float4", "0.10000000149011612"),
        ("1e300::float8", "1e+300"),
        ("'NaN'::float8", "\"NaN\""),
        ("'-0'::float8", "\"-0\""),
        ("'-Infinity'::float4", "\"-Infinity\""),
        ("'a\"\u{e4}\n'::text", "\"a\\\"\u{e4}\\n\""),
        ("'ab'::char(4)", "\"ab  \""),
        ("'\\x00ff'::bytea", "\"AP8=\""),
        ("'2026-01-02 03:04:05.678+09'::timestamptz", "\"2026-01-01 18:04:05.678+00\""),
        ("'2026-01-02 03:04:05'::timestamp", "\"2026-01-02 03:04:05\""),
        ("'2026-01-02'::date", "\"2026-01-02\""),
        ("'1 day 02:03'::interval", "\"P1DT2H3M\""),
        ("'8e0b0a1e-0000-4000-8000-000000000001'::uuid", "\"8e0b0a1e-0000-4000-8000-000000000001\""),
        ("ARRAY[1,2]", "\"{1,2}\""),
        ("ROW(1,'a b')", "\"(1,\\\"a b\\\")\""),
        ("to_jsonb(ARRAY[1,2])", "[1,2]"),
        (
            "'{\"b\": 1.0, \"a\": [1e2, 12345678901234567890]}'::json",
            "{\"a\":[100,\"12345678901234567890\"],\"b\":1}",
        ),
    ] {
        let rows = all(&database, &table(&format!("SELECT 1 AS id, {value} AS v"), &["id"], None)).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(text(&rows[0]), format!("{{\"id\":1,\"v\":{wanted}}}"), "{value}");
    }
    let rows = all(&database, &table("SELECT 1 AS \u{e4}, 2 AS b, 3 AS \"A\"; \n", &["b"], None)).await;
    assert_eq!(text(&rows[0]), "{\"A\":3,\"b\":2,\"\u{e4}\":1}");
}

#[tokio::test]
async fn a_payload_is_the_column_as_it_is() {
    let database = Database::new().await;
    for (value, wanted) in [
        ("'\\x00ff0a'::bytea", b"\x00\xff\n".as_slice()),
        ("'a\u{e4}\n'::text", "a\u{e4}\n".as_bytes()),
        ("'{\"b\": 1.0,  \"b\": 2}'::json", b"{\"b\": 1.0,  \"b\": 2}"),
        ("'x'::varchar(3)", b"x"),
    ] {
        let rows = all(&database, &table(&format!("SELECT 1 AS id, {value} AS p"), &["id"], Some("p"))).await;
        assert_eq!(rows[0].arrival.outcome, Outcome::Payload(wanted.into()), "{value}");
    }
}

#[tokio::test]
async fn what_is_no_payload_is_dead_and_the_rest_is_not() {
    let database = Database::new().await;
    let query = format!(
        "SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, ''), (4, repeat('\u{e4}', {})), (5, repeat('x', {MAX_PAYLOAD})), (6, 'b')) v(id, p)",
        MAX_PAYLOAD / 2 + 1
    );
    let rows = all(&database, &table(&query, &["id"], Some("p"))).await;
    assert_eq!(rows.len(), 6);
    assert_eq!((text(&rows[0]), text(&rows[5])), ("a".to_owned(), "b".to_owned()));
    assert_eq!(text(&rows[4]).len(), MAX_PAYLOAD);
    assert_eq!(dead(&rows[1]).reason.to_string(), "the payload, column `p`, is NULL");
    assert_eq!(text(&rows[2]), "", "nothing is something, other than NULL");
    let long = dead(&rows[3]);
    assert_eq!(
        (long.stage, &long.reason),
        (Stage::Frame, &Reason::TooLong { bytes: MAX_PAYLOAD as u64 + 2 })
    );
    assert_eq!(long.raw[..], "\u{e4}".repeat(MAX_PAYLOAD / 2).into_bytes());

    let query = "SELECT 1 AS id, repeat('x', 2000000) AS a, repeat('y', 3000000)::bytea AS b
                 UNION ALL SELECT 2, repeat('\"', 700000), 'z'
                 UNION ALL SELECT 3, 'a', 'b'
                 UNION ALL SELECT 4, repeat('x', 200000000), NULL";
    let rows = all(&database, &table(query, &["id"], None)).await;
    assert_eq!(dead(&rows[0]).reason, Reason::TooLong { bytes: 5_000_000 });
    assert!(dead(&rows[0]).raw.starts_with(b"(1,xxx") && dead(&rows[0]).raw.len() == MAX_PAYLOAD);
    let escaped = dead(&rows[1]);
    assert!(matches!(escaped.reason, Reason::TooLong { bytes: 1_400_000.. }), "{}", escaped.reason);
    assert_eq!(text(&rows[2]), "{\"a\":\"a\",\"b\":\"Yg==\",\"id\":3}");
    assert_eq!(dead(&rows[3]).raw.len(), 0, "too large for PostgreSQL to print");

    let query = "SELECT 1 AS id, '{\"a\":1,\"a\":2}'::json AS v UNION ALL SELECT 2, '{}'";
    let rows = all(&database, &table(&format!("SELECT id, v FROM ({query}) AS x"), &["id"], None)).await;
    assert_eq!(dead(&rows[0]).reason.to_string(), "it has no canonical form: it names `a` twice");
    assert_eq!(dead(&rows[0]).raw[..], b"{\"a\":1,\"a\":2}"[..]);
    assert_eq!(text(&rows[1]), "{\"id\":2,\"v\":{}}");
}

#[tokio::test]
async fn keys_of_any_type_and_any_text_are_resumed_behind() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
             CREATE TABLE keys (a text COLLATE \"C\", b numeric, c timestamptz, d mood, e float8, \"f \"\"\" bytea);
             INSERT INTO keys SELECT a, b, c, d, e, f
             FROM unnest(ARRAY['', '''', '\\', 'E''\\', '\u{e4}', ')); DROP TABLE keys; --']) a,
                  unnest(ARRAY[1.5, 1e30]) b, unnest(ARRAY['2026-01-01 00:00:00.000001Z', 'infinity']::timestamptz[]) c,
                  unnest(enum_range(NULL::mood)) d, unnest(ARRAY[0.1, 'NaN']::float8[]) e,
                  unnest(ARRAY['\\x', '\\x00ff']::bytea[]) f",
        )
        .await;
    let source = database.source(&table("SELECT * FROM keys", &["a", "b", "c", "d", "e", "f \""], None));
    let rows = rows_from(&source, Position(0), None).await;
    assert_eq!(rows.len(), 6 * 2 * 2 * 3 * 2 * 2);
    for (number, row) in rows.iter().enumerate().step_by(7) {
        // As `jsonb` gives it back.
        let key = RowKey::new(row.key.as_str().replace("\",\"", "\", \""));
        let rest = rows_from(&source, row.arrival.next_position, Some(&key)).await;
        assert_eq!(rest, rows[number + 1..], "behind {}", row.key.as_str());
    }
}

#[tokio::test]
async fn rows_that_cannot_be_told_apart_are_refused_before_one_of_them_is_taken() {
    let database = Database::new().await;
    let query = "SELECT n / 2 AS half, n FROM generate_series(0, 9) AS n WHERE n <> 0";
    let source = database.source(&table(query, &["half"], None));
    let mut reader = TableReader::new(&source, Position(0), None);
    assert_eq!(text(&reader.next().await.expect("unique so far").expect("a row")), "{\"half\":0,\"n\":1}");
    let error = reader.next().await.expect_err("2 and 3 have one key");
    assert_eq!(
        error.to_string(),
        "table.orderBy does not tell rows apart: rows 2 and 3 of the query are equal in half; add a column, so that no two rows are equal"
    );
    // Equal by their type, and not by their text.
    let query = "SELECT v FROM (VALUES (1.0), (1.00)) AS x(v)";
    assert!(said(&database, &table(query, &["v"], None)).await.contains("rows 1 and 2"));
}

#[tokio::test]
async fn rows_without_a_place_in_the_order_are_refused_and_never_left_out() {
    let database = Database::new().await;
    let query = "SELECT a, b FROM (VALUES (1, 1), (1, NULL), (2, 1)) AS x(a, b)";
    let table = table(query, &["a", "b"], None);
    let wanted = "table.orderBy names the column `b`, which is NULL in some row";
    assert!(said(&database, &table).await.starts_with(wanted));
    // Behind a key no comparison meets them.
    let source = database.source(&table);
    let mut reader = TableReader::new(&source, Position(1), Some(&RowKey::new(r#"["1","1"]"#)));
    assert_eq!(text(&reader.next().await.expect("a row").expect("a row")), "{\"a\":2,\"b\":1}");
    let error = reader.next().await.expect_err("a row is missing").to_string();
    assert!(error.starts_with("table.orderBy names the column"), "{error}");
}

#[tokio::test]
async fn what_a_description_has_wrong_is_said_in_a_sentence() {
    let database = Database::new().await;
    database
        .execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (0, 0); CREATE SEQUENCE s")
        .await;
    for (query, order_by, payload, wanted) in [
        ("SELEC 1", "id", None, "table.query fails at "),
        ("SELECT id FROM missing", "id", None, "relation \"missing\" does not exist"),
        ("SELECT id FROM t; DROP TABLE t", "id", None, "table.query fails at "),
        (
            "SELECT id FROM t) AS x; DELETE FROM t; SELECT * FROM (SELECT 1",
            "id",
            None,
            "table.query fails at ",
        ),
        ("DELETE FROM t RETURNING id", "id", None, "table.query fails at "),
        ("SELECT nextval('s') AS id", "id", None, "cannot execute nextval() in a read-only transaction"),
        ("SELECT id, 1 / n AS x FROM t", "id", None, "division by zero"),
        (
            "SELECT id FROM t",
            "key",
            None,
            "table.orderBy names the column `key`, which the query does not have; name one of those that it has: id",
        ),
        (
            "SELECT id, n FROM t",
            "id",
            Some("p"),
            "table.payload names the column `p`, which the query does not have; name one of those that it has: id, n",
        ),
        (
            "SELECT id, n FROM t",
            "id",
            Some("n"),
            "table.payload names the column `n`, which is neither bytea, text",
        ),
        ("SELECT id, n, n FROM t", "id", None, "table.query has two columns named `n`"),
        ("SELECT id, id FROM t", "id", Some("id"), "table.query has two columns named `id`"),
        ("SELECT '{}'::json AS id", "id", None, "operator does not exist: json = json"),
    ] {
        let said = said(&database, &table(query, &[order_by], payload)).await;
        assert!(said.contains(wanted), "{query}: {said}");
    }
    assert_eq!(all(&database, &table("SELECT id FROM t", &["id"], None)).await.len(), 2, "nothing changed");
    for (query, order_by, wanted) in [
        (" ", vec!["id"], "table.query is \" \", which cannot be used; wanted is one SELECT"),
        ("SELECT 1", vec![], "table.orderBy is [], which cannot be used; wanted is the columns"),
        (
            "SELECT 1",
            vec!["a", "a"],
            "table.orderBy is [\"a\", \"a\"], which cannot be used; wanted is each column once",
        ),
    ] {
        let said = TableSource::open(&database.url, &table(query, &order_by, None)).expect_err("refused");
        assert!(said.to_string().contains(wanted), "{said}");
    }
    let source = database.source(&table("SELECT id FROM t", &["id"], None));
    for key in ["", "[]", "[\"1\",\"2\"]", "[1]", "[\"\\u0000\"]"] {
        let error = TableReader::new(&source, Position(1), Some(&RowKey::new(key))).next().await;
        let said = error.expect_err(key).to_string();
        assert!(said.starts_with("the stored key of the table does not fit table.orderBy"), "{said}");
    }
}

#[tokio::test]
async fn what_changes_while_a_table_is_read_is_met_by_the_next_reader_behind_its_key() {
    let database = Database::new().await;
    database.execute("CREATE TABLE t AS SELECT n * 10 AS id FROM generate_series(1, 2000) AS n").await;
    let source = database.source(&table("SELECT id FROM t", &["id"], None));
    let mut reader = TableReader::new(&source, Position(0), None);
    let mut read = vec![reader.next().await.expect("readable").expect("a row")];
    database.execute("INSERT INTO t VALUES (5), (15), (20005); DELETE FROM t WHERE id = 20").await;
    while read.len() < 1_000 {
        read.push(reader.next().await.expect("readable").expect("a row"));
    }
    assert_eq!(text(&read[999]), "{\"id\":10000}", "the snapshot is of the time before");
    let last = &read[999];
    drop(reader);
    let rest = rows_from(&source, last.arrival.next_position, Some(&last.key)).await;
    assert_eq!(rest.len(), 1_001);
    assert_eq!(text(rest.last().expect("a row")), "{\"id\":20005}");
    assert_eq!(rest.last().expect("a row").arrival.next_position, Position(2_001));
}

#[tokio::test]
async fn a_server_that_goes_away_is_waited_for_and_nothing_is_lost() {
    let database = Database::alone().await;
    database
        .execute(
            "CREATE TABLE t AS SELECT n AS id, repeat('x', 1000) AS p FROM generate_series(1, 20000) AS n",
        )
        .await;
    let source = database.source(&table("SELECT id, p FROM t", &["id"], None));
    let mut reader = TableReader::new(&source, Position(0), None);
    let mut read = vec![reader.next().await.expect("readable").expect("a row")];
    let server = std::sync::Arc::clone(&database.server);
    tokio::task::spawn_blocking(move || server.stop_immediate()).await.expect("a task").expect("stopped");
    let error = loop {
        match reader.next().await {
            Ok(row) => read.push(row.expect("more than fits on the way")),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ReadError::Transient(_)), "{error}");
    let error = TableReader::new(&source, Position(0), None).next().await.expect_err("nobody is there");
    assert!(matches!(error, ReadError::Transient(_)), "{error}");
    let server = std::sync::Arc::clone(&database.server);
    tokio::task::spawn_blocking(move || server.start_again()).await.expect("a task").expect("started");
    let last = read.last().expect("a row");
    read.extend(rows_from(&source, last.arrival.next_position, Some(&last.key)).await);
    assert_eq!(read.len(), 20_000);
    for (number, row) in (0..).zip(&read) {
        assert_eq!(row.arrival.position, Position(number));
        assert!(text(row).starts_with(&format!("{{\"id\":{},", number + 1)));
    }
}

#[tokio::test]
async fn a_login_that_is_refused_says_so_without_its_password() {
    let database = Database::new().await;
    database
        .execute("CREATE ROLE chancery_signer; CREATE ROLE reader LOGIN PASSWORD 's3cret' IN ROLE chancery_signer; CREATE TABLE t (id int)")
        .await;
    let port = database.port().await;
    let name = database.name();
    let open = |login: &str, database: &str| {
        let url = format!("postgres://{login}@127.0.0.1:{port}/{database}");
        TableSource::open(&url, &table("SELECT 1 AS id FROM t", &["id"], None)).expect("a source")
    };
    let here = name;
    for (login, database, wanted) in [
        ("reader:wr0ng", here.as_str(), "refuses the login: "),
        ("reader", here.as_str(), "refuses the login: "),
        ("reader:s3cret", "missing", "does not exist: "),
        ("reader:s3cret", here.as_str(), "refuses the query: permission denied for table t"),
    ] {
        let source = open(login, database);
        let said = refused(&source).await;
        assert!(matches!(said, ReadError::Final(_)));
        let shown = format!("{said} {said:?} {source:?}");
        assert!(
            shown.contains(wanted) && shown.contains(&format!("{database} on 127.0.0.1:{port}")),
            "{shown}"
        );
        assert!(!shown.contains("s3cret") && !shown.contains("wr0ng"), "{shown}");
    }
    database.execute("GRANT SELECT ON t TO reader; INSERT INTO t VALUES (1)").await;
    assert_eq!(rows_from(&open("reader:s3cret", &here), Position(0), None).await.len(), 1, "by SCRAM");
}

/// A server that asks for the password in its own way; what it was given.
async fn asked(answer: &'static [u8]) -> (ReadError, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut start = vec![0; 4];
        stream.read_exact(&mut start).await.expect("a length");
        let length = u32::from_be_bytes([start[0], start[1], start[2], start[3]]);
        stream.read_exact(&mut vec![0; length as usize - 4]).await.expect("a start");
        stream.write_all(answer).await.expect("asked");
        let mut given = Vec::new();
        let _ = stream.read_to_end(&mut given).await;
        given
    });
    let url = format!("postgres://u:s3cret@127.0.0.1:{port}/d");
    let source = TableSource::open(&url, &table("SELECT 1 AS id", &["id"], None)).expect("a source");
    let error = refused(&source).await;
    (error, server.await.expect("a server"))
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_given_the_password() {
    for (answer, wanted) in [
        (b"R\0\0\0\x08\0\0\0\x03".as_slice(), "it asked for it in clear text"),
        (b"R\0\0\0\x0c\0\0\0\x05salt", "it asked for it as MD5"),
    ] {
        let (error, given) = asked(answer).await;
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(matches!(error, ReadError::Final(FinalError::Table(TableError::UnsafeLogin { .. }))));
        assert_eq!(given, b"", "nothing was answered");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_was_asked_for() {
    let database = Database::new().await;
    let port = database.port().await;
    let url = format!("postgres://chancery:s3cret@127.0.0.1:{port}/postgres?sslmode=verify-full");
    let source = TableSource::open(&url, &table("SELECT 1 AS id", &["id"], None)).expect("a source");
    let said = refused(&source).await.to_string();
    assert!(said.contains("cannot be reached by TLS: server does not support TLS"), "{said}");
}

#[tokio::test]
async fn a_database_that_a_name_leads_astray_to_is_refused() {
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "metadata.google.internal"] {
        let url = format!("postgres://u:s3cret@{host}/d?sslmode=disable");
        let said = TableSource::open(&url, &table("SELECT 1 AS id", &["id"], None)).expect_err(host);
        assert!(matches!(said, FinalError::Table(TableError::ForbiddenDestination { .. })), "{said}");
    }
}
