//! A machine without the right PostgreSQL.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::child::Other;
use crate::world::open_folder;

#[test]
fn programs_that_are_too_old_are_named_with_what_is_wanted() {
    let folder = open_folder();
    for name in ["postgres", "initdb", "pg_ctl"] {
        let path = folder.path().join(name);
        fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 13.9'\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let other = Other::play("binaries", folder.path(), |command| {
        command.env("PG_BINDIR", folder.path());
    });
    assert!(other.said.contains("PostgreSQL 13.9"), "{}", other.said);
    assert!(other.said.contains("15 or newer is wanted"), "{}", other.said);
    other.finish();
}

#[test]
fn missing_programs_are_an_error_that_names_the_package_and_the_variable() {
    let folder = open_folder();
    let other = Other::play("user", &folder.path().join("data"), |command| {
        command.env("PG_BINDIR", folder.path());
    });
    assert!(other.said.contains("apt-get install postgresql"), "{}", other.said);
    assert!(other.said.contains("PG_BINDIR"), "{}", other.said);
    other.finish();
}
