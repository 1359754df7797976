//! A real PostgreSQL for the tables of a test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use chancery_local_postgres::{ServerOptions, ThrowAway};
use chancery_reading::{Position, RowKey, Table, TableReader, TableRow, TableSource};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::net::{TcpListener, UnixStream};

/// An empty database of its own.
pub(crate) struct Database {
    pub(crate) server: Arc<ThrowAway>,
    pub(crate) url: String,
}

/// One server for all tests that run at the same time.
fn shared() -> Arc<ThrowAway> {
    static SHARED: Mutex<Weak<ThrowAway>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(start());
    *shared = Arc::downgrade(&server);
    server
}

fn start() -> ThrowAway {
    let folder = std::env::temp_dir().join("chancery-tests");
    std::fs::create_dir_all(&folder).expect("a folder for servers");
    ThrowAway::start(&folder, ServerOptions::default()).expect("PostgreSQL starts; `make setup` installs it")
}

impl Database {
    pub(crate) async fn new() -> Self {
        Self::at(tokio::task::spawn_blocking(shared).await.expect("a server")).await
    }

    /// On a server of its own, for a test that ends it.
    pub(crate) async fn alone() -> Self {
        Self::at(Arc::new(tokio::task::spawn_blocking(start).await.expect("a server"))).await
    }

    async fn at(server: Arc<ThrowAway>) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tables_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&server.url("postgres"), &format!("CREATE DATABASE {name}")).await;
        let url = server.url(&name);
        Self { server, url }
    }

    pub(crate) fn name(&self) -> String {
        let (_, name) = self.url.split_once("tables_").expect("a name");
        format!("tables_{}", name.split('?').next().expect("a name"))
    }

    pub(crate) async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }

    /// A database with a table of these payloads, of which a column named `payload` is read in the order of `id`.
    pub(crate) async fn with_payloads(payloads: &[Vec<u8>]) -> Self {
        let database = Self::new().await;
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let rows: Vec<String> = payloads
            .iter()
            .enumerate()
            .map(|(number, payload)| format!("({number}, '\\x{}')", hex(payload)))
            .collect();
        database.execute("CREATE TABLE payloads (id bigint PRIMARY KEY, payload bytea)").await;
        for rows in rows.chunks(1_000) {
            database.execute(&format!("INSERT INTO payloads VALUES {}", rows.join(","))).await;
        }
        database
    }

    pub(crate) fn source(&self, table: &Table) -> TableSource {
        TableSource::open(&self.url, table).expect("a source")
    }

    /// The server's port on the loopback, for as long as the test runs: it has none itself.
    pub(crate) async fn port(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = self.server.socket_dir().join(format!(".s.PGSQL.{}", self.server.port()));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let socket = socket.clone();
                tokio::spawn(async move {
                    let mut server = UnixStream::connect(socket).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        port
    }
}

pub(crate) async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("closed");
}

pub(crate) fn table(query: &str, order_by: &[&str], payload: Option<&str>) -> Table {
    Table {
        query: query.to_owned(),
        order_by: order_by.iter().map(ToString::to_string).collect(),
        payload: payload.map(ToOwned::to_owned),
    }
}

/// All that is left of a table, from a row on.
pub(crate) async fn rows_from(
    source: &TableSource,
    position: Position,
    after: Option<&RowKey>,
) -> Vec<TableRow> {
    let mut reader = TableReader::new(source, position, after);
    let mut rows = Vec::new();
    while let Some(row) = reader.next().await.expect("a readable table") {
        rows.push(row);
    }
    rows
}
