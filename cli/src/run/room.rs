//! Room on the disk of the private PostgreSQL. A server whose disk is full stops, and takes all runs with it: so no records
//! are made that would fill it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chancery_api::format::bytes;
use nix::sys::statvfs::statvfs;

use crate::display::Display;

/// How often a disk without room is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What stays free of a large disk, unless it is said how much.
const FLOOR: i64 = 1 << 30;

/// Which share of a smaller one.
const SHARE: i64 = 20;

/// The room of a disk.
pub(crate) struct Room {
    /// None where PostgreSQL is not ours: its disk may be anywhere.
    disk: Option<PathBuf>,
    floor: Option<i64>,
    is_short: AtomicBool,
}

/// What a disk has.
#[derive(Clone, Copy)]
struct Disk {
    free: i64,
    total: i64,
}

impl Room {
    /// That of the disk which this folder is on.
    pub(crate) fn of(disk: Option<&Path>, floor: Option<i64>) -> Self {
        Self { disk: disk.map(Path::to_owned), floor, is_short: AtomicBool::new(false) }
    }

    /// Waits until there is room for more records, and says once that it waits.
    pub(crate) async fn wait(&self, display: &Display) {
        while self.is_short(display).is_some() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Why there is no room for more records; none if there is. Says it once, and once that there is again.
    pub(crate) fn is_short(&self, display: &Display) -> Option<String> {
        let why = self.disk.as_deref().and_then(look).and_then(|disk| self.judge(disk));
        match &why {
            Some(why) if !self.is_short.swap(true, Ordering::Relaxed) => display.say(why),
            None if self.is_short.swap(false, Ordering::Relaxed) => {
                display.say("the disk of the private PostgreSQL has room again: records are made");
            }
            _ => {}
        }
        why
    }

    fn judge(&self, Disk { free, total }: Disk) -> Option<String> {
        let floor = self.floor.unwrap_or_else(|| FLOOR.min(total / SHARE));
        (free < floor).then(|| {
            format!(
                "the disk of the private PostgreSQL has {} left, of which {} stay free: records are made once there is room; free some, or give less with --disk-floor",
                bytes(free),
                bytes(floor)
            )
        })
    }
}

/// None where the system does not tell: then PostgreSQL will.
fn look(folder: &Path) -> Option<Disk> {
    let found = statvfs(folder).ok()?;
    let bytes = |blocks: u64| i64::try_from(u128::from(blocks) * u128::from(found.fragment_size())).ok();
    Some(Disk { free: bytes(found.blocks_available())?, total: bytes(found.blocks())? })
}
