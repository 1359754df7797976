//! The Job of a delivery, which brings the signed batches of a run to its sinks.

use std::collections::BTreeSet;

use chancery_api::{SigningRun, SinkSpec, ValidatedRun, names, notification_folder};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use crate::run::build::beside::{self, Program};
use crate::run::build::pod::SignerSettings;
use crate::run::decide::decision::JobPlan;
use crate::run::delivery_settings::DeliverySettings;

/// The Job of the delivery as it should be. One pod has several senders for each sink.
#[must_use]
pub fn delivery_job(
    object: &SigningRun,
    run: &ValidatedRun,
    plan: &JobPlan,
    signer: &SignerSettings,
    settings: &DeliverySettings,
) -> Job {
    let program = Program {
        component: names::COMPONENT_DELIVERY,
        command: "/chancery-delivery",
        job_name: names::delivery_job_name(&run.name),
        image: &settings.image,
        service_account: settings.service_account.as_deref(),
        template: &settings.template,
        memory: "512Mi",
        at_a_time: ("CHANCERY_SENDERS", settings.senders),
        volumes: volumes(run),
        annotation: None,
    };
    beside::job(object, run, plan, signer, program)
}

/// The credentials of each sink and notification that has some, and the claims of sinks that are files, which are written to.
fn volumes(run: &ValidatedRun) -> Vec<(Volume, VolumeMount)> {
    let ValidatedRun { sinks, notifications, .. } = run;
    let of_sinks = sinks.iter().map(|sink| (sink.name.clone(), sink.secret()));
    let of_notifications = notifications.iter().map(|one| (notification_folder(&one.name), one.secret()));
    let credentials =
        of_sinks.chain(of_notifications).enumerate().filter_map(|(number, (folder, secret))| {
            let needed = secret?;
            Some(beside::credentials(number, &folder, needed.name, needed.key))
        });
    let claims: BTreeSet<&str> = sinks.iter().filter_map(SinkSpec::volume_claim).collect();
    let claims = claims.into_iter().enumerate().map(|(number, claim)| beside::claim(number, claim, true));
    credentials.chain(claims).collect()
}

#[cfg(test)]
mod tests;
