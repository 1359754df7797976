//! The Job of an intake, which reads the sources of a run.

use std::collections::BTreeSet;

use chancery_api::{RunInput, SigningRun, SourceSpec, ValidatedRun, names};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use crate::run::build::beside::{self, CREDENTIALS_PATH, Program};
use crate::run::build::pod::SignerSettings;
use crate::run::build::policy_secrets::PolicySecrets;
use crate::run::decide::decision::JobPlan;
use crate::run::intake_settings::IntakeSettings;

/// The Job of the intake as it should be. One pod reads several splits at a time.
#[must_use]
pub fn intake_job(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    settings: &IntakeSettings,
    secrets: &PolicySecrets,
) -> Job {
    let program = Program {
        component: names::COMPONENT_INTAKE,
        command: "/chancery-intake",
        job_name: names::intake_job_name(&run.name),
        image: &settings.image,
        service_account: settings.service_account.as_deref(),
        template: &settings.template,
        memory: "256Mi",
        at_a_time: ("CHANCERY_READERS", settings.readers),
        volumes: volumes(run).into_iter().chain(secrets.volumes(CREDENTIALS_PATH)).collect(),
        annotation: secrets.annotation(),
    };
    beside::job(object, run, plan, signer, program)
}

/// The credentials of each source that has some, and the claims of those that read files.
fn volumes(run: &ValidatedRun) -> Vec<(Volume, VolumeMount)> {
    let sources: &[SourceSpec] = match &run.input {
        RunInput::Sources(sources) => &sources.sources,
        RunInput::Generated { .. } => &[],
    };
    let credentials = sources.iter().enumerate().filter_map(|(number, source)| {
        let needed = source.secret()?;
        Some(beside::credentials(number, &source.name, needed.name, needed.key))
    });
    let claims: BTreeSet<&str> = sources.iter().filter_map(SourceSpec::volume_claim).collect();
    let claims = claims.into_iter().enumerate().map(|(number, claim)| beside::claim(number, claim, false));
    credentials.chain(claims).collect()
}

#[cfg(test)]
mod tests;
