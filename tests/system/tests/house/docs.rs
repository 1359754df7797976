//! The documentation holds together: every link and anchor leads somewhere, every page can be found from
//! `docs/README.md`, no page is too long, and pages and code name only files of each other that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

const START: &str = "docs/README.md";
const MOST_LINES: usize = 300;

/// Folders of the repository whose files the pages name by their path.
const NAMED: [&str; 13] = [
    "bench/",
    "charts/",
    "cli/",
    "crds/",
    "examples/",
    "lib/",
    "migrations/",
    "operator/",
    "scripts/",
    "signer-job/",
    "intake/",
    "tests/",
    "docs/",
];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Files below a folder, as paths from the repository. Hidden and generated folders are left out.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project().join(folder)).expect(folder) {
        let name = entry.expect(folder).file_name().into_string().expect("a name in UTF-8");
        let path = if folder == "." { name.clone() } else { format!("{folder}/{name}") };
        let generated =
            ["target", "node_modules", "__pycache__"].contains(&name.as_str()) || name.starts_with('.');
        match project().join(&path) {
            path if generated || path.is_symlink() => {}
            folder if folder.is_dir() => found.extend(files(&path)),
            _ => found.push(path),
        }
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pages() -> Vec<String> {
    let mut pages = files("docs");
    pages.retain(|path| path.ends_with(".md"));
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"].map(str::to_owned));
    pages
}

/// The lines of a page that are not code, with their numbers.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    page.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((number + 1, line))
    })
}

/// A line split at its backticks: (what is between them, whether it is code).
fn spans(line: &str) -> impl Iterator<Item = (&str, bool)> {
    line.split('`').enumerate().map(|(place, text)| (text, place % 2 == 1))
}

/// Targets of the links of a page, with the numbers of their lines; those to other sites are left out.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(page) {
        let text: String = spans(line).map(|(text, code)| if code { "code" } else { text }).collect();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            if !target.contains("://") {
                links.push((number, target.to_owned()));
            }
        }
    }
    links
}

/// The anchors that the headings of a page get on GitHub.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut times = BTreeMap::<String, usize>::new();
    let headings = prose(page).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
            let before = times.entry(anchor.clone()).or_default();
            *before += 1;
            if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
        })
        .collect()
}

/// The file that a link on a page leads to, as a path from the repository; None if that is outside of it.
fn target(page: &str, link: &str) -> Option<String> {
    let (file, _) = link.split_once('#').unwrap_or((link, ""));
    if file.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => parts.pop().map(|_| ())?,
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// What is wrong with the links of a page.
fn broken(page: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, link) in links(text) {
        let at = format!("{page}:{number}: {link}");
        match target(page, &link) {
            None => broken.push(format!("{at} leads out of the repository")),
            Some(file) if !project().join(&file).exists() => broken.push(format!("{at}: there is no {file}")),
            Some(file) => {
                let anchor = link.split_once('#').map(|(_, anchor)| anchor);
                let missing = |anchor: &&str| {
                    !anchors(&if file == page { text.to_owned() } else { read(&file) }).contains(*anchor)
                };
                if let Some(anchor) = anchor.filter(missing) {
                    broken.push(format!("{at}: {file} has no heading for #{anchor}"));
                }
            }
        }
    }
    broken
}

/// Pages of the documentation that a text of the code names.
fn named_pages(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for word in text.split(|letter: char| letter.is_whitespace() || "`\"'()<>,;".contains(letter)) {
        if let Some((before, path)) = word.split_once("docs/").filter(|_| !word.contains("://")) {
            let beside = before.is_empty() || before.ends_with('/');
            if let Some((name, _)) =
                path.split_once(".md").filter(|(name, _)| beside && !name.contains(['*', '{', '$']))
            {
                named.insert(format!("docs/{name}.md"));
            }
        }
    }
    named
}

/// Files and folders of the repository that a page names as code. Those that stand for several, or for any,
/// are left out: `migrations/functions/*.sql`, `bench/results/NAME.json`.
fn named_files(page: &str) -> BTreeSet<String> {
    let code = prose(page).flat_map(|(_, line)| spans(line)).filter(|(_, code)| *code);
    code.map(|(text, _)| text)
        .filter(|text| NAMED.iter().any(|folder| text.starts_with(folder)))
        .filter(|text| !text.contains(|letter: char| "*…{<$ ".contains(letter)))
        .filter(|text| !text.contains("NAME") && !text.contains("NNNN") && !text.contains("NOUN"))
        .map(str::to_owned)
        .collect()
}

