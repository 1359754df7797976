//! From a policy, and what it reads beside itself, to the version by which a run is judged.

use chancery_api::SigningPolicy;
use chancery_sources::pin::{ConfigMaps, NotPinned, config_maps_of, pin};
use chancery_store::NewPolicy;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

/// The ConfigMaps that a policy reads, as they are now. One that is not there is left out.
///
/// # Errors
///
/// The API server does not answer, or does not give them.
pub(crate) async fn config_maps(
    client: &Client,
    namespace: &str,
    policy: &SigningPolicy,
) -> Result<ConfigMaps, kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut config_maps = ConfigMaps::new();
    for name in config_maps_of(policy) {
        if !config_maps.contains_key(name)
            && let Some(found) = api.get_opt(name).await?
        {
            config_maps.insert(name.to_owned(), found.data.unwrap_or_default());
        }
    }
    Ok(config_maps)
}

/// The version of a policy with these ConfigMaps.
///
/// To compile all that a policy may hold takes seconds, which nothing else waits for.
///
/// # Errors
///
/// [`NotPinned`].
pub(crate) async fn pinned(policy: SigningPolicy, config_maps: ConfigMaps) -> Result<NewPolicy, NotPinned> {
    match tokio::task::spawn_blocking(move || pin(&policy, &config_maps)).await {
        Ok(pinned) => pinned,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process ends.
            Err(_) => std::future::pending().await,
        },
    }
}
