//! What the runs of a schedule read, where it is, and the way to it.

use std::path::Path;

use anyhow::Context as _;
use chancery_kit::TestLedger;
use chancery_local_postgres::SUPERUSER;

use super::{Place, runs};
use crate::input::{Input, Read, of_bucket, of_files, of_pushed, of_replay, of_table};
use crate::proxy::{self, Proxy};
use crate::schedule::Schedule;

/// Than the ledger, so that reading takes long enough for something to go wrong.
const SOURCE_IS_FARTHER: u32 = 5;

/// The database with the tables that are read.
pub(super) fn tables_of(database: &str) -> String {
    format!("{database}_tables")
}

impl Place {
    /// What each run is to read, and the way to it.
    pub(super) async fn sources(
        &self,
        schedule: &Schedule,
        folder: &Path,
        (ledger, database): (&TestLedger, &str),
    ) -> anyhow::Result<(Vec<Read>, Option<Proxy>)> {
        let Schedule { seed, ref shape, .. } = *schedule;
        let latency = shape.latency * SOURCE_IS_FARTHER;
        let runs = runs(shape).enumerate();
        let mut reads = Vec::new();
        match shape.input {
            Input::Generated => Ok((reads, None)),
            Input::Files => {
                for (number, run) in runs {
                    reads.push(of_files(folder, seed, number, run.records)?);
                }
                Ok((reads, None))
            }
            Input::Bucket => {
                let store =
                    self.store.as_ref().context("the schedule needs an S3 server, and there is none")?;
                let proxy = Proxy::start(proxy::Place::Port(store.port()), latency).await?;
                for (number, run) in runs {
                    reads.push(of_bucket(store, &proxy, seed, number, run.records).await?);
                }
                Ok((reads, Some(proxy)))
            }
            Input::Table => {
                let tables = tables_of(database);
                self.execute(&format!("CREATE DATABASE {tables}")).await?;
                let direct = self.server.url(&tables);
                let proxy = Proxy::start(proxy::Place::Socket(self.socket()), latency).await?;
                for (number, run) in runs {
                    let by_proxy = proxy.url(SUPERUSER, &tables);
                    reads.push(of_table(&direct, by_proxy, seed, number, run.records).await?);
                }
                Ok((reads, Some(proxy)))
            }
            Input::Pushed => {
                reads.extend(runs.map(|(number, run)| of_pushed(seed, number, run.records)));
                Ok((reads, None))
            }
            Input::Replay => {
                for (number, run) in runs {
                    reads.push(of_replay(ledger, folder, seed, number, run.records).await?);
                }
                Ok((reads, None))
            }
        }
    }
}
