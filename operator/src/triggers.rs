//! What wakes a reconcile besides the watches of the API server.

use tokio::sync::mpsc;

use crate::context::RunRef;

/// Wakes the reconcile of a run, in whichever scope it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Triggers {
    scopes: Vec<(Option<String>, mpsc::UnboundedSender<RunRef>)>,
}

impl Triggers {
    /// Adds a scope, a namespace or all of them; what is to be woken in it is received.
    pub(crate) fn scope(&mut self, namespace: Option<String>) -> mpsc::UnboundedReceiver<RunRef> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.scopes.push((namespace, sender));
        receiver
    }

    /// Wakes the reconcile of a run. What wakes one several times before it begins wakes it once.
    pub(crate) fn wake(&self, run: &RunRef) {
        for (namespace, sender) in &self.scopes {
            if namespace.is_none() || *namespace == run.namespace {
                // Nobody listens only when the operator ends.
                let _woken = sender.send(run.clone());
            }
        }
    }
}
