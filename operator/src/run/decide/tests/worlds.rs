//! Worlds of every kind, also such as cannot come about, and what mischief is done in them.

use chancery_api::Reason;
use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{AuditPolicy, DeletionPolicy, SigningRunStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::operator::Operator;
use super::play::Play;
use super::situation::{FORMER, NOW, OURS, RUNNING, STARTING, ago, demo, running, seconds};
use super::world::{Lease, Signers, Stored, TheObject, World};
use crate::host::background::WorkState;
use crate::run::facts::{Background, Belongs, JobEnd, JobView, PodState, PodView, WorkKind};

/// Anything that may have come to be.
pub(super) fn plays() -> impl Strategy<Value = Play> {
    let up = (any::<bool>(), prop::bool::weighted(0.9));
    let surroundings = (up, kek(), signers(), pods());
    (object(), option::weighted(0.8, stored()), option::weighted(0.6, job()), surroundings, background())
        .prop_map(|(object, stored, job, ((up, roomy), kek, signers, pods), background)| {
            let unwanted = object.deleted_at.is_some();
            let removed = object.spec.deletion_policy == DeletionPolicy::Delete && unwanted;
            let mut operator = Operator::new();
            operator.background = match background {
                // Only a deletion begins one.
                Background { deleting: WorkState::UnderWay, .. } if !removed => Background::IDLE,
                background => background,
            };
            let (object, jobs, born) = (Some(object), u32::from(job.is_some()), 10);
            let secret = stored.as_ref().and_then(|stored| stored.secret);
            let (secret, secrets) = if up { (secret, 1) } else { (None, 1) };
            let world = World {
                now: NOW,
                object,
                up,
                roomy,
                stored,
                kek,
                signers,
                job,
                jobs,
                pods,
                born,
                secrets,
                secret,
                unwanted,
            };
            Play::new(world, operator)
        })
}

fn object() -> impl Strategy<Value = TheObject> {
    let spec = (
        (prop::bool::weighted(0.2), prop::bool::weighted(0.1)),
        1_u32..6,
        option::weighted(0.2, 40_u64..500),
        option::weighted(0.2, 0_u64..100),
        0_u32..3,
        (
            select(vec![DeletionPolicy::Retain, DeletionPolicy::Delete]),
            select(vec![AuditPolicy::AtCompletion, AuditPolicy::Never]),
        ),
    );
    let spec =
        spec.prop_map(|(marks, parallelism, deadline, ttl, backoff_limit, (deletion_policy, audit))| {
            let mut run = demo();
            let (suspend, not_allowed) = marks;
            run.signer_template.priority_class_name = not_allowed.then(|| "high".to_owned());
            (run.suspend, run.parallelism, run.backoff_limit) = (suspend, parallelism, backoff_limit);
            (run.active_deadline, run.ttl_after_finished) = (deadline.map(seconds), ttl.map(seconds));
            (run.deletion_policy, run.audit) = (deletion_policy, audit);
            run
        });
    let marks = (any::<bool>(), prop::bool::weighted(0.05), prop::bool::weighted(0.15));
    let named = || option::weighted(0.3, select(vec![FORMER, FORMER, uuid::Uuid::nil()]));
    (spec, option::weighted(0.15, 0_i64..80), marks, (named(), named()), status()).prop_map(
        |(spec, deleted, (finalizer, abandon, queued), (adopt, delete_adopted), status)| TheObject {
            spec,
            version: 1,
            generation: 1,
            adopt,
            delete_adopted,
            deleted_at: deleted.map(ago),
            finalizer: finalizer || deleted.is_some(),
            abandon,
            retry: 0,
            queued,
            status,
        },
    )
}

fn status() -> impl Strategy<Value = SigningRunStatus> {
    let failures = [
        Reason::WrongKek,
        Reason::LedgerLost,
        Reason::SignersFailed,
        Reason::SignerMisconfigured,
        Reason::InvalidSpec,
    ];
    let failure = option::weighted(0.2, select(failures.to_vec()));
    let held = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.05), 0_i64..600);
    let status = (failure, held).prop_map(|(failure, (sealed, suspended, complete, since))| {
        let finding =
            |type_, status, reason| Finding { type_, status: Some(status), reason, message: "so".to_owned() };
        let findings = vec![
            finding(ConditionType::Sealed, sealed, Reason::Pending),
            finding(ConditionType::Suspended, suspended, Reason::Pending),
            finding(ConditionType::Complete, complete, Reason::Pending),
            finding(ConditionType::Failed, failure.is_some(), failure.unwrap_or(Reason::NotFailed)),
        ];
        SigningRunStatus {
            conditions: condition::conditions(findings, &[], Some(1), &Time(ago(since))),
            start_time: Some(Time(ago(since))),
            completion_time: complete.then(|| Time(ago(since))),
            ..SigningRunStatus::default()
        }
    });
    prop_oneof![Just(SigningRunStatus::default()), status]
}

