//! Prints the README of the chart: what `charts/chancery/README.md` holds.

#[expect(clippy::print_stdout, reason = "this program's purpose is its output")]
fn main() -> anyhow::Result<()> {
    print!("{}", chancery_kit::chart_readme(&chancery_kit::helm::chart())?);
    Ok(())
}
