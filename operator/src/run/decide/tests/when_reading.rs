//! What is done about the sources of a run, and its intake.

use chancery_api::condition::ConditionType;
use chancery_api::{Reason, RecordCounts, SigningRun, SigningRunSpec, ValidatedRun};
use chancery_store::intake::SourceState;
use chancery_store::{ArrivalCounts, DeadLetter};

use super::situation::{RUNNING, Situation, ended, running, seconds};
use super::table::{at, check, row, run_job};
use crate::run::alerting::Raised;
use crate::run::decide::decision::{Effect, JobPlan, Stage};
use crate::run::facts::{JobView, PodState, PodView, Refusal, SecretStanding, SecretView, SourcesRead};

/// The Secret of the intake.
const INTAKE_SECRET: &str = "demo-intake-0123456789";

const POD: &str = "demo-intake-abcde/uid";

fn with_sources() -> ValidatedRun {
    let spec = serde_json::json!({
        "sources": [{"name": "one", "objects": {"url": "s3://one"}, "format": {"type": "Lines"}}],
        "keyCount": 4, "batchSize": 100, "audit": "Never", "deadLetter": {"limit": 10, "retention": "1h"},
    });
    let spec: SigningRunSpec = serde_json::from_value(spec).expect("a spec");
    chancery_api::validate(&SigningRun::new("demo", spec)).expect("a good run")
}

fn source(last_error: Option<&str>) -> SourceState {
    SourceState {
        name: "one".to_owned(),
        listed: true,
        splits: 3,
        splits_left: 2,
        at_split: Some(2),
        at_position: Some(7),
        last_error: last_error.map(str::to_owned),
    }
}

impl Situation {
    /// Applied, and not in the ledger yet.
    fn applied() -> Self {
        Self { run: with_sources(), ..Self::adopted() }
    }

    /// In the ledger, with a Secret of the intake, and its Job if there is one.
    pub(super) fn reading(job: Option<JobView>) -> Self {
        let mut situation = Self { run: with_sources(), ..Self::created() }.stored(|ledger| {
            ledger.counts.records = 0;
            ledger.sources = Some(SourcesRead {
                secret: Some(SecretView {
                    name: INTAKE_SECRET.to_owned(),
                    content: "what is right".to_owned(),
                    standing: SecretStanding::Right,
                }),
                counts: ArrivalCounts {
                    received: 0,
                    admitted: 0,
                    duplicates: 0,
                    dead: 0,
                    rejected: 0,
                    pending: 0,
                    flagged: 0,
                    alerts: 0,
                    dead_limit: 10,
                },
                asks: false,
                alerts: Raised::default(),
                too_many_dead: false,
                held: None,
                dead_letter: DeadLetter { limit: 10, retention: seconds(3_600) },
                sources: vec![source(None)],
                open_holders: Vec::new(),
                changed: None,
            });
        });
        situation.observed.intake.job = job;
        situation
    }

    pub(super) fn sources(self, change: impl FnOnce(&mut SourcesRead)) -> Self {
        self.stored(|ledger| change(ledger.sources.as_mut().expect("a run with sources")))
    }

    fn with_intake_pod(mut self, state: PodState) -> Self {
        self.observed.intake.pods.push(PodView { holder: POD.to_owned(), state, failed: false });
        self
    }

    pub(super) fn refused(mut self, reason: Reason) -> Self {
        self.observed.intake.refusal = Some(Refusal { reason, message: "source one: not so".to_owned() });
        self
    }
}

pub(super) fn intake() -> JobView {
    JobView { secret: Some(INTAKE_SECRET.to_owned()), ..running(1) }
}

pub(super) fn run_intake(suspended: bool) -> Effect {
    Effect::EnsureIntake(JobPlan { suspended, ..JobPlan::like(&intake()) })
}

#[test]
fn a_run_is_made_in_the_ledger_once_its_sources_can_be_what_they_are_said_to_be() {
    let pending = at(Stage::Pending);
    check([
        row("good ones", Situation::applied(), pending.clone().doing([Effect::CreateRun]).again_at_once()),
        row(
            "a Secret that is not allowed",
            Situation::applied().refused(Reason::SourceNotAllowed),
            pending.clone().failed(Reason::SourceNotAllowed).again_after(15),
        ),
        row(
            "a run to be read again that is not there",
            Situation::applied().refused(Reason::SourceInvalid),
            pending.clone().failed(Reason::SourceInvalid).again_after(15),
        ),
        row(
            "one that is not sealed yet",
            Situation::applied().refused(Reason::SourceUnavailable),
            pending.blocked(Reason::SourceUnavailable).again_after(15),
        ),
    ]);
}

