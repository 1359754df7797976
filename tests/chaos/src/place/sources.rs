//! What the runs of a schedule read, where it is, and the way to it.

use std::path::Path;

use anyhow::Context as _;

use super::{Place, runs};
use crate::input::{Input, Read, of_bucket, of_files};
use crate::proxy::{self, Proxy};
use crate::schedule::Schedule;

/// Than the ledger, so that reading takes long enough for something to go wrong.
const SOURCE_IS_FARTHER: u32 = 5;

impl Place {
    /// What each run is to read, and the way to it.
    pub(super) async fn sources(
        &self,
        schedule: &Schedule,
        folder: &Path,
    ) -> anyhow::Result<(Vec<Read>, Option<Proxy>)> {
        let Schedule { seed, ref shape, .. } = *schedule;
        let mut reads = Vec::new();
        match shape.input {
            Input::Generated => Ok((reads, None)),
            Input::Files => {
                for (number, run) in runs(shape).enumerate() {
                    reads.push(of_files(folder, seed, number, run.records)?);
                }
                Ok((reads, None))
            }
            Input::Bucket => {
                let store =
                    self.store.as_ref().context("the schedule needs an S3 server, and there is none")?;
                let proxy =
                    Proxy::start(proxy::Place::Port(store.port()), shape.latency * SOURCE_IS_FARTHER).await?;
                for (number, run) in runs(shape).enumerate() {
                    reads.push(of_bucket(store, &proxy, seed, number, run.records).await?);
                }
                Ok((reads, Some(proxy)))
            }
        }
    }
}
