//! Kills, crashes, stale files and awkward folders.

use std::fs;

use chancery_local_postgres::{Error, LocalPostgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::child::Other;
use crate::world::{ask, is_alive, open_folder, options, wait_until};

#[test]
fn a_server_whose_users_were_all_killed_is_joined_and_stopped_by_the_next() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let other = Other::user(&data);
    let pid = other.server_pid();
    other.kill();
    assert!(is_alive(pid));

    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(server.server_pid().unwrap(), Some(pid));
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    server.stop().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn a_killed_user_does_not_keep_the_others_from_stopping_the_server() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let server = LocalPostgres::start(options(&data)).unwrap();
    Other::user(&data).kill();
    let pid = server.server_pid().unwrap().unwrap();
    server.stop().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn a_stale_status_file_does_not_hinder_a_start() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let other = Other::user(&data);
    let pid = other.server_pid();
    other.kill();
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
    wait_until("the server is gone", || !is_alive(pid));
    let file = data.join("postmaster.pid");
    let stale = fs::read_to_string(&file).unwrap();

    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_ne!(server.server_pid().unwrap(), Some(pid));
    server.stop().unwrap();

    // After a reboot the number can be that of any process; here it is this one.
    let (_, rest) = stale.split_once('\n').unwrap();
    fs::write(&file, format!("{}\n{rest}", std::process::id())).unwrap();
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
}

#[test]
fn a_server_that_was_killed_starts_again_though_its_workers_are_still_there() {
    let folder = open_folder();
    let server = LocalPostgres::start(options(&folder.path().join("postgres"))).unwrap();
    for _ in 0..3 {
        let pid = server.server_pid().unwrap().unwrap();
        kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
        wait_until("the server is gone", || server.server_pid().unwrap().is_none());
        server.start_again().unwrap();
        assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    }
}

#[test]
fn a_server_that_crashed_starts_again_with_all_that_was_committed() {
    let folder = open_folder();
    let server = LocalPostgres::start(options(&folder.path().join("postgres"))).unwrap();
    ask(&server.url("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer");
    server.stop_immediate().unwrap();
    assert_eq!(server.server_pid().unwrap(), None);
    server.start_again().unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT answer FROM kept"), "42");
}

#[test]
fn a_folder_too_deep_for_a_socket_gets_a_short_one_elsewhere() {
    let folder = open_folder();
    let data = folder.path().join("deep/".repeat(30)).join("postgres");
    let server = LocalPostgres::start(options(&data)).unwrap();
    let socket_dir = server.socket_dir().to_path_buf();
    assert!(!socket_dir.starts_with(folder.path()));
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");

    let again = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(again.socket_dir(), socket_dir);
    again.stop().unwrap();
    server.stop().unwrap();
    assert!(!socket_dir.exists());
}

#[test]
fn a_server_whose_socket_was_swept_away_is_started_anew() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let other = Other::user(&data);
    let pid = other.server_pid();
    other.kill();
    fs::remove_dir_all(folder.path().join("postgres.socket")).unwrap();
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    assert!(!is_alive(pid));
}

#[test]
fn awkward_characters_in_the_path_reach_the_server_unharmed() {
    let folder = open_folder();
    let data = folder.path().join(r#"it's, "$(echo)" 100% &\ ü"#).join("data.dir");
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    assert_eq!(ask(&server.conninfo("postgres"), "SELECT 1"), "1");
    server.stop().unwrap();
}

#[test]
fn a_folder_with_other_things_in_it_is_left_alone() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("thesis.tex"), "").unwrap();
    let error = LocalPostgres::start(options(&data)).unwrap_err();
    assert!(matches!(error, Error::NotACluster(_)), "{error}");
    assert!(data.join("thesis.tex").exists());
}

#[test]
fn what_a_killed_initdb_left_is_swept() {
    let folder = open_folder();
    let left = folder.path().join("postgres.initdb-Xy12");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("PG_VERSION"), "15\n").unwrap();
    let data = folder.path().join("postgres");
    LocalPostgres::start(options(&data)).unwrap();
    assert!(!left.exists());
}

#[test]
fn a_server_that_cannot_start_says_what_its_log_says() {
    let folder = open_folder();
    let mut options = options(&folder.path().join("postgres"));
    options.settings.push(("work_mem".into(), "plenty".into()));
    let error = LocalPostgres::start(options).unwrap_err().to_string();
    assert!(error.contains("invalid value for parameter \"work_mem\""), "{error}");
}

#[test]
fn data_of_a_version_that_is_not_installed_are_named_with_the_package() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let error = LocalPostgres::start(options(&data)).unwrap_err().to_string();
    assert!(error.contains("install `postgresql-9`"), "{error}");
}
