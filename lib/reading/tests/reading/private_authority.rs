//! Stores whose certificate is of an authority that nobody else believes.

use std::path::Path;

use chancery_reading::{Credentials, FinalError, Objects, ReadError, Settings, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::table_servers::{acceptor, certificates};

const LISTING: &str = "<?xml version=\"1.0\"?><ListBucketResult><Contents><Key>in/a.txt</Key>\
    <LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>3</Size></Contents>\
    <IsTruncated>false</IsTruncated></ListBucketResult>";

/// A store named localhost that has one object, on the loopback.
async fn served(folder: &Path) -> u16 {
    let acceptor = acceptor(folder);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Whoever does not believe the certificate hangs up.
                let mut client = acceptor.accept(client).await?;
                let mut request = [0; 8192];
                if client.read(&mut request).await? > 0 {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", LISTING.len());
                    client.write_all(format!("{head}Connection: close\r\n\r\n{LISTING}").as_bytes()).await?;
                    client.shutdown().await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    port
}

fn store(host: &str, port: u16, authorities: Option<String>) -> Result<Store, FinalError> {
    let objects = Objects {
        url: "s3://bucket/in".into(),
        include: vec![],
        exclude: vec![],
        endpoint: Some(format!("https://{host}:{port}")),
        region: None,
    };
    Store::open(
        &objects,
        &Credentials::Anonymous,
        Settings { retries: 0, authorities, ..Settings::default() },
    )
}

#[tokio::test]
async fn a_store_is_believed_by_the_authority_that_its_source_says_and_by_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let port = served(folder.path()).await;
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a certificate");
    let (ca, other) = (read("ca.crt"), read("other.crt"));
    for believed in [ca.clone(), format!("{other}\n# Both.\n{ca}")] {
        let listing = store("localhost", port, Some(believed)).expect("a store").list().await;
        assert_eq!(listing.expect("a listing").len(), 1);
    }
    for (host, believed) in [("localhost", None), ("localhost", Some(other)), ("127.0.0.1", Some(ca))] {
        let error = store(host, port, believed.clone()).expect("a store").list().await.expect_err(host);
        assert!(
            matches!(error, ReadError::Final(FinalError::Untrusted { .. })),
            "{host}, {believed:?}: {error}"
        );
        assert!(error.to_string().contains("ca.crt"), "{error}");
    }
}

#[test]
fn what_is_no_authority_is_said_and_nobody_is_asked() {
    for wrong in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = store("localhost", 1, Some(wrong.to_owned())).expect_err(wrong);
        assert!(matches!(error, FinalError::BadAuthorities { .. }), "{wrong:?}: {error}");
    }
}