fn stored() -> impl Strategy<Value = Stored> {
    let rare = || prop::bool::weighted(0.1);
    let far = (
        0_usize..=3,
        0_i64..=10,
        any::<bool>(),
        any::<bool>(),
        0_i64..=10,
        vec((1_u32..9, -40_i64..40), 0..4),
    );
    (belongs(), (rare(), rare(), rare()), (any::<bool>(), any::<bool>()), far).prop_map(
        |(
            belongs,
            (conflict, deleted, other_kek),
            (suspended, has_secret),
            (joined, made, filled, sealed, signed, leases),
        )| {
            let run = demo();
            let kek = if other_kek { "another" } else { "kek" };
            // Only what is there is leased and signed, and only with keys that are.
            let joined = if filled { 4 } else { joined };
            let made = if sealed { 10 } else { made };
            let signed = if joined > 0 { signed.min(made) } else { 0 };
            let complete = filled && sealed && signed == 10;
            let room = usize::try_from(made - signed).expect("few").min(joined);
            let leases = leases.into_iter().map(|(pod, expires)| Lease {
                holder: format!("pod-{pod}/uid-{pod}"),
                expires: ago(expires),
            });
            Stored {
                belongs,
                conflict,
                deleted,
                suspended,
                secret: has_secret.then_some(1),
                joined,
                filled,
                made,
                sealed,
                signed,
                complete,
                leases: leases.take(room).collect(),
                ..Stored::new(&run, kek.to_owned())
            }
        },
    )
}

fn belongs() -> impl Strategy<Value = Belongs> {
    prop_oneof![
        7 => Just(OURS),
        1 => Just(Belongs::Ours { adopted_from: Some(FORMER) }),
        1 => Just(Belongs::Unclaimed),
        1 => Just(Belongs::Anothers { object: FORMER, since: ago(3_600) }),
    ]
}

fn job() -> impl Strategy<Value = JobView> {
    let end = prop_oneof![
        Just(None),
        (0_i64..90).prop_map(|at| Some(JobEnd::Complete { at: ago(at) })),
        (0_i64..90, select(vec!["PodFailurePolicy", "BackoffLimitExceeded", "FailedIndexes"])).prop_map(
            |(at, reason)| {
                let (reason, message) = (reason.to_owned(), "it failed".to_owned());
                Some(JobEnd::Failed { reason, message, at: ago(at) })
            }
        ),
    ];
    let marks = (prop::bool::weighted(0.9), prop::bool::weighted(0.1), any::<bool>());
    let counts = (0_i64..2, 0_i64..4, 0_i64..4, 0_u32..12);
    (marks, 0_u32..8, counts, end, option::of(0_i64..2)).prop_map(
        |(
            (ours, deleting, suspended),
            parallelism,
            (succeeded, failed, stopped, backoff_limit),
            end,
            generation,
        )| JobView {
            live: Default::default(),
            ours,
            deleting,
            suspended,
            succeeded,
            failed,
            counted: failed + stopped,
            backoff_limit,
            end,
            generation,
            retry: "0".to_owned(),
            ..running(parallelism)
        },
    )
}

fn pods() -> impl Strategy<Value = Vec<PodView>> {
    let ended = |exit| PodState::Ended { exit, message: None, at: Some(ago(5)) };
    let stuck = PodState::Stuck { reason: "ErrImagePull".to_owned(), message: String::new() };
    let states = vec![STARTING, stuck, RUNNING, ended(0), ended(137), PodState::Lost];
    vec(select(states), 0..4).prop_map(|states| {
        let pod =
            |(number, state)| PodView { holder: format!("pod-{number}/uid-{number}"), state, failed: false };
        (1..).zip(states).map(pod).collect()
    })
}

fn background() -> impl Strategy<Value = Background> {
    let failed = |kind| Background::failed(kind, "it failed", ago(3));
    select(vec![
        Background::IDLE,
        Background::DELETING,
        Background::GENERATING,
        Background::AUDITING,
        failed(WorkKind::Generating),
        failed(WorkKind::Auditing),
        failed(WorkKind::Deleting),
    ])
}

fn kek() -> impl Strategy<Value = Result<String, String>> {
    prop_oneof![
        8 => Just(Ok("kek".to_owned())),
        1 => Just(Ok("another".to_owned())),
        1 => Just(Err("the file is empty".to_owned())),
    ]
}

fn signers() -> impl Strategy<Value = Signers> {
    prop_oneof![8 => Just(Signers::Good), 1 => Just(Signers::Misconfigured), 1 => Just(Signers::Crashing)]
}
