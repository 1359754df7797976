//! Every format from every store, and what can go wrong with them.

mod changes;
mod conformance;
mod database;
mod datasets;
mod dead_letters;
mod descriptions;
mod failures;
mod formats;
mod large;
mod messages;
mod parquets;
mod places;
mod pooler;
mod private_authority;
mod s3_server;
mod splits;
mod table_servers;
mod tables;
mod unreachable;

use chancery_reading::{Arrival, Format, Outcome, PinnedObject, Position, Split, SplitReader, Store};

/// All that is left of a split, from a position on.
async fn read_from(store: &Store, format: &Format, split: &Split, position: Position) -> Vec<Arrival> {
    let mut reader = SplitReader::new(store, format, split, position).expect("a format");
    let mut arrivals = Vec::new();
    while let Some(arrival) = reader.next().await.expect("a readable split") {
        arrivals.push(arrival);
    }
    arrivals
}

async fn read_split(store: &Store, format: &Format, split: &Split) -> Vec<Arrival> {
    read_from(store, format, split, split.start()).await
}

/// All of an object, split by split.
async fn read_object(
    store: &Store,
    format: &Format,
    object: &PinnedObject,
    split_bytes: u64,
) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for split in store.split(object, format, split_bytes).await.expect("splits") {
        arrivals.extend(read_split(store, format, &split).await);
    }
    arrivals
}

fn payloads(arrivals: &[Arrival]) -> Vec<Vec<u8>> {
    let payload = |arrival: &Arrival| match &arrival.outcome {
        Outcome::Payload(payload) => payload.to_vec(),
        Outcome::Dead(dead) => panic!("dead at {:?}: {}", arrival.position, dead.reason),
    };
    arrivals.iter().map(payload).collect()
}
