//! Prints the custom resource definition of `SigningRun` as YAML.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(chancery_api::crd_yaml().as_bytes())
}
