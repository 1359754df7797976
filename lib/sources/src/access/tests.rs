use std::collections::HashMap;

use super::*;

fn of(url: &str, given: &[(&'static str, &str)]) -> Result<Credentials, AccessError> {
    let given: HashMap<&str, &str> = given.iter().copied().collect();
    of_store(url, |name| Ok(given.get(name).map(ToString::to_string)))
}

#[test]
fn each_kind_of_store_has_credentials_of_its_own_and_no_others() {
    let all = VARIABLES.map(|name| (name, "x"));
    for (url, kind) in [("s3://b", "AccessKey"), ("gs://b", "GoogleServiceAccount"), ("az://c", "AzureKey")] {
        let found = of(url, &all).expect("credentials");
        assert_eq!(format!("{found:?}"), kind, "{url}");
        assert!(matches!(of(url, &[]).expect("none"), Credentials::Anonymous), "{url}");
    }
    let sas = of("az://c", &[(AZURE_ACCOUNT, "a"), (AZURE_SAS, "sv=1")]).expect("credentials");
    assert!(matches!(sas, Credentials::AzureSas { .. }));
    let by_file = of("gs://b", &[(GOOGLE_KEY_FILE, "{}")]).expect("credentials");
    assert!(matches!(by_file, Credentials::GoogleServiceAccount { key } if key == "{}"));
}

#[test]
fn half_of_a_login_is_said_and_not_left_out() {
    for (url, given, missing) in [
        ("s3://b", ID, SECRET),
        ("s3://b", SECRET, ID),
        ("az://c", AZURE_KEY, AZURE_ACCOUNT),
        ("az://c", AZURE_SAS, AZURE_ACCOUNT),
    ] {
        let said = of(url, &[(given, "x")]).expect_err(given).to_string();
        assert_eq!(said, format!("{missing} is not set, and {given} is; set both, or neither"));
    }
}

#[test]
fn a_source_has_the_credentials_of_its_own_folder_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = folder.path().join("one");
    fs::create_dir(&one).expect("a folder");
    let access = Access::Folder(folder.path().to_owned());
    let empty = access.store("one", "s3://b").expect_err("nothing").to_string();
    assert!(empty.contains("wanted are the files AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{empty}");
    fs::write(one.join(ID), "id\n").expect("a file");
    let missing = access.store("one", "s3://b").expect_err("no secret").to_string();
    assert!(missing.contains(SECRET), "{missing}");
    fs::write(one.join(SECRET), "secret\n").expect("a file");
    let found = access.store("one", "s3://b").expect("credentials").credentials;
    assert!(
        matches!(&found, Credentials::AccessKey { id, secret, token: None } if id == "id" && secret == "secret")
    );
    assert!(matches!(access.store("other", "s3://b").expect("none").credentials, Credentials::Anonymous));
    assert!(matches!(access.store("one", "file:///x").expect("none").credentials, Credentials::Anonymous));
}

#[test]
fn a_source_may_say_which_authorities_vouch_for_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = folder.path().join("one");
    fs::create_dir(&one).expect("a folder");
    let access = Access::Folder(folder.path().to_owned());
    fs::write(one.join(AUTHORITIES), "some PEM\n").expect("a file");
    for (url, kind) in [("s3://b", "Anonymous"), ("gs://b", "Anonymous"), ("az://b", "Anonymous")] {
        let found = access.store("one", url).expect("access");
        assert_eq!(
            (format!("{:?}", found.credentials).as_str(), found.authorities.as_deref()),
            (kind, Some("some PEM"))
        );
    }
    fs::write(one.join(ID), "id").expect("a file");
    fs::write(one.join(SECRET), "secret").expect("a file");
    let found = access.store("one", "s3://b").expect("access");
    assert!(matches!(found.credentials, Credentials::AccessKey { .. }) && found.authorities.is_some());
    assert!(access.store("other", "s3://b").expect("access").authorities.is_none());
}

fn table() -> Table {
    Table { query: "SELECT 1 AS id".to_owned(), order_by: vec!["id".to_owned()], payload: None }
}

#[test]
fn a_manifest_has_the_url_of_a_table_without_its_password() {
    let open = |url| Access::Environment.table("one", url, &table());
    assert!(matches!(open(None), Err(AccessError::NoUrl)));
    for url in ["postgres://u:p@db.example/d", "postgres://db.example/d?user=u&passw%6Frd=p"] {
        assert!(matches!(open(Some(url)), Err(AccessError::PasswordInUrl)), "{url}");
    }
    let said = open(Some("postgres://u@db.example")).expect_err("no database").to_string();
    assert!(said.contains("it names no user or no database"), "{said}");
}

#[test]
fn whoever_reads_for_others_takes_the_url_of_their_secret_and_no_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = Access::Folder(folder.path().to_owned());
    let open = || access.table("one", Some("postgres://other@elsewhere.example/d"), &table());
    let said = open().expect_err("no file").to_string();
    assert!(said.contains("one/url cannot be read"), "{said}");
    fs::create_dir(folder.path().join("one")).expect("a folder");
    let file = folder.path().join("one").join(TABLE_URL);
    fs::write(&file, "postgres://u:p@db.example/d\n").expect("a file");
    assert_eq!(open().expect("a table").login().host, "db.example");
    fs::write(&file, "postgres:///d?host=/run/postgresql&user=u").expect("a file");
    assert!(matches!(open(), Err(AccessError::BySocket)));
}

#[test]
fn a_service_is_asked_with_what_is_in_the_folder_of_its_sink_and_a_folder_with_nothing_for_it_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = Access::Folder(folder.path().to_owned());
    let ServiceAccess { secret, token, authorities } = access.service("hook").expect("it names no Secret");
    assert_eq!((secret, token, authorities), (None, None, None));
    let of_sink = folder.path().join("hook");
    fs::create_dir(&of_sink).expect("it is made");
    fs::write(of_sink.join("other"), "x").expect("it is written");
    let said = access.service("hook").expect_err("it has no key").to_string();
    assert!(said.contains("secret, with a key to sign by, or token"), "{said}");
    for (file, text) in [("secret", "whsec_a\nwhsec_b\n"), ("token", "t\n"), ("ca.crt", "PEM\n")] {
        fs::write(of_sink.join(file), text).expect("it is written");
        access.service("hook").expect("it has something");
    }
    let ServiceAccess { secret, token, authorities } = access.service("hook").expect("it has all");
    let expected = ["whsec_a\nwhsec_b", "t", "PEM"].map(|text| Some(text.to_owned()));
    assert_eq!([secret, token, authorities], expected);
}
