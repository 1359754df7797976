//! What the intakes of all runs have in common.

use chancery_api::SourceSpec;

use crate::run::pods_template::PodsTemplate;
use crate::run::sources_allowed::SourcesAllowed;

/// What the intakes of all runs have in common, beside what signers have too: how the database is reached.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// The image of the intake.
    pub image: String,
    /// The ServiceAccount of the pods.
    pub service_account: Option<String>,
    /// Splits that one reads at a time.
    pub readers: u16,
    /// How the pods are made.
    pub template: PodsTemplate,
    /// What the sources of a run may name.
    pub allowed: SourcesAllowed,
    /// Where programs push records to, if they can.
    pub gateway_url: Option<String>,
}

impl IntakeSettings {
    /// What the first source that asks for too much asks for, and what to do; none if all is allowed.
    pub(crate) fn refusal(&self, sources: &[SourceSpec]) -> Option<String> {
        self.allowed.refusal(sources, self.gateway_url.is_some())
    }
}
