//! False servers: each does as it likes, and keeps what it is told.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::connect::{Ledger, LedgerUrl};
use crate::error::StoreError;

const PASSWORD: &str = "correct horse";
const LET_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0";
const CLEAR_TEXT: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
const MD5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
const SCRAM: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

/// Sends `first` to a login, then each of `more` once something has been answered, and ends with what it was told.
async fn false_server(first: Vec<u8>, more: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let told = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut told = Vec::new();
        let mut buffer = [0; 4096];
        for answer in [first].into_iter().chain(more) {
            let Ok(count @ 1..) = stream.read(&mut buffer).await else { return told };
            told.extend_from_slice(&buffer[..count]);
            let _written = stream.write_all(&answer).await;
        }
        let _ended = stream.read_to_end(&mut told).await;
        told
    });
    (address, told)
}

fn url(address: SocketAddr, mode: &str) -> LedgerUrl {
    let password = PASSWORD.replace(' ', "%20");
    format!("postgres://chancery:{password}@{address}/chancery{mode}").parse().expect("a URL")
}

fn assert_learnt_nothing(told: &[u8]) {
    let told = String::from_utf8_lossy(told);
    assert!(!told.contains(PASSWORD), "the password in the clear: {told:?}");
    assert!(!told.contains("md5"), "the password as MD5: {told:?}");
}

/// What comes of a login at such a server.
async fn refused(first: &[u8], mode: &str) -> StoreError {
    let (address, told) = false_server(first.to_vec(), Vec::new()).await;
    let refused = url(address, mode).open().await.expect_err("it is refused");
    assert_learnt_nothing(&told.await.expect("the server ends"));
    refused
}

#[tokio::test]
async fn a_server_that_asks_for_the_password_in_clear_text_or_as_md5_gets_nothing() {
    for (asked, word) in [(CLEAR_TEXT, "in clear text"), (MD5, "as MD5")] {
        let refusal = refused(asked, "?sslmode=disable").await;
        assert!(matches!(&refusal, StoreError::UnsafeLogin(_)), "{refusal}");
        assert!(!refusal.is_transient(), "trying again is of no use");
        let said = refusal.to_string();
        assert!(said.starts_with("the database was not given the password: the server asked"), "{said}");
        assert!(said.contains(word) && said.contains("sslmode=verify-full"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_asks_once_it_has_let_one_in_gets_nothing() {
    for asked in [CLEAR_TEXT, MD5, SCRAM] {
        let refusal = refused(&[LET_IN, asked].concat(), "?sslmode=disable").await;
        assert!(matches!(&refusal, StoreError::UnsafeLogin(_)), "{refusal}");
    }
}

#[tokio::test]
async fn a_server_that_says_it_has_no_tls_gets_nothing_either() {
    for mode in ["", "?sslmode=prefer"] {
        let (address, told) = false_server(b"N".to_vec(), vec![CLEAR_TEXT.to_vec()]).await;
        let refusal = url(address, mode).open().await.expect_err("it is refused");
        assert!(matches!(&refusal, StoreError::UnsafeLogin(_)), "{refusal}");
        assert_learnt_nothing(&told.await.expect("the server ends"));
    }
    for mode in ["?sslmode=require", "?sslmode=verify-full"] {
        let (address, told) = false_server(b"N".to_vec(), vec![CLEAR_TEXT.to_vec()]).await;
        let refusal = url(address, mode).open().await.expect_err("it is refused");
        assert!(refusal.to_string().contains("TLS"), "{refusal}");
        let told = told.await.expect("the server ends");
        assert_eq!(told.len(), 8, "only the question for TLS: {told:?}");
    }
}

#[tokio::test]
async fn an_owner_is_refused_in_the_same_way() {
    let (address, told) = false_server(CLEAR_TEXT.to_vec(), Vec::new()).await;
    let refusal = Ledger::connect(url(address, "?sslmode=disable"), 2).await.expect_err("it is refused");
    assert!(matches!(&refusal, StoreError::UnsafeLogin(_)), "{refusal}");
    assert_learnt_nothing(&told.await.expect("the server ends"));
}

#[tokio::test]
async fn a_server_that_asks_for_a_guessable_proof_gets_none() {
    let first = b"r=whatever,s=c2FsdA==,i=1";
    let length = u32::try_from(first.len() + 8).expect("it is short").to_be_bytes();
    let guessable = [b"R", &length[..], b"\0\0\0\x0b", first].concat();
    let (address, told) = false_server(SCRAM.to_vec(), vec![guessable]).await;
    let refusal = url(address, "?sslmode=disable").open().await.expect_err("it is refused");
    assert!(refusal.to_string().contains("fewer than 4096 rounds"), "{refusal}");
    let told = told.await.expect("the server ends");
    assert!(!String::from_utf8_lossy(&told).contains(",p="), "a proof: {told:?}");
}

#[tokio::test]
async fn a_server_elsewhere_has_to_prove_that_it_knows_the_password() {
    for (proof_wanted, let_in) in [(true, false), (false, true)] {
        let ready = b"Z\0\0\0\x05I";
        let (address, _told) = false_server([LET_IN, ready].concat(), Vec::new()).await;
        let behind = Behind {
            host: address.ip().to_string(),
            port: address.port(),
            encryption: Encryption::Never,
            proof_wanted,
        };
        let guard = Guard::start(&behind).expect("a guard");
        let mut client =
            UnixStream::connect(format!("{}/.s.PGSQL.{}", guard.name, address.port())).await.expect("it");
        client.write_all(b"\0\0\0\x08\0\x03\0\0").await.expect("a start");
        let kind = client.read_u8().await.expect("an answer");
        assert_eq!(kind == b'R', let_in, "{}", char::from(kind));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let refusal = url(address, "").open().await.expect_err("nobody is there");
    assert!(refusal.is_transient() && refusal.to_string().contains("refused"), "{refusal}");
}