/// What links lead to from a start, in any number of steps.
fn reached(start: &str, linked: impl Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(page) = next.pop() {
        if reached.insert(page.clone()) {
            next.extend(linked(&page));
        }
    }
    reached
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_link_and_every_anchor_leads_somewhere() {
    let wrong: Vec<String> = pages().iter().flat_map(|page| broken(page, &read(page))).collect();
    none(&wrong);
}

#[test]
fn every_page_can_be_reached_from_the_index() {
    let reached = reached(START, |page| {
        let exists = page.starts_with("docs/") && page.ends_with(".md") && project().join(page).exists();
        let text = if exists { read(page) } else { String::new() };
        links(&text).into_iter().filter_map(|(_, link)| target(page, &link)).collect()
    });
    let pages = pages().into_iter().filter(|page| page.starts_with("docs/"));
    none(&pages.filter(|page| !reached.contains(page)).collect::<Vec<_>>());
}

#[test]
fn no_page_has_more_than_300_lines() {
    let long = files("docs").into_iter().filter(|page| page.ends_with(".md"));
    let long = long.map(|page| (read(&page).lines().count(), page)).filter(|(lines, _)| *lines > MOST_LINES);
    none(&long.map(|(lines, page)| format!("{page}: {lines} lines")).collect::<Vec<_>>());
}

#[test]
fn every_page_that_the_code_names_exists() {
    let mut wrong = Vec::new();
    for file in files(".").into_iter().filter(|file| !file.starts_with("docs/")) {
        let text = fs::read(project().join(&file)).expect(&file);
        for page in named_pages(&String::from_utf8_lossy(&text)) {
            if !project().join(&page).exists() {
                wrong.push(format!("{file}: there is no {page}"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_file_that_a_page_names_exists() {
    // Decisions are not edited later, and changes tell of what was.
    let current = |page: &String| !page.starts_with("docs/decisions/") && page != "CHANGELOG.md";
    let ignored = read(".gitignore");
    let mut wrong = Vec::new();
    for page in pages().into_iter().filter(current) {
        for file in named_files(&read(&page)) {
            let made_later =
                ignored.lines().any(|line| !line.is_empty() && format!("/{file}").starts_with(line));
            if !made_later && !project().join(&file).exists() {
                wrong.push(format!("{page}: there is no {file}"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn a_link_or_anchor_that_leads_nowhere_is_found() {
    let page = "docs/README.md";
    let wrong = [
        "[a](gone.md)",
        "[a](#gone)",
        "![a](start/gone.svg)",
        "[a](../CONTRIBUTING.md#gone)",
        "[a](../../x)",
    ];
    for text in wrong {
        assert_eq!(broken(page, &format!("# Here\n\n{text}")).len(), 1, "{text}");
    }
    let links = "[a](#here) [b](../CONTRIBUTING.md#the-house) [c](https://x.example/y)";
    let right = format!("# Here\n\n{links} `[d](gone.md)`\n```\n[e](gone.md)\n```");
    assert_eq!(broken(page, &right), Vec::<String>::new());
}

#[test]
fn a_page_that_nothing_links_to_is_not_reached() {
    let linked = |page: &str| match page {
        "a" => vec!["b".to_owned()],
        "b" | "d" => vec!["a".to_owned(), "c".to_owned()],
        _ => Vec::new(),
    };
    assert_eq!(reached("a", linked).into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn anchors_are_those_of_github() {
    let headings = "# Where is …?\n## Law 4: the signer's side\n## `verify` it\n## Twice\n## Twice\n";
    let page = format!("{headings}```\n# no heading\n```");
    let wanted = ["law-4-the-signers-side", "twice", "twice-1", "verify-it", "where-is-"];
    assert_eq!(anchors(&page).into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn what_code_and_pages_name_is_found() {
    let folder = "docs";
    let code =
        format!("`{folder}/a.md`, \"../{folder}/b/c.md\"; https://x.example/{folder}/d.md {folder}/e*.md");
    let wanted = [format!("{folder}/a.md"), format!("{folder}/b/c.md")];
    assert_eq!(named_pages(&code).into_iter().collect::<Vec<_>>(), wanted);
    let page = "`lib/gone.rs` `lib/*/x.rs` `migrations/NNNN_what.sql` lib/prose.rs `tests/`";
    assert_eq!(named_files(page).into_iter().collect::<Vec<_>>(), ["lib/gone.rs", "tests/"]);
}
