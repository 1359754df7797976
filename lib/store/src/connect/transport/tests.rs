use std::str::FromStr;

use super::*;

fn decided(url: &str, environment: Option<&str>) -> Result<Transport, StoreError> {
    let options = PgConnectOptions::from_str(url).expect("a URL");
    Asked::of(url, &options, environment)?.decide()
}

/// In one word, for tables.
fn word(url: &str, environment: Option<&str>) -> String {
    match decided(url, environment) {
        Ok(Transport::Direct(mode)) => format!("direct {mode:?}"),
        Ok(Transport::Guarded(Encryption::Vouched(_))) => "guarded Vouched".to_owned(),
        Ok(Transport::Guarded(encryption)) => format!("guarded {encryption:?}"),
        Err(StoreError::UnsafeTransport(_)) => "refused".to_owned(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn a_remote_server_is_verified_unless_the_url_says_otherwise_in_so_many_words() {
    for host in ["db.example", "10.0.0.7", "[2001:db8::7]", "localhost.example", "127.0.0.1.example"] {
        let of = |mode: &str| word(&format!("postgres://u:p@{host}/db{mode}"), None);
        assert_eq!(of(""), "direct VerifyFull", "{host}");
        assert_eq!(of("?application_name=sslmode"), "direct VerifyFull", "{host}");
        assert_eq!(of("?ssl%6dode=disable"), "direct VerifyFull", "{host}");
        assert_eq!(of("?sslmode=verify-full"), "direct VerifyFull", "{host}");
        assert_eq!(of("?sslmode=disable"), "guarded Never", "{host}");
        assert_eq!(of("?sslmode=require"), "guarded Always", "{host}");
        assert_eq!(of("?sslmode=prefer"), "refused", "{host}");
        assert_eq!(of("?sslmode=allow"), "refused", "{host}");
    }
}

#[test]
fn an_authority_is_asked_when_it_is_named_and_verify_ca_needs_one() {
    let of = |mode: &str| word(&format!("postgres://u:p@db.example/db?{mode}"), None);
    assert_eq!(of("sslmode=verify-ca"), "refused");
    assert_eq!(of("sslmode=verify-ca&sslrootcert=/ca.crt"), "guarded Vouched");
    assert_eq!(of("sslmode=require&sslrootcert=/ca.crt"), "guarded Vouched");
    // Even with nothing to lose but the data: sqlx would believe any public authority.
    let bare = "postgres://u@db.example/db?sslmode=verify-ca&sslrootcert=/ca.crt";
    let Ok(Transport::Guarded(encryption)) = decided(bare, None) else { panic!("guarded") };
    assert_eq!(encryption, Encryption::Vouched(Authority::File("/ca.crt".into())));
}

#[test]
fn loopback_and_sockets_need_no_certificate_and_a_password_is_guarded_on_loopback() {
    for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"] {
        let of = |user: &str, mode: &str| word(&format!("postgres://{user}@{host}/db{mode}"), None);
        assert_eq!(of("u", ""), "direct Prefer", "{host}");
        assert_eq!(of("u", "?sslmode=disable"), "direct Disable", "{host}");
        assert_eq!(of("u:p", ""), "guarded IfOffered", "{host}");
        assert_eq!(of("u:p", "?sslmode=prefer"), "guarded IfOffered", "{host}");
        assert_eq!(of("u:p", "?sslmode=disable"), "guarded Never", "{host}");
        assert_eq!(of("u:p", "?sslmode=verify-full"), "direct VerifyFull", "{host}");
    }
    assert_eq!(word("postgres:///db?host=/run/postgresql&password=p", None), "direct Prefer");
    assert_eq!(word("postgres://u:p@%2Frun%2Fpostgresql/db", None), "direct Prefer");
}

#[test]
fn the_environment_counts_where_the_url_is_silent_and_nonsense_in_it_is_refused() {
    let url = "postgres://u:p@db.example/db";
    assert_eq!(word(url, Some("disable")), "guarded Never");
    assert_eq!(word(url, Some("prefer")), "refused");
    assert_eq!(word(url, Some("")), "direct VerifyFull");
    assert_eq!(word(&format!("{url}?sslmode=verify-full"), Some("disable")), "direct VerifyFull");
    assert!(word(url, Some("verify_full")).contains("PGSSLMODE"));
}

#[test]
fn a_client_certificate_is_for_verified_servers() {
    let url = "postgres://u:p@db.example/db?sslcert=/c&sslkey=/k";
    assert_eq!(word(url, None), "direct VerifyFull");
    assert_eq!(word(&format!("{url}&sslmode=require"), None), "refused");
}

#[test]
fn a_url_that_names_odd_hosts_and_users_is_answered() {
    for url in ["postgres://u:p@h/db?host=a b", "postgres:///?user=%00/@:&host=[", "postgres://%zz@h?host=%"]
    {
        if let Ok(options) = PgConnectOptions::from_str(url) {
            assert!(Asked::of(url, &options, None).is_ok(), "{url}");
        }
    }
}