#[test]
fn the_intake_is_started_beside_the_signers_and_runs_once_its_secret_is_there() {
    let seeding = at(Stage::Seeding);
    let unusable = |sources: &mut SourcesRead| {
        sources.secret.iter_mut().for_each(|secret| secret.standing = SecretStanding::Unusable);
    };
    let unchecked = |sources: &mut SourcesRead| {
        sources.secret.iter_mut().for_each(|secret| secret.standing = SecretStanding::Unchecked);
    };
    check([
        row(
            "without a Job",
            Situation::reading(None),
            seeding.clone().doing([Effect::StartIntake, run_job(2)]).again_at_once(),
        ),
        row(
            "with one whose Secret is there",
            Situation::reading(Some(intake().stopped())),
            seeding.clone().doing([run_intake(false), run_job(2)]).again_after(5),
        ),
        row(
            "with one whose Secret is not known to be there",
            Situation::reading(Some(intake())).sources(unusable),
            seeding.clone().doing([Effect::DeleteIntake, run_job(2)]).again_after(5),
        ),
        row(
            "with one that another operator made",
            Situation::reading(Some(intake())).sources(unchecked),
            seeding.clone().doing([Effect::CheckIntake, run_job(2)]).again_at_once(),
        ),
        row(
            "with one of another Secret",
            Situation::reading(Some(JobView {
                secret: Some("demo-intake-abcdefghij".to_owned()),
                ..intake()
            })),
            seeding.clone().doing([Effect::DeleteIntake, run_job(2)]).again_after(5),
        ),
        row(
            "with one whose pods do not find their Secret",
            Situation::reading(Some(intake())).with_intake_pod(PodState::Stuck {
                reason: "CreateContainerConfigError".to_owned(),
                message: format!("secret \"{INTAKE_SECRET}\" not found"),
            }),
            seeding
                .clone()
                .doing([Effect::DeleteIntake, run_job(2)])
                .blocked(Reason::IntakeNotStarting)
                .again_after(5),
        ),
        row(
            "with one that is being deleted",
            Situation::reading(Some(intake().going())),
            seeding.clone().doing([run_job(2)]).again_after(5),
        ),
        row(
            "with somebody else's",
            Situation::reading(Some(intake().somebody_elses())),
            seeding.doing([run_job(2)]).blocked(Reason::JobNameTaken).again_after(5),
        ),
    ]);
}

#[test]
fn signing_begins_while_sources_are_still_read_and_the_intake_ends_with_them() {
    let begun = |situation: Situation| {
        situation
            .stored(|ledger| (ledger.filled, ledger.counts.keys_made, ledger.counts.batches) = (true, 4, 3))
    };
    let sealed = begun(Situation::reading(Some(intake()))).stored(|ledger| ledger.sealed = true);
    check([
        row(
            "with the first batches",
            begun(Situation::reading(Some(intake()))).with_job(running(2)),
            at(Stage::Signing).doing([run_intake(false), run_job(2)]).again_after(5),
        ),
        row(
            "sealed",
            sealed.clone().with_job(running(2)),
            at(Stage::Signing).doing([Effect::EndIntake, run_job(2)]),
        ),
        row(
            "complete at once",
            sealed.stored(|ledger| ledger.complete = true),
            at(Stage::Complete).doing([Effect::EndIntake, Effect::Settle, Effect::StopGenerating]),
        ),
    ]);
}

#[test]
fn an_intake_that_cannot_work_fails_the_run_and_is_tried_again_after_a_minute() {
    let failed_by = |reason: &str, ago| {
        Situation::reading(Some(intake().failed_by(reason, ago))).with_intake_pod(ended(
            78,
            "the bucket one is not there",
            ago,
        ))
    };
    let misconfigured = at(Stage::Seeding).failed(Reason::IntakeMisconfigured);
    check([
        row(
            "just now",
            failed_by("PodFailurePolicy", 10),
            misconfigured.clone().doing([run_job(2)]).again_after(5),
        ),
        row(
            "a minute ago",
            failed_by("PodFailurePolicy", 60),
            misconfigured.clone().doing([run_job(2), Effect::DeleteIntake]).again_after(5),
        ),
        row(
            "after a change of the spec",
            failed_by("PodFailurePolicy", 10).object(|object| object.generation = 2),
            misconfigured.doing([run_job(2), Effect::DeleteIntake]).again_after(5),
        ),
        row(
            "too often",
            failed_by("BackoffLimitExceeded", 60),
            at(Stage::Seeding).failed(Reason::IntakeFailed).doing([run_job(2)]).again_after(5),
        ),
    ]);
    let said = failed_by("PodFailurePolicy", 10).decide().failure.expect("a failure").message;
    assert_eq!(said, "the sources cannot be read: the bucket one is not there (retried every 60 s)");
}

