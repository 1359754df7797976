//! Writes the list of the SQL files: a query or function is a file, and its name is the file's.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let target = env::var("OUT_DIR").map_err(io::Error::other)?;
    let queries = sql_files(&Path::new(&here).join("queries"))?;
    let functions = sql_files(&Path::new(&here).join("../../migrations/functions"))?;
    let mut text = String::new();
    for (name, path) in &queries {
        let constant = format!("Query {{ name: {name:?}, sql: include_str!({path:?}) }}");
        let _ =
            writeln!(text, "#[doc = \"`queries/{name}.sql`\"]\npub(crate) const {name}: Query = {constant};");
    }
    let names: Vec<_> = queries.iter().map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(text, "/// Every query, for a test that prepares them all against a real ledger.");
    let _ = writeln!(text, "pub const ALL: &[Query] = &[{}];", names.join(", "));
    fs::write(Path::new(&target).join("queries.rs"), text)?;

    let functions: Vec<_> = functions
        .iter()
        .map(|(name, path)| format!("Function {{ name: {name:?}, sql: include_str!({path:?}) }}"))
        .collect();
    fs::write(Path::new(&target).join("functions.rs"), format!("&[{}]", functions.join(",\n")))?;

    let mut text = String::from("&[\n");
    for (name, path) in sql_files(&Path::new(&here).join("../../migrations"))? {
        // Beside the migrations stands the schema that they result in.
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            let (version, description) = version_and_description(&name)?;
            let _ = writeln!(
                text,
                "File {{ version: {version}, description: {description:?}, sql: include_str!({path:?}) }},"
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

/// Name and path of each file of a folder, in order.
fn sql_files(folder: &Path) -> io::Result<Vec<(String, String)>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push((name.to_owned(), path.display().to_string()));
        }
    }
    files.sort();
    Ok(files)
}
