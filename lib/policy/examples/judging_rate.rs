//! How many records a second one core judges, by the ten rules of `examples/policies/compliance.yaml` and by the other
//! examples: `cargo run --profile dist --example judging_rate -p chancery-policy`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use chancery_api::PolicyFile;
use chancery_policy::{Answers, Arrival, Outcome, Pinned, Policy, Tables};

/// For how long each is judged.
const TIME: Duration = Duration::from_secs(2);

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for name in ["transactions", "fraud", "compliance"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
        let records = std::fs::read_to_string(format!("{folder}/{name}.ndjson"))?;
        let policy = compiled(&std::fs::read_to_string(format!("{folder}/{name}.yaml"))?);
        let records: Vec<&str> = records.lines().collect();
        let (begun, mut judged, mut outcomes) = (Instant::now(), 0_u32, BTreeMap::<Outcome, u32>::new());
        while begun.elapsed() < TIME {
            for record in &records {
                let at = "2026-03-01T12:00:00Z".parse().expect("an instant");
                let arrival = Arrival { payload: record.as_bytes(), source: "files", position: "1", at };
                let verdict = policy.judge(&arrival, &Answers::default());
                *outcomes.entry(verdict.outcome).or_default() += 1;
                judged += 1;
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rate = f64::from(judged) / seconds;
        writeln!(out, "{name}: {rate:.0} records/s, {:.2} µs a record, {outcomes:?}", 1e6 / rate)?;
    }
    Ok(())
}

fn compiled(yaml: &str) -> Policy {
    let file = PolicyFile::read(yaml).expect("a policy");
    let (policy, maps) = (file.policy().expect("a policy"), file.config_maps().expect("ConfigMaps"));
    let mut tables = Tables::new();
    for lookup in &policy.spec.lookups {
        let map = lookup.config_map_ref.as_ref().expect("a ConfigMap");
        tables.insert(lookup.name.clone(), maps[&map.name].clone());
    }
    Policy::compile(&Pinned::new(policy.spec, tables).expect("a version")).expect("a policy that compiles")
}
