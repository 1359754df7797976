//! Having dead letters signed by a run of their own.

use std::pin::Pin;

use chancery_api::{ValidatedRun, validate};
use chancery_sources::replay::{NotReadAgain, Reader};
use chancery_sources::{differences, redrive};
use chancery_store::{Ledger, Run, StoreError};
use http::StatusCode;

use crate::problem::Problem;

/// Whose dead letters are signed, and by which run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redriving {
    /// Namespace of both.
    pub namespace: String,
    /// The run that has them.
    pub of: String,
    /// The run that reads and signs them.
    pub into: String,
}

/// Something that signs on this machine.
pub trait Redrive: Send + Sync + 'static {
    /// Makes the run, and has it signed. Ends once the run is in the ledger, or with the reason why it is not.
    fn redrive(&self, redriving: Redriving) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
}

/// What becomes of the dead letters of a run, and whether the run that reads them is still to be made.
pub(crate) struct Prepared {
    pub(crate) redriving: Redriving,
    pub(crate) is_new: bool,
}

/// What becomes of the dead letters of `run`, by a run of the name `into`.
pub(crate) async fn prepared(ledger: &Ledger, run: &Run, into: &str) -> Result<Prepared, Problem> {
    let redriven = redrive::redriven(run, into).map_err(|reason| not_read(run, &reason))?;
    let valid: ValidatedRun = validate(&redriven).map_err(|error| {
        Problem::bad_request(format!("no run can be made to read the dead letters of {}: {error}", run.name))
    })?;
    if redrive::reader(run) == Reader::SigningRun {
        return Err(of_cluster(run, into));
    }
    let (is_new, is_another) = match ledger.find_run(&run.namespace, into).await {
        Ok(found) => (false, found.deleted || !differences(&found, &valid).is_empty()),
        Err(StoreError::NoRun(_)) => (true, false),
        Err(error) => return Err(Problem::store(&error)),
    };
    if is_another {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "name-taken",
            "The name is another run's",
            format!(
                "there is a run {}/{into} already, which reads something else; give another name in `into`",
                run.namespace
            ),
        ));
    }
    let redriving =
        Redriving { namespace: run.namespace.clone(), of: run.name.clone(), into: into.to_owned() };
    Ok(Prepared { redriving, is_new })
}

/// Nothing signs where this API is.
pub(crate) fn of_cluster(run: &Run, into: &str) -> Problem {
    let Run { namespace, name, .. } = run;
    Problem::new(
        StatusCode::CONFLICT,
        "of-cluster",
        "A SigningRun signs these dead letters",
        format!(
            "the dead letters of {namespace}/{name} are signed by another SigningRun of its namespace: write its manifest with `chancery dead-letters redrive {namespace}/{name} --into {into} -o yaml`, and give that to `kubectl apply -f -`"
        ),
    )
}

pub(crate) fn failed(reason: &str) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "not-redriven",
        "The dead letters are not signed",
        format!("no run could be made that signs the dead letters: {reason}"),
    )
}

fn not_read(run: &Run, reason: &NotReadAgain) -> Problem {
    let name = match reason {
        NotReadAgain::Deleted(_) => return Problem::no_run(&format!("{}/{}", run.namespace, run.name)),
        NotReadAgain::Unsealed(_) => "unsealed",
        NotReadAgain::Generated(_)
        | NotReadAgain::OfCluster(_)
        | NotReadAgain::OfCommand(_)
        | NotReadAgain::Unknown(_) => "not-read-again",
    };
    Problem::new(StatusCode::CONFLICT, name, "The run cannot be read again", reason.to_string())
}
