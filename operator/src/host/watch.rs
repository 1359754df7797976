//! Watches of the API server.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

/// The objects of a kind that changed.
pub(crate) type Changes<K> = BoxStream<'static, Result<K, watcher::Error>>;

/// How objects are listed: in small pages, because what is held of a page until it is slimmed is most of
/// the memory that an operator needs at its start.
pub(crate) fn listing() -> watcher::Config {
    watcher::Config::default().page_size(50)
}

/// Watches the objects of a namespace, or of all of them, and keeps them in a store. `slim` removes what
/// nothing reads; `gone` is told of each object that was deleted.
pub(crate) fn watched<K>(
    (client, namespace): &(Client, Option<String>),
    config: watcher::Config,
    slim: impl Fn(&mut K) + Send + 'static,
    gone: impl Fn(&K) + Send + 'static,
) -> (Store<K>, Changes<K>)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let api = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let (store, writer) = reflector::store();
    let changes = watcher(api, config)
        .default_backoff()
        .inspect_ok(move |event| {
            if let Event::Delete(object) = event {
                gone(object);
            }
        })
        .modify(slim)
        .reflect(writer)
        .touched_objects()
        .boxed();
    (store, changes)
}
