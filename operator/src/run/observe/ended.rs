//! Pods whose container has ended.

use std::collections::HashSet;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::run::facts::{PodState, PodView};

/// How long after its end a program's last statement may still be carried out by the database.
const RELEASE_GRACE_PERIOD: SignedDuration = SignedDuration::from_secs(120);

/// The holders that they are in the ledger.
pub(super) fn ended(pods: &[PodView]) -> impl Iterator<Item = String> + '_ {
    pods.iter().filter(|pod| matches!(pod.state, PodState::Ended { .. })).map(|pod| pod.holder.clone())
}

/// Whether a holder has ended that may still have something in hand.
pub(super) fn has_recently_ended(released: &HashSet<String>, pods: &[PodView], now: Timestamp) -> bool {
    pods.iter().any(|pod| match &pod.state {
        PodState::Ended { at, .. } => {
            !released.contains(&pod.holder)
                || at.is_some_and(|at| now.duration_since(at) < RELEASE_GRACE_PERIOD)
        }
        _ => false,
    })
}
