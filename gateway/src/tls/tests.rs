//! Certificates that change, and such as cannot be used.

use std::process::Command;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use super::*;

const EXTENSIONS: &str = "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\n\
                          basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:gateway\n";

/// A folder with the key pair `one`.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("extensions"), EXTENSIONS).expect("written");
    make(&folder, "one");
    folder
}

fn make(folder: &TempDir, name: &str) {
    let arguments = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config extensions -subj /CN={name} \
         -keyout {name}.key -out {name}.crt"
    );
    let made = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder.path()).output();
    let made = made.expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

pub(crate) fn path(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn give(folder: &TempDir, from: &str, to: &str) {
    fs::copy(path(folder, from), path(folder, to)).expect("copied");
}

/// Somebody who trusts this certificate alone.
pub(crate) fn trusting(folder: &TempDir, trusted: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_file(path(folder, trusted)).expect("a certificate");
    roots.add(trusted).expect("it is one");
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(client))
}

/// What the certificates are of.
pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from("gateway").expect("a name")
}

/// Whether somebody who trusts this certificate alone is greeted.
async fn greets(certificate: &Certificate, folder: &TempDir, trusted: &str) -> bool {
    let (here, there) = tokio::io::duplex(16 * 1024);
    let greeting = trusting(folder, trusted).connect(name(), here);
    let (client, _server) = tokio::join!(greeting, certificate.acceptor().accept(there));
    client.is_ok()
}

#[tokio::test]
async fn a_certificate_that_changes_is_shown_from_then_on() {
    let folder = folder();
    make(&folder, "two");
    give(&folder, "one.crt", "tls.crt");
    give(&folder, "one.key", "tls.key");
    let certificate = Certificate::read(&path(&folder, "tls.crt"), &path(&folder, "tls.key")).expect("good");
    assert!(greets(&certificate, &folder, "one.crt").await);
    assert!(!greets(&certificate, &folder, "two.crt").await);
    assert!(!certificate.look().expect("nothing has changed"));

    // Half of it, as may be seen for a moment: told once, and the one before is shown.
    give(&folder, "two.crt", "tls.crt");
    let refused = certificate.look().expect_err("the key is another's");
    assert!(matches!(refused, CertificateError::Unusable { .. }), "{refused}");
    assert!(!certificate.look().expect("it was told"));
    assert!(greets(&certificate, &folder, "one.crt").await);
    give(&folder, "two.key", "tls.key");
    assert!(certificate.look().expect("both have changed"));
    assert!(greets(&certificate, &folder, "two.crt").await);
    assert!(!greets(&certificate, &folder, "one.crt").await);

    fs::remove_file(path(&folder, "tls.key")).expect("removed");
    let refused = certificate.look().expect_err("it is gone");
    assert!(
        matches!(&refused, CertificateError::File { path, .. } if path.ends_with("tls.key")),
        "{refused}"
    );
    assert!(greets(&certificate, &folder, "two.crt").await);
}

#[test]
fn what_is_no_certificate_or_no_key_is_refused_without_a_word_of_what_is_in_it() {
    let folder = folder();
    fs::write(path(&folder, "nothing"), "secret words\n").expect("written");
    for (certificate, key, wanted) in [
        ("nothing", "one.key", "there is no certificate in it"),
        ("one.key", "one.key", "there is no certificate in it"),
        ("one.crt", "nothing", "there is no private key in it"),
        ("one.crt", "one.crt", "there is no private key in it"),
    ] {
        let refused =
            Certificate::read(&path(&folder, certificate), &path(&folder, key)).expect_err(certificate);
        let said = refused.to_string();
        assert!(said.contains(wanted) && !said.contains("secret words"), "{said}");
    }
}
