//! What the pages tell people to type.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

/// One command of a page.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// Where it stands.
    pub(crate) page: String,
    /// Whether it is in a block of code, to be copied, and not in a sentence.
    pub(crate) in_block: bool,
    /// The program and its arguments, with something in the place of each placeholder.
    pub(crate) words: Vec<String>,
}

pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages for people who use or operate it, each with its text.
pub(crate) fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["docs/start", "docs/operating", "docs/reference", "docs/concepts"] {
        for entry in fs::read_dir(project().join(folder))? {
            pages.push(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    pages.sort();
    pages
        .into_iter()
        .map(|page| {
            let text = fs::read_to_string(project().join(&page))?;
            Ok((page, text))
        })
        .collect()
}

/// The lines in the blocks of code of a page, those that go on behind a backslash as one; an empty one after each block.
pub(crate) fn lines_of_blocks(page: &str) -> Vec<String> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            lines.push("");
        } else if is_code {
            lines.push(line.trim_end());
        }
    }
    let joined = lines.join("\n").replace("\\\n", " ");
    joined.lines().map(|line| line.trim().to_owned()).collect()
}

/// What stands between backticks outside of the blocks.
fn spans(page: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            found.extend(line.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|")));
        }
    }
    found
}

/// All commands of some programs.
pub(crate) fn commands(programs: &[&str]) -> anyhow::Result<Vec<Command>> {
    let mut found = Vec::new();
    for (page, text) in pages()? {
        let is_command =
            |line: &&String| programs.iter().any(|program| line.split(' ').any(|word| word == *program));
        let blocks = lines_of_blocks(&text);
        let spans = spans(&text);
        // A span is a command if it begins like one: "`chancery` run" is a sentence.
        let begins = |span: &&String| {
            let (program, rest) = span.split_once(' ').unwrap_or_default();
            programs.contains(&program) && !rest.is_empty() && !is_the_name_of_bytes(span)
        };
        let lines = blocks.iter().filter(is_command).map(|line| (line, true));
        for (line, in_block) in lines.chain(spans.iter().filter(begins).map(|span| (span, false))) {
            for words in shell::commands(line) {
                if programs.contains(&words[0].as_str()) {
                    let words = words.iter().map(|word| filled_in(word)).collect();
                    found.push(Command { page: page.clone(), in_block, words });
                }
            }
        }
    }
    Ok(found)
}

/// What keys and fingerprints are bound to looks like a command: `chancery data key v1`.
fn is_the_name_of_bytes(span: &str) -> bool {
    span.ends_with(" v1")
}

/// Something in the place of what a reader has to fill in: of `one|two` the first, of `[NAME]` and `NAME` a name.
fn filled_in(word: &str) -> String {
    let first =
        if word.contains(['{', '=', '/', '$']) { word } else { word.split('|').next().unwrap_or(word) };
    match first {
        "SHELL" => "bash".to_owned(),
        "[NAMESPACE/]NAME" => "default/demo".to_owned(),
        "NAMESPACE" => "default".to_owned(),
        "NAMESPACE/NAME" => "default/demo".to_owned(),
        "[RUN]" | "RUN" | "NAME" => "demo".to_owned(),
        other => other.replace("ADDRESS/", "192.0.2.1/").replace('…', "secret"),
    }
}

#[test]
fn commands_are_found_in_blocks_and_in_sentences() {
    let page = "Type `chancery verify RUN`, or `chancery`:\n```\nhelm template x \\\n  --set a=b | kubectl apply -f -\n```\n";
    assert_eq!(lines_of_blocks(page), ["", "helm template x    --set a=b | kubectl apply -f -"]);
    assert_eq!(spans(page), ["chancery verify RUN", "chancery"]);
    assert_eq!(filled_in("records|signatures"), "records");
}
