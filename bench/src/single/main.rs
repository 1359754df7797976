//! Measures Chancery on this machine, without Kubernetes.
//!
//! Absolute times say little on a shared machine. So what has to reach something is a ratio of two
//! things that were measured one right after the other, again and again.

mod admission;
mod audit;
mod audit_end;
mod bare;
mod command;
mod copy;
mod cpu;
mod delivery;
mod delivery_memory;
mod envelopes;
mod first_stored;
mod gateway;
mod growth;
mod intake_memory;
mod limit;
mod lines_receiver;
mod own;
mod postgres;
mod signers;
mod site;
mod start_up;
mod taken;
mod targets;
mod waits;
mod webhooks;
mod work;

use chancery_bench::{Arguments, Measurement, run};
use clap::Parser;

/// Everything that can be measured, in the order in which it is.
const MEASUREMENTS: &[Measurement<()>] = &[
    Measurement {
        name: "rs256",
        about: "RS256 with 2 signers against a bare loop on 2 threads",
        measure: |(), effort| Box::pin(limit::rs256::measure(effort)),
    },
    Measurement {
        name: "eddsa",
        about: "EdDSA against a bare loop and a bare COPY",
        measure: |(), effort| Box::pin(limit::curves::eddsa(effort)),
    },
    Measurement {
        name: "es256",
        about: "ES256 against a bare loop and a bare COPY",
        measure: |(), effort| Box::pin(limit::curves::es256(effort)),
    },
    Measurement {
        name: "es256k",
        about: "ES256K against a bare loop and a bare COPY",
        measure: |(), effort| Box::pin(limit::curves::es256k(effort)),
    },
    Measurement {
        name: "envelopes",
        about: "signing and auditing in envelopes against payloads as they are",
        measure: |(), effort| Box::pin(envelopes::measure(effort)),
    },
    Measurement {
        name: "kernel",
        about: "the kernel against AWS-LC and crypto_mb, by processor time",
        measure: |(), effort| Box::pin(limit::kernel::measure(effort)),
    },
    Measurement {
        name: "audit",
        about: "signatures audited per second against what is wanted",
        measure: |(), effort| Box::pin(audit::measure(effort)),
    },
    Measurement {
        name: "audit-end",
        about: "how long after its last signature a run is audited",
        measure: |(), effort| Box::pin(audit_end::measure(effort)),
    },
    Measurement {
        name: "breakdown",
        about: "where the processor time goes",
        measure: |(), effort| Box::pin(limit::breakdown::measure(effort)),
    },
    Measurement {
        name: "targets",
        about: "records seeded and EdDSA signatures per second against what is wanted",
        measure: |(), effort| Box::pin(targets::measure(effort)),
    },
    Measurement {
        name: "admission",
        about: "lines of one's own admitted against a bare COPY, and the memory of the intake",
        measure: |(), effort| Box::pin(admission::measure(effort)),
    },
    Measurement {
        name: "webhooks",
        about: "lines judged by a slow webhook against what its concurrency allows",
        measure: |(), effort| Box::pin(webhooks::measure(effort)),
    },
    Measurement {
        name: "delivery",
        about: "batches brought to a sink: what it costs signing, and how fast it is",
        measure: |(), effort| Box::pin(delivery::measure(effort)),
    },
    Measurement {
        name: "own",
        about: "records of one's own signed against generated ones",
        measure: |(), effort| Box::pin(own::measure(effort)),
    },
    Measurement {
        name: "gateway",
        about: "records pushed over HTTP, signed meanwhile, and the memory of the gateway",
        measure: |(), effort| Box::pin(gateway::measure(effort)),
    },
    Measurement {
        name: "intake-memory",
        about: "the memory of the intake, whatever it reads",
        measure: |(), effort| Box::pin(intake_memory::measure(effort)),
    },
    Measurement {
        name: "batch-size",
        about: "batches of 1 to 10,000",
        measure: |(), effort| Box::pin(growth::batch_size::measure(effort)),
    },
    Measurement {
        name: "keys",
        about: "1 to 1,000 keys",
        measure: |(), effort| Box::pin(growth::keys::measure(effort)),
    },
    Measurement {
        name: "signers",
        about: "1 to 64 signers",
        measure: |(), effort| Box::pin(growth::signers::measure(effort)),
    },
    Measurement {
        name: "finished-runs",
        about: "0 to 1,000 finished runs in the ledger",
        measure: |(), effort| Box::pin(growth::finished_runs::measure(effort)),
    },
    Measurement {
        name: "snapshot",
        about: "a snapshot that somebody holds open for a minute",
        measure: |(), effort| Box::pin(growth::snapshot::measure(effort)),
    },
    Measurement {
        name: "database",
        about: "what a batch asks of PostgreSQL",
        measure: |(), effort| Box::pin(postgres::share::measure(effort)),
    },
    Measurement {
        name: "former",
        about: "PostgreSQL's processor time per batch against that of the build that CHANCERY_FORMER names",
        measure: |(), effort| Box::pin(postgres::former::measure(effort)),
    },
    Measurement {
        name: "settings",
        about: "what each setting of PostgreSQL buys",
        measure: |(), effort| Box::pin(postgres::settings::measure(effort)),
    },
    Measurement {
        name: "start-up",
        about: "from a signer's start to its first lease, and sizes of programs",
        measure: |(), effort| Box::pin(start_up::measure(effort)),
    },
    Measurement {
        name: "first-stored",
        about: "from `chancery run` to the first stored signature of a million records with 100 RSA keys",
        measure: |(), effort| Box::pin(first_stored::measure(effort)),
    },
    // The longest last.
    Measurement {
        name: "delivery-memory",
        about: "the memory of a delivery of 100 thousand and of 10 million records to a folder, a service and a table",
        measure: |(), effort| Box::pin(delivery_memory::measure(effort)),
    },
    Measurement {
        name: "records",
        about: "10 thousand to 10 million records, and the deletion of as many",
        measure: |(), effort| Box::pin(growth::records::measure(effort)),
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run("bench", &Arguments::parse(), MEASUREMENTS, async || Ok(())).await
}
