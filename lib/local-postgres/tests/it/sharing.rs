//! Starting, sharing and stopping.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use chancery_local_postgres::LocalPostgres;

use crate::child::Other;
use crate::world::{ask, is_alive, open_folder, options, processes_in, wait_until};

#[test]
fn a_server_that_is_stopped_leaves_no_process_and_keeps_its_data() {
    let folder = open_folder();
    let data = folder.path().join("made/on/the way/postgres");
    let server = LocalPostgres::start(options(&data)).unwrap();
    ask(&server.url("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer");
    assert!(!processes_in(folder.path()).is_empty());
    server.stop().unwrap();
    wait_until("its process is gone", || processes_in(folder.path()).is_empty());

    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(ask(&server.conninfo("postgres"), "SELECT answer FROM kept"), "42");
    drop(server);
    wait_until("its process is gone", || processes_in(folder.path()).is_empty());
}

#[test]
fn a_server_is_durable_checked_and_closed_to_other_users() {
    let folder = open_folder();
    let server = LocalPostgres::start(options(&folder.path().join("postgres"))).unwrap();
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "20"),
        ("shared_buffers", "16MB"),
    ] {
        let is = ask(&server.url("postgres"), &format!("SELECT current_setting('{setting}')"));
        assert_eq!(is, value, "{setting}");
    }
    let socket_dir = fs::metadata(server.socket_dir()).unwrap();
    let data_dir = fs::metadata(server.data_dir()).unwrap();
    assert_eq!(socket_dir.permissions().mode() & 0o777, 0o700);
    assert_eq!(socket_dir.uid(), data_dir.uid());
    assert_eq!(server.note(), None);
}

#[test]
fn the_last_of_two_users_in_one_process_stops_the_server() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let first = LocalPostgres::start(options(&data)).unwrap();
    let second = LocalPostgres::start(options(&data)).unwrap();
    let pid = first.server_pid().unwrap();
    assert_eq!(second.server_pid().unwrap(), pid);
    first.stop().unwrap();
    assert_eq!(ask(&second.url("postgres"), "SELECT 1"), "1");
    second.stop().unwrap();
    assert!(!is_alive(pid.unwrap()));
}

#[test]
fn the_last_of_two_processes_stops_the_server() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let other = Other::user(&data);
    let server = LocalPostgres::start(options(&data)).unwrap();
    let pid = other.server_pid();
    assert_eq!(server.server_pid().unwrap(), Some(pid));
    other.finish();
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    server.stop().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn many_that_start_at_once_share_one_server() {
    let folder = open_folder();
    let data = folder.path().join("postgres");
    let servers: Vec<LocalPostgres> = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..6).map(|_| scope.spawn(|| LocalPostgres::start(options(&data)).unwrap())).collect();
        starts.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let pid = servers[0].server_pid().unwrap();
    for server in &servers {
        assert_eq!(server.server_pid().unwrap(), pid);
    }
    std::thread::scope(|scope| {
        for server in servers {
            scope.spawn(move || server.stop().unwrap());
        }
    });
    assert!(!is_alive(pid.unwrap()));
}
