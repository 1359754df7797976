//! Tables of servers with TLS, of standbys, and behind poolers.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chancery_local_postgres::ServerOptions;
use chancery_reading::{FinalError, Position, ReadError, TableError, TableReader, TableSource};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use crate::database::{Database, rows_from, table};
use crate::pooler::Pooler;

fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let made = made.expect("openssl starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Two authorities, of which the first vouches for a server named localhost.
pub(crate) fn certificates(folder: &Path) {
    for name in ["ca", "other"] {
        openssl(
            folder,
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.crt"
            ),
        );
    }
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").expect("written");
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
    );
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
}

/// What answers as that server.
pub(crate) fn acceptor(folder: &Path) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(folder.join("server.crt")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

/// The server with TLS in front of it, on the loopback.
async fn with_tls(database: &Database, folder: &Path) -> u16 {
    let acceptor = acceptor(folder);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let socket = database.server.socket_dir().join(format!(".s.PGSQL.{}", database.server.port()));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                client.read_exact(&mut [0; 8]).await?;
                client.write_all(b"S").await?;
                let mut client = acceptor.accept(client).await?;
                let mut server = UnixStream::connect(socket).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_is_verified_by_its_name_and_its_authority() {
    let database = Database::with_payloads(&[b"a".to_vec()]).await;
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let port = with_tls(&database, folder.path()).await;
    let open = |host: &str, authority: &str| {
        let url = format!(
            "postgres://chancery:s3cret@{host}:{port}/{}?sslmode=verify-full&sslrootcert={}",
            database.name(),
            folder.path().join(authority).display()
        );
        TableSource::open(&url, &table("SELECT id FROM payloads", &["id"], None)).expect("a source")
    };
    assert_eq!(rows_from(&open("localhost", "ca.crt"), Position(0), None).await.len(), 1);
    for (host, authority) in [("127.0.0.1", "ca.crt"), ("localhost", "other.crt")] {
        let error = TableReader::new(&open(host, authority), Position(0), None).next().await.expect_err(host);
        assert!(
            matches!(error, ReadError::Final(FinalError::Table(TableError::Tls { .. }))),
            "{host}, {authority}: {error}"
        );
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_standby_is_read() {
    let database = Database::alone().await;
    database.execute("CREATE TABLE t AS SELECT n AS id FROM generate_series(1, 1000) AS n").await;
    let primary = Arc::clone(&database.server);
    let parent = std::env::temp_dir().join("chancery-tests");
    let standby =
        tokio::task::spawn_blocking(move || primary.start_standby(&parent, ServerOptions::default()));
    let standby = standby.await.expect("a task").expect("a standby starts");
    let url = standby.url(&database.name());
    let source = TableSource::open(&url, &table("SELECT id FROM t", &["id"], None)).expect("a source");
    assert_eq!(rows_from(&source, Position(0), None).await.len(), 1_000);
}

#[tokio::test]
async fn a_pooler_may_lend_sessions_or_transactions_and_nothing_less() {
    let payloads: Vec<Vec<u8>> = (0..600).map(|number| format!("{number}").into_bytes()).collect();
    let database = Database::with_payloads(&payloads).await;
    for (mode, reads) in [("session", true), ("transaction", true), ("statement", false)] {
        let Some(pooler) = Pooler::start(&database.server, mode) else { return };
        let all = table("SELECT id, ARRAY[id] AS ids FROM payloads", &["id"], None);
        let source = TableSource::open(&pooler.url(&database.name()), &all).expect("a source");
        if reads {
            // Twice, and both at the same time: nothing is left in a session for another one to stumble over.
            for _ in 0..2 {
                let (one, other) = tokio::join!(
                    rows_from(&source, Position(0), None),
                    rows_from(&source, Position(0), None)
                );
                assert_eq!((one.len(), &one), (600, &other), "{mode}");
            }
        } else {
            let error = TableReader::new(&source, Position(0), None).next().await.expect_err(mode);
            assert!(matches!(error, ReadError::Final(_)), "{error}");
            assert!(error.to_string().contains("statement pooling"), "{error}");
        }
    }
}
