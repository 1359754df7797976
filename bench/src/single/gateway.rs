//! The API under load, by the very programs, on the processors that PostgreSQL, the signers and the load have too.

mod client;
mod load;
mod served;

use std::time::Duration;

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::gateway::load::{Load, idle_kb, paced, unpaced};
use crate::gateway::served::Served;
use crate::site::Site;

/// Requests of one record that wait for their signature, per second.
const WAITED: u32 = 1_000;

/// Of those, how long 99 of 100 may take.
const P99_MS: f64 = 250.0;

/// Requests of one record that do not wait, per second.
const SINGLE: f64 = 5_000.0;

/// Records per second in requests of so many.
const MANY: f64 = 50_000.0;
const IN_ONE: u64 = 500;

/// What the gateway may have of memory, and what an idle connection may take besides.
const MIB: f64 = 64.0;
const IDLE_KB: f64 = 24.0;
const IDLE: u64 = 10_000;

/// Clients: as many as there may have to be while one waits for its signature; where none waits, as many as ask for that rate if
/// each is answered within 50 ms, the time of some calls of the ledger; and, where each brings 500 records, as many as fill a call of
/// the ledger (5,000 arrivals) while another is under way.
const WAITING_CLIENTS: usize = 400;
const CLIENTS: usize = 256;
const CLIENTS_WITH_MANY: usize = 20;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let time = Duration::from_secs(effort.of(20, 2));
    let served = Served::start(&site).await?;
    let [mut waited, mut p99, mut single, mut many] = [(); 4].map(|()| Samples::default());
    for pair in 0..effort.pairs {
        let run = served.run(&site, &format!("waited-{pair}")).await?;
        let load = Load { clients: WAITING_CLIENTS, in_one: 1, wait: 60, time };
        let done = paced(&run.way, load, WAITED).await?;
        waited.add(done.requests_per_second() / f64::from(WAITED));
        p99.add(done.percentile(0.99).as_secs_f64() * 1e3);
        run.end(&site, done.records).await?;

        let run = served.run(&site, &format!("single-{pair}")).await?;
        let load = Load { clients: CLIENTS, in_one: 1, wait: 0, time };
        let done = unpaced(&run.way, load).await?;
        single.add(done.requests_per_second() / SINGLE);
        run.end(&site, done.records).await?;

        let run = served.run(&site, &format!("many-{pair}")).await?;
        let load = Load { clients: CLIENTS_WITH_MANY, in_one: IN_ONE, wait: 0, time };
        let done = unpaced(&run.way, load).await?;
        many.add(done.records_per_second() / MANY);
        run.end(&site, done.records).await?;
    }
    let mib = served.peak_mib()?;
    served.end().await?;
    // Another one: what the first has left over of its memory would do for many connections.
    let fresh = Served::start(&site).await?;
    let connections = effort.of(IDLE, 500);
    let kb = idle_kb(&fresh, usize::try_from(connections)?).await?;
    fresh.end().await?;
    let figures = vec![
        // The rate is given, and reached if the API keeps up; a hundredth is what the last requests take.
        Figure::new("POSTs of one record with wait per second / 1,000", waited, Bound::AtLeast(0.98)),
        Figure::new("ms of those with wait, 99 of 100, EdDSA", p99, Bound::AtMost(P99_MS)),
        Figure::new("POSTs of one record per second / 5,000", single, Bound::AtLeast(1.0)),
        Figure::new("records per second in POSTs of 500 / 50,000", many, Bound::AtLeast(1.0)),
        Figure::new("MiB of the gateway, the most", Samples::from_iter([mib]), Bound::AtMost(MIB)),
        Figure::new(
            format!("KB per idle connection, of {connections}"),
            Samples::from_iter([kb]),
            Bound::AtMost(IDLE_KB),
        ),
    ];
    Ok(Outcome { figures, ..Outcome::default() })
}
