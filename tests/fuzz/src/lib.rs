//! An object in memory, and what reading it comes to.

use std::sync::Arc;

use chancery_reading::{
    Arrival, Format, Objects, Outcome, PinnedObject, Position, Settings, Split, SplitReader, Store,
};
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, path::Path};

/// One object, and its store.
pub struct Place {
    store: Store,
    object: PinnedObject,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    /// The bytes under a name, which are read in chunks of so many.
    pub fn new(name: &str, bytes: &[u8], chunk: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let objects = Objects {
            url: "memory:///".into(),
            include: vec![],
            exclude: vec![],
            endpoint: None,
            region: None,
        };
        let memory = Arc::new(InMemory::new());
        let settings = Settings { chunk, ..Settings::default() };
        let store = Store::with(Arc::clone(&memory) as _, &objects, "", settings).expect("a store");
        let object = runtime.block_on(async {
            memory.put(&Path::from(name), bytes.to_vec().into()).await.expect("put");
            store.list().await.expect("a listing").remove(0)
        });
        Self { store, object, runtime }
    }

    /// As one split.
    pub fn whole(&self, format: &Format) -> Vec<Arrival> {
        self.store
            .plan(&self.object, format, u64::MAX)
            .iter()
            .flat_map(|split| self.all(format, split))
            .collect()
    }

    /// Cut into splits.
    pub fn splits(&self, format: &Format, split_bytes: u64) -> Vec<Split> {
        self.runtime
            .block_on(self.store.split(&self.object, format, split_bytes))
            .expect("memory is never away")
    }

    /// All of a split.
    pub fn all(&self, format: &Format, split: &Split) -> Vec<Arrival> {
        self.from(format, split, split.start())
    }

    /// What is left of a split.
    pub fn from(&self, format: &Format, split: &Split, position: Position) -> Vec<Arrival> {
        let mut reader = SplitReader::new(&self.store, format, split, position).expect("a format");
        let mut arrivals: Vec<Arrival> = Vec::new();
        self.runtime.block_on(async {
            while let Some(arrival) = reader.next().await.expect("memory is never away") {
                let before = arrivals.last().map_or(split.start(), |before| before.next_position);
                assert!(arrival.position >= before && arrival.next_position > arrival.position);
                arrivals.push(arrival);
            }
        });
        arrivals
    }

    /// However it is cut and wherever it is left, the same comes.
    pub fn check(&self, format: &Format, split_bytes: u64) -> Vec<Arrival> {
        let whole = self.whole(format);
        let mut together = Vec::new();
        for split in self.splits(format, split_bytes) {
            let all = self.all(format, &split);
            for (number, arrival) in all.iter().enumerate().step_by(all.len() / 8 + 1) {
                assert_eq!(self.from(format, &split, arrival.next_position), all[number + 1..]);
            }
            together.extend(all);
        }
        assert_eq!(together, whole);
        whole
    }
}

/// The bytes of an arrival, dead or not.
pub fn bytes(arrival: &Arrival) -> &[u8] {
    match &arrival.outcome {
        Outcome::Payload(payload) => payload,
        Outcome::Dead(dead) => &dead.raw,
    }
}
