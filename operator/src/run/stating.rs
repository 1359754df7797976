//! Statements about the runs of the ledger, made beside everything else: no run waits for them.

use std::collections::HashMap;
use std::future::pending;
use std::path::Path;
use std::time::{Duration, Instant};

use chancery_statement::StatementKey;
use chancery_stating::{Made, StatingError, Step, heads, step};
use chancery_store::statements::RunToState;
use chancery_store::{Ledger, StoreError};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use crate::host::database::Database;
use crate::host::triggers::Triggers;
use crate::run::watched::Watched;

/// How often the ledger is asked whether something can be stated.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long it is waited after something failed: a key that cannot be read, a database that is away.
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// Steps for one run before the others have their turn.
const STEPS_AT_ONCE: u32 = 50;

/// How long what was computed of a run is kept after it was last of use: 32 bytes for each batch that is not signed. Afterwards it
/// would be computed anew.
const KEPT_FOR: Duration = Duration::from_secs(3600);

/// Makes statements for as long as it is waited for. `triggers` is told of each run about which there is a new one.
pub(crate) async fn keep(database: &Database, key_file: Option<&Path>, triggers: &Triggers<Watched>) {
    let Some(key_file) = key_file else { return pending().await };
    let mut stating = Stating { triggers, said: HashMap::new(), made: HashMap::new() };
    loop {
        let pause = match stating.round(database, key_file).await {
            Ok(()) => INTERVAL,
            Err(why) => {
                stating.say(String::new(), why);
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

struct Stating<'a> {
    triggers: &'a Triggers<Watched>,
    /// What was said of each run that nothing can be stated of, so that it is said once. Of no run: of all.
    said: HashMap<String, String>,
    /// What was computed of each run, by its uid, and when that was last of use.
    made: HashMap<Uuid, (Made, Instant)>,
}

impl Stating<'_> {
    async fn round(&mut self, database: &Database, key_file: &Path) -> Result<(), String> {
        // Why a database is away is said elsewhere.
        let Ok(ledger) = database.get() else { return Ok(()) };
        let runs = match ledger.runs_to_state().await {
            Ok(runs) => runs,
            Err(error) => {
                database.check_after(&error);
                return Ok(());
            }
        };
        if runs.is_empty() {
            return Ok(());
        }
        // Read again each time: the key may be exchanged under a running operator.
        let key = chancery_process::read_statement_key_file(key_file).map_err(|error| error.to_string())?;
        self.said.retain(|name, _| runs.iter().any(|run| name_of(run) == *name));
        self.made.retain(|_, (_, used)| used.elapsed() < KEPT_FOR);
        for run in runs {
            match self.state(&ledger, &run, &key).await {
                Ok(()) => drop(self.said.remove(&name_of(&run))),
                // It was deleted meanwhile.
                Err(StatingError::Store(StoreError::NoRun(_) | StoreError::BeingDeleted(_))) => {}
                Err(StatingError::Store(error)) if error.is_transient() => database.check_after(&error),
                Err(error) => self.say(name_of(&run), error.to_string()),
            }
        }
        Ok(())
    }

    /// Takes the steps that can be taken for one run.
    async fn state(
        &mut self,
        ledger: &Ledger,
        run: &RunToState,
        key: &StatementKey,
    ) -> Result<(), StatingError> {
        let RunToState { namespace, name } = run;
        let stored = ledger.find_run(namespace, name).await?;
        // Of a run whose maker died before it could say so, too.
        if !stored.sinks.0.is_empty() {
            ledger.state_manifests(&stored).await?;
        }
        let before = heads(ledger, &stored).await?;
        let (made, used) = self.made.entry(stored.uid).or_insert_with(|| (Made::default(), Instant::now()));
        *used = Instant::now();
        let mut last = Step::Advanced;
        for _ in 0..STEPS_AT_ONCE {
            last = step(ledger, &stored, key, || Timestamp::now().to_string(), made).await?;
            if last != Step::Advanced {
                break;
            }
        }
        let other = made.kept_otherwise();
        if last == Step::Stated {
            self.made.remove(&stored.uid);
        }
        let after = heads(ledger, &stored).await?;
        if after != before {
            for head in after.signed.iter().chain(&after.sealed) {
                tracing::info!(run = %name_of(run), number = head.number, hash = %head.hash, kind = head.kind.name(), "stated");
            }
            if let Some(batch) = other {
                tracing::warn!(run = %name_of(run), batch, "another root of a batch is kept than that of its rows: no record of the run can be proven");
            }
            self.triggers.wake(&ObjectRef::new(name).within(namespace));
        }
        Ok(())
    }

    fn say(&mut self, run: String, why: String) {
        if self.said.get(&run) != Some(&why) {
            tracing::warn!(%run, %why, "no statement can be made for now");
            self.said.insert(run, why);
        }
    }
}

fn name_of(RunToState { namespace, name }: &RunToState) -> String {
    format!("{namespace}/{name}")
}
