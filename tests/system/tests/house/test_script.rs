//! `scripts/test.sh`, with programs of its own in the place of cargo and of the tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// What each of these programs does when it is run as a test, and with what cargo ends.
fn run_tests(programs: &[(&str, &str)], cargo: i32) -> anyhow::Result<Output> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("deps"))?;
    let mut calls = String::new();
    for (name, does) in programs {
        let program = folder.path().join("deps").join(format!("{name}-0123"));
        script(&program, does)?;
        calls.push_str(&format!("\"$runner\" {} 'an argument'\n", program.display()));
    }
    let documentation = folder.path().join("documentation");
    script(&documentation, "echo documentation")?;
    // As cargo does: the variables of the package, in its folder, by the runner that it was given.
    let text = format!(
        "runner=$(printf '%s' \"$*\" | sed -n \"s/.*runner = \\['\\(.*\\)'\\].*/\\1/p\")\n\
         cd {}\nexport CARGO_PKG_NAME=package OF_CARGO='two words'\n{calls}\"$runner\" {}\nexit {cargo}\n",
        folder.path().display(),
        documentation.display(),
    );
    script(&folder.path().join("cargo"), &text)?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ended = Command::new(project.join("scripts/test.sh"))
        .env("CARGO", folder.path().join("cargo"))
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .env("TEST_JOBS", "2")
        .env("TEST_PATIENCE", "2")
        .output()?;
    Ok(ended)
}

fn script(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, format!("#!/usr/bin/env bash\n{text}"))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

const PASSES: (&str, &str) =
    ("good", "echo 'skipped: a part'\necho 'test result: ok. 3 passed; 0 failed; finished in 1s'\n");

#[test]
fn programs_that_pass_are_a_line_each_with_what_they_skipped() -> anyhow::Result<()> {
    let ended = run_tests(&[PASSES, ("other", "")], 0)?;
    let said = said(&ended);
    assert!(ended.status.success(), "{ended:?}");
    assert!(said.contains("package.good: 3 passed; 0 failed\n"), "{said}");
    assert!(said.contains("skipped: a part") && said.contains("test: 2 programs passed"), "{said}");
    // Those of the documentation are run by cargo.
    assert!(said.starts_with("documentation\n"), "{said}");
    Ok(())
}

#[test]
fn a_program_runs_as_cargo_would_run_it() -> anyhow::Result<()> {
    let ended = run_tests(&[("asks", "echo \"<$1> <$OF_CARGO> $(ls)\"; exit 1\n")], 0)?;
    let said = said(&ended);
    assert!(said.contains("<an argument> <two words> cargo\ndeps\ndocumentation\ntarget\n"), "{said}");
    Ok(())
}

#[test]
fn each_program_that_fails_is_shown_whole_and_named_at_the_end() -> anyhow::Result<()> {
    let killed = ("killed", "echo it dies\nkill -KILL $$\n");
    let ended = run_tests(&[("bad", "echo it is bad\nexit 101\n"), PASSES, killed], 0)?;
    let said = said(&ended);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(said.contains("it is bad\n") && said.contains("it dies\n"), "{said}");
    assert!(said.ends_with("test: of 3 programs failed:\npackage.bad\npackage.killed\n"), "{said}");
    Ok(())
}

#[test]
fn a_program_that_hangs_is_ended_and_has_failed() -> anyhow::Result<()> {
    let ended = run_tests(&[("hangs", "echo it hangs\nexec sleep infinity\n"), PASSES], 0)?;
    let said = said(&ended);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(said.contains("it hangs\ntest: package.hangs was still running after 2 s"), "{said}");
    assert!(said.ends_with("test: of 2 programs failed:\npackage.hangs\n"), "{said}");
    Ok(())
}

#[test]
fn what_fails_in_cargo_itself_fails_all() -> anyhow::Result<()> {
    let ended = run_tests(&[PASSES], 101)?;
    let said = said(&ended);
    assert_eq!(ended.status.code(), Some(101), "{ended:?}");
    assert!(said.contains("package.good: 3 passed") && said.contains("test: cargo failed"), "{said}");
    Ok(())
}
