//! What starts a reconcile besides the watches of the API server.

use kube::runtime::reflector::{Lookup, ObjectRef};
use tokio::sync::mpsc;

/// A namespace, or none for all of them, and the sender of the objects to reconcile in it.
type Scope<K> = (Option<String>, mpsc::UnboundedSender<ObjectRef<K>>);

/// Starts the reconcile of an object of kind `K`, in the scope that it belongs to.
pub struct Triggers<K: Lookup<DynamicType = ()>> {
    scopes: Vec<Scope<K>>,
}

// Derived ones would ask the same of `K`.
impl<K: Lookup<DynamicType = ()>> Default for Triggers<K> {
    fn default() -> Self {
        Self { scopes: Vec::new() }
    }
}

impl<K: Lookup<DynamicType = ()>> Clone for Triggers<K> {
    fn clone(&self) -> Self {
        Self { scopes: self.scopes.clone() }
    }
}

impl<K: Lookup<DynamicType = ()>> Triggers<K> {
    /// Adds a scope: a namespace, or none for all of them. Returns the receiver of the objects to
    /// reconcile in it.
    pub fn scope(&mut self, namespace: Option<String>) -> mpsc::UnboundedReceiver<ObjectRef<K>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.scopes.push((namespace, sender));
        receiver
    }

    /// Starts the reconcile of an object. Several triggers before it begins start it once.
    pub(crate) fn wake(&self, object: &ObjectRef<K>) {
        for (namespace, sender) in &self.scopes {
            if namespace.is_none() || *namespace == object.namespace {
                // Nothing receives only when the operator ends.
                let _woken = sender.send(object.clone());
            }
        }
    }
}
