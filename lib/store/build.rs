//! Writes the list of the SQL files: a query or function is a file, and its name is the file's.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let target = env::var("OUT_DIR").map_err(io::Error::other)?;
    let queries = sql_files("queries")?;
    let functions = sql_files("../../migrations/functions")?;
    let mut text = String::new();
    for (name, included) in &queries {
        let constant = format!("Query {{ name: {name:?}, sql: {included} }}");
        let _ =
            writeln!(text, "#[doc = \"`queries/{name}.sql`\"]\npub(crate) const {name}: Query = {constant};");
    }
    let names: Vec<_> = queries.iter().map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(text, "/// Every query, for a test that prepares them all against a real ledger.");
    let _ = writeln!(text, "pub const ALL: &[Query] = &[{}];", names.join(", "));
    fs::write(Path::new(&target).join("queries.rs"), text)?;

    let functions: Vec<_> = functions
        .iter()
        .map(|(name, included)| format!("Function {{ name: {name:?}, sql: {included} }}"))
        .collect();
    fs::write(Path::new(&target).join("functions.rs"), format!("&[{}]", functions.join(",\n")))?;

    let mut text = String::from("&[\n");
    for (name, included) in sql_files("../../migrations")? {
        // Beside the migrations stands the schema that they result in.
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            let (version, description) = version_and_description(&name)?;
            let _ = writeln!(
                text,
                "File {{ version: {version}, description: {description:?}, sql: {included} }},"
            );
        }
    }
    text.push(']');
    fs::write(Path::new(&target).join("migrations.rs"), text)
}

fn version_and_description(name: &str) -> io::Result<(i64, String)> {
    let parts = name.split_once('_').and_then(|(number, name)| Some((number.parse().ok()?, name)));
    let (version, name) =
        parts.ok_or_else(|| io::Error::other(format!("{name}.sql is not named NUMBER_NAME.sql")))?;
    Ok((version, name.replace('_', " ")))
}

/// The name of each file of a folder, seen from this package, and the expression that is its text, in order.
///
/// The compiler puts the package's path in. In a file that is compiled it would move whatever stands behind it, and programs that are built in another folder would
/// differ.
fn sql_files(folder: &str) -> io::Result<Vec<(String, String)>> {
    let here = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let path = Path::new(&here).join(folder);
    println!("cargo:rerun-if-changed={}", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let in_package = format!("/{folder}/{name}.sql");
            let included = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {in_package:?}))");
            files.push((name.to_owned(), included));
        }
    }
    files.sort();
    Ok(files)
}
