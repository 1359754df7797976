//! Prints a custom resource definition as YAML: that of `SigningRun`, or with the argument `signingpolicy` that of
//! `SigningPolicy`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let is_policy = std::env::args().nth(1).is_some_and(|kind| kind == "signingpolicy");
    let yaml = if is_policy { chancery_api::policy_crd_yaml() } else { chancery_api::crd_yaml() };
    std::io::stdout().write_all(yaml.as_bytes())
}
