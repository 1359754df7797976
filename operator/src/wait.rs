//! Waits for a run, as `kubectl wait` does, where there is no kubectl: in the chart's own test.

use anyhow::{Context as _, bail};
use chancery_api::condition::{self, ConditionType};
use chancery_api::{LeaseDuration, SigningRun};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};

use crate::arguments::Wait;

/// Waits until a run is complete.
///
/// # Errors
///
/// The run failed, is not complete in time, or was deleted; or the API server does not answer.
pub async fn wait(arguments: &Wait) -> anyhow::Result<()> {
    let limit = LeaseDuration::new(&arguments.timeout).to_std()?;
    let client = Client::try_default().await?;
    let api: Api<SigningRun> = Api::namespaced(client, &arguments.namespace);
    let finished = await_condition(api.clone(), &arguments.run, |run: Option<&SigningRun>| {
        run.and_then(|run| run.status.as_ref()).is_some_and(|status| {
            [ConditionType::Complete, ConditionType::Failed]
                .into_iter()
                .any(|type_| condition::holds(&status.conditions, type_))
        })
    });
    let name = format!("{}/{}", arguments.namespace, arguments.run);
    let Ok(finished) = tokio::time::timeout(limit, finished).await else {
        let status = api.get_opt(&arguments.run).await?.and_then(|run| run.status);
        let said = status
            .as_ref()
            .and_then(|status| condition::find(&status.conditions, ConditionType::Progressing));
        bail!(
            "{name} is not complete after {}: {}",
            arguments.timeout,
            said.map_or("it has no status; is the operator running?", |condition| &condition.message)
        );
    };
    let status = finished?.and_then(|run| run.status).with_context(|| format!("{name} was deleted"))?;
    match condition::find(&status.conditions, ConditionType::Failed) {
        Some(failed) if failed.status == "True" => bail!("{name} failed: {}", failed.message),
        _ => {
            tracing::info!(records = status.records.unwrap_or_default().signed, "{name} is complete");
            Ok(())
        }
    }
}
