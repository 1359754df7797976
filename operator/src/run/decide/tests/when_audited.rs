//! The audit of a run that is complete.

use chancery_api::condition::ConditionType::Verified;
use chancery_api::{AuditPolicy, Reason};

use super::situation::{Situation, work_failed};
use super::table::{at, check, row};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{Audited, Background, WorkKind};

impl Situation {
    pub(crate) fn wanting_an_audit(self) -> Self {
        self.spec(|run| run.audit = AuditPolicy::AtCompletion)
    }

    pub(crate) fn audited(mut self, holds: bool, message: &str) -> Self {
        self.observed.audited = Some(Audited { holds, message: message.to_owned() });
        self
    }
}

#[test]
fn a_complete_run_is_audited_once() {
    let complete = || Situation::signed().completed(10).wanting_an_audit();
    let done = || at(Stage::Complete);
    check([
        row(
            "as soon as it is complete",
            Situation::signed().wanting_an_audit(),
            done().doing([Effect::Settle, Effect::StopGenerating, Effect::StartAudit]),
        ),
        row("by an operator that was started since", complete(), done().doing([Effect::StartAudit])),
        row("not twice at a time", complete().with_background(Background::AUDITING), done()),
        row("not again before its result is reported", complete().audited(true, "sound"), done()),
        row("not again after it was reported", complete().said(Verified, Reason::LawsHold, 5), done()),
        row(
            "not again after it was reported broken",
            complete().said_to_be(Verified, false, Reason::LawsBroken, 5),
            done(),
        ),
        row("not if it is not wanted", complete().spec(|run| run.audit = AuditPolicy::Never), done()),
        row(
            "not before it is complete",
            Situation::seeded().wanting_an_audit().held().suspended(),
            at(Stage::Suspended),
        ),
        row(
            "again after a while, if it could not be made",
            complete().with_background(work_failed(WorkKind::Auditing, 10)),
            done().again_after(50),
        ),
        row(
            "after that while",
            complete().with_background(work_failed(WorkKind::Auditing, 60)),
            done().doing([Effect::StartAudit]),
        ),
        row(
            "its time to live does not wait for its audit",
            complete().with_background(Background::AUDITING).spec(|run| {
                run.ttl_after_finished = Some(std::time::Duration::ZERO);
            }),
            done().doing([Effect::DeleteObject]),
        ),
        row(
            "nor does its deletion",
            complete()
                .with_background(Background::AUDITING)
                .object(|object| object.has_finalizer = true)
                .deleted(0),
            done().doing([Effect::StopAudit, Effect::RemoveFinalizer]),
        ),
    ]);
}
