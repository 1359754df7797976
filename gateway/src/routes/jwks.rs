//! Public keys, by which signatures are verified.

use axum::extract::State;
use axum::response::Response;
use chancery_store::{Keyring, StoreError};

use crate::gateway::Gateway;
use crate::model::JwkSet;
use crate::names::Names;
use crate::problem::Problem;
use crate::room::{self, Room};
use crate::runs::Name;

/// The public keys of the keyring that a run signs with.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/jwks.json", operation_id = "getKeysOfRun", tag = "keys",
    params(("namespace" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = JwkSet)))]
pub(crate) async fn jwks_of_run(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
) -> Result<Response, Problem> {
    let run = Name::of(namespace, run)?.find(&gateway.0.ledger).await?;
    jwks(&gateway, &run.keyring).await
}

/// The public keys of a keyring that has a name.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/keyrings/{keyring}/jwks.json", operation_id = "getKeysOfKeyring", tag = "keys",
    params(("namespace" = String, Path), ("keyring" = String, Path)),
    responses((status = 200, body = JwkSet)))]
pub(crate) async fn jwks_of_keyring(
    State(gateway): State<Gateway>,
    Names((namespace, keyring)): Names<(String, String)>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("there is no keyring of this name in this namespace");
    // A keyring's name is made as a run's is.
    let name = Name::of(namespace, keyring).map_err(|_| unknown())?;
    match gateway.0.ledger.show_keyring(&name.namespace, &name.run).await {
        Ok(ring) => jwks(&gateway, &ring).await,
        Err(StoreError::NoKeyring(_)) => Err(unknown()),
        Err(error) => Err(Problem::store(&error)),
    }
}

async fn jwks(gateway: &Gateway, keyring: &Keyring) -> Result<Response, Problem> {
    let shared = &gateway.0;
    let mut room = Room::new(&shared.held);
    // The greatest sets take more than there may be, and are to be had all the same: two at a time.
    room.take(set_room(keyring).min(shared.limits.held_bytes / 2))?;
    let keys = shared.keys.of(&shared.ledger, keyring).await?;
    Ok(room::json(&JwkSet { keys: keys.iter().map(|key| key.jwk.clone()).collect() }, room))
}

/// What a set takes, and what is written of it.
fn set_room(keyring: &Keyring) -> usize {
    let key = if keyring.algorithm.starts_with("ML-DSA") { 10_000 } else { 3_072 };
    usize::try_from(keyring.key_count).unwrap_or_default() * key
}
