//! Servers that die with their process.

use std::fs;
use std::path::{Path, PathBuf};

use chancery_local_postgres::ThrowAway;

use crate::child::Other;
use crate::world::{ask, closed_folder, is_alive, open_folder, options, processes_in, wait_until};

fn homes(parent: &Path) -> Vec<PathBuf> {
    fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn a_throw_away_server_and_its_folder_are_gone_when_it_is_dropped() {
    let parent = open_folder();
    let server = ThrowAway::start(parent.path(), options(parent.path())).unwrap();
    let pid = server.server_pid().unwrap().unwrap();
    for (setting, value) in [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "on")] {
        assert_eq!(ask(&server.url("postgres"), &format!("SHOW {setting}")), value);
    }
    assert_eq!(homes(parent.path()).len(), 1);
    drop(server);
    assert!(!is_alive(pid));
    assert_eq!(homes(parent.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_throw_away_server_survives_a_crash_of_its_own() {
    let parent = open_folder();
    let server = ThrowAway::start(parent.path(), options(parent.path())).unwrap();
    ask(&server.url("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer");
    server.stop_immediate().unwrap();
    server.start_again().unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT answer FROM kept"), "42");
    server.stop().unwrap();
    assert_eq!(homes(parent.path()), Vec::<PathBuf>::new());
}

#[test]
fn servers_that_begin_with_a_copy_share_nothing_and_the_copied_one_is_made_once() {
    let (parent, templates) = (open_folder(), open_folder());
    let start = || ThrowAway::start_copy(parent.path(), templates.path(), options(parent.path())).unwrap();
    let one = start();
    let made = homes(templates.path());
    assert_eq!(made.len(), 1);
    ask(&one.url("postgres"), "CREATE TABLE mine AS SELECT 1");
    let other = start();
    assert_eq!(ask(&other.url("postgres"), "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"), "0");
    let (control, kept) = ("SELECT system_identifier FROM pg_control_system()", made[0].join("PG_VERSION"));
    assert_eq!(ask(&one.url("postgres"), control), ask(&other.url("postgres"), control), "it is a copy");
    drop((one, other));
    assert_eq!((homes(parent.path()).len(), homes(templates.path())), (0, made));

    // As a cleaner of temporary folders does.
    fs::remove_file(kept).unwrap();
    assert_eq!(ask(&start().url("postgres"), "SHOW data_checksums"), "on");
}

fn dies_with_its_process(parent: &Path) {
    let other = Other::with_throw_away(parent);
    let pid = other.server_pid();
    assert!(is_alive(pid));
    other.kill();
    wait_until("the server is gone", || !is_alive(pid));
    wait_until("its workers are gone", || processes_in(parent).is_empty());
}

#[test]
fn a_throw_away_server_dies_with_its_killed_process_and_is_swept() {
    let parent = open_folder();
    dies_with_its_process(parent.path());
    let left = homes(parent.path());
    assert_eq!(left.len(), 1);

    let server = ThrowAway::start(parent.path(), options(parent.path())).unwrap();
    assert!(!left[0].exists());
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
}

#[test]
fn a_throw_away_server_with_a_capability_dies_with_its_process_too() {
    // For root, below a closed folder, the server has one: the kernel drops the death
    // signal of a process that gains rights.
    dies_with_its_process(closed_folder().path());
}

#[test]
fn the_server_of_a_living_process_is_never_swept() {
    let parent = open_folder();
    let other = Other::with_throw_away(parent.path());
    let mine = ThrowAway::start(parent.path(), options(parent.path())).unwrap();
    assert!(is_alive(other.server_pid()));
    assert_eq!(homes(parent.path()).len(), 2);
    assert_eq!(ask(&mine.url("postgres"), "SELECT 1"), "1");
    other.finish();
    drop(mine);
}
