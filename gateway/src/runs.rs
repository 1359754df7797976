//! The runs to which programs push, looked up once and known from then on: what is asked of a run here never changes, and the
//! ledger compares its identity at each call.

use chancery_sources::identity::Identify;
use chancery_sources::judge::Judge;
use chancery_sources::questions::Questions;
use chancery_store::input::Idempotency;
use chancery_store::{Ledger, Run, StoreError};

use crate::problem::Problem;

/// A run, and how its payloads are named.
pub(crate) struct PushedRun {
    pub(crate) run: Run,
    /// NAMESPACE/NAME.
    pub(crate) name: String,
    pub(crate) max_pending: i64,
    /// What its source is called.
    pub(crate) source: String,
    pub(crate) identify: Option<Identify>,
    /// Whether it looks for duplicates.
    pub(crate) finds_duplicates: bool,
    /// What judges it, if anything does.
    pub(crate) judge: Option<Judge>,
}

/// The name of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) run: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.run)
    }
}

impl Name {
    /// What a name can be: nothing else is asked of the ledger.
    pub(crate) fn of(namespace: String, run: String) -> Result<Self, Problem> {
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= 253
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        };
        let name = Self { namespace, run };
        if is_name(&name.namespace) && is_name(&name.run) {
            Ok(name)
        } else {
            Err(Problem::no_run(&name.to_string().escape_debug().to_string()))
        }
    }

    /// Finds the run.
    pub(crate) async fn find(&self, ledger: &Ledger) -> Result<Run, Problem> {
        let found = ledger.show_run(&self.namespace, &self.run).await;
        let run = found.map_err(|error| Problem::store(&error))?;
        if run.deleted { Err(Problem::no_run(&self.to_string())) } else { Ok(run) }
    }
}

impl PushedRun {
    /// What is asked of what is pushed.
    pub(crate) fn questions(&self) -> Questions<'_> {
        Questions { identify: self.identify.as_ref(), judge: self.judge.as_ref(), source: &self.source }
    }

    pub(crate) async fn find(ledger: &Ledger, name: &Name) -> Result<Self, Problem> {
        let run = name.find(ledger).await?;
        let name = name.to_string();
        let sources = run.input.sources();
        let Some((sources, pushed)) = sources.and_then(|sources| Some((sources, sources.pushed()?))) else {
            return Err(Problem::not_pushed(&name));
        };
        let (max_pending, source) = (pushed.max_pending, pushed.source.to_owned());
        let finds_duplicates = sources.idempotency != Idempotency::None;
        let identify = sources.idempotency.expression().map(Identify::by).transpose().map_err(|reason| {
            Problem::store(&StoreError::Corrupt(format!("the expression of the run's idempotency {reason}")))
        })?;
        let judge = match run.policy {
            None => None,
            Some(_) => {
                let text = ledger.policy_of(&run).await.map_err(|error| Problem::store(&error))?;
                // It went meanwhile: whoever asks again is told so.
                let text = text.ok_or_else(|| Problem::no_run(&name))?;
                let judge = Judge::by(&text);
                Some(judge.map_err(|reason| Problem::store(&StoreError::Corrupt(reason.to_string())))?)
            }
        };
        Ok(Self { run, name, max_pending, source, identify, finds_duplicates, judge })
    }
}
