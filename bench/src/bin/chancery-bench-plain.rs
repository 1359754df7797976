//! A worker of the plain peer: `chancery-bench-plain rust-crypto|aws-lc work`, as the benchmark starts it.

use std::convert::Infallible;
use std::env;
use std::io::{self, Read};
use std::process;

use anyhow::{Context, bail};
use chancery_bench::peers::plain::{Library, work};

#[tokio::main]
async fn main() -> anyhow::Result<Infallible> {
    let library = match env::args().nth(1).as_deref() {
        Some("rust-crypto") => Library::RustCrypto,
        Some("aws-lc") => Library::AwsLc,
        other => bail!("rust-crypto or aws-lc, not {other:?}"),
    };
    let url = env::var("DATABASE_URL").context("DATABASE_URL")?;
    let order = serde_json::from_str(&env::var("PEER").context("PEER")?)?;
    // The benchmark holds the other end of standard input. When it is gone, however it ended, so are we.
    std::thread::spawn(|| {
        let _read = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    work(&url, library, order).await
}
