//! The modules of the operator form no circle, and `host` knows nothing of a kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules that each module of the library uses, by their names, such as `run::decide::seed`.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The text of every module, without its tests and comments.
fn sources(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        if name == "tests" || (prefix.is_empty() && name == "main") {
            continue;
        }
        let module = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
        if path.is_dir() {
            sources(&path, &module, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        found.insert(module, code.join("\n"));
    }
}

/// The names of modules that a text refers to: paths from the crate's root, and child modules.
fn uses(module: &str, text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let from_root = text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter)));
        rest[..end.unwrap_or(rest.len())].trim_end_matches(':').to_owned()
    });
    let children = text.split("mod ").skip(1).filter_map(|rest| {
        let (child, _) = rest.split_once(';')?;
        Some(if module == "lib" { child.to_owned() } else { format!("{module}::{child}") })
    });
    let known = |path: String| {
        let mut path = path.as_str();
        while !modules.contains(path) {
            path = path.rsplit_once("::").map_or("lib", |(parent, _)| parent);
        }
        path.to_owned()
    };
    let found: BTreeSet<String> =
        from_root.map(known).chain(children.filter(|child| modules.contains(child))).collect();
    assert!(!text.contains("super::"), "{module} uses `super::`: write the path from `crate::`");
    found
}

fn graph() -> Uses {
    let mut found = BTreeMap::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    let modules: BTreeSet<String> = found.keys().cloned().collect();
    found.iter().map(|(module, text)| (module.clone(), uses(module, text, &modules))).collect()
}

/// A circle of modules, if there is one: what is left when modules that use no other are taken away.
fn circle(mut graph: Uses) -> Vec<String> {
    loop {
        let left: BTreeSet<String> = graph.keys().cloned().collect();
        let before = graph.len();
        graph.retain(|_, uses| uses.iter().any(|used| left.contains(used)));
        if graph.len() == before {
            return graph.into_keys().collect();
        }
    }
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let graph = graph();
    assert!(graph.len() > 30, "all modules are read: {}", graph.len());
    assert_eq!(circle(graph), Vec::<String>::new());
}

#[test]
fn a_circle_is_found() {
    let uses = |module: &str, used: &[&str]| {
        (module.to_owned(), used.iter().map(|used| (*used).to_owned()).collect())
    };
    let graph = [uses("a", &["b"]), uses("b", &["c"]), uses("c", &["b"]), uses("d", &[])].into();
    assert_eq!(circle(graph), ["a", "b", "c"]);
}

#[test]
fn the_host_uses_no_kind() {
    for (module, used) in graph().iter().filter(|(module, _)| module.starts_with("host")) {
        assert!(!used.is_empty() || module.contains("::"), "{module} is read");
        assert!(used.iter().all(|used| used.starts_with("host")), "{module} uses {used:?}");
    }
}
