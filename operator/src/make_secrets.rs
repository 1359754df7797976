//! Makes the Secrets that an installation needs and does not have: in a Job of the chart, before anything else of it is
//! there. So what is secret is in no rendered manifest, and in no Secret that Helm keeps of its releases.
//!
//! Its right is to make Secrets, and nothing else. One that is there is left as it is.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chancery_api::names;
use chancery_keyring::Kek;
use chancery_statement::StatementKey;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use zeroize::Zeroizing;

use crate::arguments::MakeSecrets;

/// Letters and digits of a password: some 190 bits.
const PASSWORD_LENGTH: usize = 32;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// What is in a Secret.
type Data = BTreeMap<String, ByteString>;

/// Makes the Secrets that are asked for and not there.
///
/// # Errors
///
/// The API server refuses, or does not answer.
pub async fn make_secrets(arguments: &MakeSecrets) -> anyhow::Result<()> {
    let MakeSecrets { namespace, release, kek, statement_key, postgresql, postgresql_host } = arguments;
    let api: Api<Secret> = Api::namespaced(Client::try_default().await?, namespace);
    if let Some(name) = kek {
        make(&api, release, "kek", name, Some(true), kek_data()).await?;
    }
    if let Some(name) = statement_key {
        make(&api, release, "statements", name, Some(true), statement_key_data()?).await?;
    }
    if let Some(name) = postgresql {
        let host = postgresql_host.as_deref().context("--postgresql needs --postgresql-host")?;
        make(&api, release, "postgresql", name, None, postgresql_data(host)).await?;
    }
    Ok(())
}

async fn make(
    api: &Api<Secret>,
    release: &str,
    component: &str,
    name: &str,
    immutable: Option<bool>,
    data: Data,
) -> anyhow::Result<()> {
    let labels = [
        (names::LABEL_NAME, names::APP_NAME),
        (names::LABEL_INSTANCE, release),
        (names::LABEL_COMPONENT, component),
    ];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..ObjectMeta::default()
        },
        immutable,
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        string_data: None,
    };
    match api.create(&PostParams::default(), &secret).await {
        Ok(_) => tracing::info!(secret = name, "the Secret is made"),
        Err(kube::Error::Api(refusal)) if refusal.reason == "AlreadyExists" => {
            tracing::info!(secret = name, "the Secret is there, and is left as it is");
        }
        Err(error) => return Err(error).with_context(|| format!("the Secret {name} cannot be made")),
    }
    Ok(())
}

fn kek_data() -> Data {
    [("kek".to_owned(), ByteString(Kek::generate().to_base64().as_bytes().to_vec()))].into()
}

fn statement_key_data() -> anyhow::Result<Data> {
    let (_, pem) = StatementKey::generate()?;
    Ok([("statement.key".to_owned(), ByteString(pem.as_bytes().to_vec()))].into())
}

/// The passwords of the try-out PostgreSQL, and the URL that holds one of them: in one Secret, so that they always fit together.
fn postgresql_data(host: &str) -> Data {
    let (postgres, owner, operator, gateway) = (password(), password(), password(), password());
    let url = |login: &str, password: &Zeroizing<String>| {
        Zeroizing::new(format!("postgres://{login}:{}@{host}:5432/chancery?sslmode=disable", **password))
    };
    let (owner_url, operator_url) = (url("chancery", &owner), url("chancery-operator", &operator));
    let gateway_url = url("chancery-gateway", &gateway);
    let entries = [
        ("postgres-password", &postgres),
        ("owner-password", &owner),
        ("owner-url", &owner_url),
        ("operator-password", &operator),
        ("operator-url", &operator_url),
        ("gateway-password", &gateway),
        ("gateway-url", &gateway_url),
    ];
    entries.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).into()
}

fn password() -> Zeroizing<String> {
    let bytes = Zeroizing::new(rand::random::<[u8; PASSWORD_LENGTH]>());
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    let mut password = Zeroizing::new(String::with_capacity(PASSWORD_LENGTH));
    password.extend(bytes.iter().map(letter));
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &Data, key: &str) -> String {
        String::from_utf8(data[key].0.clone()).expect("text")
    }

    #[test]
    fn what_is_made_is_what_the_programs_read_and_never_the_same_twice() {
        let (one, other) = (kek_data(), kek_data());
        let kek = Kek::parse(&one["kek"].0).expect("a KEK");
        assert_ne!(kek.fingerprint(), Kek::parse(&other["kek"].0).expect("a KEK").fingerprint());
        let key = statement_key_data().expect("a key");
        StatementKey::from_pem(&text(&key, "statement.key")).expect("it reads back");
    }

    #[test]
    fn the_url_of_the_try_out_database_holds_its_owners_password() {
        let data = postgresql_data("chancery-postgresql.sealing.svc");
        let password = text(&data, "owner-password");
        assert_eq!(password.len(), PASSWORD_LENGTH);
        let url = text(&data, "owner-url");
        let wanted = format!(
            "postgres://chancery:{password}@chancery-postgresql.sealing.svc:5432/chancery?sslmode=disable"
        );
        assert_eq!(url, wanted);
        url.parse::<chancery_store::LedgerUrl>().expect("a URL");
        assert_ne!(password, text(&data, "postgres-password"));
    }
}
