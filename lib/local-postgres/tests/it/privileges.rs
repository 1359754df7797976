//! Root, whose server runs as somebody else. Nothing to show for an ordinary user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;

use chancery_local_postgres::LocalPostgres;
use nix::unistd::User;

use crate::child::Other;
use crate::world::{
    ask, capabilities, closed_folder, is_root, open_folder, options, processes_in, skip, wait_until,
};

/// `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH` of `linux/capability.h`.
const PASSES: [u64; 2] = [1 << 1, 1 << 2];

#[test]
fn the_server_of_root_is_an_ordinary_user_without_any_capability() {
    if !is_root() {
        return skip("this is not root");
    }
    let folder = open_folder();
    let server = LocalPostgres::start(options(&folder.path().join("postgres"))).unwrap();
    let pid = server.server_pid().unwrap().unwrap();
    let owner = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_ne!(owner, 0);
    assert_eq!(fs::metadata(server.data_dir()).unwrap().uid(), owner);
    assert_eq!(capabilities(pid), 0);
}

#[test]
fn the_server_of_root_works_below_a_folder_that_only_root_may_enter() {
    if !is_root() {
        return skip("this is not root");
    }
    let folder = closed_folder();
    let data = folder.path().join("postgres");
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(server.note(), None);
    assert_eq!(server.data_dir(), data.canonicalize().unwrap());
    let pid = server.server_pid().unwrap().unwrap();
    assert!(PASSES.contains(&capabilities(pid)), "{:x}", capabilities(pid));
    // Files are created, flushed and removed there, not only opened.
    ask(&server.url("postgres"), "CREATE DATABASE more");
    ask(&server.url("more"), "CREATE TABLE t AS SELECT generate_series(1, 1000)");
    ask(&server.url("more"), "CHECKPOINT");
    server.stop_immediate().unwrap();
    server.start_again().unwrap();
    assert_eq!(ask(&server.url("more"), "SELECT count(*) FROM t"), "1000");
    server.stop().unwrap();
    // It says that it has stopped a moment before its process has ended.
    wait_until("its process is gone", || processes_in(folder.path()).is_empty());
}

#[test]
fn data_go_elsewhere_and_a_note_says_so_where_no_right_helps() {
    if !is_root() {
        return skip("this is not root");
    }
    let folder = closed_folder();
    let tools = open_folder();
    // A machine on which no capability can be handed on.
    let setpriv = tools.path().join("setpriv");
    fs::write(
        &setpriv,
        "#!/bin/sh\ncase \"$*\" in *--ambient-caps*) echo 'cannot' >&2; exit 127;; esac\n\
         exec /usr/bin/setpriv \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&setpriv, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.path().display());

    let data = folder.path().join("postgres");
    let first = Other::play("note", &data, |command| {
        command.env("PATH", &path);
    });
    assert!(first.said.contains("instead of"), "{}", first.said);
    let moved = fs::read_to_string(folder.path().join("postgres.moved")).unwrap();
    let moved = PathBuf::from(moved);
    assert!(first.said.contains(moved.to_str().unwrap()), "{}", first.said);
    assert!(!data.exists());
    first.finish();

    // Found again, also when everything would be possible.
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert!(server.data_dir().starts_with(&moved));
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    server.stop().unwrap();
    fs::remove_dir_all(&moved).unwrap();
}

#[test]
fn data_that_were_given_to_root_are_given_back_to_the_server() {
    if !is_root() {
        return skip("this is not root");
    }
    let folder = open_folder();
    let data = folder.path().join("postgres");
    LocalPostgres::start(options(&data)).unwrap().stop().unwrap();
    for path in [data.clone(), data.join("PG_VERSION"), data.join("base")] {
        chown(path, Some(0), Some(0)).unwrap();
    }
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
}

#[test]
fn data_of_a_user_stay_that_users_when_root_comes_along() {
    if !is_root() {
        return skip("this is not root");
    }
    let Ok(Some(nobody)) = User::from_name("nobody") else {
        return skip("there is no user `nobody`");
    };
    let folder = open_folder();
    let data = folder.path().join("postgres");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(nobody.uid.as_raw()), None).unwrap();
    let server = LocalPostgres::start(options(&data)).unwrap();
    let pid = server.server_pid().unwrap().unwrap();
    for path in [data.clone(), PathBuf::from(format!("/proc/{pid}"))] {
        assert_eq!(fs::metadata(path).unwrap().uid(), nobody.uid.as_raw());
    }
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
}

#[test]
fn an_unknown_owner_keeps_a_cluster_but_is_not_given_a_new_one() {
    if !is_root() {
        return skip("this is not root");
    }
    const UNKNOWN: u32 = 54_321;
    let folder = open_folder();
    let data = folder.path().join("postgres");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(UNKNOWN), Some(UNKNOWN)).unwrap();
    let server = LocalPostgres::start(options(&data)).unwrap();
    assert_ne!(fs::metadata(&data).unwrap().uid(), UNKNOWN);
    server.stop().unwrap();

    // As in a container that sees the folder of a user it does not know.
    let given = Command::new("chown").args(["-R", &UNKNOWN.to_string()]).arg(&data).status();
    assert!(given.unwrap().success());
    let server = LocalPostgres::start(options(&data)).unwrap();
    let pid = server.server_pid().unwrap().unwrap();
    assert_eq!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), UNKNOWN);
    assert_eq!(ask(&server.url("postgres"), "SELECT 1"), "1");
    server.stop().unwrap();
}
