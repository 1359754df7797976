//! What a person sees of the signers' work.

use chancery_store::{Progress, Run};

use crate::display::{Display, Stage, StageBar};

/// The stages that signers work on: keys, as long as any is missing, and signatures.
pub(super) struct Bars {
    keys: Option<StageBar>,
    signing: StageBar,
}

impl Bars {
    /// Of a run that is so far when they begin.
    pub(super) fn new(display: &Display, run: &Run, before: &Progress) -> Self {
        let (total, made) = (before.key_count.unsigned_abs().into(), before.keys_joined.unsigned_abs());
        let keys = (!before.filled).then(|| display.stage(Stage::MakingKeys, total, made));
        let records = run.records().unwrap_or(before.record_count).unsigned_abs();
        let signed = before.records_signed.unsigned_abs();
        Self { keys, signing: display.stage(Stage::Signing, records, signed) }
    }

    pub(super) fn at(&self, progress: &Progress) {
        if let Some(keys) = &self.keys {
            keys.at(progress.keys_joined.unsigned_abs());
            if progress.filled {
                keys.end();
            }
        }
        self.signing.at(progress.records_signed.unsigned_abs());
    }

    pub(super) fn end(&self) {
        self.keys.iter().for_each(StageBar::end);
        self.signing.end();
    }
}
