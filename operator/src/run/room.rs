//! Whether the database has room for more records. PostgreSQL does not say how full its disk is: how much there is, is
//! declared, and how much of it is taken, is read.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_api::format::bytes;
use chancery_store::{Ledger, Progress, StoreError};
use tokio::time::Instant;

use crate::run::progress::ProgressWatch;

/// How long what was read of the database's size counts at the least. Sources write some hundred megabytes meanwhile.
const FRESH: Duration = Duration::from_secs(2);

/// A reading counts for so many times as long as it took: of thousands of files it takes a while.
const SPARING: u32 = 20;

/// How large the database may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Bytes of its disk.
    pub bytes: i64,
    /// Bytes of it that stay free.
    pub floor: i64,
}

impl Capacity {
    /// A disk of so many bytes, of which a tenth stays free unless it is said how much.
    #[must_use]
    pub fn new(bytes: i64, floor: Option<i64>) -> Self {
        Self { bytes, floor: floor.unwrap_or(bytes / 10) }
    }
}

/// Whether there is room for the records of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is, or nobody said how large the database is.
    Enough,
    /// There is not.
    Short {
        /// For people.
        why: String,
    },
}

/// Watches the room of the database, for as long as this operator leads.
pub(crate) struct RoomWatch {
    capacity: Option<Capacity>,
    read: tokio::sync::Mutex<Option<Reading>>,
    /// Runs, by their uid, that were promised room: they have begun to make records.
    promised: Mutex<HashSet<String>>,
}

#[derive(Clone, Copy)]
struct Reading {
    used: i64,
    until: Instant,
}

impl RoomWatch {
    pub(crate) fn new(capacity: Option<Capacity>) -> Self {
        Self { capacity, read: tokio::sync::Mutex::default(), promised: Mutex::default() }
    }

    /// Whether there is room for the records that a run is still to have.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub(crate) async fn look(
        &self,
        ledger: &Ledger,
        all: &ProgressWatch,
        uid: &str,
        progress: &Progress,
    ) -> Result<Room, StoreError> {
        let Some(capacity) = self.capacity else { return Ok(Room::Enough) };
        let used = self.used(ledger).await?;
        Ok(room(capacity, used, &self.lock(), all, uid, progress))
    }

    /// Promises a run the room for its records. False when others were promised it since this run was looked at.
    ///
    /// # Errors
    ///
    /// As for [`RoomWatch::look`].
    pub(crate) async fn promise(
        &self,
        ledger: &Ledger,
        all: &ProgressWatch,
        uid: &str,
        progress: &Progress,
    ) -> Result<bool, StoreError> {
        let Some(capacity) = self.capacity else { return Ok(true) };
        let used = self.used(ledger).await?;
        // One decides at a time, so that two do not get the same room.
        let mut promised = self.lock();
        let enough = room(capacity, used, &promised, all, uid, progress) == Room::Enough;
        if enough {
            promised.insert(uid.to_owned());
        }
        Ok(enough)
    }

    /// Why nothing more is to be written: the database has come down to its floor.
    ///
    /// # Errors
    ///
    /// As for [`RoomWatch::look`].
    pub(crate) async fn floor_is_met(&self, ledger: &Ledger) -> Result<Option<String>, StoreError> {
        let Some(capacity) = self.capacity else { return Ok(None) };
        match judge(capacity, self.used(ledger).await?, None) {
            Room::Enough => Ok(None),
            Room::Short { why } => Ok(Some(why)),
        }
    }

    /// Forgets a run that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    async fn used(&self, ledger: &Ledger) -> Result<i64, StoreError> {
        // One reads at a time, and the others wait for it.
        let mut read = self.read.lock().await;
        let now = Instant::now();
        if let Some(Reading { used, until }) = *read
            && now < until
        {
            return Ok(used);
        }
        let used = ledger.bytes_used().await?;
        *read = Some(Reading { used, until: now + FRESH.max(now.elapsed() * SPARING) });
        Ok(used)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn room(
    capacity: Capacity,
    used: i64,
    promised: &HashSet<String>,
    all: &ProgressWatch,
    uid: &str,
    progress: &Progress,
) -> Room {
    let has_begun = |uid: &str, progress: &Progress| progress.records_admitted > 0 || promised.contains(uid);
    if has_begun(uid, progress) {
        return judge(capacity, used, None);
    }
    let others = all.bytes_to_come(|other, progress| other != uid && has_begun(other, progress));
    judge(capacity, used, Some(Wish { own: progress.bytes_to_come, others }))
}

/// What a run that has not begun would take, and what others that have begun will still take.
#[derive(Clone, Copy)]
struct Wish {
    own: i64,
    others: i64,
}

fn judge(Capacity { bytes: capacity, floor }: Capacity, used: i64, wish: Option<Wish>) -> Room {
    const HELP: &str = "delete runs that nobody needs, or have the database given more room and database.capacity of the chart's values raised";
    let (said, kept) = (format!("{} of {}", bytes(used), bytes(capacity)), bytes(floor));
    if used.saturating_add(floor) > capacity {
        let why = format!(
            "the database takes {said}, of which {kept} are to stay free: records are made once there is room; {HELP}"
        );
        return Room::Short { why };
    }
    match wish {
        Some(Wish { own, others })
            if used.saturating_add(own).saturating_add(others).saturating_add(floor) > capacity =>
        {
            let why = format!(
                "the run will take {} of the database, which takes {said}; {} are still to come of runs that have begun, and {kept} are to stay free: its records are made once there is room; {HELP}",
                bytes(own),
                bytes(others)
            );
            Room::Short { why }
        }
        _ => Room::Enough,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: Capacity = Capacity { bytes: 1_000, floor: 100 };

    fn wish(own: i64, others: i64) -> Option<Wish> {
        Some(Wish { own, others })
    }

    fn is_short(room: &Room) -> bool {
        matches!(room, Room::Short { .. })
    }

    #[test]
    fn a_run_that_has_begun_goes_on_down_to_the_floor_and_no_further() {
        assert_eq!(judge(CAPACITY, 900, None), Room::Enough);
        assert!(is_short(&judge(CAPACITY, 901, None)));
    }

    #[test]
    fn a_run_begins_once_all_that_is_promised_fits_above_the_floor() {
        assert_eq!(judge(CAPACITY, 500, wish(200, 200)), Room::Enough);
        assert!(is_short(&judge(CAPACITY, 500, wish(201, 200))));
        assert!(is_short(&judge(CAPACITY, 500, wish(i64::MAX, i64::MAX))), "however much it is");
        assert!(is_short(&judge(CAPACITY, 950, wish(1, 0))));
    }

    #[test]
    fn a_tenth_stays_free_unless_it_is_said_how_much() {
        assert_eq!(Capacity::new(1_000, None), CAPACITY);
        assert_eq!(Capacity::new(1_000, Some(1)).floor, 1);
    }

    #[test]
    fn what_is_short_is_told_with_its_numbers() {
        let Room::Short { why } = judge(Capacity::new(8 << 30, None), 5 << 30, wish(3 << 30, 1 << 30)) else {
            panic!("there is not enough");
        };
        assert!(
            why.starts_with(
                "the run will take 3.0 GiB of the database, which takes 5.0 GiB of 8.0 GiB; 1.0 GiB are"
            ),
            "{why}"
        );
    }
}
