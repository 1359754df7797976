//! What no compiler and no lint keeps: how programs write, and how errors tell their causes.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source of the programs and their libraries, by its path from the project.
fn sources() -> Vec<(PathBuf, String)> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> =
        ["cli/src", "delivery/src", "gateway/src", "intake/src", "operator/src", "signer-job/src"]
            .map(PathBuf::from)
            .into();
    for library in fs::read_dir(project.join("lib")).expect("libraries") {
        folders.push(Path::new("lib").join(library.expect("a library").file_name()).join("src"));
    }
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(project.join(&folder)).expect("a folder of sources") {
            let path = folder.join(entry.expect("an entry").file_name());
            if project.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(project.join(&path)).expect("a source");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100, "these are too few: {}", found.len());
    found
}

/// The lines with one of `words`, except in these files.
fn lines_with(words: &[&str], except: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, text) in sources() {
        if except.iter().any(|file| path.ends_with(file)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                lines.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    lines
}

#[test]
fn nothing_is_written_by_what_panics_when_it_cannot_write() {
    let macros = ["println!", "eprintln!", "print!(", "eprint!(", "clippy::print_std", "dbg!("];
    // Tests, which say what they measured, to whoever runs them, and one whose effect no compiler may leave out.
    let tests = [
        "lib/kernel/src/tests/timing.rs",
        "lib/kernel/src/tests/secrets.rs",
        "lib/kernel/src/tests/ed25519/timing.rs",
        "lib/kernel/src/tests/ed25519/signatures.rs",
        "lib/kernel/src/tests/p256/timing.rs",
        "lib/kernel/src/tests/p256/signatures.rs",
    ];
    let found = lines_with(&macros, &tests);
    assert!(found.is_empty(), "chancery_process::say and cli/src/output.rs never panic: {found:#?}");
    let streams = ["stderr()", "stdout()", "io::stderr", "io::stdout"];
    // The last are tests, which say past their capture what is skipped.
    let writers = [
        "lib/process/src/standard_error.rs",
        "cli/src/output.rs",
        "cli/src/export.rs",
        "lib/kernel/src/tests.rs",
    ];
    // Asking whether it is a terminal writes nothing.
    let asks = |line: &String| {
        ["is_terminal()", "use_stderr()", "use std::io::"].iter().any(|question| line.contains(question))
    };
    let generators = |line: &String| line.starts_with("lib/api/src/bin/");
    let mut found = lines_with(&streams, &writers);
    found.retain(|line| !asks(line) && !generators(line));
    found.retain(|line| !line.contains("Term::buffered_stderr()"));
    assert!(found.is_empty(), "standard streams are written to in three places only: {found:#?}");
}

#[test]
fn a_message_that_has_its_cause_gives_it_as_no_source_too() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let mut message = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default().trim();
            if line.starts_with("#[error(") {
                message = line;
            }
            let is_source = line.contains("#[source]")
                || (line.contains("#[from]") && !message.contains("transparent"))
                || (line.starts_with("source: ") && message.contains("{source}"));
            if is_source && text.contains("thiserror::Error") && !path.ends_with("lib/process/src/chain.rs") {
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "lib/process/src/chain.rs says why: {found:#?}");
}

/// A mutant: its name, and its patch.
fn mutants() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mutants");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("mutants") {
        let path = entry.expect("a mutant").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        found.push((name, fs::read_to_string(&path).expect("a patch")));
    }
    assert!(found.len() > 80, "these are too few: {}", found.len());
    found
}

#[test]
fn each_mutant_has_a_row_on_its_page_and_each_row_a_mutant() {
    let page = include_str!("../../../../docs/internals/mutants.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let mutants = mutants();
    for (name, patch) in &mutants {
        let fields = |field: &str| -> Vec<&str> {
            let said = patch.lines().take_while(|line| !line.starts_with("---"));
            said.filter_map(|line| line.strip_prefix(field)?.strip_prefix(": ")).collect()
        };
        let tests = fields("test");
        assert!(!tests.is_empty(), "{name} names no test");
        let begins = format!("| {} | {} | ", fields("hazard")[0], fields("taken out")[0]);
        let row = rows.iter().find(|row| row.starts_with(&begins));
        let row = row.unwrap_or_else(|| panic!("{name} is not on the page: {begins}"));
        for test in tests {
            let test = test.rsplit([' ', ':']).next().unwrap_or_default();
            assert!(row.contains(&format!("`{test}`")), "{name}: {test} is not in its row: {row}");
        }
    }
    assert_eq!(rows.len(), mutants.len(), "rows, and mutants");
}

/// What has to be there for a patch to apply: stretches of lines, each with the file that it is looked for in.
fn taken_out(patch: &str) -> Vec<(&str, String)> {
    let (mut found, mut file) = (Vec::new(), None);
    for line in patch.lines() {
        if line.starts_with("--- a/") {
            file = None;
        } else if let Some(path) = line.strip_prefix("+++ b/") {
            file = Some(path);
        } else if let Some(file) = file {
            if line.starts_with("@@ ") {
                found.push((file, String::new()));
            } else if let Some((_, stretch)) = found.last_mut().filter(|_| !line.starts_with('+')) {
                stretch.push_str(line.get(1..).unwrap_or_default());
                stretch.push('\n');
            }
        }
    }
    found
}

#[test]
fn what_a_mutant_takes_out_is_there() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, patch) in mutants() {
        let wanted = taken_out(&patch);
        assert!(!wanted.is_empty(), "{name} changes nothing");
        for (file, stretch) in wanted {
            let text = fs::read_to_string(project.join(file)).expect(file);
            assert!(text.contains(&stretch), "{name} does not apply to {file}: there is no\n{stretch}");
        }
    }
}
