//! The public keys of a run's ring as a JWK set (RFC 7517).

use chancery_keyring::Jwk;
use chancery_store::export::Exporter;
use futures::TryStreamExt as _;
use serde_json::{Map, Value, json};

use super::signed::{form_of, unusable};
use crate::error::CliError;
use crate::output;

pub(super) async fn write(exporter: &mut Exporter) -> Result<(), CliError> {
    let algorithm = form_of(exporter)?.algorithm();
    let mut keys = Vec::new();
    let mut rows = std::pin::pin!(exporter.keys());
    while let Some(row) = rows.try_next().await? {
        let jwk = Jwk::of(algorithm, &row.public_key).ok_or_else(|| unusable(row.id))?;
        let members: Map<_, _> =
            jwk.members().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        keys.push(members);
    }
    output::line(&json!({"keys": keys}).to_string())
}
