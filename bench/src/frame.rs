//! Measures what is on a list, by name.

use std::time::Instant;

use futures::future::LocalBoxFuture;

use crate::arguments::{Arguments, Effort};
use crate::conditions::Conditions;
use crate::docs;
use crate::result::{Kept, Measured};

/// Something that can be measured by its name, given `C`.
#[derive(Debug)]
pub struct Measurement<C> {
    /// Its name: that of its file of results, and of its place in the documentation.
    pub name: &'static str,
    /// What is measured, in a few words.
    pub about: &'static str,
    /// How.
    pub measure: for<'a> fn(&'a C, Effort) -> LocalBoxFuture<'a, Measured>,
}

/// Does what the arguments ask for. `program` is the name of the Makefile's target. `prepare` is called once,
/// and only if something is to be measured.
///
/// One measurement that fails does not keep the others from being made.
///
/// # Errors
///
/// An unknown name; what `prepare` says; results that cannot be written; measurements that failed.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the purpose of this program")]
pub async fn run<C>(
    program: &str,
    arguments: &Arguments,
    list: &[Measurement<C>],
    prepare: impl AsyncFnOnce() -> anyhow::Result<C>,
) -> anyhow::Result<()> {
    if arguments.list {
        list.iter().for_each(|it| println!("{:<18} {}", it.name, it.about));
        return Ok(());
    }
    let (effort, out) = (arguments.effort(), arguments.out());
    if arguments.write_docs {
        return docs::write(&out);
    }
    for name in &arguments.only {
        anyhow::ensure!(list.iter().any(|it| it.name == name), "nothing is named `{name}`; see --list");
    }
    let wanted =
        |it: &&Measurement<C>| arguments.only.is_empty() || arguments.only.iter().any(|name| name == it.name);
    let prepared = prepare().await?;
    let (mut failed, began) = (Vec::new(), Instant::now());
    for Measurement { name, about, measure } in list.iter().filter(wanted) {
        eprintln!("{:>6.0} s  {name}: {about}", began.elapsed().as_secs_f64());
        let (mut conditions, started) = (Conditions::now(program, name, &effort), Instant::now());
        match measure(&prepared, effort).await {
            // It has said why.
            Ok(outcome) if outcome.is_empty() => {}
            Ok(outcome) => {
                conditions.took(started.elapsed());
                let kept = Kept { name: (*name).to_owned(), conditions, outcome };
                kept.write(&out)?;
                println!("## {name}\n\n{}", kept.markdown("charts"));
            }
            Err(error) => {
                eprintln!("{name} failed: {error:#}");
                failed.push(*name);
            }
        }
    }
    eprintln!("{:>6.0} s  done; results are in {}", began.elapsed().as_secs_f64(), out.display());
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}
