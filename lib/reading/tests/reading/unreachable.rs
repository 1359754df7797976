//! Stores that are away, refuse, or lead elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chancery_reading::{Credentials, Objects, ReadError, Settings, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::s3_server::S3Server;

fn store(endpoint: &str, timeout: Duration) -> Store {
    let objects = Objects {
        url: "s3://bucket/in".into(),
        include: vec![],
        exclude: vec![],
        endpoint: Some(endpoint.to_owned()),
        region: None,
    };
    let key = Credentials::AccessKey { id: "id".into(), secret: "secret".into(), token: None };
    Store::open(&objects, &key, Settings { timeout, retries: 0, ..Settings::default() }).expect("a store")
}

/// What a listing comes to at a server that gives every request the same answer; and how many it got.
async fn answered(answer: &str) -> (ReadError, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Arc::new(AtomicUsize::new(0));
    let (answer, counted) = (answer.to_owned(), Arc::clone(&requests));
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 8192];
            if stream.read(&mut request).await.expect("a request") > 0 {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    let error = store(&format!("http://127.0.0.1:{port}"), Duration::from_secs(20))
        .list()
        .await
        .expect_err("an error");
    server.abort();
    (error, requests.load(Ordering::Relaxed))
}

fn http(status: &str, code: &str, message: &str) -> String {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn what_waiting_does_not_mend_is_final_and_says_what_to_do() {
    for (status, code, said) in [
        (
            "404 Not Found",
            "NoSuchBucket",
            "the source s3://bucket/in does not exist (NoSuchBucket: m); create it, or correct objects.url, objects.endpoint or objects.region",
        ),
        (
            "403 Forbidden",
            "AccessDenied",
            "the source s3://bucket/in refuses access (AccessDenied: m); allow the credentials to list and to read it",
        ),
        (
            "403 Forbidden",
            "SignatureDoesNotMatch",
            "the source s3://bucket/in does not accept the credentials (SignatureDoesNotMatch: m); correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run",
        ),
        (
            "403 Forbidden",
            "InvalidAccessKeyId",
            "the source s3://bucket/in does not accept the credentials (InvalidAccessKeyId: m); correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run",
        ),
        (
            "400 Bad Request",
            "InvalidRequest",
            "the source s3://bucket/in cannot be read: InvalidRequest: m; read it by another client of such stores with the same endpoint and credentials, and correct what fails there",
        ),
    ] {
        let (error, _) = answered(&http(status, code, "m")).await;
        assert!(matches!(error, ReadError::Final(_)), "{error:?}");
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn what_waiting_mends_is_transient() {
    for status in ["503 Slow Down", "500 Internal Server Error", "429 Too Many Requests"] {
        let (error, _) = answered(&http(status, "SlowDown", "m")).await;
        assert!(matches!(error, ReadError::Transient(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the source s3://bucket/in is not available: SlowDown: m; reading continues once it answers"
        );
    }
    for broken in ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<ListBucketResult>"] {
        let (error, _) = answered(broken).await;
        assert!(matches!(error, ReadError::Transient(_)), "{broken}: {error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let error =
        store(&format!("http://127.0.0.1:{port}"), Duration::from_secs(20)).list().await.expect_err("nobody");
    assert!(matches!(error, ReadError::Transient(_)), "{error:?}");
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let error = store(&format!("http://127.0.0.1:{port}"), Duration::from_millis(300))
        .list()
        .await
        .expect_err("silence");
    assert!(matches!(error, ReadError::Transient(_)), "{error:?}");
    assert!(error.to_string().contains("no answer within 300ms"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for to in ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/elsewhere"] {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let (error, requests) = answered(&answer).await;
        assert!(matches!(error, ReadError::Final(_)), "{error:?}");
        assert_eq!(requests, 1);
    }
}

#[tokio::test]
async fn a_bucket_that_is_missing_says_so() {
    let Some(server) = S3Server::shared() else { return };
    let error = store(&server.endpoint(), Duration::from_secs(20)).list().await.expect_err("no bucket");
    assert_eq!(
        error.to_string(),
        "the source s3://bucket/in does not exist (NoSuchBucket: The specified bucket does not exist); create it, or correct objects.url, objects.endpoint or objects.region"
    );
}
