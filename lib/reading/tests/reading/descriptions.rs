//! What a manifest says, and what is said of it.

use std::fs;

use chancery_kit::AzureServer;
use chancery_reading::{
    Credentials, EventMode, Format, Objects, ReadError, Settings, Split, SplitReader, Store,
};

use crate::places::{self, Place};
use crate::{payloads, read_object};

fn objects(json: &str) -> Objects {
    serde_json::from_str(json).expect("objects")
}

fn open(json: &str) -> Result<Store, String> {
    Store::open(&objects(json), &Credentials::Anonymous, Settings::default())
        .map_err(|error| error.to_string())
}

#[test]
fn formats_are_named_as_in_the_manifest() {
    for (json, wanted) in [
        (r#"{"type":"Lines"}"#, Format::Lines {}),
        (r#"{"type":"NDJSON"}"#, Format::Ndjson {}),
        (r#"{"type":"CSV"}"#, Format::Csv { delimiter: ',', header: true }),
        (r#"{"type":"CSV","delimiter":"\t","header":false}"#, Format::Csv { delimiter: '\t', header: false }),
        (r#"{"type":"CloudEvents"}"#, Format::CloudEvents { mode: EventMode::Lines }),
        (r#"{"type":"CloudEvents","mode":"Single"}"#, Format::CloudEvents { mode: EventMode::Single }),
        (r#"{"type":"Whole"}"#, Format::Whole {}),
    ] {
        let format: Format = serde_json::from_str(json).expect(json);
        assert_eq!(format, wanted);
        assert_eq!(
            serde_json::from_str::<Format>(&serde_json::to_string(&format).expect("JSON")).expect("JSON"),
            wanted
        );
    }
    for wrong in
        [r#"{"type":"XML"}"#, r#"{"type":"CSV","separator":";"}"#, r#"{"type":"Lines","header":true}"#]
    {
        serde_json::from_str::<Format>(wrong).expect_err(wrong);
    }
    serde_json::from_str::<Objects>(r#"{"url":"s3://b","includes":[]}"#).expect_err("an unknown field");
}

#[test]
fn a_delimiter_that_cannot_be_is_refused() {
    for delimiter in ['"', '\n', '\r', '\0', '\u{e4}'] {
        let said = Format::Csv { delimiter, header: true }.check().expect_err("no delimiter").to_string();
        assert!(said.starts_with("format.delimiter is `"), "{said}");
    }
}

#[test]
fn a_description_that_cannot_be_says_what_was_given_what_is_wanted_and_what_to_do() {
    for (json, wanted) in [
        (
            r#"{"url":"ftp://bucket/x"}"#,
            "objects.url is `ftp://bucket/x`, whose scheme is unknown; wanted is file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX",
        ),
        (
            r#"{"url":"file:///x","endpoint":"http://127.0.0.1:1"}"#,
            "objects.endpoint is `http://127.0.0.1:1`: a source of file:// has none; wanted is http://HOST:PORT or https://HOST",
        ),
        (
            r#"{"url":"s3://b","endpoint":"ftp://127.0.0.1:1"}"#,
            "objects.endpoint is `ftp://127.0.0.1:1`: it is neither http:// nor https://; wanted is http://HOST:PORT or https://HOST",
        ),
        (
            r#"{"url":"s3://b","endpoint":"http://169.254.169.254/latest"}"#,
            "the source s3://b is refused: 169.254.169.254 is 169.254.169.254, a link-local or metadata address, where machines keep their own credentials; give the endpoint of an object store",
        ),
        (
            r#"{"url":"s3://b","endpoint":"http://metadata.google.internal"}"#,
            "the source s3://b is refused: metadata.google.internal is the name of a metadata service, where machines keep their own credentials; give the endpoint of an object store",
        ),
        (
            r#"{"url":"s3://b","include":["a[","b"]}"#,
            "the pattern `a[` of objects.include cannot be read: unclosed character class; missing ']'; wanted is one like *.ndjson.gz",
        ),
    ] {
        assert_eq!(open(json).expect_err(json), wanted);
    }
    for endpoint in
        ["http://0xa9fea9fe/", "http://2852039166", "http://[fe80::1]", "http://[::ffff:169.254.169.254]:80/"]
    {
        let said = open(&format!(r#"{{"url":"s3://b","endpoint":"{endpoint}"}}"#)).expect_err(endpoint);
        assert!(said.starts_with("the source s3://b is refused: "), "{said}");
    }
}

#[tokio::test]
async fn objects_are_listed_in_order_as_they_are_included_and_excluded() {
    for place in places::all().await {
        for name in ["b/2.csv", "b/10.csv", "a.csv", "c.txt", "b/old/1.csv", "a-b.csv"] {
            place.put(name, name.as_bytes()).await;
        }
        let mut objects = place.objects();
        objects.include = vec!["*.csv".into()];
        objects.exclude = vec!["b/old/*".into()];
        let store = place.store_of(&objects, 100);
        let listed = store.list().await.expect("a listing");
        let keys: Vec<_> = listed.iter().map(|object| object.key.rsplit_once("in/").expect("in").1).collect();
        assert_eq!(keys, ["a-b.csv", "a.csv", "b/10.csv", "b/2.csv"]);
        assert_eq!(store.list().await.expect("a listing"), listed);

        objects.include = vec!["*.parquet".into()];
        let said = place.store_of(&objects, 100).list().await.expect_err("nothing").to_string();
        let url = &objects.url;
        assert_eq!(
            said,
            format!(
                "no object of {url} matches: 6 are there; correct objects.url, include or exclude, or put objects there"
            )
        );
    }
}

#[tokio::test]
async fn a_url_may_name_one_object() {
    for place in places::all().await {
        if matches!(place, Place::Memory(_)) {
            continue;
        }
        place.put("one.txt", b"1\n").await;
        place.put("one.txt.more", b"2\n").await;
        let mut objects = place.objects();
        objects.url.push_str("/one.txt");
        let listed = place.store_of(&objects, 100).list().await.expect("a listing");
        assert_eq!(listed.len(), 1);
        assert!(listed[0].key.ends_with("in/one.txt"));
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_or_closed_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}/missing", folder.path().display());
    let store = open(&format!(r#"{{"url":"{url}"}}"#)).expect("a store");
    let error = store.list().await.expect_err("nothing there");
    assert!(matches!(error, ReadError::Final(_)));
    assert_eq!(
        error.to_string(),
        format!(
            "the source {url} does not exist (No such file or directory (os error 2)); create it, or correct objects.url, objects.endpoint or objects.region"
        )
    );
}

#[tokio::test]
async fn a_link_out_of_the_folder_is_not_followed() {
    let place = Place::File(tempfile::tempdir().expect("a folder"));
    place.put("a.txt", b"inside\n").await;
    let outside = tempfile::tempdir().expect("a folder");
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret\n").expect("written");
    std::os::unix::fs::symlink(&secret, place.path("b.txt")).expect("a link");
    std::os::unix::fs::symlink(place.path("a.txt"), place.path("c.txt")).expect("a link");
    let store = place.store(100);
    let listed = store.list().await.expect("a listing");
    let mut read = Vec::new();
    for object in &listed {
        let split: Split = store.plan(object, &Format::Lines {}, u64::MAX).remove(0);
        let mut reader =
            SplitReader::new(&store, &Format::Lines {}, &split, split.start()).expect("a reader");
        read.push((object.key.rsplit_once('/').expect("a folder").1, reader.next().await));
    }
    for (name, result) in read {
        match name {
            "b.txt" => {
                let said = result.expect_err("outside").to_string();
                assert!(said.contains("lies outside of the folder, through a link"), "{said}");
            }
            _ => assert!(result.expect("inside").is_some(), "{name}"),
        }
    }
}

#[tokio::test]
async fn files_may_have_any_name() {
    let place = Place::File(tempfile::tempdir().expect("a folder"));
    for name in ["a b.txt", "\u{e4}.txt", "100%.txt", "a#b?.txt"] {
        place.put(name, name.as_bytes()).await;
    }
    let store = place.store(100);
    let mut read = Vec::new();
    for object in store.list().await.expect("a listing") {
        let name = object.key.rsplit_once('/').expect("a folder").1;
        assert!(place.path(name).exists(), "{name} is the key of another file");
        read.extend(payloads(&read_object(&store, &Format::Lines {}, &object, u64::MAX).await));
    }
    read.sort();
    assert_eq!(read, ["100%.txt", "a b.txt", "a#b?.txt", "\u{e4}.txt"].map(|name| name.as_bytes().to_vec()));
}

#[test]
fn nothing_that_is_printed_holds_the_credentials() {
    let source = objects(r#"{"url":"s3://bucket","endpoint":"http://127.0.0.1:1"}"#);
    let key =
        Credentials::AccessKey { id: "id".into(), secret: "hidden".into(), token: Some("hidden".into()) };
    let store = Store::open(&source, &key, Settings::default()).expect("a store");
    assert!(!format!("{key:?} {store:?}").contains("hidden"));
    let said = open(r#"{"url":"s3://b","endpoint":"http://user:hidden@host"}"#).expect_err("a login");
    assert!(!said.contains("hidden") && said.contains("credentialsSecretRef"), "{said}");
}

#[test]
fn credentials_open_the_stores_of_their_own_kind() {
    let key = Credentials::AccessKey { id: "id".into(), secret: "hidden".into(), token: None };
    let google = Credentials::GoogleServiceAccount { key: "{\"private_key\":\"hidden\"}".into() };
    let azure = Credentials::AzureKey { account: "account".into(), key: "not base64, hidden".into() };
    let sas = Credentials::AzureSas { account: "account".into(), token: "sv=2022&sig=hidden".into() };
    for (url, credentials, wanted) in [
        ("s3://b", &google, Some("put an access key of S3 into what credentialsSecretRef names")),
        ("gs://b", &key, Some("put the JSON key of a service account of Google into")),
        ("az://c", &google, Some("put an account of Azure with its key or a SAS token into")),
        (
            "gs://b",
            &google,
            Some(
                "cannot be read; correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run",
            ),
        ),
        (
            "az://c",
            &azure,
            Some(
                "cannot be read; correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run",
            ),
        ),
        (
            "az://c",
            &Credentials::Anonymous,
            Some("does not say whose container it is; give objects.endpoint"),
        ),
        ("gs://b", &Credentials::Anonymous, None),
        ("az://c", &sas, None),
    ] {
        let opened =
            Store::open(&objects(&format!(r#"{{"url":"{url}"}}"#)), credentials, Settings::default());
        match (opened, wanted) {
            (Ok(store), None) => assert!(!format!("{store:?} {credentials:?}").contains("hidden")),
            (Err(error), Some(wanted)) => {
                let said = format!("{error} {error:?}");
                assert!(said.contains(wanted) && !said.contains("hidden"), "{said}");
            }
            (opened, _) => panic!("{url} with {credentials:?}: {opened:?}"),
        }
    }
}

#[test]
fn no_cloud_leads_to_a_metadata_service() {
    for url in ["s3://b", "gs://b", "az://c"] {
        let said = open(&format!(r#"{{"url":"{url}","endpoint":"http://169.254.169.254"}}"#)).expect_err(url);
        assert!(said.starts_with(&format!("the source {url} is refused: ")), "{said}");
    }
}

#[tokio::test]
async fn a_container_that_is_missing_or_refuses_says_so() {
    let Some(server) = AzureServer::shared() else { return };
    let source = objects(&format!(r#"{{"url":"az://missing/in","endpoint":"{}"}}"#, server.endpoint()));
    let open =
        |credentials: &Credentials| Store::open(&source, credentials, Settings::default()).expect("a store");
    let said = open(&azure_key()).list().await.expect_err("no container").to_string();
    assert!(said.starts_with("the source az://missing/in does not exist (ContainerNotFound: "), "{said}");
    let wrong = Credentials::AzureKey { account: "devstoreaccount1".into(), key: "aGlkZGVu".into() };
    let said = open(&wrong).list().await.expect_err("a wrong key").to_string();
    // Azure says AuthenticationFailed there, and Azurite what Azure says of a closed network.
    let refused =
        ["does not accept the credentials (AuthenticationFailed: ", "refuses access (AuthorizationFailure: "];
    assert!(refused.iter().any(|refused| said.contains(refused)) && !said.contains('\n'), "{said}");
}

fn azure_key() -> Credentials {
    Credentials::AzureKey { account: AzureServer::ACCOUNT.to_owned(), key: AzureServer::KEY.to_owned() }
}