#[test]
fn a_run_stays_failed_until_its_intake_reads_something_or_waits_for_a_source() {
    let again = Situation::reading(Some(intake()))
        .said(ConditionType::Failed, Reason::IntakeMisconfigured, 100)
        .object(|object| {
            object.previous.records = Some(RecordCounts { received: Some(0), ..RecordCounts::default() });
        });
    let failed = |situation: Situation| situation.decide().failure.map(|failure| failure.reason);
    assert_eq!(failed(again.clone()), Some(Reason::IntakeMisconfigured));
    assert_eq!(failed(again.clone().sources(|sources| sources.counts.received = 1)), None);
    let away = again.sources(|sources| sources.sources = vec![source(Some("no answer"))]);
    assert_eq!(failed(away.clone()), None);
    assert_eq!(away.decide().obstacle.map(|obstacle| obstacle.reason), Some(Reason::SourceUnavailable));
}

#[test]
fn a_source_that_does_not_answer_is_told_and_looked_at_again() {
    let away =
        |situation: Situation| situation.sources(|sources| sources.sources = vec![source(Some("no answer"))]);
    let decided = away(Situation::reading(Some(intake())).with_intake_pod(RUNNING)).decide();
    let obstacle = decided.obstacle.expect("an obstacle");
    assert_eq!(
        (obstacle.reason, obstacle.message.as_str()),
        (Reason::SourceUnavailable, "source one: no answer")
    );
}

#[test]
fn too_many_dead_letters_suspend_the_run_until_their_limit_is_raised() {
    let too_many = Situation::reading(Some(intake())).held().sources(|sources| {
        sources.too_many_dead = true;
        sources.counts.dead = 11;
    });
    let higher = DeadLetter { limit: 20, retention: seconds(3_600) };
    let raise = |run: &mut ValidatedRun| {
        if let chancery_api::RunInput::Sources(sources) = &mut run.input {
            sources.dead_letter.limit = 20;
        }
    };
    let suspended = at(Stage::Suspended).blocked(Reason::TooManyDeadLetters);
    check([
        row("as it is", too_many.clone(), suspended.clone().doing([run_intake(true)])),
        row(
            "with a greater limit",
            too_many.clone().spec(raise),
            suspended.doing([Effect::SetDeadLetter(higher), run_intake(true)]).again_at_once(),
        ),
        row("by hand, too", too_many.clone().suspended(), at(Stage::Suspended).doing([run_intake(true)])),
    ]);
    let said = too_many.decide().obstacle.expect("an obstacle").message;
    assert!(said.contains("11 payloads") && said.contains("spec.deadLetter.limit is 10"), "{said}");
}

#[test]
fn a_run_that_is_held_has_no_intake_at_work() {
    let reading = || Situation::reading(Some(intake())).held();
    check([
        row("suspended", reading().suspended(), at(Stage::Suspended).doing([run_intake(true)])),
        row(
            "with sources that are no longer allowed, it goes on signing",
            Situation::reading(Some(intake())).refused(Reason::SourceNotAllowed),
            at(Stage::Seeding)
                .doing([run_job(2), run_intake(true)])
                .failed(Reason::SourceNotAllowed)
                .again_after(5),
        ),
        row(
            "beyond a limit, the intake waits by itself",
            Situation::reading(Some(intake()))
                .with_job(running(2))
                .sources(|sources| sources.held = Some("the run takes 2 GiB".to_owned())),
            at(Stage::Seeding)
                .doing([run_intake(false), run_job(2)])
                .blocked(Reason::IntakeHeld)
                .again_after(5),
        ),
        row(
            "without room",
            Situation::reading(Some(intake())).with_job(running(2)).short_of_room(),
            at(Stage::Seeding)
                .doing([run_job(2), run_intake(true)])
                .blocked(Reason::DatabaseNearlyFull)
                .again_after(5),
        ),
    ]);
}

#[test]
fn what_an_intake_had_in_hand_when_it_ended_is_given_back() {
    let died = Situation::reading(Some(intake()))
        .with_intake_pod(ended(137, "killed", 1))
        .sources(|sources| sources.open_holders = vec![POD.to_owned(), "another/uid".to_owned()]);
    let effects = died.decide().effects;
    assert_eq!(effects[0], Effect::ReleaseIntakes { holders: vec![POD.to_owned()] });
    let lost = Situation::reading(Some(intake()))
        .with_intake_pod(PodState::Lost)
        .sources(|sources| sources.open_holders = vec![POD.to_owned()]);
    assert!(!matches!(lost.decide().effects[0], Effect::ReleaseIntakes { .. }), "it may still run");
}

#[test]
fn a_deletion_waits_for_the_intake_to_end() {
    let deleted =
        Situation::reading(Some(intake())).with_intake_pod(RUNNING).with_policy_delete().deleted(1).held();
    check([row(
        "while it runs",
        deleted,
        at(Stage::Pending).doing([Effect::DeleteIntake]).blocked(Reason::SignersStopping).again_after(59),
    )]);
}
