//! What to do about the Secret that a run's signers are given. It is made before their Job, and whenever it is gone or no
//! longer right another is made, under another name, and with it another Job.

use crate::run::decide::decision::{Decision, Effect, JobPlan, LOOK_AGAIN};
use crate::run::decide::kek::kek_problem;
use crate::run::facts::{LedgerRun, Observed, PodState, PodView, SecretStanding, SecretView};

/// What a kubelet says of a container whose Secret, or a key in it, it does not find.
const NOT_FOUND: &str = "CreateContainerConfigError";

/// Plans the Job with the run's Secret, once there is one.
pub(super) fn with_secret(
    decision: Decision,
    plan: JobPlan,
    observed: &Observed,
    ledger: &LedgerRun,
) -> Decision {
    let secret = ledger.secret.as_ref();
    let lost = secret.is_some_and(|secret| is_lost(&observed.pods, &secret.name));
    let problem = kek_problem(observed, ledger);
    match secret {
        Some(SecretView { name, standing, .. })
            if !lost
                && match standing {
                    SecretStanding::Right => true,
                    // Without the KEK nobody can look. What was made was right then.
                    SecretStanding::Unchecked => problem.is_some(),
                    SecretStanding::Unusable => false,
                } =>
        {
            decision.then(Effect::EnsureJob(JobPlan { secret: Some(name.clone()), ..plan }))
        }
        _ => match problem {
            Some(problem) => decision.failed(problem.reason, problem.message).again_after(LOOK_AGAIN),
            None => {
                let instead_of = secret.map(|secret| secret.name.clone());
                decision.then(Effect::EnsureSecret { instead_of, lost }).again_at_once()
            }
        },
    }
}

/// Whether a pod waits for this Secret in vain. A kubelet names it.
pub(super) fn is_lost(pods: &[PodView], name: &str) -> bool {
    pods.iter().any(|pod| match &pod.state {
        PodState::Stuck { reason, message } => reason == NOT_FOUND && message.contains(name),
        _ => false,
    })
}
